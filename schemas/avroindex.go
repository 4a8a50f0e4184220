package schemas

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// AvroIndex is a program that reads binary records of one schema into the cells
// of a Target and its Subs, as ScanJSON reads the JSON that AppendJSON makes of
// them: the same fields are there, null or absent, and their cells spell the
// same values. Cells lie in the data, but for values that it holds in no form
// of their own (enums, arrays, maps, records and unions of more types): those are
// made as JSON in an arena, and their cells flagged InArena.
//
// It is for one goroutine, and for as long as the Targets and their Names stay
// the same; their Cells may change.
type AvroIndex struct {
	steps []avroStep // of the outermost record, then of records within
	spans []avroSpan
}

// avroSpan is the steps of one record and where its fields go.
type avroSpan struct {
	from, to int
	target   *Target
}

// avroStep reads one field. What is optional begins with a byte of its own.
type avroStep struct {
	do   avroDo
	null uint8 // the byte that says null, 0 or 2; notNull: it is not optional
	ord  int32 // -1: nobody asked for it
	last int32 // how many bytes it had the last time: a guess, see runBMI2
	size int32 // of fixed; of a record, which span
	node *avroNode
}

const notNull = 1

type avroDo uint8

const (
	doText avroDo = iota
	doVarint
	doInt
	doDouble
	doBoolean
	doFloat
	doBytes
	doFixed
	doNull
	doRecord
	doSymbol
	doOther
)

// Index compiles a program that reads a's records into t. ok is false where the
// data are no records, or where a field of one of whole, which are t or Subs of
// it, has no name there.
func (a *Avro) Index(t *Target, whole ...*Target) (x *AvroIndex, ok bool) {
	x = &AvroIndex{}
	return x, a.root.op == avroRecord && x.record(a.root, t, whole, 0)
}

func (x *AvroIndex) record(n *avroNode, t *Target, whole []*Target, depth int) bool {
	if depth > avroMaxDepth {
		return false
	}
	from := len(x.steps)
	span := len(x.spans)
	x.spans = append(x.spans, avroSpan{from, from + len(n.sub), t})
	var list []avroStep
	for i, sub := range n.sub {
		s := avroStep{null: notNull, ord: int32(t.Names.Ordinal([]byte(n.connect.Fields[i].Field))), node: sub}
		if s.ord < 0 && slices.Contains(whole, t) {
			return false
		}
		if sub.op == avroUnion {
			if v, ok := sub.optional(); ok {
				s.null = 0
				if sub.sub[1].op == avroNull {
					s.null = 2
				}
				s.node = v
			}
		}
		s.do, s.size = doOf(s.node)
		if s.do == doOther && s.node.op == avroRecord && s.ord >= 0 && int(s.ord) < len(t.Sub) && t.Sub[s.ord] != nil {
			s.do = doRecord
		}
		list = append(list, s)
	}
	x.steps = append(x.steps, list...)
	for i := range list {
		if s := &x.steps[from+i]; s.do == doRecord {
			s.size = int32(len(x.spans))
			if !x.record(s.node, t.Sub[s.ord], whole, depth+1) {
				return false
			}
		}
	}
	return span >= 0
}

func doOf(n *avroNode) (do avroDo, size int32) {
	switch n.op {
	case avroNull:
		return doNull, 0
	case avroBoolean:
		return doBoolean, 0
	case avroInt:
		return doInt, 0
	case avroLong:
		return doVarint, 0
	case avroFloat:
		return doFloat, 0
	case avroDouble:
		return doDouble, 0
	case avroBytes:
		return doBytes, 0
	case avroString:
		return doText, 0
	case avroFixed:
		return doFixed, int32(n.size)
	case avroEnum:
		return doSymbol, 0
	}
	return doOther, 0
}

// Scan reads the record that p[off:] is, all of it, and appends to arena what
// cells flagged InArena lie in. After an error the cells mean nothing. It
// returns the cell of the whole, as ScanJSON does.
func (x *AvroIndex) Scan(p []byte, off int, arena []byte) (whole Cell, grown []byte, err error) {
	if uint64(len(p)) >= 1<<32 {
		return whole, arena, ErrAvro
	}
	s := avroScan{x: x, p: p, arena: arena, from: len(arena)}
	if end := s.record(off, 0); end != len(p) || uint64(len(s.arena)) >= 1<<32 {
		return whole, s.arena[:len(arena)], ErrAvro
	}
	whole.set(off, len(p), EncJSON)
	return whole, s.arena, nil
}

type avroScan struct {
	x     *AvroIndex
	p     []byte
	arena []byte
	from  int // what is in the arena from here on is this record's
}

// bad is no place: the data do not follow the schema.
const bad = -1

// record reads the record of a span at i and returns the place behind it.
func (s *avroScan) record(i, span int) int {
	p := s.p
	sp := &s.x.spans[span]
	steps, t := s.x.steps[sp.from:sp.to], sp.target
	t.Found = true
	var other Cell
	for k := range steps {
		e := &steps[k]
		c := &other
		if uint(e.ord) < uint(len(t.Cells)) {
			c = &t.Cells[e.ord]
		} else {
			t.Extra = append(t.Extra, Member{Name: Cell{Flags: Present, Enc: EncText}, Cell: Cell{Flags: Present, Enc: EncJSON}})
		}
		if e.null != notNull {
			if i >= len(p) {
				return bad
			}
			b := p[i]
			i++
			if b != 2-e.null {
				if b != e.null {
					return bad
				}
				c.Off, c.Len, c.Enc, c.Flags = uint32(i), 0, EncNone, Present|Null
				continue
			}
		}
		if len(p)-i < 16 || e.do > doInt {
			if i = s.slow(e, c, t, i); i < 0 {
				return bad
			}
			continue
		}
		if e.do == doText {
			n := int(p[i])
			i++
			if n >= 0x80 {
				if p[i] >= 0x80 {
					if i = s.slow(e, c, t, i-1); i < 0 {
						return bad
					}
					continue
				}
				n = n&0x7F | int(p[i])<<7
				i++
			}
			if n&1 != 0 {
				return bad
			}
			n >>= 1
			if n != int(e.last) { // see runBMI2
				e.last = int32(n)
			}
			n = int(e.last)
			end := i + n
			if end+8 > len(p) || n > 16 {
				if end > len(p) || !utf8.Valid(p[i:end]) {
					return bad
				}
			} else {
				high := binary.LittleEndian.Uint64(p[i:])
				if n > 8 {
					high |= binary.LittleEndian.Uint64(p[end-8:])
				} else {
					high <<= uint(64-8*n) & 63
				}
				if high&highs != 0 && !utf8.Valid(p[i:end]) {
					return bad
				}
			}
			c.set(i, end, EncText)
			i = end
			continue
		}
		w := ^binary.LittleEndian.Uint64(p[i:]) & highs
		n := bits.TrailingZeros64(w)>>3 + 1
		if w == 0 || e.do == doInt && n > 4 {
			if i = s.slow(e, c, t, i); i < 0 {
				return bad
			}
			continue
		}
		if n != int(e.last) {
			e.last = int32(n)
		}
		end := i + int(e.last)
		c.set(i, end, EncVarint)
		i = end
	}
	return i
}

// slow reads any field at i, also near the end of the data.
func (s *avroScan) slow(e *avroStep, c *Cell, t *Target, i int) int {
	r := avroReader{p: s.p[i:], max: s.from + 1<<20 + 256*len(s.p)}
	rest := func() int {
		if r.bad {
			return bad
		}
		return len(s.p) - len(r.p)
	}
	switch e.do {
	case doNull:
		c.Off, c.Len, c.Enc, c.Flags = uint32(i), 0, EncNone, Present|Null
		return i
	case doVarint, doInt:
		v := r.long()
		if e.do == doInt && v != int64(int32(v)) {
			return bad
		}
		end := rest()
		c.set(i, end, EncVarint)
		return end
	case doBoolean:
		b := r.take(1)
		switch {
		case len(b) != 1 || b[0] > 1:
			return bad
		case b[0] == 1:
			c.set(i, i+1, EncTrue)
		default:
			c.set(i, i+1, EncFalse)
		}
		return i + 1
	case doFloat:
		r.take(4)
		c.set(i, i+4, EncFloat32)
		return rest()
	case doDouble:
		r.take(8)
		c.set(i, i+8, EncFloat64)
		return rest()
	case doFixed:
		r.take(int64(e.size))
		c.set(i, i+int(e.size), EncBytes)
		return rest()
	case doText, doBytes:
		v := r.take(r.long())
		enc := EncBytes
		if e.do == doText {
			enc = EncText
			if !utf8.Valid(v) {
				return bad
			}
		}
		end := rest()
		c.set(end-len(v), end, enc)
		return end
	case doRecord:
		sub := t.Sub[e.ord]
		if s.x.spans[e.size].target != sub {
			return bad // it was compiled for another target
		}
		end := s.record(i, int(e.size))
		c.set(i, max(i, end), EncJSON)
		return end
	}
	return s.made(e, c, &r, rest)
}

// made reads what has no form of its own in the data, as JSON in the arena.
func (s *avroScan) made(e *avroStep, c *Cell, r *avroReader, rest func() int) int {
	n := len(s.arena)
	s.arena = r.value(s.arena, e.node, 0)
	var text Cell
	if r.bad || uint64(len(s.arena)) >= 1<<32 {
		return bad
	}
	text, err := ScanJSON(s.arena[n:], nil)
	if err != nil {
		return bad
	}
	if text.Off += uint32(n); !text.IsNull() {
		text.Flags |= InArena
	}
	*c = text
	return rest()
}
