package decode

import (
	"sluice/schemas"
	"sluice/topology/stream"
)

// A column whose type changes to one that lakes cannot follow it to (a number
// becomes a text, a decimal gets another scale) goes on in another column,
// NAME__TYPE: what was written stays as it is, nothing is refused and nothing is
// rounded. Both stand side by side, one of them null in every row.

// moved puts the cell of column i of t, which its type does not hold, into the
// column that goes on for it. grown says that there is none yet: it is in
// w.fresh then.
func (w *worker) moved(r *stream.Record, t *schemas.Target, i int) (ok, grown bool) {
	f, pl, c := &w.v.schema.Fields[i], &w.v.plans[i], t.Cells[i]
	if pl.declared || f.Of != "" || f.Key {
		return false, false
	}
	typ, wire := infer(c, w.bytes(r, c), w.debezium)
	if pl.conflict {
		typ, wire = pl.other, schemas.WirePlain
	}
	name := schemas.Retyped(f.Name, typ)
	j := w.v.row.Ordinal([]byte(name))
	if j < 0 {
		w.fresh = append(w.fresh[:0], found{name: name, typ: typ, wire: wire, null: true, of: f.Name, loose: f.Loose})
		return false, true
	}
	if !t.Cells[j].Absent() || w.v.schema.Fields[j].Of != f.Name {
		return false, false // a column of that name is there for itself
	}
	t.Cells[i], t.Cells[j] = schemas.Cell{Flags: schemas.Present | schemas.Null}, c
	if pl := &w.v.plans[j]; pl.accept>>c.Enc&1 == 1 && !pl.digits && !pl.long(c) {
		return true, false
	}
	p := r.Value.Bytes()
	return w.second(j, &t.Cells[j], p), false
}
