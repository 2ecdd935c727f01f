package tailer

import "slices"

// known are the first bytes of rotated files with nothing left to read.
type known []Fingerprint

// maxGone is how many are kept of files that are not there any more. A compressed form of one may
// still come.
const maxGone = 400

// find returns what is known of a file that begins with head.
func (k known) find(head []byte) (p Fingerprint, ok bool) {
	h := hashes{head, map[int]string{}}
	for i := range k {
		if k[i].compareHashes(h) >= partly {
			return k[i], true
		}
	}
	return Fingerprint{}, false
}

// has asks for more than a first line: that of a new file may be the same.
func (k known) has(head []byte) bool {
	h := hashes{head, map[int]string{}}
	return slices.ContainsFunc(k, func(p Fingerprint) bool { return p.Length >= 256 && p.compareHashes(h) == same })
}

func (k *known) add(p Fingerprint) {
	if p.Length > 0 && !slices.Contains(*k, p) {
		*k = append(*k, p)
	}
}

// forget keeps what is known of files that are there, and the newest of the others.
func (k *known) forget(there map[fileID]Fingerprint) {
	gone := len(*k) - len(there) - maxGone
	if gone <= 0 {
		return
	}
	present := make(map[Fingerprint]bool, len(there))
	for _, p := range there {
		present[p] = true
	}
	kept := (*k)[:0]
	for _, p := range *k {
		if gone > 0 && !present[p] {
			gone--
			continue
		}
		kept = append(kept, p)
	}
	*k = kept
}
