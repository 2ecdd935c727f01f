package report

import (
	"math"
	"testing"
)

// near: the published values have four digits.
func near(a, b float64) bool { return math.Abs(a-b) < 0.00006 }

const z95 = 1.959964 // 95 %

// The values are those of method 3 in table I of R. G. Newcombe, Two-sided
// confidence intervals for the single proportion, Statistics in Medicine 17 (1998).
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		count, of uint64
		low, high float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		if low, high := wilson(newPortion(c.count, c.of), z95); !near(low, c.low) || !near(high, c.high) {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.count, c.of, low, high, c.low, c.high)
		}
	}
}

// The values are those of method 10 in table II of R. G. Newcombe, Interval
// estimation for the difference between independent proportions, Statistics in
// Medicine 17 (1998).
func TestNewcombe(t *testing.T) {
	for _, c := range []struct {
		after, before Portion
		low, high     float64
	}{
		{newPortion(56, 70), newPortion(48, 80), 0.0524, 0.3339},
		{newPortion(9, 10), newPortion(3, 10), 0.1705, 0.8090},
		{newPortion(5, 56), newPortion(0, 29), -0.0381, 0.1926},
		{newPortion(0, 10), newPortion(0, 20), -0.1611, 0.2775},
		{newPortion(10, 10), newPortion(0, 20), 0.6791, 1},
		{newPortion(10, 10), newPortion(0, 10), 0.6075, 1},
	} {
		if low, high := newcombe(c.before, c.after, z95); !near(low, c.low) || !near(high, c.high) {
			t.Errorf("%v after %v: %.4f to %.4f, want %.4f to %.4f", c.after, c.before, low, high, c.low, c.high)
		}
	}
}

// The quantiles are those of the normal distribution in any table.
func TestDeviations(t *testing.T) {
	for _, c := range []struct {
		confidence float64
		chances    int
		want       float64
	}{{0.95, 1, 1.9600}, {0.99, 1, 2.5758}, {0.95, 5, 2.5758}, {0.99, 10, 3.2905}, {0.99, 0, 2.5758}} {
		if got := deviations(c.confidence, c.chances); !near(got, c.want) {
			t.Errorf("%g with %d chances: %.4f, want %.4f", c.confidence, c.chances, got, c.want)
		}
	}
}
