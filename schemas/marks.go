package schemas

import "encoding/binary"

// Marks are what the scanner asks of every byte, answered ahead of it for 64
// bytes at a time: a walk that asks bit sets for "where does this string end"
// waits for one load and one count of zeros, however long the string is. Which
// bytes are marked is said here in Go; assembly makes the same bits faster.

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
// ones, so that what looks for an end finds it there.
type marks struct {
	stop  bitset // may not stand in a string as it is: quote, backslash, control character
	high  bitset // of a character beyond ASCII
	other bitset // no digit
}

// set marks p, at most markSize bytes.
func (m *marks) set(p []byte) {
	k := 0
	for ; len(p) >= 8; p, k = p[8:], k+1 {
		m.word(k, binary.LittleEndian.Uint64(p))
	}
	if len(p) > 0 {
		var w uint64 // a zero is a control character and no digit
		for i, ch := range p {
			w |= uint64(ch) << (8 * i)
		}
		m.word(k, w)
		k++
	}
	m.end(8 * k)
}

// end sets what lies behind the bits of n bytes, a multiple of 8.
func (m *marks) end(n int) {
	binary.LittleEndian.PutUint64(m.stop[n/8:], ^uint64(0))
	binary.LittleEndian.PutUint64(m.high[n/8:], 0)
	binary.LittleEndian.PutUint64(m.other[n/8:], ^uint64(0))
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// word marks eight bytes at once. A sum of seven bits never carries into the
// next byte, so that each of them is told exactly.
func (m *marks) word(k int, w uint64) {
	const low = ^uint64(highs)
	q, e, c, d := w^'"'*ones, w^'\\'*ones, w&(0xE0*ones), w^'0'*ones
	plain := (q&low + low | q) & (e&low + low | e) & (c&low + low | c) // high bit: none of the three is zero
	m.stop[k] = gather(^plain & highs)
	m.high[k] = gather(w & highs)
	m.other[k] = gather((d&low + (0x7F-9)*ones | d) & highs)
}

// gather makes the high bits of eight bytes one byte.
func gather(w uint64) byte { return byte(w >> 7 * 0x0102040810204080 >> 56) }
