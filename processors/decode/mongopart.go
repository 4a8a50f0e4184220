package decode

import (
	"bytes"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Updates of MongoDB whose full document the connector was not told to look up
// (capture.mode change_streams) say what changed: updatedFields and
// removedFields by path, and arrays that were cut. Where all of it is about whole
// members, the row is known but for what did not change, as one with TOASTed
// columns is: what was removed is null, what is not named is unavailable, and
// sinks keep what they have. A path into a member leaves that member unknown and
// is refused (partial_document). Connectors of 1.x said the same by the oplog's
// patch. Source: Debezium documentation, "MongoDB connector", update events;
// MongoDB manual, "Change events", update.

var (
	updateNames = schemas.NewNames("removedFields", "updatedFields", "truncatedArrays")
	patchNames  = schemas.NewNames("$set", "$unset", "$v")
)

// patchMember is the member of the envelope that connectors of 1.x write.
const patchMember = "patch"

// documentless reports an update that has no document and says what changed.
func (w *worker) documentless(r *stream.Record, e *schemas.Target) bool {
	op := e.Cells[ordOp]
	if op.Enc != schemas.EncText || string(w.bytes(r, op)) != "u" || !e.Cells[ordAfter].Absent() && !e.Cells[ordAfter].IsNull() {
		return false
	}
	return e.Cells[ordUpdate].Enc == schemas.EncJSON || w.patch(r, e).Has()
}

func (w *worker) patch(r *stream.Record, e *schemas.Target) schemas.Cell {
	for _, m := range e.Extra {
		if string(w.bytes(r, m.Name)) == patchMember {
			return m.Cell
		}
	}
	return schemas.Cell{}
}

// changed is the document of what an update changed, with its _id from key, or a code.
func (w *worker) changed(r *stream.Record, e *schemas.Target, key []byte) (doc []byte, code string) {
	w.replacement = false
	if len(key) < 2 {
		return nil, codeNoDocument // whose it is nobody knows
	}
	doc = append([]byte(nil), key[:len(key)-1]...) // {"_id":...
	if e.Cells[ordUpdate].Enc != schemas.EncJSON {
		return w.patched(doc, w.text(r, w.patch(r, e)))
	}
	p := w.bytes(r, e.Cells[ordUpdate])
	said := schemas.Target{Names: updateNames, Cells: make([]schemas.Cell, updateNames.Len())}
	if _, err := schemas.ScanJSON(p, &said); err != nil || !said.Found {
		return nil, codeNoDocument
	}
	removed, updated, cut := said.Cells[0], said.Cells[1], said.Cells[2]
	if cut.Has() && !emptyArray(p[cut.Off:cut.Off+cut.Len]) {
		return nil, codePartial
	}
	if updated.Has() {
		text := schemas.AppendText(nil, updated, p[updated.Off:updated.Off+updated.Len])
		if doc, code = members(doc, text, false); code != "" {
			return nil, code
		}
	}
	if removed.Has() {
		if doc, code = removals(doc, p[removed.Off:removed.Off+removed.Len]); code != "" {
			return nil, code
		}
	}
	return append(doc, '}'), ""
}

// patched is the document of the oplog's patch: one with operators, or a whole
// document that replaces the old one.
func (w *worker) patched(doc, p []byte) ([]byte, string) {
	said := schemas.Target{Names: patchNames, Cells: make([]schemas.Cell, patchNames.Len())}
	if _, err := schemas.ScanJSON(p, &said); err != nil || !said.Found {
		return nil, codeNoDocument
	}
	operators := !said.Cells[0].Absent() || !said.Cells[1].Absent() || !said.Cells[2].Absent()
	for _, m := range said.Extra {
		switch name := p[m.Name.Off : m.Name.Off+m.Name.Len]; {
		case len(name) > 0 && name[0] == '$', operators:
			return nil, codePartial // $diff of the oplog's second version, and what is not known
		}
	}
	if !operators {
		w.replacement = true
		out, ok := schemas.AppendExtended(nil, p)
		if !ok {
			return nil, codeNoDocument
		}
		return out, ""
	}
	var code string
	for i, gone := range []bool{false, true} {
		if c := said.Cells[i]; c.Has() {
			if doc, code = members(doc, p[c.Off:c.Off+c.Len], gone); code != "" {
				return nil, code
			}
		}
	}
	return append(doc, '}'), ""
}

func emptyArray(p []byte) bool { return len(p) >= 2 && len(bytes.TrimSpace(p[1:len(p)-1])) == 0 }

// members appends the members of the document p, in Extended JSON, to doc; gone
// writes null for each.
func members(doc, p []byte, gone bool) ([]byte, string) {
	plain, ok := schemas.AppendExtended(nil, p)
	all := schemas.Target{Names: schemas.NewNames()}
	if !ok {
		return nil, codeNoDocument
	}
	if _, err := schemas.ScanJSON(plain, &all); err != nil || !all.Found {
		return nil, codeNoDocument
	}
	for _, m := range all.Extra {
		name := plain[m.Name.Off : m.Name.Off+m.Name.Len]
		if !wholeMember(name, m.Name.Enc) {
			return nil, codePartial
		}
		if string(name) == documentKey {
			continue // it cannot change
		}
		doc = append(append(append(doc, ',', '"'), name...), `":`...)
		if gone {
			doc = append(doc, "null"...)
			continue
		}
		c := m.Cell
		if c.Enc == schemas.EncText || c.Enc == schemas.EncJSONString {
			doc = append(append(append(doc, '"'), plain[c.Off:c.Off+c.Len]...), '"')
			continue
		}
		doc = appendRaw(doc, c, plain)
	}
	return doc, ""
}

// removals appends a null for each name of the list p.
func removals(doc, p []byte) ([]byte, string) {
	if len(p) < 2 || p[0] != '[' { // a connector writes a list
		return nil, codeNoDocument
	}
	for i := 1; i < len(p); i++ {
		switch p[i] {
		case ' ', '\t', '\r', '\n', ',':
			continue
		case ']':
			return doc, ""
		case '"':
		default:
			return nil, codeNoDocument // of names
		}
		start, enc := i+1, schemas.EncText
		for i = start; i < len(p) && p[i] != '"'; i++ {
			if p[i] == '\\' {
				i, enc = i+1, schemas.EncJSONString
			}
		}
		if i >= len(p) {
			break
		}
		if !wholeMember(p[start:i], enc) {
			return nil, codePartial
		}
		doc = append(append(append(doc, ',', '"'), p[start:i]...), `":null`...)
	}
	return nil, codeNoDocument
}

// wholeMember reports a path that is one name: its dots part members and places
// in arrays. A name with escapes may hide one.
func wholeMember(name []byte, enc schemas.Encoding) bool {
	return len(name) > 0 && enc == schemas.EncText && bytes.IndexByte(name, '.') < 0
}

// keepOthers marks the columns that an update did not name as not sent.
func (w *worker) keepOthers() {
	for i := range w.after.Cells {
		if c := &w.after.Cells[i]; c.Absent() {
			c.Flags = schemas.Present | schemas.Unavailable
		}
	}
}
