package aggregate

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/bouncewatch/bouncewatch/pkg/logparse"
	"github.com/bouncewatch/bouncewatch/pkg/replycode"
)

// A family is the number of a metric, in the order of names.
type family uint32

const (
	familyCauseInfo family = iota
	familyDelay
	familyEnhanced
	familyEvents
	familyFailures
	familyLines
	familyLogins
	familyProviderEvents
	familyProviderFailures
	familyRemarks
	familyReplies
	familyOverflow
	numFamilies
)

// A familyInfo is what is said of a metric. Labels are in the order of names.
type familyInfo struct {
	name, help string
	kind       dto.MetricType
	labels     []string
}

const (
	gauge     = dto.MetricType_GAUGE
	counter   = dto.MetricType_COUNTER
	histogram = dto.MetricType_HISTOGRAM
)

var families = [numFamilies]familyInfo{
	familyCauseInfo:        {"bouncewatch_cause_info", "Who must act on a cause; always 1.", gauge, []string{"actor", "cause"}},
	familyDelay:            {"bouncewatch_delivery_delay_seconds", "Time from arrival to the end of the attempt.", histogram, []string{"mta", "status"}},
	familyEnhanced:         {"bouncewatch_enhanced_codes_total", "Outcomes by enhanced status code (other: not in the registry).", counter, []string{"class", "direction", "enhanced", "mta"}},
	familyEvents:           {"bouncewatch_events_total", "Outcomes of delivery attempts and refusals, by what was done.", counter, []string{"direction", "mta", "status"}},
	familyFailures:         {"bouncewatch_failures_total", "Failed outcomes by cause.", counter, []string{"cause", "class", "direction", "mta"}},
	familyLines:            {"bouncewatch_lines_total", "Log lines read, by what they were.", counter, []string{"result", "source"}},
	familyLogins:           {"bouncewatch_login_failures_total", "Failed logins of clients.", counter, []string{"mta"}},
	familyProviderEvents:   {"bouncewatch_provider_events_total", "Outbound outcomes by receiving provider.", counter, []string{"provider", "status"}},
	familyProviderFailures: {"bouncewatch_provider_failures_total", "Outbound failures by receiving provider and cause.", counter, []string{"cause", "provider"}},
	familyRemarks:          {"bouncewatch_remarks_total", "Replies that were not the final word of an attempt.", counter, []string{"class", "code", "direction", "mta"}},
	familyReplies:          {"bouncewatch_replies_total", "Outcomes by the deciding SMTP reply code (none: no reply exists).", counter, []string{"class", "code", "direction", "mta"}},
	familyOverflow:         {"bouncewatch_series_overflow_total", "Outcomes that a full table could not tell apart.", counter, nil},
}

var descs = func() (all [numFamilies]*prometheus.Desc) {
	for id, f := range families {
		all[id] = prometheus.NewDesc(f.name, f.help, f.labels, nil)
	}
	return all
}()

// A seriesKey is a family and the values of its labels in our numbers, in the
// order of familyInfo.
type seriesKey struct {
	family family
	labels [4]uint32
}

func keyOf[A, B, C, D ~uint8 | ~uint16 | ~uint32](f family, a A, b B, c C, d D) seriesKey {
	return seriesKey{f, [4]uint32{uint32(a), uint32(b), uint32(c), uint32(d)}}
}

const none = uint8(0) // no such label

// maxSeries is in how many series one Key counts.
const maxSeries = 6

// seriesOf appends the series that count a Key.
func seriesOf(all []seriesKey, k Key) []seriesKey {
	switch {
	case k.Status == logparse.AuthFailed:
		return append(all, keyOf(familyLogins, k.MTA, none, none, none))
	case k.Remark:
		return append(all, keyOf(familyRemarks, k.Class, codeID(k.Code), k.Direction, k.MTA))
	}
	all = append(all,
		keyOf(familyEvents, k.Direction, k.MTA, k.Status, none),
		keyOf(familyReplies, k.Class, codeID(k.Code), k.Direction, k.MTA))
	if k.Enhanced != replycode.NoEnhanced {
		all = append(all, keyOf(familyEnhanced, k.Class, k.Direction, enhancedID(k.Enhanced), k.MTA))
	}
	if k.Direction == logparse.Outbound {
		all = append(all, keyOf(familyProviderEvents, k.Provider, k.Status, none, none))
	}
	return failureSeriesOf(all, k)
}

// failureSeriesOf appends those that count failures by cause.
func failureSeriesOf(all []seriesKey, k Key) []seriesKey {
	if k.Status == logparse.Sent {
		return all
	}
	all = append(all, keyOf(familyFailures, k.Cause, k.Class, k.Direction, k.MTA))
	if k.Direction == logparse.Outbound {
		all = append(all, keyOf(familyProviderFailures, k.Cause, k.Provider, none, none))
	}
	return all
}

// The ids of codes are numbers of rows, to keep the table small.
const (
	noneID  = 0
	otherID = 1 // all codes that no table names
)

func codeID(c replycode.Code) uint32 {
	if int(c) >= len(codeIDs) {
		return otherID
	}
	return uint32(codeIDs[c])
}

var codes = func() []replycode.Code {
	all := []replycode.Code{noneID: replycode.None, otherID: replycode.None}
	for _, info := range replycode.Codes() {
		all = append(all, info.Code)
	}
	return all
}()

var codeIDs = func() (ids [600]uint8) {
	for c := range ids {
		ids[c] = otherID
	}
	for id, c := range codes {
		ids[c] = uint8(id)
	}
	ids[replycode.None] = noneID
	return ids
}()

// enhancedID numbers the codes of the registry.
func enhancedID(e replycode.Enhanced) uint32 {
	if id, ok := enhancedIDs[e]; ok {
		return id
	}
	return otherID
}

var enhancedCodes = func() []replycode.Enhanced {
	all := []replycode.Enhanced{noneID: replycode.NoEnhanced, otherID: replycode.NoEnhanced}
	for _, info := range replycode.EnhancedCodes() {
		e, n := replycode.ParseEnhanced([]byte("5" + info.Pattern[1:]))
		if n != len(info.Pattern) {
			continue // a subject
		}
		for _, class := range []replycode.Class{replycode.Success, replycode.TransientFailure, replycode.PermanentFailure} {
			all = append(all, replycode.MakeEnhanced(class, e.Subject(), e.Detail()))
		}
	}
	return all
}()

var enhancedIDs = func() map[replycode.Enhanced]uint32 {
	ids := make(map[replycode.Enhanced]uint32, len(enhancedCodes))
	for id, e := range enhancedCodes {
		ids[e] = uint32(id)
	}
	return ids
}()

// size is how many values a label may have.
func size(label string) uint32 {
	switch label {
	case "mta":
		return uint32(logparse.NumMTAs)
	case "direction":
		return uint32(logparse.NumDirections)
	case "status":
		return uint32(logparse.NumStatuses)
	case "class":
		return uint32(replycode.PermanentFailure) + 1
	case "cause":
		return uint32(replycode.NumCauses)
	case "provider":
		return uint32(replycode.MaxProviders)
	case "code":
		return uint32(len(codes))
	case "enhanced":
		return uint32(len(enhancedCodes))
	}
	return 1
}

// value is the text of a label value.
func value(label string, id uint32) string {
	switch label {
	case "mta":
		return logparse.MTA(id).String()
	case "direction":
		return logparse.Direction(id).String()
	case "status":
		return logparse.Status(id).String()
	case "class":
		return replycode.Class(id).String()
	case "cause":
		return replycode.Cause(id).String()
	case "provider":
		return replycode.Provider(id).String()
	}
	switch { // code and enhanced
	case id == otherID:
		return labelOther
	case id == noneID:
		return labelNone
	case label == "code":
		return codes[id].String()
	}
	return enhancedCodes[id].String()
}

// A table holds the series that were ever served, with their labels, and the sums
// of a scrape. Every series that our tables can make has a slot; one that was
// served has a number too, the place of its sum. A daemon keeps its table for good,
// so it is small: series share their labels.
type table struct {
	bases   [numFamilies]uint32     // the first slot of a family
	sizes   [numFamilies][4]uint32  // of its labels
	numbers []uint16                // by slot; 0 where no series was served
	sums    []uint64                // by number
	rows    [numFamilies][]tableRow // sorted by label values, unless dirty
	dirty   [numFamilies]bool
	pairs   map[labelID]*dto.LabelPair

	providers int // how many have their series
}

type tableRow struct {
	key    seriesKey
	number uint16
	labels []*dto.LabelPair
}

// A labelID is a label and its value in our numbers.
type labelID struct {
	name string
	id   uint32
}

var (
	outboundStatuses = []logparse.Status{logparse.Sent, logparse.Deferred, logparse.Bounced, logparse.Expired}
	inboundStatuses  = []logparse.Status{logparse.Rejected, logparse.TempFailed}
)

// newTable has the series that every host may need.
func newTable() *table {
	t := &table{sums: make([]uint64, 1), pairs: map[labelID]*dto.LabelPair{}}
	slots := uint32(0)
	for id, f := range families {
		t.bases[id], t.sizes[id] = slots, [4]uint32{1, 1, 1, 1}
		n := uint32(1)
		for i, label := range f.labels {
			t.sizes[id][i] = size(label)
			n *= size(label)
		}
		slots += n
	}
	if slots > math.MaxUint16 {
		panic("aggregate: more series than numbers")
	}
	t.numbers = make([]uint16, slots)
	t.seed()
	return t
}

func (t *table) seed() {
	for m := logparse.NoMTA + 1; m < logparse.NumMTAs; m++ {
		t.number(keyOf(familyLogins, m, none, none, none))
		for _, s := range outboundStatuses {
			t.number(keyOf(familyEvents, logparse.Outbound, m, s, none))
		}
		for _, s := range inboundStatuses {
			t.number(keyOf(familyEvents, logparse.Inbound, m, s, none))
		}
		for d := logparse.Outbound; d < logparse.NumDirections; d++ {
			t.seedDirection(m, d)
		}
		t.seedEnhanced(m)
		t.seedRemarks(m)
	}
	t.seedProviders()
}

var failureClasses = []replycode.Class{replycode.TransientFailure, replycode.PermanentFailure}

// seedEnhanced adds what receivers may answer, in the class that the code itself
// names: failures of the registry, and success without detail. A reply code of
// another class beside it is rare, and what this host answers itself is a few
// codes of its own choice: those come when they occur.
func (t *table) seedEnhanced(m logparse.MTA) {
	add := func(class replycode.Class, id uint32) {
		t.number(keyOf(familyEnhanced, uint32(class), uint32(logparse.Outbound), id, uint32(m)))
	}
	add(replycode.Success, enhancedID(replycode.MakeEnhanced(replycode.Success, 0, 0)))
	for _, class := range failureClasses {
		add(class, otherID)
	}
	for _, e := range enhancedCodes {
		info, _ := replycode.LookupEnhanced(e)
		if info.HasCause && slices.Contains(failureClasses, e.Class()) {
			add(e.Class(), enhancedID(e))
		}
	}
}

// seedRemarks adds failures on the way, and notices that have no code. All
// remarks but failed logins are of deliveries.
func (t *table) seedRemarks(m logparse.MTA) {
	t.number(keyOf(familyRemarks, replycode.NoClass, codeID(replycode.None), logparse.Outbound, m))
	for _, info := range replycode.Codes() {
		if info.Standard && slices.Contains(failureClasses, info.Code.Class()) {
			t.number(keyOf(familyRemarks, info.Code.Class(), codeID(info.Code), logparse.Outbound, m))
		}
	}
}

// seedProviders adds the series of providers that got their name since the last
// time: a configuration may bring some.
func (t *table) seedProviders() {
	for ; t.providers < replycode.ProviderCount(); t.providers++ {
		p := replycode.Provider(t.providers)
		for _, s := range outboundStatuses {
			t.number(keyOf(familyProviderEvents, p, s, none, none))
		}
		for cause := range replycode.NumCauses {
			t.number(keyOf(familyProviderFailures, replycode.Cause(cause), p, none, none))
		}
	}
}

func (t *table) seedDirection(m logparse.MTA, d logparse.Direction) {
	for _, info := range replycode.Codes() {
		if info.Standard {
			t.number(keyOf(familyReplies, info.Code.Class(), codeID(info.Code), d, m))
		}
	}
	if d == logparse.Outbound { // delivered here, or by Sendmail
		t.number(keyOf(familyReplies, replycode.Success, codeID(replycode.None), d, m))
	}
	for _, class := range failureClasses {
		t.number(keyOf(familyReplies, class, codeID(replycode.None), d, m))
		for cause := range replycode.NumCauses {
			t.number(keyOf(familyFailures, replycode.Cause(cause), class, d, m))
		}
	}
}

// number is that of a series. A new series gets its row.
func (t *table) number(k seriesKey) uint16 {
	s := &t.sizes[k.family]
	slot := t.bases[k.family] + ((k.labels[0]*s[1]+k.labels[1])*s[2]+k.labels[2])*s[3] + k.labels[3]
	if t.numbers[slot] == 0 {
		t.numbers[slot] = t.addRow(k)
	}
	return t.numbers[slot]
}

func (t *table) addRow(k seriesKey) (number uint16) {
	number = uint16(len(t.sums))
	t.sums = append(t.sums, 0)
	labels := make([]*dto.LabelPair, len(families[k.family].labels))
	for i := range labels {
		labels[i] = t.pair(k.family, i, k.labels[i])
	}
	t.rows[k.family] = append(t.rows[k.family], tableRow{k, number, labels})
	t.dirty[k.family] = true
	return number
}

// pair is a label of a family, the same for all series that have it.
func (t *table) pair(f family, label int, id uint32) *dto.LabelPair {
	name := &families[f].labels[label]
	made := t.pairs[labelID{*name, id}]
	if made == nil {
		text := value(*name, id)
		made = &dto.LabelPair{Name: name, Value: &text}
		t.pairs[labelID{*name, id}] = made
	}
	return made
}

// add makes the sums of a scrape.
func (t *table) add(c *Counts) {
	t.seedProviders()
	clear(t.sums)
	var buf [maxSeries]seriesKey
	for k, n := range c.keys {
		for _, series := range seriesOf(buf[:0], k) {
			t.sums[t.number(series)] += *n
		}
	}
	for id := range t.rows {
		if t.dirty[id] {
			slices.SortFunc(t.rows[id], func(a, b tableRow) int { return compareLabels(a.labels, b.labels) })
			t.dirty[id] = false
		}
	}
}

// pairs are labels, which must be in the order of their names.
func pairs(names, values []string) []*dto.LabelPair {
	all := make([]*dto.LabelPair, len(names))
	for i := range names {
		all[i] = &dto.LabelPair{Name: &names[i], Value: &values[i]}
	}
	return all
}

func compareLabels(a, b []*dto.LabelPair) int {
	return slices.CompareFunc(a, b, func(a, b *dto.LabelPair) int { return strings.Compare(*a.Value, *b.Value) })
}

func sortByLabels(metrics []*dto.Metric) {
	slices.SortFunc(metrics, func(a, b *dto.Metric) int { return compareLabels(a.Label, b.Label) })
}

// delayKeys are all that may have a histogram, sorted by their labels.
var delayKeys = func() (all []delayKey) {
	for m := range logparse.NumMTAs {
		for s := range logparse.NumStatuses {
			all = append(all, delayKey{m, s})
		}
	}
	slices.SortFunc(all, func(a, b delayKey) int {
		return cmp.Or(strings.Compare(a.mta.String(), b.mta.String()), strings.Compare(a.status.String(), b.status.String()))
	})
	return all
}()

// lineResults are the results of lines in the order of their names.
var lineResults = func() (all []logparse.Result) {
	for r := range logparse.NumResults {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b logparse.Result) int { return strings.Compare(a.String(), b.String()) })
	return all
}()
