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
}

func newTally() *Tally {
	return &Tally{Outcomes: map[Outcome]uint64{}, Lines: map[string]map[string]uint64{}, Delays: map[[2]string]uint64{}}
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
