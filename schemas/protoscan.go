package schemas

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// Scan reads the record that p[off:] is, all of it, and appends to arena what
// cells flagged InArena lie in. After an error the cells mean nothing, and the
// data may be right all the same: AppendJSON has the last word. It returns the
// cell of the whole, as ScanJSON does.
func (x *ProtoIndex) Scan(p []byte, off int, arena []byte) (whole Cell, grown []byte, err error) {
	if uint64(len(p)) >= 1<<31 {
		return whole, arena, ErrProto
	}
	s := protoScan{x: x, p: p, zero: -1, from: len(arena), arena: arena}
	x.reader.bad, x.reader.max, x.reader.join = false, len(arena)+1<<20+256*len(p), protoJoin(p)
	x.reader.places, x.reader.chains = x.reader.places[:0], x.reader.chains[:0]
	if !s.record(off, len(p), 0) || uint64(len(s.arena)) >= 1<<32 {
		return whole, s.arena[:len(arena)], ErrProto
	}
	whole.set(off, len(p), EncJSON)
	return whole, s.arena, nil
}

type protoScan struct {
	x     *ProtoIndex
	p     []byte
	arena []byte
	zero  int // where protoZeros are in the arena, or -1
	from  int
}

// begin makes the cells of a message what they are without any field.
func (s *protoScan) begin(sp *protoSpan) bool {
	t := sp.target
	if len(t.Cells) < len(sp.cells) {
		return false // it was compiled for another target
	}
	t.Found = true
	copy(t.Cells, sp.cells)
	if len(sp.zeros) > 0 {
		if s.zero < 0 {
			s.zero = len(s.arena)
			s.arena = append(s.arena, protoZeros...)
		}
		for _, ord := range sp.zeros {
			c := &t.Cells[ord]
			c.Off, c.Flags = c.Off+uint32(s.zero), c.Flags|InArena
		}
	}
	for range sp.others {
		t.Extra = append(t.Extra, Member{Name: Cell{Flags: Present, Enc: EncText}, Cell: Cell{Flags: Present, Enc: EncJSON}})
	}
	clear(sp.seen)
	clear(sp.oneofs)
	return true
}

// record reads the message of a span, p[i:end].
func (s *protoScan) record(i, end, span int) bool {
	sp := &s.x.spans[span]
	if !s.begin(sp) {
		return false
	}
	m, p, next := sp.msg, s.p[:end], 0
	for i < end {
		num, wire, at, behind := protoTag(p, i)
		if behind == bad {
			return false
		}
		i = behind
		// Fields come in the order of their numbers, which is mostly that of their declaration.
		for next < len(m.fields) && uint64(m.fields[next].num) < num {
			next++
		}
		k := next
		if next >= len(m.fields) || uint64(m.fields[next].num) != num {
			if k = m.at(num); k < 0 {
				continue
			}
		}
		f := &m.fields[k]
		if !f.takes(wire) {
			continue
		}
		if f.kind >= protoStruct || f.list {
			if sp.seen[k/64]>>(k%64)&1 == 1 {
				return false // to be merged
			}
			sp.seen[k/64] |= 1 << (k % 64)
		}
		if f.oneof > 0 {
			if was := &sp.oneofs[f.oneof-1]; *was != 0 && *was != int32(k)+1 {
				return false
			} else {
				*was = int32(k) + 1
			}
		}
		var other Cell
		c := &other
		if ord := sp.steps[k].ord; ord >= 0 {
			c = &sp.target.Cells[ord]
		}
		switch {
		case f.list || f.kind == protoMap:
			if i = s.many(f, c, p, num, at, behind, wire, sp.depth+1); i < 0 {
				return false
			}
		case sp.steps[k].span >= 0:
			if !s.record(at, behind, int(sp.steps[k].span)) {
				return false
			}
			c.set(at, behind, EncJSON)
		case !s.value(f, f.kind, c, at, behind, sp.depth+1):
			return false
		}
	}
	s.symbols(sp)
	return true
}

// symbols writes the enums that are not there and not null.
func (s *protoScan) symbols(sp *protoSpan) {
	for _, k := range sp.enums {
		if c := &sp.target.Cells[sp.steps[k].ord]; c.IsNull() {
			s.text(c, sp.msg.fields[k].symbol(0))
		}
	}
}

func (s *protoScan) text(c *Cell, text string) {
	n := len(s.arena)
	s.arena = append(s.arena, text...)
	c.set(n, len(s.arena), EncText)
	c.Flags |= InArena
}

func (s *protoScan) varint(c *Cell, v int64) {
	n := len(s.arena)
	s.arena = binary.AppendVarint(s.arena, v)
	c.set(n, len(s.arena), EncVarint)
	c.Flags |= InArena
}

// value reads p[at:end] as a value of kind.
func (s *protoScan) value(f *protoField, kind protoKind, c *Cell, at, end, depth int) bool {
	v := s.p[at:end]
	switch kind {
	case protoString:
		c.set(at, end, EncText)
		return utf8.Valid(v)
	case protoBytes:
		c.set(at, end, EncBytes)
	case protoFloat:
		c.set(at, end, EncFloat32)
	case protoDouble:
		c.set(at, end, EncFloat64)
	case protoSint64:
		c.set(at, end, EncVarint)
	case protoBool:
		if c.set(at, end, EncFalse); protoInteger(kind, v) != 0 {
			c.Enc = EncTrue
		}
	case protoEnum:
		s.text(c, f.symbol(int32(protoInteger(kind, v))))
	case protoUint64, protoFixed64:
		n := protoInteger(kind, v)
		if n >= 0 {
			s.varint(c, n)
			break
		}
		from := len(s.arena)
		s.arena = strconv.AppendUint(s.arena, uint64(n), 10)
		c.set(from, len(s.arena), EncInt)
		c.Flags |= InArena
	case protoWrapper:
		return s.wrapper(f, c, at, end)
	case protoTimestamp, protoDate, protoTimeOfDay:
		n, ok := protoTime(kind, v)
		s.varint(c, n)
		return ok
	case protoDecimal:
		return s.decimal(f, c, at, end)
	case protoStruct, protoVarDecimal:
		return s.document(c, s.x.reader.whole(s.arena, f, v, depth))
	default:
		s.varint(c, protoInteger(kind, v))
	}
	return true
}

func (s *protoScan) wrapper(f *protoField, c *Cell, at, end int) bool {
	inner := protoField{kind: f.msg.inner}
	x, ok := wrapped(s.p[at:end], &inner)
	if !ok {
		return false
	}
	if x.next >= 0 {
		return s.value(&inner, inner.kind, c, at+int(x.at), at+int(x.end), 0)
	}
	zero := false
	if *c, zero = zeroScalar(inner.kind); zero {
		n := len(s.arena)
		s.arena = append(s.arena, protoZeros[:8]...)
		c.Off, c.Flags = uint32(n), c.Flags|InArena
	}
	return true
}

// decimal makes the unscaled integer of a decimal the cell, where it lies.
func (s *protoScan) decimal(f *protoField, c *Cell, at, end int) bool {
	v := s.p[at:end]
	p, scale, ok := protoDecimalOf(v)
	if !ok {
		return false
	}
	if len(p) > 0 && scale == f.scale {
		n := at + cap(v) - cap(p) // p lies in v, and both end where their memory does
		c.set(n, n+len(p), EncBytes)
		return true
	}
	if len(p) == 0 {
		p = zeroByte
	}
	if p, ok = rescaled(p, scale, f.scale); !ok {
		return false
	}
	n := len(s.arena)
	s.arena = append(s.arena, p...)
	c.set(n, len(s.arena), EncBytes)
	c.Flags |= InArena
	return true
}

// document makes the JSON that was appended to the arena the cell.
func (s *protoScan) document(c *Cell, arena []byte) bool {
	n := len(s.arena)
	s.arena = arena
	c.set(n, len(arena), EncJSON)
	c.Flags |= InArena
	return !s.x.reader.bad
}

// many reads the values of a list or map that stand together, the first of them
// p[at:behind], and returns the place behind them.
func (s *protoScan) many(f *protoField, c *Cell, p []byte, num uint64, at, behind int, wire uint8, depth int) int {
	r := &s.x.reader
	r.places = r.places[:0]
	for {
		r.places = append(r.places, protoPlace{int32(at), int32(behind), -1, wire})
		if n := len(r.places); n > 1 {
			r.places[n-2].next = int32(n - 1)
		}
		if behind >= len(p) {
			break
		}
		n, w, a, b := protoTag(p, behind)
		if b == bad {
			return bad
		}
		if n != num || !f.takes(w) {
			break
		}
		at, behind, wire = a, b, w
	}
	var ok bool
	if f.list {
		ok = s.document(c, r.list(s.arena, f, p, 0, depth))
	} else {
		ok = s.document(c, r.entries(s.arena, f, p, 0, depth))
	}
	if !ok {
		return bad
	}
	return behind
}
