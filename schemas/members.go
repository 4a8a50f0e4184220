package schemas

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// speed is a way to search text: what the machine can do.
type speed uint8

const (
	portable speed = iota // eight bytes at a time, in Go
	avx2                  // with marks: see marks_amd64.go
	avx512
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stops are the bytes of w that may not stand in a string as they are: quote,
// backslash and control characters. The lowest high bit set is exact: borrows
// only reach upwards.
func stops(w uint64) uint64 {
	q, e := w^2*ones, w^'\\'*ones // q of a quote and of control characters is a space or less
	return ((q-(' '+1)*ones)&^q | (e-ones)&^e) & highs
}

// others are the bytes of w that are no digit, as exact.
func others(w uint64) uint64 {
	d := w ^ '0'*ones
	return (d&^highs + (0x7F-9)*ones | d) & highs
}

// stop is the place of the first byte from i on that may not stand in a string
// as it is, or the end; high tells that there is a byte of 0x80 or above before it.
func (s *scanner) stop(i int) (at int, high bool) {
	if s.by != portable {
		return s.markedStop(i)
	}
	p := s.p
	var seen uint64
	for len(p)-i >= 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		m := stops(w)
		if m == 0 {
			seen |= w
			i += 8
			continue
		}
		n := bits.TrailingZeros64(m) // 8*place + 7
		return i + n>>3, (seen|w&(1<<(n&^7)-1))&highs != 0
	}
	for i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= ' ' {
		seen |= uint64(p[i])
		i++
	}
	return i, seen&highs != 0
}

// encUnchecked is EncText of characters beyond ASCII, in a cell that has to be
// looked at before it leaves this package.
const encUnchecked = 0xFF

// textEncoding is that of a text without escapes.
func textEncoding(p []byte) Encoding {
	if valid(p) {
		return EncText
	}
	return EncJSONString
}

// valid is utf8.Valid, quick for what most names need: ASCII with characters of
// two bytes among it.
func valid(p []byte) bool {
	for i := 0; i < len(p); {
		if len(p)-i >= 8 {
			m := binary.LittleEndian.Uint64(p[i:]) & highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		switch c := p[i]; {
		case c < utf8.RuneSelf:
			i++
		case c-0xC2 <= 0xDF-0xC2 && i+1 < len(p) && p[i+1]&0xC0 == 0x80:
			i += 2
		default:
			return utf8.Valid(p[i:])
		}
	}
	return true
}

// members reads the members of an object that are the next ones of t's names,
// in their usual spelling, with plain strings, literals or numbers without exponent as
// values.
// It begins where the comma or brace before the first stands and returns the
// place behind the last value and how many names it came past; named says that
// the next name follows as well, and that the place is that of its value.
func (s *scanner) members(i, next int, t *Target) (at, n int, named bool) {
	if s.by != portable {
		return s.markedMembers(i, next, t)
	}
	names := t.Names.list[next:]
	at, n, named = run(s.p, names, t.Cells[next:][:len(names)], i)
	return at, next + n, named
}

// margin is how far run looks beyond a place.
const margin = 8

// run is members of p. It makes no call while all is ASCII, and reads eight
// bytes at places that are not within margin of the end: the compiler keeps what
// it needs in registers and checks nothing again. The assembly is its twin.
func run(p []byte, names []name, cells []Cell, i int) (at, n int, named bool) {
	text, limit := unsafe.Pointer(unsafe.SliceData(p)), len(p)-margin
	for k := range names {
		e := &names[k]
		j := i + int(e.size)
		if j > limit || load64(text, i)&e.mask != e.head ||
			e.size > 8 && (load64(text, j-8) != e.tail || e.size > 16 && (load64(text, i+8) != e.second || load64(text, j-16) != e.third)) {
			return i, k, false
		}
		c := &cells[k]
		switch ch := load8(text, j); {
		case ch == '"':
			v := j + 1
			var high, m uint64
			for i = v; i <= limit; i += 8 {
				w := load64(text, i)
				if m = stops(w); m != 0 {
					high |= w & (m ^ (m - 1))
					break
				}
				high |= w
			}
			i += bits.TrailingZeros64(m) >> 3
			if i >= limit || load8(text, i) != '"' { // or m is 0
				return j, k, true
			}
			c.set(v, i, EncText)
			if high&highs != 0 {
				c.Enc = textEncoding(p[v:i])
			}
			i++
		case ch-'0' <= 9, ch == '-':
			d := j
			if ch == '-' {
				d++
				if ch = load8(text, d); ch-'0' > 9 {
					return j, k, true
				}
			}
			enc := EncInt
			if i = runDigits(text, d, limit); i >= limit || ch == '0' && i != d+1 {
				return j, k, true
			}
			if ch = load8(text, i); ch == '.' {
				d = i + 1
				if i = runDigits(text, d, limit); i >= limit || i == d {
					return j, k, true
				}
				enc, ch = EncFloat, load8(text, i)
			}
			if ch|0x20 == 'e' {
				return j, k, true
			}
			c.set(j, i, enc)
		default:
			i = j + 4
			switch uint32(load64(text, j)) {
			case 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24:
				c.Off, c.Len, c.Enc, c.Flags = uint32(j), 0, EncNone, Present|Null
			case 't' | 'r'<<8 | 'u'<<16 | 'e'<<24:
				c.set(j, i, EncTrue)
			case 'f' | 'a'<<8 | 'l'<<16 | 's'<<24:
				if load8(text, i) != 'e' {
					return j, k, true
				}
				i++
				c.set(j, i, EncFalse)
			default:
				return j, k, true
			}
		}
		if load8(text, i) != ',' {
			return i, k + 1, false
		}
	}
	return i, len(names), false
}

// runDigits is the place behind the digits at i; limit or beyond it: they may go on.
func runDigits(text unsafe.Pointer, i, limit int) int {
	for ; i <= limit; i += 8 {
		if m := others(load64(text, i)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

func load64(p unsafe.Pointer, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(p, i))[:])
}

func load8(p unsafe.Pointer, i int) byte { return *(*byte)(unsafe.Add(p, i)) }
