package replycode

// A Cause says why mail failed. The zero Cause is UnknownCause; its row in
// Causes holds its name, who must act, a definition and advice.
type Cause uint8

// A Provider is the organisation behind the other side's mail exchanger. The
// zero Provider is OtherProvider.
type Provider uint8

// A Reply is what the classifier looks at. The byte slices are borrowed: they
// are not kept after the call.
type Reply struct {
	Code            Code     // the deciding reply code, None where no reply exists
	Enhanced        Enhanced // the code beside it, else the log's own dsn=
	Text            []byte   // the reply, or the log's own reason where no reply exists
	RelayHost       []byte   // the other side of a delivery, lower or mixed case, no trailing dot
	RecipientDomain []byte   // the domain of the recipient
	SenderDomain    []byte   // the domain of the envelope sender, where known
	Expired         bool     // the queue lifetime is over
	Inbound         bool     // this host refused a client
	TLS             bool     // the failure happened at STARTTLS
}

// A Verdict is the classifier's answer about one Reply.
type Verdict struct {
	Cause    Cause
	Provider Provider
	Rule     string   // id of the rule or the table row that decided, "" for UnknownCause
	Label    string   // what the configuration calls that rule, "" where it says nothing
	Evidence Evidence // what kind of fact that is
}
