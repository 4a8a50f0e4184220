package decode

import (
	"sluice/schemas"
	"sluice/topology/stream"
)

// Debezium's MongoDB connector writes documents as strings of Extended JSON, in
// before and after and in the member id of the key. They are unwrapped: the
// document's members are the row's columns, their typed values plain ones
// (schemas.AppendExtended), and the key is the column _id. The record is then
// read like any other without a schema, for its own says nothing of documents.
// Source: Debezium documentation, "MongoDB connector", data change events.

// documentKey is the member of every document that identifies it.
const documentKey = "_id"

// documents makes of the record with envelope e one whose documents are plain. An
// update without its document becomes one with what changed. It returns a code.
func (w *worker) documents(r *stream.Record, e *schemas.Target) string {
	key, named := w.documentID(r.Key.Bytes())
	var partial []byte
	if w.documentless(r, e) {
		var code string
		if partial, code = w.changed(r, e, key); code != "" {
			return code
		}
	}
	out := append(w.scratch(), '{')
	for i, c := range e.Cells {
		if i == ordAfter && partial != nil {
			out = append(append(append(out, `"after":`...), partial...), ',')
			continue
		}
		if c.Absent() || i == ordSchema || i == ordPayload {
			continue
		}
		out = append(append(append(out, '"'), schemas.EnvelopeNames[i]...), `":`...)
		if i == ordBefore || i == ordAfter {
			out = w.unwrap(out, c, r.Value.Bytes())
		} else {
			out = appendRaw(out, c, r.Value.Bytes())
		}
		out = append(out, ',')
	}
	out[len(out)-1] = '}' // source is there: it says that this is MongoDB's
	r.Value = stream.ViewOf(w.made(out))
	w.outer, w.plainDocuments, w.partialRow = nil, true, partial != nil && !w.replacement
	if named {
		r.Key = stream.ViewOf(key)
	}
	return ""
}

// documentID is the key as {"_id":value}; not ok when it is none of the connector's.
func (w *worker) documentID(p []byte) (key []byte, ok bool) {
	id := schemas.NewNames("id")
	inner := schemas.Target{Names: id, Cells: make([]schemas.Cell, 1)}
	outer := schemas.Target{Names: wrapperNames, Cells: make([]schemas.Cell, 2), Sub: []*schemas.Target{nil, &inner}}
	if _, err := schemas.ScanJSON(p, &outer); err != nil || !outer.Found {
		return nil, false
	}
	if !inner.Found { // a key without a schema
		if _, err := schemas.ScanJSON(p, &inner); err != nil {
			return nil, false
		}
	}
	if len(inner.Extra) > 0 || inner.Cells[0].Absent() {
		return nil, false
	}
	out := append(w.scratch(), `{"`+documentKey+`":`...)
	return w.made(append(w.unwrap(out, inner.Cells[0], p), '}')), true
}

// unwrap appends what the text of c holds as plain JSON. What is no text, or
// no JSON, stands there as it is.
func (w *worker) unwrap(dst []byte, c schemas.Cell, p []byte) []byte {
	if c.Enc == schemas.EncText || c.Enc == schemas.EncJSONString {
		n := len(w.arena)
		w.arena = schemas.AppendText(w.arena, c, p[c.Off:c.Off+c.Len])
		out, ok := schemas.AppendExtended(dst, w.arena[n:])
		w.cut(w.arena, n)
		if ok {
			return out
		}
	}
	return appendRaw(dst, c, p)
}

// appendRaw appends a cell's JSON as it was written.
func appendRaw(dst []byte, c schemas.Cell, p []byte) []byte {
	switch b := p[c.Off : c.Off+c.Len]; c.Enc {
	case schemas.EncNone:
		return append(dst, "null"...)
	case schemas.EncText, schemas.EncJSONString:
		return append(append(append(dst, '"'), b...), '"')
	default:
		return append(dst, b...)
	}
}
