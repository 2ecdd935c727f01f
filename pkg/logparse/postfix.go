package logparse

func claimsPostfix(f *Frame) bool { return false }

func parsePostfix(f *Frame, ev *Event) Result { return ResultUnparsed }
