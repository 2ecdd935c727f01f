package aggregate

import (
	"encoding/json"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A provider that gets its name while the program runs has all its series at 0,
// and counts under its name.
func TestOwnProvidersAreServed(t *testing.T) {
	c := New()
	collector := NewCollector(func() *Counts { return c }, time.Unix(1, 0))
	series := func(name string) map[string]float64 {
		t.Helper()
		families, err := collector.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			if f.GetName() != "bouncewatch_provider_events_total" {
				continue
			}
			for _, m := range f.Metric {
				if label(m, "provider") == name {
					got[label(m, "status")] = m.GetCounter().GetValue()
				}
			}
		}
		return got
	}
	if got := series("own-served"); len(got) != 0 {
		t.Fatalf("before it has a name: %v", got)
	}
	p, ok := replycode.NameProvider("own-served")
	if !ok || int(p) < replycode.NumProviders {
		t.Fatalf("number %d, %v", p, ok)
	}
	if got := series("own-served"); len(got) != 4 || got["bounced"] != 0 {
		t.Errorf("before it counts: %v, want 4 statuses at 0", got)
	}
	c.Add(event(logparse.Bounced, 550, "a@example.com"), replycode.Verdict{Provider: p}, false)
	if got := series("own-served"); len(got) != 4 || got["bounced"] != 1 || got["sent"] != 0 {
		t.Errorf("%v, want one bounced", got)
	}
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.Label {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// A state keeps what was counted for a provider that no configuration names now.
func TestStateKeepsProvidersOfFormerConfigurations(t *testing.T) {
	const text = `{"version":1,"keys":[{"mta":"postfix","direction":"outbound","status":"sent","code":"250","class":"2xx","cause":"unknown","provider":"former","n":7}],"lines":{},"delays":[],"unmatched":{},"overflow":0}`
	var c Counts
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	rows := c.Rows()
	if len(rows) != 1 || rows[0].Provider.String() != "former" || rows[0].N != 7 {
		t.Fatalf("rows %+v", rows)
	}
	bad := `{"version":1,"keys":[{"mta":"postfix","direction":"outbound","status":"sent","code":"250","class":"2xx","cause":"unknown","provider":"a@example.com","n":7}]}`
	if err := json.Unmarshal([]byte(bad), &c); err == nil || err.Error() != `unknown name "a@example.com"` {
		t.Errorf("a text that is no name: %v", err)
	}
}
