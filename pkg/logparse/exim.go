package logparse

func claimsExim(f *Frame) bool { return false }

func parseExim(f *Frame, ev *Event) Result { return ResultUnparsed }
