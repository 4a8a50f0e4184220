package schemas

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// scanner is the state of one pass. Methods take the place to read at and
// return the place behind what they read, or fail.
type scanner struct {
	p     []byte
	depth int
	err   error
}

// failed is a place behind every end: whatever is tried there fails again.
const failed = 1 << 62

func (s *scanner) fail(err error) int {
	if s.err == nil {
		s.err = err
	}
	return failed
}

func (s *scanner) space(i int) int {
	for i < len(s.p) && s.p[i] <= ' ' && (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t') {
		i++
	}
	return i
}

// set writes a cell field by field: a Cell built elsewhere and copied would wait
// for its narrow stores to be read back by wide loads (measured: 15% of all).
func (c *Cell) set(off, end int, enc Encoding) {
	c.Off, c.Len, c.Enc, c.Flags = uint32(off), uint32(end-off), enc, Present
}

// value reads any value at i into c.
func (s *scanner) value(i int, t *Target, c *Cell) int {
	p := s.p
	if uint(i) >= uint(len(p)) {
		return s.fail(ErrJSON)
	}
	switch ch := p[i]; {
	case ch == '"':
		end, enc := s.string(i + 1)
		c.set(i+1, end, enc)
		return end + 1
	case ch == '-' || ch-'0' <= 9:
		end, enc := s.number(i)
		c.set(i, end, enc)
		return end
	case ch == '{' && t != nil:
		end := s.object(i, t)
		c.set(i, end, EncJSON)
		return end
	case ch == '{' || ch == '[':
		end := s.skip(i)
		c.set(i, end, EncJSON)
		return end
	}
	return s.literal(i, c)
}

func (s *scanner) literal(i int, c *Cell) int {
	p := s.p
	if i+4 <= len(p) {
		switch binary.LittleEndian.Uint32(p[i:]) {
		case 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24:
			c.Off, c.Len, c.Enc, c.Flags = uint32(i), 0, EncNone, Present|Null
			return i + 4
		case 't' | 'r'<<8 | 'u'<<16 | 'e'<<24:
			c.set(i, i+4, EncTrue)
			return i + 4
		case 'f' | 'a'<<8 | 'l'<<16 | 's'<<24:
			if i+5 <= len(p) && p[i+4] == 'e' {
				c.set(i, i+5, EncFalse)
				return i + 5
			}
		}
	}
	return s.fail(ErrJSON)
}

// object reads the object at i into t. It is long because it is the loop that
// all the time goes to: calls in it were measured.
func (s *scanner) object(i int, t *Target) int {
	p, names, cells := s.p, t.Names.list, t.Cells
	if s.depth++; s.depth > MaxDepth {
		return s.fail(ErrDepth)
	}
	if t.Found { // the name came twice: the last object wins
		clear(cells)
		t.Extra, t.Hit = t.Extra[:0], 0
	}
	t.Found = true
	i++
	if i < len(p) && p[i] <= ' ' {
		i = s.space(i)
	}
	if i < len(p) && p[i] == '}' {
		s.depth--
		return i + 1
	}
	var other Cell // of a member without an ordinal
	next := 0
	for {
		ord := -1
		var label Cell
		if next < len(names) {
			if n := &names[next]; n.at(p, i) {
				ord = int(n.ord)
				i += len(n.lit)
				next++
				goto value
			}
		}
		label, i = s.label(i)
		if i == failed {
			return failed
		}
		if ord = s.ordinal(t.Names, label); ord >= 0 {
			next = ord + 1
		}
	value:
		if i < len(p) && p[i] <= ' ' {
			i = s.space(i)
		}
		dst := &other
		if ord >= 0 {
			dst = &cells[ord]
		}
		switch {
		case uint(i) < uint(len(p)) && p[i] == '"':
			end, enc := s.string(i + 1)
			dst.set(i+1, end, enc)
			i = end + 1
		case uint(i) < uint(len(p)) && p[i]-'0' <= 9:
			end, enc := s.number(i)
			dst.set(i, end, enc)
			i = end
		default:
			i = s.member(i, t, ord, dst)
		}
		if ord < 0 {
			t.Extra = append(t.Extra, Member{Name: label, Cell: other})
		}
		if i < len(p) && p[i] == ',' && i+1 < len(p) && p[i+1] == '"' {
			i++
			continue
		}
		if i < len(p) && p[i] <= ' ' {
			i = s.space(i)
		}
		switch {
		case i >= len(p):
			return s.fail(ErrJSON)
		case p[i] == ',':
			i = s.space(i + 1)
		case p[i] == '}':
			s.depth--
			s.settle(t)
			return i + 1
		default:
			return s.fail(ErrJSON)
		}
	}
}

// settle forgets an object whose name came again with a value that is none.
func (s *scanner) settle(t *Target) {
	for ord, sub := range t.Sub {
		if sub == nil {
			continue
		}
		if c := t.Cells[ord]; sub.Found && !c.Absent() && (c.Enc != EncJSON || s.p[c.Off] != '{') {
			clear(sub.Cells)
			sub.Reset(sub.Cells)
		}
	}
}

// member reads the value of member ord, or -1, that is no string.
func (s *scanner) member(i int, t *Target, ord int, c *Cell) int {
	var sub *Target
	if ord >= 0 && ord < len(t.Sub) {
		sub = t.Sub[ord]
	}
	if ord >= 0 && ord < len(t.Known) && i < len(s.p) && s.p[i] == '{' {
		if k := t.Known[ord]; len(k) > 0 && len(s.p)-i >= len(k) && string(s.p[i:i+len(k)]) == string(k) {
			t.Hit = uint32(i)
			c.set(i, i+len(k), EncJSON)
			return i + len(k)
		}
	}
	return s.value(i, sub, c)
}

// at reports whether n stands at i, in its usual spelling.
func (n *name) at(p []byte, i int) bool {
	k := len(n.lit)
	if len(p)-i < k || len(p)-i < 8 || !n.simple {
		return false
	}
	if binary.LittleEndian.Uint64(p[i:])&n.mask != n.head {
		return false
	}
	switch {
	case k <= 8:
		return true
	case binary.LittleEndian.Uint64(p[i+k-8:]) != n.tail:
		return false
	case k <= 16:
		return true
	}
	return string(p[i+8:i+k-8]) == n.lit[8:k-8]
}

// label reads a member's name and the colon behind it.
func (s *scanner) label(i int) (Cell, int) {
	p := s.p
	if uint(i) >= uint(len(p)) || p[i] != '"' {
		return Cell{}, s.fail(ErrJSON)
	}
	end, enc := s.string(i + 1)
	c := Cell{Off: uint32(i + 1), Len: uint32(end - i - 1), Enc: enc, Flags: Present}
	i = s.space(end + 1)
	if uint(i) >= uint(len(p)) || p[i] != ':' {
		return c, s.fail(ErrJSON)
	}
	return c, i + 1
}

func (s *scanner) ordinal(names *Names, label Cell) int {
	p := s.p[label.Off : label.Off+label.Len]
	if label.Enc == EncText {
		return names.Ordinal(p)
	}
	var buf [128]byte
	return names.Ordinal(appendUnescaped(buf[:0], p))
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// string reads the rest of a string whose quote is behind i-1, and returns the
// place of the closing quote. EncText promises valid UTF-8 without escapes.
func (s *scanner) string(i int) (int, Encoding) {
	p, start := s.p, i
	enc := EncText
	var high uint64 // bytes of 0x80 and above, which need a look at the end
	for {
		for len(p)-i >= 8 {
			w := binary.LittleEndian.Uint64(p[i:])
			q := w ^ '"'*ones
			e := w ^ '\\'*ones
			// The lowest set bit is exact: borrows only reach upwards.
			m := ((q-ones)&^q | (e-ones)&^e | (w-' '*ones)&^w) & highs
			if m == 0 {
				high |= w
				i += 8
				continue
			}
			n := bits.TrailingZeros64(m) // 8*place + 7
			high |= w & (1<<(n&^7) - 1)
			i += n >> 3
			goto hit
		}
		for i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= ' ' {
			high |= uint64(p[i])
			i++
		}
	hit:
		if i >= len(p) {
			return s.fail(ErrJSON), EncNone
		}
		switch p[i] {
		case '"':
			if high&highs != 0 && enc == EncText && !utf8.Valid(p[start:i]) {
				enc = EncJSONString
			}
			return i, enc
		case '\\':
			enc = EncJSONString
			n := escape(p[i:])
			if n == 0 {
				return s.fail(ErrJSON), EncNone
			}
			i += n
		default: // a control character
			return s.fail(ErrJSON), EncNone
		}
	}
}

// escape is the length of the escape at the front of p, or 0.
func escape(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	if p[1] == 'u' {
		if _, ok := hex4(p); ok {
			return 6
		}
		return 0
	}
	if unescape[p[1]] != 0 {
		return 2
	}
	return 0
}

// number reads the number at i.
func (s *scanner) number(i int) (int, Encoding) {
	p := s.p
	if p[i] == '-' {
		i++
	}
	if i >= len(p) || p[i]-'0' > 9 {
		return s.fail(ErrJSON), EncNone
	}
	if p[i] == '0' {
		i++
	} else {
		i = digitsEnd(p, i)
	}
	if i >= len(p) || p[i] != '.' && p[i]|0x20 != 'e' {
		return i, EncInt
	}
	if p[i] == '.' {
		j := digitsEnd(p, i+1)
		if j == i+1 {
			return s.fail(ErrJSON), EncNone
		}
		i = j
	}
	if i < len(p) && p[i]|0x20 == 'e' {
		i++
		if i < len(p) && (p[i] == '-' || p[i] == '+') {
			i++
		}
		j := digitsEnd(p, i)
		if j == i {
			return s.fail(ErrJSON), EncNone
		}
		i = j
	}
	return i, EncFloat
}

func digitsEnd(p []byte, i int) int {
	for i < len(p) && p[i]-'0' <= 9 {
		i++
	}
	return i
}

// skip checks the object or array at i and all within, without recursion: what
// is open at each level is a bit.
func (s *scanner) skip(i int) int {
	p := s.p
	var objects [MaxDepth/64 + 1]uint64 // bit d: level d is an object
	base := s.depth
	for {
		// A value begins at i.
		if uint(i) >= uint(len(p)) {
			return s.fail(ErrJSON)
		}
		switch ch := p[i]; {
		case ch == '"':
			i, _ = s.string(i + 1)
			i++
		case ch == '{' || ch == '[':
			if s.depth++; s.depth > MaxDepth {
				return s.fail(ErrDepth)
			}
			bit := uint64(1) << (s.depth & 63)
			closer := byte(']')
			if ch == '{' {
				objects[s.depth>>6] |= bit
				closer = '}'
			} else {
				objects[s.depth>>6] &^= bit
			}
			i = s.space(i + 1)
			if i < len(p) && p[i] == closer {
				i++
				s.depth--
				break
			}
			if ch == '{' {
				_, i = s.label(i)
				i = s.space(i)
			}
			continue
		case ch == '-' || ch-'0' <= 9:
			i, _ = s.number(i)
		default:
			var c Cell
			i = s.literal(i, &c)
		}
		// A value ended before i: close what ends, or go on behind the comma.
		for {
			if s.depth == base {
				return i
			}
			i = s.space(i)
			if uint(i) >= uint(len(p)) {
				return s.fail(ErrJSON)
			}
			object := objects[s.depth>>6]>>(s.depth&63)&1 == 1
			if p[i] == ',' {
				i = s.space(i + 1)
				if object {
					_, i = s.label(i)
					i = s.space(i)
				}
				break
			}
			if object && p[i] != '}' || !object && p[i] != ']' {
				return s.fail(ErrJSON)
			}
			i++
			s.depth--
		}
	}
}
