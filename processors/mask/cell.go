package mask

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology/stream"
)

// same reports that two cells hold one value, spelled alike.
func (x *pass) same(r *stream.Record, a, b schemas.Cell) bool {
	if x.s.memo.slots == nil || a.Flags != b.Flags || a.Enc != b.Enc || a.Len != b.Len {
		return false
	}
	if p := r.Value.Bytes(); a.Flags == schemas.Present { // both lie there
		return string(p[a.Off:a.Off+a.Len]) == string(p[b.Off:b.Off+b.Len])
	}
	return bytes.Equal(x.bytes(r, a), x.bytes(r, b))
}

// ascii is a quick yes to utf8.Valid, of texts that are not all too short.
func ascii(p []byte) bool {
	if len(p) < 8 {
		return false
	}
	high := binary.LittleEndian.Uint64(p[len(p)-8:])
	for ; len(p) > 8; p = p[8:] {
		high |= binary.LittleEndian.Uint64(p)
	}
	return high&0x8080808080808080 == 0
}

// bytes lends the bytes of a raw cell; the arena may have grown since decode.
func (x *pass) bytes(r *stream.Record, c schemas.Cell) []byte {
	if c.Flags&schemas.InArena != 0 {
		return x.arena[c.Off : c.Off+c.Len : c.Off+c.Len]
	}
	return x.b.CellBytes(r, c)
}

// Cells without bytes: nothing of the record can be reached through them. // P1
var (
	nulled      = schemas.Cell{Flags: schemas.Present | schemas.Null | schemas.Replaced}
	unavailable = schemas.Cell{Flags: schemas.Present | schemas.Unavailable}
)

// cell puts one cell through the action of its column.
func (x *pass) cell(c *column, r *stream.Record, in schemas.Cell) (schemas.Cell, bool) {
	switch {
	case c.keep:
		return in, true
	case in.Absent():
		return schemas.Cell{}, true
	case in.Flags&schemas.Unavailable != 0:
		return unavailable, true
	case in.IsNull():
		return schemas.NullCell, true
	case c.inner != nil:
		x.s.under = c.context
		x.inside(c, r)
		return x.nested(c.inner, r, in)
	case c.spec.Kind == policy.Scan:
		return x.scanned(c, r, in)
	case c.constant != "" && policy.IsText(c.kind(in)):
		return x.one(c.spec.Kind)
	case c.with == nil:
		return nulled, true
	}
	raw := x.bytes(r, in)
	var slot *slot
	if c.slow && c.by < 0 && x.s.memo.worth(c.ord) {
		var out schemas.Cell
		var ok bool
		if slot, out, ok = x.remembered(c, r, in, raw); ok {
			return out, true
		}
	}
	from := len(x.arena)
	x.s.By = nil
	if c.by >= 0 {
		x.s.By = x.person(c, r)
	}
	if c.hash != nil && c.written && in.Enc == schemas.EncText && utf8.Valid(raw) { // as value has it
		out, ok := x.hashed(c.hash, raw)
		if slot != nil {
			slot.fill(x, c, in, out)
		}
		return out, ok
	}
	cell, raw := x.s.literal(in, raw)
	k, text := x.s.value(c.field, cell, raw)
	if c.field.Key && damaged(text, raw) { // D4: keys would fall together
		return in, false
	}
	if c.hash != nil {
		out, ok := x.hashed(c.hash, text)
		if slot != nil {
			slot.fill(x, c, in, out)
		}
		return out, ok
	}
	x.s.Field, x.s.Cell, x.s.Raw = c.field, cell, raw
	var enc schemas.Encoding
	x.arena, enc = c.with.Mask(&x.s.Scratch, x.arena, k, text)
	if enc == strategy.AsNull || enc == strategy.Refused {
		x.cut(x.arena, from)
		return nulled, enc == strategy.AsNull // P2
	}
	out, ok := x.made(from, enc)
	if slot != nil {
		slot.fill(x, c, in, out)
	}
	return out, ok
}

// person is the text of the column that c goes by, in the row at hand, nil if
// there is none.
func (x *pass) person(c *column, r *stream.Record) []byte { return x.personBy(c.by, c.byAlso, r) }

func (x *pass) personBy(by int, also []int, r *stream.Record) []byte {
	for by < 0 || by >= len(x.side) || !x.side[by].Has() {
		if len(also) == 0 {
			return nil
		}
		by, also = also[0], also[1:]
	}
	in := x.side[by]
	cell, raw := x.s.literal(in, x.bytes(r, in))
	_, text := x.s.value(&r.Schema.Fields[by], cell, raw)
	if x.s.person == nil {
		x.s.person = []byte{} // "" is a name too, whatever this worker saw before // D5
	}
	x.s.person = append(x.s.person[:0], text...)
	return x.s.person
}

// one is the cell of a constant, which stands in the arena once.
func (x *pass) one(k policy.Kind) (schemas.Cell, bool) {
	if x.of == k {
		return x.constant, true
	}
	from := len(x.arena)
	x.arena = append(x.arena, k.Constant()...)
	c, ok := x.made(from, schemas.EncText)
	if ok {
		x.constant, x.of = c, k
	}
	return c, ok
}

// hashed is the cell of a value's token, which stands there after the next one or
// after the last, see strategy.Waiting.
func (x *pass) hashed(h *strategy.Hasher, text []byte) (schemas.Cell, bool) {
	from := len(x.arena)
	x.arena = x.s.waiting.Append(&x.s.Scratch, x.arena, h, text)
	return x.made(from, schemas.EncText)
}

// made is the cell of what stands in the arena since from; false if no cell
// reaches that far.
func (x *pass) made(from int, e schemas.Encoding) (schemas.Cell, bool) {
	return schemas.Cell{Off: uint32(from), Len: uint32(len(x.arena) - from), Enc: e, Flags: schemas.Present | schemas.Replaced | schemas.InArena},
		len(x.arena) <= math.MaxUint32 // P2
}

// nested masks inside of one JSON value, given as JSON or as text that holds JSON.
func (x *pass) nested(n *policy.Node, r *stream.Record, in schemas.Cell) (schemas.Cell, bool) {
	src := x.bytes(r, in)
	s := x.s
	s.more = s.more[:0]
	switch in.Enc {
	case schemas.EncJSON, schemas.EncText, schemas.EncJSONString:
		if in.Enc == schemas.EncJSONString || !utf8.Valid(src) {
			s.more = schemas.AppendText(s.more, in, src)
			src = s.more
		}
	default:
		return in, false // P2
	}
	if string(skipSpace(src)) == "null" {
		return schemas.NullCell, true
	}
	from := len(x.arena)
	out, rest, ok := s.json(x.arena, src, n, s.rest, 0)
	x.arena = out
	if !ok || len(skipSpace(rest)) > 0 { // P2
		x.cut(out, from)
		return in, false
	}
	return x.made(from, schemas.EncJSON)
}

// cut takes back what was made since from. Nothing of it stays behind the arena's
// end: the next batch gets that memory. // P1
func (x *pass) cut(made []byte, from int) {
	clear(made[from:])
	x.arena = made[:from]
}
