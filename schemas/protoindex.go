package schemas

import "slices"

// ProtoIndex is a program that reads records of one message into the cells of a
// Target and its Subs, as ScanJSON reads the JSON that AppendJSON makes of them:
// the same fields are there or null, and their cells spell the same values. Texts,
// bytes, floats and zig-zag numbers lie in the data; other numbers become zig-zag
// varints in the arena, and lists, maps and messages without a target JSON there.
//
// It is for one goroutine, and for as long as the Targets and their Names stay
// the same; their Cells may change.
type ProtoIndex struct {
	spans  []protoSpan
	reader protoReader
}

// protoSpan is one message and where its fields go.
type protoSpan struct {
	msg    *protoMessage
	target *Target
	steps  []protoStep // by index of the field
	cells  []Cell      // what they are before anything is read
	zeros  []int       // of them those that lie in the arena, behind where protoZeros are
	others int         // fields that nobody asked for
	seen   []uint64    // of the record at hand: fields that may come once, a bit each
	oneofs []int32     // of the record at hand: the field that was set + 1
	enums  []int       // fields whose symbol is written where they are not there
	depth  int
}

// protoStep is where a field goes.
type protoStep struct {
	ord  int32 // -1: nobody asked for it
	span int32 // of a message with a target of its own, else -1
}

// protoZeros are what zeros of numbers, an empty list and an empty map lie in.
const (
	protoZeros    = "\x00\x00\x00\x00\x00\x00\x00\x00[]{}"
	zeroList      = 8
	zeroMap       = 10
	zeroOfNumbers = 0
)

// Index compiles a program that reads p's records into t. ok is false where the
// data are one value, or where a field of one of whole, which are t or Subs of
// it, has no name there.
func (p *Proto) Index(t *Target, whole ...*Target) (x *ProtoIndex, ok bool) {
	x = &ProtoIndex{}
	if p.root.kind != protoStruct {
		return x, false
	}
	_, ok = x.span(p.root, t, whole, 0)
	return x, ok
}

func (x *ProtoIndex) span(m *protoMessage, t *Target, whole []*Target, depth int) (at int32, ok bool) {
	if depth > protoMaxDepth {
		return 0, false
	}
	s := protoSpan{msg: m, target: t, depth: depth, steps: make([]protoStep, len(m.fields)), cells: make([]Cell, t.Names.Len()),
		seen: make([]uint64, (len(m.fields)+63)/64), oneofs: make([]int32, m.oneofs)}
	at = int32(len(x.spans))
	x.spans = append(x.spans, protoSpan{})
	for i := range m.fields {
		f, step := &m.fields[i], &s.steps[i]
		step.ord, step.span = int32(t.Names.Ordinal([]byte(f.name))), -1
		if step.ord < 0 {
			if s.others++; slices.Contains(whole, t) {
				return 0, false
			}
			continue
		}
		if sub := int(step.ord) < len(t.Sub) && t.Sub[step.ord] != nil; sub && (f.kind == protoMap || f.kind == protoVarDecimal) {
			return 0, false // objects that are no messages of their own
		} else if sub && f.kind == protoStruct && !f.list {
			if step.span, ok = x.span(f.msg, t.Sub[step.ord], whole, depth+1); !ok {
				return 0, false
			}
		}
		if f.kind == protoEnum && !f.presence && !f.list {
			s.enums = append(s.enums, i)
		}
		c, zero := protoZeroCell(f)
		if s.cells[step.ord] = c; zero {
			s.zeros = append(s.zeros, int(step.ord))
		}
	}
	x.spans[at] = s
	return at, true
}

// protoZeroCell is the cell of a field that is not there; zero tells that it lies
// in protoZeros.
func protoZeroCell(f *protoField) (c Cell, zero bool) {
	switch {
	case f.list:
		c.set(zeroList, zeroList+2, EncJSON)
		return c, true
	case f.kind == protoMap && f.pairs:
		c.set(zeroList, zeroList+2, EncJSON)
		return c, true
	case f.kind == protoMap:
		c.set(zeroMap, zeroMap+2, EncJSON)
		return c, true
	case f.presence:
		return NullCell, false
	case f.kind == protoEnum:
		return NullCell, false // its symbol is written
	}
	return zeroScalar(f.kind)
}

func zeroScalar(kind protoKind) (c Cell, zero bool) {
	switch kind {
	case protoString:
		c.set(0, 0, EncText)
		return c, false
	case protoBytes:
		c.set(0, 0, EncBytes)
		return c, false
	case protoBool:
		c.set(zeroOfNumbers, 1, EncFalse)
	case protoFloat:
		c.set(zeroOfNumbers, 4, EncFloat32)
	case protoDouble:
		c.set(zeroOfNumbers, 8, EncFloat64)
	default:
		c.set(zeroOfNumbers, 1, EncVarint)
	}
	return c, true
}
