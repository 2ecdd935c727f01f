package story

import (
	"strings"
	"time"
)

// hosts are those that log, by numbers.
type hosts struct {
	names   []string          // by number, in small letters
	held    []int             // how many messages name the host
	numbers map[string]uint16 // by name as it was written, and in small letters
	last    []byte            // the name that was asked for last: most lines are of the same
	number  uint16
}

// manyHosts are more than there can be; more names are noise.
const manyHosts = 1<<16 - 1

// of is the number of the host with that name.
func (h *hosts) of(name []byte) uint16 {
	if string(h.last) == string(name) && h.numbers != nil {
		return h.number
	}
	n, ok := h.numbers[string(name)]
	if !ok {
		n = h.add(string(name))
	}
	h.last, h.number = append(h.last[:0], name...), n
	return n
}

func (h *hosts) name(n uint16) string { return h.names[n] }

// hold says that a message names the host, drop that it is forgotten.
func (h *hosts) hold(n uint16) { h.held[n]++ }

func (h *hosts) drop(n uint16) { h.held[n]-- }

func (h *hosts) add(name string) uint16 {
	if h.numbers == nil {
		h.numbers = map[string]uint16{}
	}
	if len(h.numbers) >= manyHosts {
		h.forget()
	}
	lower := strings.ToLower(name)
	n, ok := h.numbers[lower]
	if !ok {
		n = h.free()
		h.names[n] = lower
		h.numbers[lower] = n
	}
	h.numbers[name] = n
	return n
}

// free is a number that no name has. Where all are in use, hosts share the last.
func (h *hosts) free() uint16 {
	if len(h.names) < manyHosts {
		h.names, h.held = append(h.names, ""), append(h.held, 0)
		return uint16(len(h.names) - 1)
	}
	for n, held := range h.held {
		if held == 0 && h.names[n] == "" {
			return uint16(n)
		}
	}
	return manyHosts - 1
}

// forget forgets the names of hosts without open messages.
func (h *hosts) forget() {
	h.numbers = map[string]uint16{}
	for n, held := range h.held {
		if held == 0 {
			h.names[n] = ""
		} else {
			h.numbers[h.names[n]] = uint16(n)
		}
	}
}

// zones are the locations of times, by numbers: of the thousands of times that are
// kept nearly all are in one.
type zones struct {
	all  []*time.Location
	last uint8
}

// of is the number of a time's location. Those that are the same offset without a
// name are one.
func (z *zones) of(t time.Time) uint8 {
	l := t.Location()
	if len(z.all) > 0 && z.all[z.last] == l {
		return z.last
	}
	for i, known := range z.all {
		if known == l || known.String() == "" && l.String() == "" && offset(known) == offset(l) {
			z.last = uint8(i)
			return z.last
		}
	}
	if len(z.all) == 1<<8 {
		return 0 // there are not so many
	}
	z.all = append(z.all, l)
	z.last = uint8(len(z.all) - 1)
	return z.last
}

func offset(l *time.Location) int {
	_, seconds := time.Unix(0, 0).In(l).Zone()
	return seconds
}

// time is the time of Unix nanoseconds, the zero Time for 0.
func (z *zones) time(nanoseconds int64, zone uint8) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	if int(zone) >= len(z.all) {
		return time.Unix(0, nanoseconds)
	}
	return time.Unix(0, nanoseconds).In(z.all[zone])
}
