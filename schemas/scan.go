package schemas

import (
	"encoding/binary"
	"math/bits"
)

// scanner is the state of one pass. Methods take the place to read at and
// return the place behind what they read, or fail.
type scanner struct {
	p     []byte
	depth int
	err   error

	by     speed
	window window
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

// object reads the object at i into t.
func (s *scanner) object(i int, t *Target) int {
	p, cells := s.p, t.Cells
	if s.depth++; s.depth > MaxDepth {
		return s.fail(ErrDepth)
	}
	twice := t.Found // a name came again
	if twice {       // the last object wins
		t.forget()
	}
	t.Found = true
	next, first := 0, true
	for {
		// Members begin behind i, where the brace or a comma stands.
		at, n, named := s.members(i, next, t)
		moved := at != i
		i, next = at, n
		switch {
		case named:
			i = s.member(i, t, next, &cells[next])
			next++
		case moved && (i >= len(p) || p[i] != ','):
		default:
			i = s.space(i + 1)
			if first && !moved && i < len(p) && p[i] == '}' {
				s.depth--
				return i + 1
			}
			var label Cell
			if label, i = s.label(i); i == failed {
				return failed
			}
			if ord := s.ordinal(t.Names, label); ord >= 0 {
				twice = twice || ord < next
				next = ord + 1
				i = s.member(i, t, ord, &cells[ord])
			} else {
				m := Member{Name: label}
				i = s.member(i, t, ord, &m.Cell)
				t.Extra = append(t.Extra, m)
			}
		}
		first = false
		if i < len(p) && p[i] == ',' {
			continue
		}
		switch i = s.space(i); {
		case i >= len(p):
			return s.fail(ErrJSON)
		case p[i] == ',':
		case p[i] == '}':
			s.depth--
			if twice {
				s.settle(t)
			}
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
			sub.forget()
		}
	}
}

// forget leaves nothing of an object, nor of objects within: what an earlier value
// of a name held is not the record's.
func (t *Target) forget() {
	clear(t.Cells)
	t.Reset(t.Cells)
	for _, sub := range t.Sub {
		if sub != nil && sub.Found {
			sub.forget()
		}
	}
}

// member reads the value of member ord, or -1, with white space before it.
func (s *scanner) member(i int, t *Target, ord int, c *Cell) int {
	p := s.p
	if i < len(p) && p[i] == '"' {
		end, enc := s.string(i + 1)
		c.set(i+1, end, enc)
		return end + 1
	}
	i = s.space(i)
	var sub *Target
	if ord >= 0 && ord < len(t.Sub) {
		sub = t.Sub[ord]
	}
	if ord >= 0 && ord < len(t.Known) && i < len(p) && p[i] == '{' {
		if k := t.Known[ord]; len(k) > 0 && len(p)-i >= len(k) && string(p[i:i+len(k)]) == string(k) {
			t.Hit = uint32(i)
			c.set(i, i+len(k), EncJSON)
			return i + len(k)
		}
	}
	return s.value(i, sub, c)
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

// string reads the rest of a string whose quote is behind i-1, and returns the
// place of the closing quote. EncText promises valid UTF-8 without escapes.
func (s *scanner) string(i int) (int, Encoding) {
	p, start := s.p, i
	i, high := s.stop(i)
	if i < len(p) && p[i] == '"' {
		if high {
			return i, textEncoding(p[start:i])
		}
		return i, EncText
	}
	for i < len(p) && p[i] != '"' {
		n := escape(p[i:])
		if n == 0 { // or a control character
			return s.fail(ErrJSON), EncNone
		}
		i, _ = s.stop(i + n)
	}
	if i >= len(p) {
		return s.fail(ErrJSON), EncNone
	}
	return i, EncJSONString
}

// escape is the length of the escape at the front of p, or 0.
func escape(p []byte) int {
	if len(p) < 2 || p[0] != '\\' {
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

// digitsEnd is the place behind the digits at i.
func digitsEnd(p []byte, i int) int {
	for len(p)-i >= 8 {
		if m := others(binary.LittleEndian.Uint64(p[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
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
