package aggregate

import dto "github.com/prometheus/client_model/go"

// maxQueueID is how long a queue id may be to be kept; Exim's have 23 bytes.
const maxQueueID = 32

// An exemplar is the queue id of the latest failure that a series counted. It
// leads from a graph to the lines of the log and holds nothing else of them. It
// is not kept over restarts.
type exemplar struct {
	id  [maxQueueID]byte
	len uint8
}

// setExemplar keeps a queue id for the series that count a failure. Whatever
// does not look like one is left out: the text comes from a log.
func (c *Counts) setExemplar(k Key, queueID []byte) {
	if !isQueueID(queueID) {
		return
	}
	var buf [2]seriesKey
	for _, series := range failureSeriesOf(buf[:0], k) {
		e := c.exemplars[series]
		if e == nil {
			if c.exemplars == nil {
				c.exemplars = map[seriesKey]*exemplar{}
			}
			e = &exemplar{}
			c.exemplars[series] = e
		}
		e.len = uint8(copy(e.id[:], queueID))
	}
}

func (c *Counts) mergeExemplars(o *Counts) {
	if c.exemplars == nil && len(o.exemplars) > 0 {
		c.exemplars = make(map[seriesKey]*exemplar, len(o.exemplars))
	}
	for k, e := range o.exemplars {
		own := *e
		c.exemplars[k] = &own
	}
}

// isQueueID says whether b could be the queue id of a mail server we read:
// letters, digits and hyphens.
func isQueueID(b []byte) bool {
	if len(b) == 0 || len(b) > maxQueueID {
		return false
	}
	for _, c := range b {
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '-') {
			return false
		}
	}
	return true
}

var (
	exemplarLabel = "queue_id"
	exemplarValue = 1.0
)

func (e *exemplar) metric() *dto.Exemplar {
	made := &struct {
		dto.Exemplar
		label  dto.LabelPair
		labels [1]*dto.LabelPair
		id     string
	}{id: string(e.id[:e.len])}
	made.label.Name, made.label.Value = &exemplarLabel, &made.id
	made.labels[0] = &made.label
	made.Exemplar.Label, made.Exemplar.Value = made.labels[:], &exemplarValue
	return &made.Exemplar
}
