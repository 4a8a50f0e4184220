package decode

import (
	"sluice/schemas"
	"sluice/topology/stream"
)

// event decodes a record of a topic that has carried plain events so far. One
// that brings new members may be something else: it gets the full look.
func (w *worker) event(r *stream.Record, shape int32) verdict {
	if w.d.config.Format == "json" {
		return w.plain(r, shape)
	}
	switch code := w.scanPlain(r, shape); code {
	case "":
	case codeNotObject, codeBadJSON, codeTooDeep:
		return w.envelope(r)
	default: // of binary data
		return reject(code)
	}
	if len(w.after.Extra) > 0 {
		return w.envelope(r)
	}
	return w.plainRow(r, shape)
}

// scanPlain indexes an event: the value, or what stands under payload.
func (w *worker) scanPlain(r *stream.Record, shape int32) (code string) {
	w.rows()
	if shape == shapePlain {
		_, err := w.scanValue(r, &w.after)
		switch {
		case err != nil:
			return scanCode(err)
		case !w.after.Found:
			return codeNotObject
		}
		return ""
	}
	if w.avroData != nil {
		if err := w.plainText(r); err != nil {
			return scanCode(err)
		}
	}
	clear(w.root.Cells)
	w.root.Reset(w.root.Cells)
	sub := w.root.Sub
	w.root.Sub = w.eventSub
	_, err := w.scan.Scan(r.Value.Bytes(), &w.root)
	w.root.Sub = sub
	switch {
	case err != nil:
		return scanCode(err)
	case !w.root.Found || !w.wrapper(r) || !w.after.Found:
		return codeNotObject
	}
	return ""
}

// plain decodes a record that is known to be an event.
func (w *worker) plain(r *stream.Record, shape int32) verdict {
	for range tries {
		if code := w.scanPlain(r, shape); code != "" {
			if code == codeNotObject && w.nullEvent(r) {
				return w.tombstone(r, true)
			}
			if code == codeNotObject && shape == shapePlain {
				return w.whole(r, nil)
			}
			if code == codeNotObject && w.root.Found && w.wrapper(r) && !w.root.Cells[ordPayload].IsNull() {
				return w.whole(r, &w.root.Cells[ordPayload])
			}
			return reject(code)
		}
		writer := w.outer
		w.debezium = w.byConnector(r)
		if shape == shapeWrapped {
			if s := w.root.Cells[ordSchema]; s.Enc == schemas.EncJSON {
				writer = w.bytes(r, s)
			}
		}
		if v, again := w.settle(r, writer, false, false); v.code != "" {
			return v
		} else if again {
			continue
		}
		return w.plainRow(r, shape)
	}
	return reject(codeUnsettled)
}

func (w *worker) nullEvent(r *stream.Record) bool {
	c, err := w.scan.Scan(r.Value.Bytes(), nil)
	return err == nil && c.IsNull()
}

// plainRow makes the row of an event whose columns are all known.
func (w *worker) plainRow(r *stream.Record, shape int32) verdict {
	w.debezium = w.byConnector(r)
	if shape == shapeWrapped {
		s := w.root.Cells[ordSchema]
		if s.Enc == schemas.EncJSON && !w.sameWriter(w.bytes(r, s)) || s.Enc != schemas.EncJSON && w.v.writer != nil {
			return w.plain(r, shape)
		}
	} else if string(w.v.writer) != string(w.outer) {
		return w.plain(r, shape)
	}
	if debezium := w.d.config.Format != "json"; w.fine(r, &w.after, debezium) {
		// nothing to say
	} else if v := w.check(r, &w.after, debezium); v.again {
		if v = w.grow(); v.code != "" {
			return v
		}
		return w.plain(r, shape)
	} else if v.code != "" {
		return v
	}
	r.Op, r.Snapshot, r.Full, r.Before, r.KeyRow = stream.Insert, false, false, nil, nil
	if w.d.config.EventKeys == "row" {
		if v, again := w.key(r, true); v.code != "" {
			return v
		} else if again {
			return w.plain(r, shape)
		}
	}
	r.Schema = w.v.schema
	r.After = w.take(1)
	if w.v.flat.any() || len(r.Headers) > 0 {
		if v := w.flat(r); v.filtered || r.After == nil {
			return v
		}
	}
	w.repeat(r)
	return keep
}

// repeat gives the row the columns of its key that it does not have.
func (w *worker) repeat(r *stream.Record) {
	for i, c := range r.KeyRow {
		if !c.Absent() && i < len(r.After) && r.After[i].Absent() {
			r.After[i] = c
		}
	}
}

// wholeValue is the column of an event that is no object.
const wholeValue = "value"

// whole makes an event of a value that is JSON and no object: one column, the
// document as it is. An outbox of arrays and scalars has such events. payload is
// where it stands, if not alone.
func (w *worker) whole(r *stream.Record, payload *schemas.Cell) verdict {
	c, err := w.scan.Scan(r.Value.Bytes(), nil)
	if err != nil {
		return reject(scanCode(err))
	}
	if payload != nil {
		c = *payload
	}
	if c.Enc == schemas.EncText || c.Enc == schemas.EncJSONString {
		c.Off, c.Len = c.Off-1, c.Len+2 // the string with its quotes is the document
	}
	c.Enc = schemas.EncJSON
	for range tries {
		ord := w.v.row.Ordinal([]byte(wholeValue))
		if ord < 0 || w.v.writer != nil {
			nv, ok := w.t.grow(nil, []found{{name: wholeValue, typ: schemas.Type{Kind: schemas.JSON}, null: true}})
			if !ok {
				return reject(codeTooMany)
			}
			w.use(nv)
			continue
		}
		if w.v.plans[ord].kind != schemas.JSON {
			return reject(codeNotObject) // other events have a member of that name
		}
		r.Op, r.Snapshot, r.Full, r.Before, r.KeyRow = stream.Insert, false, false, nil, nil
		if w.d.config.EventKeys == "row" {
			if v, again := w.key(r, true); v.code != "" {
				return v
			} else if again {
				continue
			}
		}
		r.Schema = w.v.schema
		w.rows()
		row := w.after.Cells
		row[ord] = c
		w.after.Found = true
		r.After = w.take(1)
		w.repeat(r)
		return keep
	}
	return reject(codeUnsettled)
}
