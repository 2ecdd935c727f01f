package aggregate

import (
	"bytes"
	"cmp"
	"slices"
)

// maxTemplates bounds the table of reply texts that no rule knew; what finds no
// room there is counted as otherReplies.
const (
	maxTemplates = 1000
	otherReplies = "(other replies)"
	noText       = "(no text)"
)

// Unmatched counts a reply that no rule of the classifier knew, under its
// template: the text with addresses and numbers masked.
func (c *Counts) Unmatched(text []byte, n uint64) {
	var buf [200]byte
	t := AppendTemplate(buf[:0], text)
	if count := c.unmatched[string(t)]; count != nil {
		*count += n
		return
	}
	c.addTemplate(string(t), n)
}

func (c *Counts) addTemplate(t string, n uint64) {
	if t == "" {
		t = noText
	}
	if count := c.unmatched[t]; count != nil {
		*count += n
		return
	}
	if len(c.unmatched) >= maxTemplates && t != otherReplies {
		c.addTemplate(otherReplies, n)
		return
	}
	count := new(uint64)
	*count = n
	c.unmatched[t] = count
}

// mergeTemplates keeps the commonest where there is not room for all.
func (c *Counts) mergeTemplates(o *Counts) {
	for t, n := range o.unmatched {
		if mine := c.unmatched[t]; mine != nil {
			*mine += *n
			continue
		}
		own := *n
		c.unmatched[t] = &own
	}
	if !c.templatesFit() {
		rows := c.Templates()
		clear(c.unmatched)
		for _, r := range rows {
			c.addTemplate(r.Template, r.N)
		}
	}
}

// templatesFit says whether the table is within its bound, which otherReplies
// may exceed by one.
func (c *Counts) templatesFit() bool {
	n := len(c.unmatched)
	if c.unmatched[otherReplies] != nil {
		n--
	}
	return n <= maxTemplates
}

// A TemplateRow is a masked reply text and how often it came.
type TemplateRow struct {
	Template string `json:"template"`
	N        uint64 `json:"n"`
}

// Templates are the texts given to Unmatched, the commonest first.
func (c *Counts) Templates() []TemplateRow {
	rows := make([]TemplateRow, 0, len(c.unmatched))
	for t, n := range c.unmatched {
		rows = append(rows, TemplateRow{t, *n})
	}
	slices.SortFunc(rows, func(a, b TemplateRow) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Template, b.Template))
	})
	return rows
}

// AppendTemplate masks a reply word by word, up to the capacity of dst: an
// address becomes <address>, a run of digits #, a byte that is not printable
// ASCII a question mark.
func AppendTemplate(dst, text []byte) []byte {
	for len(text) > 0 {
		end := bytes.IndexByte(text, ' ')
		if end < 0 {
			end = len(text)
		}
		word := text[:end]
		text = text[min(end+1, len(text)):]
		if len(word) == 0 {
			continue
		}
		if len(dst) > 0 {
			dst = appendWithin(dst, ' ')
		}
		if bytes.IndexByte(word, '@') >= 0 {
			dst = append(dst, "<address>"[:min(len("<address>"), cap(dst)-len(dst))]...)
			continue
		}
		dst = appendMasked(dst, word)
	}
	return dst
}

func appendMasked(dst, word []byte) []byte {
	for i, b := range word {
		switch {
		case '0' <= b && b <= '9':
			if i == 0 || word[i-1] < '0' || word[i-1] > '9' {
				dst = appendWithin(dst, '#')
			}
		case b < ' ' || b > '~':
			dst = appendWithin(dst, '?')
		default:
			dst = appendWithin(dst, b)
		}
	}
	return dst
}

func appendWithin(dst []byte, b byte) []byte {
	if len(dst) < cap(dst) {
		dst = append(dst, b)
	}
	return dst
}
