package tailer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

// headSize is how much of a file's beginning tells it from others.
const headSize = 1024

// Fingerprint recognises a file by its first bytes, whatever its name or inode, without keeping them.
type Fingerprint struct {
	// Length counts the bytes that All is made of, up to 1024.
	Length int    `json:"length"`
	All    string `json:"all,omitempty"`
	// First64 and First256 recognise a copy that is still being written.
	First64  string `json:"first64,omitempty"`
	First256 string `json:"first256,omitempty"`
}

// match is the answer to whether two beginnings belong to the same file.
type match int

const (
	different match = iota
	undecided       // too little is there
	partly          // equal as far as the shorter one goes
	same
)

func fingerprint(head []byte) Fingerprint {
	p := Fingerprint{Length: len(head), All: hash(head)}
	if len(head) >= 64 {
		p.First64 = hash(head[:64])
	}
	if len(head) >= 256 {
		p.First256 = hash(head[:256])
	}
	return p
}

// hashOfHole is that of NUL bytes only.
var hashOfHole = hash(make([]byte, headSize))

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// compare tells whether a file that begins with head is the one the fingerprint was taken of.
func (p *Fingerprint) compare(head []byte) match { return p.compareHashes(hashes{head: head}) }

func (p *Fingerprint) compareHashes(h hashes) match {
	switch n := len(h.head); {
	case p.Length == 0 || n == 0:
		return undecided
	case n >= p.Length:
		return when(h.of(p.Length) == p.All, same)
	case n >= 256:
		return when(h.of(256) == p.First256, partly)
	case n >= 64:
		return when(h.of(64) == p.First64, partly)
	}
	return undecided
}

// hashes are those of the first bytes of one file, to be compared with many. Each is made once.
type hashes struct {
	head []byte
	made map[int]string // by length; nil to remember none
}

func (h hashes) of(length int) string {
	sum, ok := h.made[length]
	if !ok {
		sum = hash(h.head[:length])
		if h.made != nil {
			h.made[length] = sum
		}
	}
	return sum
}

// compareHeads does the same for two beginnings that are both in memory.
func compareHeads(old, now []byte) match {
	switch n := min(len(old), len(now)); {
	case n == 0:
		return undecided
	case !bytes.Equal(old[:n], now[:n]):
		return different
	case len(now) < len(old):
		return partly
	}
	return same
}

func when(equal bool, m match) match {
	if equal {
		return m
	}
	return different
}
