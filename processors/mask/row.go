package mask

import (
	"unicode/utf8"

	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology/stream"
)

// pass is the state of one batch on its way through the gate.
type pass struct {
	b     *stream.Batch
	arena []byte
	s     *scratch
	at    int32          // where the record at hand will stand in b.Records
	side  []schemas.Cell // the row at hand: before, after or key

	constant schemas.Cell // what the constant of action of is in the arena
	of       policy.Kind
}

// row fills the cells of one row; field names the column that cannot be
// masked. The same column has the same action in before, after and key. // P3
func (x *pass) row(p *plan, r *stream.Record, row *stream.CleanRow) (field string, ok bool) {
	if r.After != nil {
		row.After = x.rowOf(p, r.After)
	}
	if r.Before != nil && r.Full { // else fillers, not values
		row.Before = x.rowOf(p, r.Before)
	}
	failed := x.constants(p, r, r.After, row.After)
	if failed < 0 {
		failed = x.constants(p, r, r.Before, row.Before)
	}
	if failed >= 0 {
		return p.cols[failed].field.Name, false
	}
	for _, i := range p.made {
		c := &p.cols[i]
		shared := false
		if row.After != nil && c.ord < len(r.After) {
			in := r.After[c.ord]
			shared = c.makes() && c.by < 0 && row.Before != nil && c.ord < len(r.Before) && x.same(r, r.Before[c.ord], in)
			if x.side = r.After; !x.put(c, r, in, &row.After[i]) {
				return c.field.Name, false
			}
		}
		if shared {
			row.Before[i] = row.After[i] // unchanged: one masked cell for both
		} else if row.Before != nil && c.ord < len(r.Before) {
			if x.side = r.Before; !x.put(c, r, r.Before[c.ord], &row.Before[i]) {
				return c.field.Name, false
			}
		}
	}
	if r.KeyRow == nil || len(p.table.Key) == 0 {
		return "", true
	}
	row.Key = x.b.Cells(p.keyWidth)
	x.side = r.KeyRow
	for _, i := range p.table.Key {
		c := &p.cols[i]
		if c.ord < len(r.KeyRow) {
			if row.Key[i], ok = x.cell(c, r, r.KeyRow[c.ord]); !ok {
				return c.field.Name, false
			}
		}
	}
	return "", true
}

// put is cell, written to out.
func (x *pass) put(c *column, r *stream.Record, in schemas.Cell, out *schemas.Cell) (ok bool) {
	if c.plain && in.Enc == schemas.EncText && in.Flags == schemas.Present { // nearly always
		if raw := r.Value.Bytes()[in.Off : in.Off+in.Len]; ascii(raw) || utf8.Valid(raw) {
			return x.plain(c, r, in, raw, out)
		}
	}
	*out, ok = x.cell(c, r, in)
	return ok
}

// plain is cell of a text that is hashed as it stands.
func (x *pass) plain(c *column, r *stream.Record, in schemas.Cell, raw []byte, out *schemas.Cell) (ok bool) {
	if !x.s.memo.worth(c.ord) {
		*out, ok = x.hashed(c.hash, raw)
		return ok
	}
	slot, have, ok := x.remembered(c, r, in, raw)
	if !ok {
		have, ok = x.hashed(c.hash, raw)
		slot.fill(x, c, in, have)
	}
	*out = have
	return ok
}

// constants fills the columns of side whose every value becomes the same, and
// returns -1, or the one that failed. out is nil where there is no such row.
func (x *pass) constants(p *plan, r *stream.Record, in, out []schemas.Cell) (failed int) {
	if out == nil {
		return -1
	}
	for i := range p.constant {
		f := &p.constant[i]
		one, ok := x.one(f.kind)
		for _, k := range f.cols {
			if k.ord >= len(in) {
				continue
			}
			if ok && in[k.ord].Flags&(schemas.Present|schemas.Null|schemas.Unavailable) == schemas.Present {
				out[k.at] = one
				continue
			}
			var fine bool
			if out[k.at], fine = x.cell(&p.cols[k.at], r, in[k.ord]); !fine {
				return k.at
			}
		}
	}
	return -1
}

// rowOf is a row with the cells of in that are kept: in itself, if all others
// become what they become where they are. From there on nobody reads the record's.
func (x *pass) rowOf(p *plan, in []schemas.Cell) []schemas.Cell {
	if p.inPlace(len(in)) {
		return in[:len(in):len(in)]
	}
	out := x.b.Cells(len(p.cols))
	p.copy(out, in)
	return out
}
