package decode

import (
	"math/bits"

	"sluice/schemas"
	"sluice/topology/stream"
)

// check looks at every cell of a row: its type, the placeholder of values that
// were not sent, and conversions.
func (w *worker) check(r *stream.Record, t *schemas.Target, placed bool) verdict {
	if !t.Found {
		return keep
	}
	for from := 0; from < len(t.Cells); from += 64 {
		for odd := w.suspects(t.Cells, from); odd != 0; odd &= odd - 1 {
			if v := w.checkCell(r, t, from+bits.TrailingZeros64(odd), placed); v.again || v.code != "" {
				return v
			}
		}
	}
	return keep
}

// fine reports that check has nothing to do and nothing to say: so it is with
// nearly all rows.
func (w *worker) fine(r *stream.Record, t *schemas.Target, placed bool) bool {
	if !t.Found {
		return true
	}
	for from := 0; from < len(t.Cells); from += 64 {
		for odd := w.suspects(t.Cells, from); odd != 0; odd &= odd - 1 {
			i := from + bits.TrailingZeros64(odd)
			c, pl := &t.Cells[i], &w.v.plans[i]
			if pl.accept>>c.Enc&1 == 0 || pl.digits || pl.long(*c) || placed && w.d.placeholders.is(*c, r.Value.Bytes(), w.arena) {
				return false
			}
		}
	}
	return true
}

// checkCell is check of cell i.
func (w *worker) checkCell(r *stream.Record, t *schemas.Target, i int, placed bool) verdict {
	c, p := &t.Cells[i], r.Value.Bytes()
	if placed && w.d.placeholders.is(*c, p, w.arena) {
		c.Flags |= schemas.Unavailable
		return keep
	}
	pl := &w.v.plans[i]
	if pl.accept>>c.Enc&1 == 1 && !pl.digits && !pl.long(*c) {
		return keep
	}
	if w.look(i, c, p) {
		return keep
	}
	if t == &w.before && !r.Full { // a filler; nobody reads it, the key has its own cells
		*c = schemas.Cell{}
		return keep
	}
	if ok, grown := w.moved(r, t, i); ok {
		return keep
	} else if grown {
		return verdict{again: true}
	}
	return verdict{code: codeMismatch, field: w.field(i)}
}

// grow adds the columns of w.fresh.
func (w *worker) grow() verdict {
	nv, ok := w.t.grow(w.v.writer, w.fresh)
	if !ok {
		return reject(codeTooMany)
	}
	w.use(nv)
	return keep
}

// second is the second look at a cell of column i whose bytes lie in p.
func (w *worker) second(i int, c *schemas.Cell, p []byte) bool {
	pl := &w.v.plans[i]
	if c.Enc >= schemas.EncBytes && !pl.conflict {
		if w.spell(c, p); pl.accept>>c.Enc&1 == 1 && !pl.digits && !pl.long(*c) {
			return true
		}
	}
	b := w.lies(*c, p)
	switch {
	case pl.conflict:
		return false
	case pl.kind == schemas.Unknown:
		typ, wire := infer(*c, b, w.debezium)
		w.retype(w.t.learn(w.v.writer, i, typ, wire))
		pl = &w.v.plans[i]
		return pl.accept>>c.Enc&1 == 1 && !pl.digits || w.second(i, c, p)
	case pl.rewrite != nil:
		return w.rewrite(i, c, b)
	case pl.digits:
		return w.digits(pl, c, b)
	case pl.kind == schemas.JSON && (c.Enc == schemas.EncText || c.Enc == schemas.EncJSONString):
		if pl.declared && w.document(c, b) {
			return true // declared json: the text is the document
		}
		if w.avroData != nil {
			w.quote(c, p)
			return true
		}
		c.Off, c.Len, c.Enc = c.Off-1, c.Len+2, schemas.EncJSON // the string with its quotes is one
		return true
	}
	f := &w.v.schema.Fields[i]
	if pl.declared && pl.kind == schemas.String && c.Enc == schemas.EncJSON && w.debezium {
		if t, wire, ok := schemas.Recognise(b); ok && wire == schemas.WireVarDecimal {
			return w.digits(&plan{from: &schemas.Field{Type: t, Wire: wire}}, c, b)
		} else if ok {
			return w.anew(schemas.RewriteAs(t.Kind), c, b)
		}
	}
	if r := schemas.RewriteAs(pl.kind); r != nil && c.Enc == schemas.EncJSON && (pl.declared && pl.kind != schemas.String || f.Wire == schemas.WireISO) {
		return w.anew(r, c, b) // time.precision.mode=structured
	}
	if c.Enc == schemas.EncInt && pl.accept>>c.Enc&1 == 1 {
		return fits(pl.kind, *c, b)
	}
	return suits(f, pl.declared, *c, b)
}

// retype goes on with a version that differs in types alone.
func (w *worker) retype(v *version) {
	if v.row.Len() != w.v.row.Len() || v.key.Len() != w.v.key.Len() {
		// Another worker added columns as well: this record does without them.
		spare, before, after, keyRow := w.spare, w.before, w.after, w.keyRow
		w.use(v)
		w.spare, w.before, w.after, w.keyRow = spare, before, after, keyRow
		return
	}
	w.v = v
	w.root.Known[ordSchema] = v.writer
}

// document reports whether the text of c is a JSON text.
func (w *worker) document(c *schemas.Cell, p []byte) bool {
	n := len(w.arena)
	w.arena = schemas.AppendText(w.arena, *c, p)
	ok := schemas.ValidJSON(w.arena[n:])
	w.cut(w.arena, n)
	return ok
}

// cut takes back what was made since n. Nothing of it stays behind the arena's end:
// the next batch gets that memory. // P1
func (w *worker) cut(made []byte, n int) {
	clear(made[n:])
	w.arena = made[:n]
}

// rewrite replaces the JSON of a nested value, or of a structured time, by one
// that says what it means without its schema, in the arena.
func (w *worker) rewrite(i int, c *schemas.Cell, p []byte) bool {
	if c.Flags&schemas.InArena != 0 {
		return true // it was before
	}
	if c.Enc != schemas.EncJSON {
		return suits(&w.v.schema.Fields[i], w.v.plans[i].declared, *c, p)
	}
	if !w.anew(w.v.plans[i].rewrite, c, p) {
		return false
	}
	if w.v.plans[i].kind == schemas.JSON {
		c.Enc = schemas.EncJSON
	}
	return true
}

// anew replaces c by the text that r makes of it, in the arena.
func (w *worker) anew(r *schemas.Rewrite, c *schemas.Cell, p []byte) bool {
	n := len(w.arena)
	out, ok := r.Append(w.arena, p)
	if !ok {
		return false
	}
	w.arena = out
	c.Off, c.Len, c.Enc, c.Flags = uint32(n), uint32(len(out)-n), schemas.EncText, c.Flags|schemas.InArena
	return true
}

// digits replaces a decimal by the text of its digits, in the arena.
func (w *worker) digits(pl *plan, c *schemas.Cell, p []byte) bool {
	n := len(w.arena)
	if (pl.scale > 255 || pl.scale < 0) && c.Enc == schemas.EncText {
		out, code := schemas.AppendUnscaled(w.arena, p, pl.scale)
		if w.arena = out; code != "" {
			w.cut(out, n)
			return false
		}
		c.Off, c.Len, c.Flags = uint32(n), uint32(len(out)-n), c.Flags|schemas.InArena
		return true
	}
	out, code := schemas.AppendJSON(w.arena, schemas.Type{Kind: schemas.Decimal, Precision: 38, Scale: pl.from.Type.Scale}, pl.from.Wire, *c, p)
	if code != "" || len(out) < n+2 || out[n] != '"' {
		w.cut(out, n)
		return false
	}
	w.arena = out
	c.Off, c.Len, c.Enc = uint32(n+1), uint32(len(out)-n-2), schemas.EncText
	c.Flags |= schemas.InArena
	return true
}
