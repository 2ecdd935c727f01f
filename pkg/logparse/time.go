package logparse

import (
	"bytes"
	"time"
)

// AppendRFC3339 appends the stamp as the log has it: with the digits of its
// fraction, without an offset where the log has none, and as --MM-DDThh:mm:ss
// where it has no year. The zero Stamp appends nothing.
func (s Stamp) AppendRFC3339(b []byte) []byte {
	if s.IsZero() {
		return b
	}
	if s.Year == 0 {
		b = append(b, '-')
	} else {
		b = stampAppend2(b, int(s.Year)/100)
		b = stampAppend2(b, int(s.Year)%100)
	}
	b = stampAppend2(append(b, '-'), int(s.Month))
	b = stampAppend2(append(b, '-'), int(s.Day))
	b = stampAppend2(append(b, 'T'), int(s.Hour))
	b = stampAppend2(append(b, ':'), int(s.Minute))
	b = stampAppend2(append(b, ':'), int(s.Second))
	b = s.appendFraction(b)
	if !s.HasZone {
		return b
	}
	return stampAppendZone(b, int(s.ZoneOffset))
}

func (s Stamp) appendFraction(b []byte) []byte {
	if s.FracDigits == 0 {
		return b
	}
	b = append(b, '.')
	for i, unit := uint8(0), int32(100_000_000); i < s.FracDigits && unit > 0; i, unit = i+1, unit/10 {
		b = append(b, byte('0'+s.Nanosecond/unit%10))
	}
	return b
}

func stampAppendZone(b []byte, offset int) []byte {
	if offset == 0 {
		return append(b, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	b = stampAppend2(append(b, sign), offset/3600)
	return stampAppend2(append(b, ':'), offset/60%60)
}

func stampAppend2(b []byte, v int) []byte {
	return append(b, byte('0'+v/10%10), byte('0'+v%10))
}

// A Calendar turns the stamps of one log, in order, into times. Classic syslog
// writes neither year nor zone, so both must come from elsewhere.
//
// A stamp without a year gets the latest year that leaves it no more than a day
// behind Reference; the day allows for clocks that differ and for zones. Lines
// run forward: a stamp that would then lie more than half a year before its
// predecessor is of the next year, so a log followed across New Year goes on
// even though Reference is older. 29 February is only ever put into a leap
// year. An hour that comes twice, because the clock was put back, is the second
// one when lines step back into it. A log that leaves out more than half a year, or is longer than a year,
// cannot be dated this way: its years need stamps that hold them.
type Calendar struct {
	Location  *time.Location // of stamps without a zone; nil means time.Local
	Reference time.Time      // when the log was last written to; zero means now, as of the first stamp

	last  time.Time // the previous result
	stamp Stamp     // and what it is of: most lines share theirs with the one before
	hour  Stamp     // its stamp, without minutes
	start time.Time // the beginning of that hour
}

// halfYear tells a step across New Year from lines that are a little out of order.
const halfYear = 183 * 24 * time.Hour

// disorder is how far lines step back because they are out of order. A longer step
// in an hour that comes twice, at the end of daylight saving time, is the clock's.
const disorder = 5 * time.Minute

// Time is the moment that s stands for, the zero Time for the zero Stamp.
func (c *Calendar) Time(s Stamp) time.Time {
	switch s {
	case Stamp{}:
		return time.Time{}
	case c.stamp:
		return c.last
	}
	hour := s
	hour.Minute, hour.Second, hour.FracDigits, hour.Nanosecond = 0, 0, 0, 0
	since := time.Duration(s.Minute)*time.Minute + time.Duration(s.Second)*time.Second + time.Duration(s.Nanosecond)
	if hour != c.hour || c.last.Sub(c.start.Add(since)) > disorder {
		c.hour, c.start = hour, c.hourOf(hour, since)
	}
	c.stamp, c.last = s, c.start.Add(since)
	return c.last
}

// hourOf is the beginning of an hour in which a line was logged so long after it.
func (c *Calendar) hourOf(s Stamp, since time.Duration) time.Time {
	loc := c.location(s)
	t := c.dated(s, loc)
	if s.HasZone {
		return t
	}
	if earlier := t.Add(-time.Hour); earlier.Hour() == t.Hour() {
		t = earlier
	}
	if later := t.Add(time.Hour); later.Hour() == t.Hour() && c.last.Sub(t.Add(since)) > disorder {
		t = later
	}
	return t
}

// dated is the hour s in the year that it is of.
func (c *Calendar) dated(s Stamp, loc *time.Location) time.Time {
	if s.Year != 0 {
		return s.in(int(s.Year), loc)
	}
	if c.Reference.IsZero() {
		c.Reference = time.Now()
	}
	t := s.latestBefore(c.Reference.Add(24*time.Hour), loc)
	if !c.last.IsZero() && c.last.Sub(t) > halfYear {
		t = s.in(s.yearFrom(t.Year()+1, +1), loc)
	}
	return t
}

func (c *Calendar) location(s Stamp) *time.Location {
	switch {
	case s.HasZone && s.ZoneOffset == 0:
		return time.UTC
	case s.HasZone:
		return time.FixedZone("", int(s.ZoneOffset))
	case c.Location == nil:
		return time.Local
	}
	return c.Location
}

func (s Stamp) latestBefore(limit time.Time, loc *time.Location) time.Time {
	year := s.yearFrom(limit.In(loc).Year(), -1)
	t := s.in(year, loc)
	if t.After(limit) {
		t = s.in(s.yearFrom(year-1, -1), loc)
	}
	return t
}

// yearFrom is the first year from the given one on that has the stamp's day.
func (s Stamp) yearFrom(year, step int) int {
	if s.Month == 2 && s.Day == 29 {
		for !stampLeap(year) {
			year += step
		}
	}
	return year
}

func stampLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func (s Stamp) in(year int, loc *time.Location) time.Time {
	return time.Date(year, time.Month(s.Month), int(s.Day), int(s.Hour), int(s.Minute), int(s.Second), int(s.Nanosecond), loc)
}

// The readers below return how many bytes of b the stamp takes, 0 for none.

// stampBSD reads "Mar  5 10:11:12", also with one blank or a zero before the
// day, with a fraction, and with a year before or after the time.
func stampBSD(b []byte) (s Stamp, n int) {
	if len(b) < 14 || b[3] != ' ' {
		return Stamp{}, 0
	}
	if s.Month = stampMonth(b); s.Month == 0 {
		return Stamp{}, 0
	}
	i := 4
	if b[i] == ' ' {
		i++
	}
	day, i := stampShort(b, i)
	if day == 0 || day > 31 || i+9 > len(b) || b[i] != ' ' {
		return Stamp{}, 0
	}
	s.Day = day
	i++
	if year := stampYear(b[i:]); year != 0 {
		s.Year = year
		i += 5
	}
	if i = s.readClock(b, i); i == 0 {
		return Stamp{}, 0
	}
	if s.Year == 0 && i+1 < len(b) && b[i] == ' ' {
		if year := stampYear(b[i+1:]); year != 0 {
			s.Year = year
			i += 5
		}
	}
	return s, i
}

func stampMonth(b []byte) uint8 {
	switch uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) {
	case 'J'<<16 | 'a'<<8 | 'n':
		return 1
	case 'F'<<16 | 'e'<<8 | 'b':
		return 2
	case 'M'<<16 | 'a'<<8 | 'r':
		return 3
	case 'A'<<16 | 'p'<<8 | 'r':
		return 4
	case 'M'<<16 | 'a'<<8 | 'y':
		return 5
	case 'J'<<16 | 'u'<<8 | 'n':
		return 6
	case 'J'<<16 | 'u'<<8 | 'l':
		return 7
	case 'A'<<16 | 'u'<<8 | 'g':
		return 8
	case 'S'<<16 | 'e'<<8 | 'p':
		return 9
	case 'O'<<16 | 'c'<<8 | 't':
		return 10
	case 'N'<<16 | 'o'<<8 | 'v':
		return 11
	case 'D'<<16 | 'e'<<8 | 'c':
		return 12
	}
	return 0
}

// stampShort reads one or two digits at i.
func stampShort(b []byte, i int) (v uint8, next int) {
	for next = i; next < len(b) && next < i+2 && stampDigit(b[next]); next++ {
		v = v*10 + b[next] - '0'
	}
	return v, next
}

// stampYear reads "2024 ": four digits of this or the last century and a blank.
func stampYear(b []byte) int16 {
	if len(b) < 5 || b[4] != ' ' || !(b[0] == '2' && b[1] == '0' || b[0] == '1' && b[1] == '9') {
		return 0
	}
	v, ok := stampTwo(b, 2)
	if !ok {
		return 0
	}
	return int16(b[0]-'0')*1000 + int16(b[1]-'0')*100 + int16(v)
}

// stampISO reads "2024-06-03T10:00:00", with a blank, t or _ in place of T, with any
// fraction and with the zone as Z, +02:00, +0200 or " +0200".
func stampISO(b []byte) (s Stamp, n int) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[10] != 'T' && b[10] != ' ' && b[10] != 't' && b[10] != '_' {
		return Stamp{}, 0
	}
	century, ok1 := stampTwo(b, 0)
	year, ok2 := stampTwo(b, 2)
	month, ok3 := stampTwo(b, 5)
	day, ok4 := stampTwo(b, 8)
	if !(ok1 && ok2 && ok3 && ok4) || century == 0 || month == 0 || month > 12 || day == 0 || day > 31 {
		return Stamp{}, 0
	}
	s.Year, s.Month, s.Day = int16(century)*100+int16(year), month, day
	i := s.readClock(b, 11)
	if i == 0 {
		return Stamp{}, 0
	}
	return s, s.readZone(b, i)
}

// readClock reads hh:mm:ss and a fraction at i; 0 if there is none.
func (s *Stamp) readClock(b []byte, i int) int {
	if i+8 > len(b) || b[i+2] != ':' || b[i+5] != ':' {
		return 0
	}
	hour, ok1 := stampTwo(b, i)
	minute, ok2 := stampTwo(b, i+3)
	second, ok3 := stampTwo(b, i+6)
	if !(ok1 && ok2 && ok3) || hour > 23 || minute > 59 || second > 60 {
		return 0
	}
	s.Hour, s.Minute, s.Second = hour, minute, second
	i += 8
	if i+1 < len(b) && (b[i] == '.' || b[i] == ',') && stampDigit(b[i+1]) {
		return s.readFraction(b, i+1)
	}
	return i
}

func (s *Stamp) readFraction(b []byte, i int) int {
	v, digits := int32(0), 0
	for ; i < len(b) && stampDigit(b[i]); i++ {
		if digits < len(stampUnits)-1 {
			v = v*10 + int32(b[i]-'0')
			digits++
		}
	}
	s.Nanosecond, s.FracDigits = v*stampUnits[digits], uint8(digits)
	return i
}

// stampUnits are the nanoseconds in the last of so many digits of a fraction.
var stampUnits = [...]int32{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10, 1}

func (s *Stamp) readZone(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	if b[i] == 'Z' || b[i] == 'z' {
		s.HasZone = true
		return i + 1
	}
	j := i
	if b[j] == ' ' {
		j++
	}
	offset, n := stampOffset(b[j:])
	if n == 0 {
		return i
	}
	s.HasZone, s.ZoneOffset = true, offset
	return j + n
}

// stampOffset reads +02:00, +0200 or +02 that ends at a blank.
func stampOffset(b []byte) (offset int32, n int) {
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, 0
	}
	hours, ok := stampTwo(b, 1)
	if !ok || hours > 15 {
		return 0, 0
	}
	var minutes uint8
	n = 3
	if n < len(b) && b[n] == ':' {
		n++
	}
	if n+2 <= len(b) && stampDigit(b[n]) {
		if minutes, ok = stampTwo(b, n); !ok || minutes > 59 {
			return 0, 0
		}
		n += 2
	}
	if n < len(b) && b[n] != ' ' && b[n] != '\t' {
		return 0, 0
	}
	offset = int32(hours)*3600 + int32(minutes)*60
	if b[0] == '-' {
		offset = -offset
	}
	return offset, n
}

// stampEpoch reads "1709629872.123456 ", as journalctl -o short-unix writes it.
func stampEpoch(b []byte) (s Stamp, n int) {
	if len(b) < 12 || b[10] != '.' {
		return Stamp{}, 0
	}
	seconds, digits := stampNumber(b)
	if digits != 10 {
		return Stamp{}, 0
	}
	s = stampUnix(seconds)
	return s, s.readFraction(b, 11)
}

func stampUnix(seconds int64) Stamp {
	t := time.Unix(seconds, 0).UTC()
	return Stamp{
		Year: int16(t.Year()), Month: uint8(t.Month()), Day: uint8(t.Day()),
		Hour: uint8(t.Hour()), Minute: uint8(t.Minute()), Second: uint8(t.Second()), HasZone: true,
	}
}

// stampMicros reads the microseconds since 1970 that the journal writes.
func stampMicros(b []byte) Stamp {
	micros, n := stampNumber(b)
	if n != len(b) || n < 7 || n > 17 {
		return Stamp{}
	}
	s := stampUnix(micros / 1_000_000)
	s.FracDigits, s.Nanosecond = 6, int32(micros%1_000_000)*1000
	return s
}

// stampMillis reads milliseconds since 1970.
func stampMillis(v int64) Stamp {
	s := stampUnix(v / 1000)
	s.FracDigits, s.Nanosecond = 3, int32(v%1000)*1_000_000
	return s
}

// stampYearFirst reads "2024 Mar  5 10:11:12", syslog-ng's ts-format(full).
func stampYearFirst(b []byte) (s Stamp, n int) {
	year := stampYear(b)
	if year == 0 {
		return Stamp{}, 0
	}
	if s, n = stampBSD(b[5:]); n == 0 || s.Year != 0 {
		return Stamp{}, 0
	}
	s.Year = year
	return s, 5 + n
}

// stampMonths are the names that journalctl -o short gives the months outside of
// English, as the C library has them (strftime, %b), without the dot of some.
var stampMonths = map[string]uint8{
	"jan": 1, "Jän": 1, "janv": 1, "ene": 1, "gen": 1, "sty": 1, "led": 1, "янв": 1, "січ": 1, "Oca": 1, "tammi": 1,
	"feb": 2, "févr": 2, "fev": 2, "febr": 2, "lut": 2, "úno": 2, "фев": 2, "лют": 2, "Şub": 2, "helmi": 2,
	"mar": 3, "Mär": 3, "mars": 3, "mrt": 3, "márc": 3, "bře": 3, "мар": 3, "бер": 3, "maalis": 3,
	"apr": 4, "avril": 4, "abr": 4, "ápr": 4, "kwi": 4, "dub": 4, "апр": 4, "кві": 4, "Nis": 4, "huhti": 4, "april": 4,
	"may": 5, "Mai": 5, "mai": 5, "maj": 5, "mag": 5, "mei": 5, "máj": 5, "kvě": 5, "май": 5, "мая": 5, "тра": 5, "touko": 5,
	"jun": 6, "juin": 6, "giu": 6, "jún": 6, "juni": 6, "cze": 6, "čen": 6, "июн": 6, "чер": 6, "Haz": 6, "kesä": 6,
	"jul": 7, "juil": 7, "lug": 7, "júl": 7, "juli": 7, "lip": 7, "čec": 7, "июл": 7, "лип": 7, "Tem": 7, "heinä": 7,
	"aug": 8, "août": 8, "ago": 8, "sie": 8, "srp": 8, "авг": 8, "сер": 8, "Ağu": 8, "elo": 8,
	"sep": 9, "sept": 9, "set": 9, "szept": 9, "wrz": 9, "zář": 9, "сен": 9, "вер": 9, "Eyl": 9, "syys": 9,
	"oct": 10, "Okt": 10, "okt": 10, "ott": 10, "out": 10, "paź": 10, "říj": 10, "окт": 10, "жов": 10, "Eki": 10, "loka": 10,
	"nov": 11, "lis": 11, "ноя": 11, "лис": 11, "Kas": 11, "marras": 11,
	"dec": 12, "Dez": 12, "déc": 12, "dic": 12, "dez": 12, "des": 12, "gru": 12, "pro": 12, "дек": 12, "гру": 12, "Ara": 12, "joulu": 12,
}

// stampLocal reads "Mär 05 10:00:00" of other languages and, of Chinese, Japanese
// and Korean, what stampHan does.
func stampLocal(b []byte) (s Stamp, n int) {
	const longest = 12
	i := bytes.IndexByte(b[:min(len(b), longest)], ' ')
	if i < 0 {
		return stampHan(b)
	}
	s.Month = stampMonths[string(bytes.TrimSuffix(b[:i], stampDot))]
	if s.Month == 0 {
		return stampHan(b)
	}
	day, i := stampShort(b, frameBlanks(b, i))
	if day == 0 || day > 31 || i >= len(b) || b[i] != ' ' {
		return Stamp{}, 0
	}
	s.Day = day
	if i = s.readClock(b, i+1); i == 0 {
		return Stamp{}, 0
	}
	return s, i
}

var stampDot = []byte(".")

// stampHan reads "5月03日 10:00:00" and "5月 03 10:00:00".
func stampHan(b []byte) (s Stamp, n int) {
	month, i := stampShort(b, 0)
	if month == 0 || month > 12 || !frameAt(b, i, "月") && !frameAt(b, i, "월") {
		return Stamp{}, 0
	}
	i = frameBlanks(b, i+len("月"))
	day, i := stampShort(b, i)
	if day == 0 || day > 31 {
		return Stamp{}, 0
	}
	if frameAt(b, i, "日") {
		i += len("日")
	}
	s.Month, s.Day = month, day
	if i = s.readClock(b, frameBlanks(b, i)); i == 0 {
		return Stamp{}, 0
	}
	return s, i
}

// stampNumber reads the digits that b begins with, at most 18 of them.
func stampNumber(b []byte) (v int64, n int) {
	for ; n < len(b) && n < 18 && stampDigit(b[n]); n++ {
		v = v*10 + int64(b[n]-'0')
	}
	return v, n
}

func stampTwo(b []byte, i int) (v uint8, ok bool) {
	tens, ones := b[i]-'0', b[i+1]-'0'
	return tens*10 + ones, tens <= 9 && ones <= 9
}

func stampDigit(c byte) bool { return c-'0' <= 9 }
