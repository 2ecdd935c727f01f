package report

import "math"

// A Portion is how many of a number of outcomes were of one kind.
type Portion struct {
	Count uint64  `json:"count"`
	Of    uint64  `json:"of"`
	Share float64 `json:"share"`
}

func newPortion(count, of uint64) Portion {
	p := Portion{Count: count, Of: of}
	if of > 0 {
		p.Share = float64(count) / float64(of)
	}
	return p
}

// wilson is the score interval of E. B. Wilson (1927): the true shares that a
// portion does not rule out. Unlike the textbook's p ± z·√(p(1-p)/n) it holds
// where the count is small or zero, as that of most causes is.
func wilson(p Portion, z float64) (low, high float64) {
	n := float64(p.Of)
	middle := p.Share + z*z/(2*n)
	reach := z * math.Sqrt(p.Share*(1-p.Share)/n+z*z/(4*n*n))
	return max((middle-reach)/(1+z*z/n), 0), min((middle+reach)/(1+z*z/n), 1)
}

// newcombe is an interval of by how much a share rose between two independent
// portions, from the Wilson interval of each: method 10 of R. G. Newcombe,
// Interval estimation for the difference between independent proportions,
// Statistics in Medicine 17 (1998). Both portions must be of something.
func newcombe(before, after Portion, z float64) (low, high float64) {
	rise := after.Share - before.Share
	low1, high1 := wilson(before, z)
	low2, high2 := wilson(after, z)
	return rise - math.Hypot(after.Share-low2, high1-before.Share), rise + math.Hypot(high2-after.Share, before.Share-low1)
}

// deviations is how many standard deviations around its mean a normal variable
// stays within with this probability, where it has that many chances to leave
// (Bonferroni): of a hundred shares compared, one in a hundred would be unusual by
// chance alone.
func deviations(confidence float64, chances int) float64 {
	outside := (1 - confidence) / float64(max(chances, 1))
	return math.Sqrt2 * math.Erfcinv(outside)
}
