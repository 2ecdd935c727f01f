package logparse

import (
	"testing"
	"time"
)

func TestStampText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"2024-06-03T10:00:00Z", "2024-06-03T10:00:00Z"},
		{"2024-06-03T10:00:00+00:00", "2024-06-03T10:00:00Z"},
		{"2024-06-03T10:00:00-0730", "2024-06-03T10:00:00-07:30"},
		{"2024-06-03 10:00:00,25", "2024-06-03T10:00:00.25"},
		{"2024-06-03T23:59:60.000000001+02", "2024-06-03T23:59:60.000000001+02:00"},
		{"2024-06-03T10:00:00.1234567891234Z", "2024-06-03T10:00:00.123456789Z"},
		{"2024-06-03T24:00:00Z", ""},
		{"2024-06-32T10:00:00Z", ""},
		{"2024-06-03", ""},
	} {
		s, _ := stampISO([]byte(tt.in))
		if got := string(s.AppendRFC3339(nil)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}

// Each case is the stamps of one log in order, and the times they must become.
func TestCalendar(t *testing.T) {
	tests := []struct {
		name, reference string
		stamps, want    []string
	}{
		{"this year", "2026-11-25T00:00:00Z", []string{"Mar  5 10:11:12"}, []string{"2026-03-05T10:11:12Z"}},
		{"a day ahead", "2026-11-25T00:00:00Z", []string{"Nov 25 23:00:00"}, []string{"2026-11-25T23:00:00Z"}},
		{"last year", "2026-11-25T00:00:00Z", []string{"Nov 27 23:00:00"}, []string{"2025-11-27T23:00:00Z"}},
		{"ahead across New Year", "2026-12-31T20:00:00Z", []string{"Jan  1 01:00:00"}, []string{"2027-01-01T01:00:00Z"}},
		{"archive over New Year", "2026-01-03T00:00:00Z", []string{"Dec 30 10:00:00", "Jan  2 10:00:00"}, []string{"2025-12-30T10:00:00Z", "2026-01-02T10:00:00Z"}},
		{"followed over New Year", "2025-12-20T00:00:00Z", []string{"Dec 20 10:00:00", "Jan  2 10:00:00", "Jan  2 09:59:59"}, []string{"2025-12-20T10:00:00Z", "2026-01-02T10:00:00Z", "2026-01-02T09:59:59Z"}},
		{"leap day", "2026-11-25T00:00:00Z", []string{"Feb 29 23:59:59"}, []string{"2024-02-29T23:59:59Z"}},
		{"a stamp with a year leads", "2030-01-01T00:00:00Z", []string{"2024-12-31T10:00:00Z"}, []string{"2024-12-31T10:00:00Z"}},
	}
	for _, tt := range tests {
		reference, err := time.Parse(time.RFC3339, tt.reference)
		if err != nil {
			t.Fatal(err)
		}
		c := Calendar{Location: time.UTC, Reference: reference}
		for i, text := range tt.stamps {
			s, n := stampBSD([]byte(text))
			if n == 0 {
				s, _ = stampISO([]byte(text))
			}
			if got := c.Time(s).Format(time.RFC3339); got != tt.want[i] {
				t.Errorf("%s: %s is %s, want %s", tt.name, text, got, tt.want[i])
			}
		}
	}
	if !new(Calendar).Time(Stamp{}).IsZero() {
		t.Error("the zero Stamp has a time")
	}
}

// When the clock is put back, an hour comes twice in a log, and when it is put
// forward, none is missing from the time that went by.
func TestCalendarDaylightSaving(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, start := range []string{"2026-10-24T22:00:00Z", "2026-03-28T23:00:00Z"} {
		at, err := time.Parse(time.RFC3339, start)
		if err != nil {
			t.Fatal(err)
		}
		for _, layout := range []string{"Jan _2 15:04:05", "2006-01-02T15:04:05"} {
			c := Calendar{Location: berlin, Reference: at.Add(24 * time.Hour)}
			for minute := range 6 * 60 {
				want := at.Add(time.Duration(minute) * time.Minute)
				for _, jitter := range []time.Duration{0, 2 * time.Second, time.Second} { // a little out of order
					text := want.Add(jitter).In(berlin).Format(layout)
					s, n := stampBSD([]byte(text))
					if n == 0 {
						s, _ = stampISO([]byte(text))
					}
					if got := c.Time(s); !got.Equal(want.Add(jitter)) {
						t.Fatalf("%s is %s, want %s", text, got.UTC(), want.Add(jitter))
					}
				}
			}
		}
	}
}
