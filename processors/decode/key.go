package decode

import (
	"bytes"

	"sluice/schemas"
	"sluice/topology/stream"
)

// scalarKey is the column of an event's key that is not an object.
const scalarKey = "key"

// key decodes the record's key into KeyRow. A null key, and a schema with a
// null payload, make none. again asks for another reading of the record, with
// the columns the key brought.
func (w *worker) key(r *stream.Record, event bool) (v verdict, again bool) {
	r.KeyRow = nil
	p := r.Key.Bytes()
	if p == nil {
		return keep, false
	}
	if w.keyRoot.Known[0] == nil && w.v.key.Brief(p, w.keyRow.Cells) {
		return w.keyCells(r, p), false
	}
	object, scalar, code := w.scanKey(p)
	if code != "" && !event {
		if text, ok := w.structKey(p); ok {
			r.Key = stream.ViewOf(text)
			p = text
			object, scalar, code = w.scanKey(p)
		}
	}
	switch {
	case code != "" && event:
		scalar = schemas.Cell{Len: uint32(len(p)), Enc: schemas.EncText, Flags: schemas.Present} // a text
	case code != "":
		return reject(codeBadKey), false
	}
	if !object {
		if !event || !scalar.Has() {
			return keep, false
		}
		return w.scalar(r, scalar)
	}
	if len(w.keyRow.Extra) > 0 {
		w.fresh = w.fresh[:0]
		for _, m := range w.keyRow.Extra {
			name := string(schemas.AppendText(nil, m.Name, p[m.Name.Off:m.Name.Off+m.Name.Len]))
			typ, wire := infer(m.Cell, p[m.Cell.Off:m.Cell.Off+m.Cell.Len], w.debezium)
			w.fresh = append(w.fresh, found{name: name, typ: typ, wire: wire, null: event, loose: w.loose()})
		}
		nv, ok := w.t.growKey(w.v.writer, w.fresh)
		if !ok {
			return reject(codeTooMany), false
		}
		w.use(nv)
		return keep, true
	}
	return w.keyCells(r, p), false
}

// keyCells makes the row of the key's cells.
func (w *worker) keyCells(r *stream.Record, p []byte) verdict {
	row := w.b.Cells(w.v.keyWidth)
	for i := range w.keyRow.Cells {
		c := &w.keyRow.Cells[i]
		if c.Absent() {
			continue
		}
		ord := w.v.keyOrds[i]
		if v := w.keyCell(ord, c, p); v.code != "" {
			return v
		}
		row[ord] = *c
	}
	r.KeyRow = row
	return keep
}

// structKey writes as JSON a key that the StringConverter wrote: Struct{a=1,b=x}.
// Texts in it have no quotes: a value goes on to the next comma with a column's
// name and an equals sign behind it. ok is false for other texts.
func (w *worker) structKey(p []byte) (text []byte, ok bool) {
	body, ok := bytes.CutPrefix(p, []byte("Struct{"))
	if !ok || !bytes.HasSuffix(body, []byte("}")) {
		return nil, false
	}
	body = body[:len(body)-1]
	out := append(w.scratch(), '{')
	for len(body) > 0 {
		eq := bytes.IndexByte(body, '=')
		if eq <= 0 {
			return nil, false
		}
		name, rest := body[:eq], body[eq+1:]
		end := len(rest)
		for i := range rest {
			if rest[i] != ',' {
				continue
			}
			if next, _, found := bytes.Cut(rest[i+1:], []byte("=")); found && w.v.row.Ordinal(next) >= 0 {
				end = i
				break
			}
		}
		value := rest[:end]
		body = rest[min(end+1, len(rest)):]
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(schemas.AppendEscaped(append(out, '"'), name), `":`...)
		ord := w.v.row.Ordinal(name)
		if bare := schemas.ValidJSON(value) && value[0] != '"' && value[0] != '{' && value[0] != '['; bare && (ord < 0 || w.v.plans[ord].kind != schemas.String) {
			out = append(out, value...)
		} else {
			out = append(schemas.AppendEscaped(append(out, '"'), value), '"')
		}
	}
	return w.made(append(out, '}')), true
}

// scanKey indexes the key: an object's members are in keyRow, with or without
// a schema around them.
func (w *worker) scanKey(p []byte) (object bool, scalar schemas.Cell, code string) {
	if w.keyRoot.Known[0] != nil { // this topic's keys bring their schema
		if object, scalar, ok := w.scanWrappedKey(p); ok {
			return object, scalar, ""
		}
	}
	clear(w.keyRow.Cells)
	w.keyRow.Reset(w.keyRow.Cells)
	c, err := w.scan.Scan(p, &w.keyRow)
	switch {
	case err != nil:
		return false, c, codeBadKey
	case !w.keyRow.Found:
		return false, c, ""
	case len(w.keyRow.Extra) != 2 || !w.wrappedKey(p):
		return true, c, ""
	}
	object, scalar, _ = w.scanWrappedKey(p)
	return object, scalar, ""
}

// scanWrappedKey reads a key of schema and payload; ok is false for others.
func (w *worker) scanWrappedKey(p []byte) (object bool, scalar schemas.Cell, ok bool) {
	clear(w.keyRow.Cells)
	w.keyRow.Reset(w.keyRow.Cells)
	clear(w.keyRoot.Cells)
	w.keyRoot.Reset(w.keyRoot.Cells)
	_, err := w.scan.Scan(p, &w.keyRoot)
	schema, payload := w.keyRoot.Cells[0], w.keyRoot.Cells[1]
	if err != nil || !w.keyRoot.Found || schema.Absent() || payload.Absent() || len(w.keyRoot.Extra) > 0 {
		return false, scalar, false
	}
	if schema.Enc == schemas.EncJSON && w.keyRoot.Hit != schema.Off {
		s := append([]byte(nil), p[schema.Off:schema.Off+schema.Len]...)
		w.t.keySchema.Store(&s)
		w.keyRoot.Known[0] = s
	}
	return w.keyRow.Found, payload, true
}

// wrappedKey reports a key of schema and payload and nothing else.
func (w *worker) wrappedKey(p []byte) bool {
	for _, c := range w.keyRow.Cells {
		if !c.Absent() {
			return false
		}
	}
	seen := 0
	for _, m := range w.keyRow.Extra {
		switch string(p[m.Name.Off : m.Name.Off+m.Name.Len]) {
		case "schema":
			if !m.Cell.IsNull() && m.Cell.Enc != schemas.EncJSON {
				return false // a column of that name
			}
			seen |= 1
		case "payload":
			seen |= 2
		}
	}
	return seen == 3
}

// keyCell checks a cell of the key against its column.
func (w *worker) keyCell(ord int, c *schemas.Cell, p []byte) verdict {
	if c.Enc != schemas.EncNone {
		if pl := &w.v.plans[ord]; (pl.accept>>c.Enc&1 == 0 || pl.digits || pl.long(*c)) && !w.second(ord, c, p) {
			return verdict{code: codeMismatch, field: w.field(ord)}
		}
	}
	if c.Flags&schemas.InArena == 0 {
		c.Flags |= schemas.InKey
	}
	return keep
}

// scalar makes the column `key` of an event whose key is no object, unless the
// events have a member of that name already.
func (w *worker) scalar(r *stream.Record, c schemas.Cell) (v verdict, again bool) {
	ord := w.v.row.Ordinal([]byte(scalarKey))
	if ord < 0 {
		nv, ok := w.t.growKey(w.v.writer, []found{{name: scalarKey, typ: inferPlain(c, r.Key.Bytes()[c.Off:c.Off+c.Len]), null: true}})
		if !ok {
			return reject(codeTooMany), false
		}
		w.use(nv)
		return keep, true
	}
	if !w.v.schema.Fields[ord].Key {
		return keep, false
	}
	if v := w.keyCell(ord, &c, r.Key.Bytes()); v.code != "" {
		return v, false
	}
	r.KeyRow = w.b.Cells(ord + 1)
	r.KeyRow[ord] = c
	return keep, false
}
