package schemas

import (
	"slices"
	"unicode/utf8"
	"unsafe"
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
	scans uint32
	tail  [2 * avroTail]byte // the last bytes of a record, then zeros
}

// avroSpan is the steps of one record and where its fields go.
type avroSpan struct {
	from, to int
	width    int // how many cells the target has to have
	target   *Target
}

// avroStep reads one field. What is optional begins with a byte of its own. It
// guesses that the field has the shape it had the last time; see guess.go.
// Assembly knows its layout.
type avroStep struct {
	avroGuess
	cell  uint32 // where that of ord lies
	do    avroDo
	value uint8  // of what is optional: the byte before a value, 0 or 2; the other one says null
	read  bool   // no guess is worth its while
	near  uint8  // wrong guesses shortly behind another
	since uint32 // the scan of the last one
	may   avroDo // optional, of what nobody asked for
	ord   int32  // -1: nobody asked for it
	span  int32  // of a record
	node  *avroNode
}

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
	doOther
	doUnasked // by the names of the target

	optional avroDo = 0x80
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
	x.spans = append(x.spans, avroSpan{from, from + len(n.sub), t.Names.Len(), t})
	var list []avroStep
	for i, sub := range n.sub {
		s := avroStep{ord: int32(t.Names.Ordinal([]byte(n.connect.Fields[i].Field))), node: sub}
		if s.ord < 0 && slices.Contains(whole, t) {
			return false
		}
		var may avroDo
		if sub.op == avroUnion {
			if v, ok := sub.optional(); ok {
				may, s.node = optional, v
				if sub.sub[0].op == avroNull {
					s.value = 2
				}
			}
		}
		s.do = doOf(s.node)
		switch {
		case s.ord < 0:
			s.do, may, s.may = doUnasked, 0, may
		case s.do == doOther && s.node.op == avroRecord && int(s.ord) < len(t.Sub) && t.Sub[s.ord] != nil:
			s.do = doRecord
		}
		s.do, s.cell = s.do|may, uint32(max(s.ord, 0))*uint32(unsafe.Sizeof(Cell{}))
		s.forget()
		list = append(list, s)
	}
	x.steps = append(x.steps, list...)
	for i := range list {
		if s := &x.steps[from+i]; s.do&^optional == doRecord {
			s.span = int32(len(x.spans))
			if !x.record(s.node, t.Sub[s.ord], whole, depth+1) {
				return false
			}
		}
	}
	return true
}

func doOf(n *avroNode) avroDo {
	switch n.op {
	case avroNull:
		return doNull
	case avroBoolean:
		return doBoolean
	case avroInt:
		return doInt
	case avroLong:
		return doVarint
	case avroFloat:
		return doFloat
	case avroDouble:
		return doDouble
	case avroBytes:
		return doBytes
	case avroString:
		return doText
	case avroFixed:
		return doFixed
	}
	return doOther
}

// Scan reads the record that p[off:] is, all of it, and appends to arena what
// cells flagged InArena lie in. After an error the cells mean nothing. It
// returns the cell of the whole, as ScanJSON does.
func (x *AvroIndex) Scan(p []byte, off int, arena []byte) (whole Cell, grown []byte, err error) {
	if uint64(len(p)) >= 1<<32 {
		return whole, arena, ErrAvro
	}
	s := avroScan{x: x, p: p, arena: arena, from: len(arena)}
	if n := len(p) - avroTail; n >= 0 {
		*(*[avroTail]byte)(x.tail[:]) = [avroTail]byte(p[n:])
	} else {
		copy(x.tail[-n:], p)
	}
	if x.scans++; x.scans%avroForgets == 0 {
		for i := range x.steps {
			x.steps[i].read, x.steps[i].near = false, 0
		}
	}
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
	sp := &s.x.spans[span]
	steps, t := s.x.steps[sp.from:sp.to], sp.target
	t.Found = true
	quick := len(t.Cells) >= sp.width && sp.width > 0 // nothing below looks again
	for len(steps) > 0 {
		if quick && steps[0].do&^optional != doRecord {
			at, k, ok := s.run(steps, t.Cells, i)
			if !ok {
				return bad
			}
			if i, steps = at, steps[k:]; len(steps) == 0 {
				break
			}
		}
		e, from := &steps[0], i
		if steps = steps[1:]; e.do == doRecord|optional && i < len(s.p) && s.p[i] == e.value {
			i = s.within(e, t, i+1)
		} else {
			i = s.field(e, t, i)
		}
		if i < 0 {
			return bad
		}
		if quick && e.ord >= 0 && e.do&^optional < doRecord && !e.read {
			e.learn(s.x.scans, s.p[from:i], t.Cells[e.ord], from)
		}
	}
	return i
}

// within reads the record of a field at i.
func (s *avroScan) within(e *avroStep, t *Target, i int) int {
	if int(e.ord) >= len(t.Cells) || s.x.spans[e.span].target != t.Sub[e.ord] {
		return bad // it was compiled for another target
	}
	end := s.record(i, int(e.span))
	t.Cells[e.ord].set(i, max(i, end), EncJSON)
	return end
}

// field reads any field at i.
func (s *avroScan) field(e *avroStep, t *Target, i int) int {
	var other Cell
	c := &other
	if uint(e.ord) < uint(len(t.Cells)) {
		c = &t.Cells[e.ord]
	} else {
		t.Extra = append(t.Extra, Member{Name: Cell{Flags: Present, Enc: EncText}, Cell: Cell{Flags: Present, Enc: EncJSON}})
	}
	if (e.do|e.may)&optional != 0 {
		if i >= len(s.p) {
			return bad
		}
		i++
		switch s.p[i-1] {
		case e.value:
		case 2 - e.value:
			c.Off, c.Len, c.Enc, c.Flags = uint32(i), 0, EncNone, Present|Null
			return i
		default:
			return bad
		}
	}
	return s.value(e, c, t, i)
}

// value reads the value of any field at i.
func (s *avroScan) value(e *avroStep, c *Cell, t *Target, i int) int {
	r := avroReader{p: s.p[i:], max: s.from + 1<<20 + 256*len(s.p)}
	rest := func() int {
		if r.bad {
			return bad
		}
		return len(s.p) - len(r.p)
	}
	do := e.do &^ optional
	if do == doUnasked {
		do = doOf(e.node)
	}
	switch do {
	case doNull:
		c.Off, c.Len, c.Enc, c.Flags = uint32(i), 0, EncNone, Present|Null
		return i
	case doVarint, doInt:
		v := r.long()
		if do == doInt && v != int64(int32(v)) {
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
		r.take(int64(e.node.size))
		c.set(i, i+e.node.size, EncBytes)
		return rest()
	case doText, doBytes:
		v := r.take(r.long())
		enc := EncBytes
		if do == doText {
			enc = EncText
			if !utf8.Valid(v) {
				return bad
			}
		}
		end := rest()
		c.set(end-len(v), end, enc)
		return end
	case doRecord:
		return s.within(e, t, i)
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
