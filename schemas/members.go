package schemas

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// members reads the members of an object that are the next ones of t's names,
// in their usual spelling, with plain strings, integers or literals as values.
// It begins where the comma or brace before the first stands and returns the
// place behind the last value and how many names it came past; named says that
// the next name follows as well, and that the place is that of its value.
func (s *scanner) members(i, next int, t *Target) (at, n int, named bool) {
	if i+64 > s.limit && s.limit < len(s.p) {
		s.more(i)
	}
	names, room := t.Names.list[next:], s.limit-s.base-margin
	if len(names) == 0 || room < i-s.base {
		return i, next, false
	}
	cells := t.Cells[next:][:len(names)]
	if len(t.lengths) < len(t.Names.list) {
		t.lengths = make([]int32, len(t.Names.list))
	}
	var check bool
	at, n, named, check = s.by.run(unsafe.Pointer(&s.p[s.base]), &s.marks, names, cells, t.lengths[next:], i-s.base, room, s.base)
	if check {
		s.checkUTF8(cells[:n])
	}
	return s.base + at, next + n, named
}

// encUnchecked is EncText of characters beyond ASCII, between run and members.
const encUnchecked = 0xFF

// checkUTF8 looks at the texts that run left to it.
func (s *scanner) checkUTF8(cells []Cell) {
	for i := range cells {
		if c := &cells[i]; c.Enc == encUnchecked {
			if c.Enc = EncText; !utf8.Valid(s.p[c.Off : c.Off+c.Len]) {
				c.Enc = EncJSONString
			}
		}
	}
}

// margin is how far run looks beyond its limit: eight bytes, of which the last
// is one behind what it looks for.
const margin = 8

// run is members within one window of marks, whose text is at p: i, limit and
// the result count from there, cells from from bytes earlier. It reads nothing
// from limit+margin on. It makes no call: the compiler keeps what it needs in
// registers. There is a twin of it in assembly.
func run(p unsafe.Pointer, m *marks, names []name, cells []Cell, i, limit, from int) (at, n int, named, check bool) {
	bits0 := unsafe.Pointer(m)
	for k := range names {
		e := &names[k]
		j := i + int(e.size)
		if j > limit || load64(p, i)&e.mask != e.head ||
			e.size > 8 && (load64(p, j-8) != e.tail || e.size > 16 && (load64(p, i+8) != e.second || load64(p, j-16) != e.third)) {
			return i, k, false, check
		}
		c := &cells[k]
		switch ch := load8(p, j); {
		case ch == '"':
			v := j + 1
			stop := load64(bits0, v>>3) >> (v & 7)
			if stop == 0 {
				return j, k, true, check
			}
			end := v + bits.TrailingZeros64(stop)
			if end-6 > limit || load8(p, end) != '"' {
				return j, k, true, check
			}
			c.set(v+from, end+from, EncText)
			i = end + 1
			if load64(bits0, marksHigh+v>>3)>>(v&7)&(stop^(stop-1)) != 0 {
				c.Enc, check = encUnchecked, true
			}
		case ch-'0' <= 9:
			other := load64(bits0, marksOther+j>>3) >> (j & 7)
			if other == 0 {
				return j, k, true, check
			}
			end := j + bits.TrailingZeros64(other)
			if end-7 > limit || ch == '0' && end != j+1 {
				return j, k, true, check
			}
			if ch = load8(p, end); ch == '.' || ch|0x20 == 'e' {
				return j, k, true, check
			}
			c.set(j+from, end+from, EncInt)
			i = end
		default:
			switch uint32(load64(p, j)) {
			case 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24:
				c.Off, c.Len, c.Enc, c.Flags = uint32(j+from), 0, EncNone, Present|Null
			case 't' | 'r'<<8 | 'u'<<16 | 'e'<<24:
				c.set(j+from, j+4+from, EncTrue)
			default:
				return j, k, true, check
			}
			i = j + 4
		}
		if load8(p, i) != ',' {
			return i, k + 1, false, check
		}
	}
	return i, len(names), false, check
}

// Where the bit sets lie in marks; stop is the first.
const (
	marksHigh  = int(unsafe.Offsetof(marks{}.high))
	marksOther = int(unsafe.Offsetof(marks{}.other))
)

func load64(p unsafe.Pointer, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(p, i))[:])
}

func load8(p unsafe.Pointer, i int) byte { return *(*byte)(unsafe.Add(p, i)) }
