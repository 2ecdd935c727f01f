package demo

// An Outcome is what a line says about mail, in the words of the metrics.
type Outcome struct {
	MTA, Direction, Status string
	Code                   string // "none" where no reply exists
	Enhanced               string // "" where there is none
	Class, Cause, Provider string
	Remark                 bool
}

// A Tally is the truth about what was played.
type Tally struct {
	Outcomes map[Outcome]uint64
	Lines    map[string]map[string]uint64 // by log, by what the line is
	Delays   map[[2]string]uint64         // outcomes with a delay, by server and status

	Recipients map[[3]string]uint64 // in the end: by server, provider and what became of them
	Late       map[string]uint64    // of those that were delivered after a deferral: by its cause
}

func newTally() *Tally {
	return &Tally{Outcomes: map[Outcome]uint64{}, Lines: map[string]map[string]uint64{}, Delays: map[[2]string]uint64{},
		Recipients: map[[3]string]uint64{}, Late: map[string]uint64{}}
}

// end notes what became of a message, if that is known.
func (t *Tally) end(mta string, m *message) {
	outcome := map[string]string{"bounced": "failed", "expired": "expired", "sent": "delivered_first_try"}[m.status]
	if m.status == "sent" && m.attempt > 0 {
		outcome = "delivered_after_deferral"
		t.Late[m.first]++
	}
	if outcome != "" {
		t.Recipients[[3]string{mta, m.provider, outcome}]++
	}
}

// Total is the number of outcomes; remarks are none.
func (t *Tally) Total() (n uint64) {
	for o, count := range t.Outcomes {
		if !o.Remark {
			n += count
		}
	}
	return n
}
