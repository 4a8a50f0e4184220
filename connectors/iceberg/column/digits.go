package column

import (
	"encoding/binary"
	"math/bits"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Most numbers are short, and a cell lies behind other bytes of its record: so
// the eight bytes that end where a number ends are read as one word, what
// stands before the number is blanked out, and no loop goes over the digits,
// whose number a processor would have to guess. In such a word the first digit
// is in the lowest byte, and every byte is a digit less '0'.

const (
	zeros     = 0x3030303030303030 // eight times '0'
	aboveNine = 0x7676767676767676 // carries what is more than 9 into the highest bit
	highest   = 0x8080808080808080
	noDigits  = 0x1010101010101010 // a bit that digits do not have, and a point has
	minus     = '-' ^ '0'
	dot       = '.' ^ '0'
)

// word is the eight bytes of row that end where c does, all of which are there
// if c ends at byte 8 or behind it.
func word(row *stream.CleanRow, c *schemas.Cell) uint64 {
	return binary.LittleEndian.Uint64(row.Bytes(schemas.Cell{Off: c.Off + c.Len - 8, Len: 8, Flags: c.Flags})) ^ zeros
}

// last keeps the last n bytes of a word, 1 to 8.
func last(w uint64, n uint32) uint64 { return w & (^uint64(0) << ((64 - 8*n) & 63)) }

// allDigits reports whether every byte is 0 to 9.
func allDigits(w uint64) bool { return (w|(w+aboveNine))&highest == 0 }

// number is the number that eight digits are: pairs, then all four of them at
// once (Lemire, "Quickly parsing eight digits").
func number(w uint64) uint64 {
	const pair = 0x000000FF000000FF
	w = w*10 + w>>8
	return ((w&pair)*(100+1_000_000<<32) + (w>>16&pair)*(1+10_000<<32)) >> 32
}

// withoutPoint takes the point out of a word where it has frac bytes behind it,
// and moves what is before it up, with first in front. It reports false if
// there is no point.
func withoutPoint(w uint64, frac int, first uint64) (uint64, bool) {
	at := uint(56-8*frac) & 63
	before := w & (1<<at - 1)
	return w>>at>>8<<8<<at | before<<8 | first, byte(w>>at) == dot
}

// longInt reads an integer of at most sixteen bytes.
func longInt(row *stream.CleanRow, c *schemas.Cell) (int64, bool) {
	hi, lo, neg, ok := words(row, c)
	if !ok || !allDigits(hi) || !allDigits(lo) {
		return 0, false
	}
	v := int64(number(lo)*100_000_000 + number(hi))
	if neg {
		v = -v
	}
	return v, true
}

// longFloat reads a number of at most sixteen bytes. It is exact: an integer
// up to 2^53 divided by a power of ten below 10^23 rounds once (Clinger 1990).
func longFloat(row *stream.CleanRow, c *schemas.Cell) (float64, bool) {
	hi, lo, neg, ok := words(row, c)
	if !ok {
		return 0, false
	}
	frac := 0
	if m := hi & noDigits; m != 0 {
		frac = bits.LeadingZeros64(m) >> 3
		if hi, ok = withoutPoint(hi, frac, lo>>56); !ok || c.Len == 2 { // -.
			return 0, false
		}
		lo <<= 8
	} else if m := lo & noDigits; m != 0 {
		frac = bits.LeadingZeros64(m) >> 3
		if lo, ok = withoutPoint(lo, frac, 0); !ok {
			return 0, false
		}
		frac += 8
	}
	if !allDigits(hi) || !allDigits(lo) {
		return 0, false
	}
	v := number(hi)
	if lo != 0 {
		if v += number(lo) * 100_000_000; v > 1<<53 {
			return 0, false
		}
	}
	f := float64(int64(v)) / exact64[frac]
	if neg {
		f = -f
	}
	return f, true
}

// words are the last two words of c without its sign. It reports false for what
// is longer, has less than two bytes, or is too near to the start of its memory.
func words(row *stream.CleanRow, c *schemas.Cell) (hi, lo uint64, neg, ok bool) {
	n, end := c.Len, c.Off+c.Len
	if n-2 > 14 || end < 16 {
		return 0, 0, false, false
	}
	p := row.Bytes(schemas.Cell{Off: end - 16, Len: 16, Flags: c.Flags})
	if neg = p[16-n] == '-'; neg {
		n--
	}
	hi, lo = binary.LittleEndian.Uint64(p[8:])^zeros, binary.LittleEndian.Uint64(p)^zeros
	if n <= 8 {
		return last(hi, n), 0, neg, true
	}
	return hi, last(lo, n-8), neg, true
}
