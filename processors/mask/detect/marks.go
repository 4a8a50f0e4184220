package detect

import "math/bits"

// What a text is asked of every byte is asked ahead, 64 bytes at a time, where the
// processor has vectors (marks_amd64.go; the build tag purego leaves them out):
// most of a text is words, and then one bit set of zeros says so. Elsewhere it is
// asked eight bytes at a time, see next and nextSuspect, which are their law.

// marks are bit sets of a text: bit i%64 of word i/64 is for byte i.
type marks struct {
	events   []uint64 // digits, @ and =
	suspects []uint64 // bytes that may begin something to undo
}

// room makes words for n bytes.
func (m *marks) room(n int) {
	words := (n + 63) / 64
	if cap(m.events) < words {
		m.events, m.suspects = make([]uint64, words+words/2), make([]uint64, words+words/2)
	}
	m.events, m.suspects = m.events[:words], m.suspects[:words]
}

// first is the place of the first bit from i on, n if there is none before n.
func first(set []uint64, i, n int) int {
	if i >= n {
		return n
	}
	k := i >> 6
	w := set[k] >> (i & 63) << (i & 63)
	for w == 0 {
		if k++; k == len(set) {
			return n
		}
		w = set[k]
	}
	return k<<6 + bits.TrailingZeros64(w)
}

// next is next of d.p from i on.
func (d *Detector) next(i int) int {
	if !vectors {
		return next(d.p, i)
	}
	for i = first(d.marks.events, i, len(d.p)); i < len(d.p); i = first(d.marks.events, i+1, len(d.p)) {
		if d.p[i] != '=' || i > 0 && letter(d.p[i-1]) {
			return i
		}
	}
	return i
}

// nextSuspect is nextSuspect of p, which m are of.
func (m *marks) nextSuspect(p []byte, i int) int {
	if !vectors {
		return nextSuspect(p, i)
	}
	return first(m.suspects, i, len(p))
}
