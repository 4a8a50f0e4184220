//go:build !purego

package schemas

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// Marks are what the scanner asks of every byte, answered ahead of it for 64
// bytes at a time: a walk that asks bit sets "where does this string end" waits
// for one load, one shift and one count of zeros, however long the string is.

const (
	markBlocks = 32 // of 64 bytes: how much is marked ahead
	markSize   = 64 * markBlocks
)

// bitset has bit i for byte i, little-endian, and eight bytes behind for reads
// that begin near its end.
type bitset [markSize/8 + 8]byte

// from are the bits of at least 57 bytes, of byte i first. Zeros follow.
func (b *bitset) from(i int) uint64 {
	k := uint(i) / 8 % (markSize / 8)
	return binary.LittleEndian.Uint64(b[k:k+8]) >> (uint(i) & 7)
}

// marks are the bits of a window of a text. Behind its end stop and other are
// ones, so that what looks for an end finds it there. Assembly knows its layout.
type marks struct {
	stop  bitset // may not stand in a string as it is: quote, backslash, control character
	high  bitset // of a character beyond ASCII
	other bitset // no digit
}

// end sets what lies behind the bits of n bytes, a multiple of 8.
func (m *marks) end(n int) {
	binary.LittleEndian.PutUint64(m.stop[n/8:], ^uint64(0))
	binary.LittleEndian.PutUint64(m.high[n/8:], 0)
	binary.LittleEndian.PutUint64(m.other[n/8:], ^uint64(0))
}

// marks512 marks n bytes at p, of which it reads no byte behind the last, and
// sets what lies behind them.
//
//go:noescape
func marks512(p *byte, n int, m *marks)

// marks256 marks whole blocks of 64 bytes at p; m is where their bits begin.
//
//go:noescape
func marks256(p *byte, blocks int, m *byte)

// set marks p, which is not empty and at most markSize bytes.
func (m *marks) set(by speed, p []byte) {
	if by == avx512 {
		marks512(&p[0], len(p), m)
		return
	}
	blocks := len(p) / 64
	marks256(&p[0], blocks, &m.stop[0])
	if rest := p[blocks*64:]; len(rest) > 0 {
		var pad [64]byte // zeros are control characters and no digits
		copy(pad[:], rest)
		marks256(&pad[0], 1, &m.stop[blocks*8])
		blocks++
	}
	m.end(blocks * 64)
}

// fastest is what the processor has and the system saves the registers of.
var fastest = func() speed {
	switch {
	case !cpu.X86.HasBMI1 || !cpu.X86.HasBMI2 || !cpu.X86.HasAVX2:
		return portable
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW:
		return avx512
	}
	return avx2
}()

// window is the part of a text that is marked.
type window struct {
	base  int // it begins here
	limit int // from here on more has to be marked
	marks marks
}

func (w *window) reset() { w.limit = 0 }

// more marks the text from i on; false: there is none.
func (s *scanner) more(i int) bool {
	if i >= len(s.p) {
		return false
	}
	w := &s.window
	w.base = i &^ 63
	end := min(w.base+markSize, len(s.p))
	w.marks.set(s.by, s.p[w.base:end])
	if w.limit = end; end < len(s.p) {
		w.limit -= 64 // a look from there on would see too little
	}
	return true
}

// markedStop is stop by marks.
func (s *scanner) markedStop(i int) (at int, high bool) {
	w := &s.window
	for i < w.limit || s.more(i) {
		stop := w.marks.stop.from(i - w.base)
		high = high || w.marks.high.from(i-w.base)&(stop^(stop-1)) != 0
		if stop != 0 {
			return min(i+bits.TrailingZeros64(stop), len(s.p)), high
		}
		i += 57
	}
	return len(s.p), high
}

//go:noescape
func runBMI2(p unsafe.Pointer, m *marks, names *name, cells *Cell, lengths *int32, count, i, limit, from int) (at, n int, check uint64, named bool)

// markedMembers is run by marks.
func (s *scanner) markedMembers(i, next int, t *Target) (at, n int, named bool) {
	w := &s.window
	if i+64 > w.limit && w.limit < len(s.p) {
		s.more(i)
	}
	names, limit := t.Names.list[next:], w.limit-w.base-margin
	if len(names) == 0 || limit < i-w.base {
		return i, next, false
	}
	if len(t.lengths) < len(t.Names.list) {
		t.lengths = make([]int32, len(t.Names.list))
	}
	cells := t.Cells[next:][:len(names)]
	at, n, check, named := runBMI2(unsafe.Pointer(&s.p[w.base]), &w.marks, &names[0], &cells[0], &t.lengths[next], len(names), i-w.base, limit, w.base)
	if check != 0 {
		s.checkUTF8(cells[:n], check)
	}
	return w.base + at, next + n, named
}

// checkUTF8 looks at the texts that runBMI2 left to it: those at places of which
// check has the bit, modulo 64.
func (s *scanner) checkUTF8(cells []Cell, check uint64) {
	for ; check != 0; check &= check - 1 {
		for i := bits.TrailingZeros64(check); i < len(cells); i += 64 {
			if c := &cells[i]; c.Enc == encUnchecked {
				c.Enc = textEncoding(s.p[c.Off : c.Off+c.Len])
			}
		}
	}
}
