package push

import (
	"maps"
	"math"
	"slices"

	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of the fields of a WriteRequest (Prometheus Remote-Write 1.0
// specification, "Protocol"). The messages are so few that generated code, and the
// module of Prometheus with it, would be the greater burden.
const (
	requestTimeseries = 1
	seriesLabels      = 1
	seriesSamples     = 2
	labelName         = 1
	labelValue        = 2
	sampleValue       = 1
	sampleTimestamp   = 2
)

// encoded is a message in wire format, which package remote takes as one that
// encodes itself.
type encoded []byte

// SizeVT is how long the message is.
func (e encoded) SizeVT() int { return len(e) }

// MarshalToSizedBufferVT writes the message to b, which is as long.
func (e encoded) MarshalToSizedBufferVT(b []byte) (int, error) { return copy(b, e), nil }

func encode(samples model.Vector, more map[string]string) (request encoded) {
	var series, part []byte
	for _, s := range samples {
		series = series[:0]
		for _, label := range labelsOf(s.Metric, more) {
			part = part[:0]
			part = appendText(part, labelName, label[0])
			part = appendText(part, labelValue, label[1])
			series = appendMessage(series, seriesLabels, part)
		}
		part = protowire.AppendTag(part[:0], sampleValue, protowire.Fixed64Type)
		part = protowire.AppendFixed64(part, math.Float64bits(float64(s.Value)))
		part = protowire.AppendTag(part, sampleTimestamp, protowire.VarintType)
		part = protowire.AppendVarint(part, uint64(s.Timestamp))
		series = appendMessage(series, seriesSamples, part)
		request = appendMessage(request, requestTimeseries, series)
	}
	return request
}

// labelsOf are the labels in the order of names, as receivers require. Those of
// the series go before others.
func labelsOf(m model.Metric, more map[string]string) [][2]string {
	all := make(map[string]string, len(more)+len(m))
	maps.Copy(all, more)
	for name, value := range m {
		all[string(name)] = string(value)
	}
	labels := make([][2]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		labels = append(labels, [2]string{name, all[name]})
	}
	return labels
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}
