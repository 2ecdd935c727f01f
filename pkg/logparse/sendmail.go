package logparse

func claimsSendmail(f *Frame) bool { return false }

func parseSendmail(f *Frame, ev *Event) Result { return ResultUnparsed }
