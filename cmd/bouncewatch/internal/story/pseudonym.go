package story

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"strings"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/terminal"
)

const (
	saltSize = 16
	tagSize  = 8 // bytes of a hash: two of a billion addresses are the same with a chance of 3 %
	maxShown = 40
)

// Pseudonyms stand for addresses where these must not be kept: hashes with a salt,
// as long as the address may be, and equal for what differs in case only. That of
// local@domain begins with that of local, as the addresses themselves do.
type Pseudonyms struct {
	salt [saltSize]byte
	buf  []byte
	hash []byte
	last [sha256.Size]byte
	seed maphash.Seed

	// The last ones: domains, users and senders come again and again.
	known, accounts [knownNames]knownName
}

type knownName struct {
	name, hash []byte
}

const knownNames = 512 // a power of two

// NewPseudonyms returns Pseudonyms that nobody else can make.
func NewPseudonyms() *Pseudonyms {
	p := &Pseudonyms{seed: maphash.MakeSeed()}
	_, _ = rand.Read(p.salt[:]) // never fails
	return p
}

// of is valid until the next call.
func (p *Pseudonyms) of(address []byte) []byte {
	local, domain := address, []byte(nil)
	if i := bytes.LastIndexByte(address, '@'); i >= 0 {
		local, domain = address[:i], address[i+1:]
	}
	p.hash = p.sum(p.hash[:0], local)
	if domain != nil {
		p.hash = append(append(p.hash, '@'), p.common(domain)...)
	}
	return p.hash
}

// common is the hash of a name that probably comes again.
func (p *Pseudonyms) common(name []byte) []byte {
	k := &p.known[maphash.Bytes(p.seed, name)%knownNames]
	if len(k.hash) == 0 || string(k.name) != string(name) {
		k.name = append(k.name[:0], name...)
		k.hash = p.sum(k.hash[:0], name)
	}
	return k.hash
}

// mark is a number that stands for a Message-ID, never 0.
func (p *Pseudonyms) mark(messageID []byte) uint64 {
	return binary.BigEndian.Uint64(p.digest(messageID)) | 1
}

func (p *Pseudonyms) sum(dst, b []byte) []byte { return hex.AppendEncode(dst, p.digest(b)[:tagSize]) }

// digest is valid until the next call.
func (p *Pseudonyms) digest(b []byte) []byte {
	p.buf = append(append(p.buf[:0], p.salt[:]...), b...)
	for i := saltSize; i < len(p.buf); i++ {
		if c := p.buf[i]; 'A' <= c && c <= 'Z' {
			p.buf[i] += 'a' - 'A'
		}
	}
	p.last = sha256.Sum256(p.buf)
	return p.last[:]
}

// account is a user or sender as it may be shown, with a hash that tells it from
// others: "*@example.com #4f2a81c07d3e9b65", "a* #...".
func (p *Pseudonyms) account(name []byte) []byte {
	k := &p.accounts[maphash.Bytes(p.seed, name)%knownNames]
	if len(k.hash) == 0 || string(k.name) != string(name) {
		k.name = append(k.name[:0], name...)
		k.hash = append(append(appendMask(k.hash[:0], name), " #"...), p.common(name)...)
	}
	return k.hash
}

// appendMask appends what mask leaves of a name. Of most it is a short domain.
func appendMask(dst, name []byte) []byte {
	i := bytes.LastIndexByte(name, '@')
	if i < 0 || len(name)-i > maxShown || bytes.ContainsFunc(name[i:], func(r rune) bool { return r <= ' ' || r > '~' }) {
		return append(dst, mask(terminal.Clean(string(name)))...)
	}
	return append(append(dst, '*'), name[i:]...)
}

// mask leaves the domain, or of a name the first letter.
func mask(name string) string {
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		return "*" + shorten(name[i:])
	}
	for _, first := range name {
		return string(first) + "*"
	}
	return ""
}

func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "..."
}

// shown is an account without its hash.
func shown(account string) string {
	name, _, _ := strings.Cut(account, " #")
	return name
}
