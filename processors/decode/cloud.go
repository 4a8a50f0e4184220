package decode

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/schemas"
	"sluice/topology/stream"
)

// A CloudEvent of Debezium's CloudEventsConverter has the rows under data and,
// as attributes, what else an envelope says: their names are the envelope's and
// the source block's behind iodebezium, in lower case and without underscores.
// It is written as the envelope it came from and read as that. Source: Debezium
// documentation, "Exporting CloudEvents".

const cloudPrefix = "iodebezium"

// cloudEvent reports that an attribute says what was done to a row, or, if the
// converter has extension.attributes.enable=false, that a connector wrote it.
func (w *worker) cloudEvent(r *stream.Record, e *schemas.Target) bool {
	for _, m := range e.Extra {
		if string(w.bytes(r, m.Name)) == cloudPrefix+"op" {
			return m.Cell.Enc == schemas.EncText
		}
	}
	t, s := e.Cells[ordType], e.Cells[ordSource]
	return t.Enc == schemas.EncText && bytes.HasPrefix(w.bytes(r, s), []byte("/debezium/")) &&
		bytes.HasPrefix(w.bytes(r, t), []byte("io.debezium.")) && bytes.HasSuffix(bytes.ToLower(w.bytes(r, t)), []byte(".datachangeevent"))
}

// cloud makes of the CloudEvent e a record with an envelope. A returned error
// is the registry's.
func (w *worker) cloud(r *stream.Record, e *schemas.Target) (code string, err error) {
	p := r.Value.Bytes()
	data, schema := e.Cells[ordData], w.outer
	body := p
	if data.Enc == schemas.EncText { // Avro in base64
		raw, err := base64.StdEncoding.DecodeString(string(w.bytes(r, data)))
		if err != nil {
			return codeBadAvro, nil
		}
		var ways [2]datum
		text, a, code, err := w.json(data64(raw, ways[:0]))
		if err != nil || code != "" {
			return code, err
		}
		body, schema, data = text, a.Connect(), schemas.Cell{Len: uint32(len(text)), Enc: schemas.EncJSON, Flags: schemas.Present}
	}
	if data.Enc != schemas.EncJSON {
		return codeNoRow, nil
	}
	inner := schemas.Target{Names: wrapperNames, Cells: make([]schemas.Cell, 2)}
	content := body[data.Off : data.Off+data.Len]
	if _, err := schemas.ScanJSON(content, &inner); err != nil || !inner.Found {
		return codeNoRow, nil
	}
	if s, rows := inner.Cells[0], inner.Cells[1]; s.Enc == schemas.EncJSON && rows.Enc == schemas.EncJSON && len(inner.Extra) == 0 {
		schema, content = content[s.Off:s.Off+s.Len], content[rows.Off:rows.Off+rows.Len]
	}
	content = bytes.TrimSpace(content)
	if len(content) < 2 || content[0] != '{' {
		return codeNoRow, nil
	}
	out := append(w.scratch(), content[:len(content)-1]...)
	if len(bytes.TrimSpace(content[1:len(content)-1])) > 0 {
		out = append(out, ',')
	}
	out = append(out, `"source":{"connector":`...)
	if at := e.Cells[ordSource]; at.Enc == schemas.EncText { // /debezium/postgresql/name
		parts := strings.Split(string(w.bytes(r, at)), "/")
		name := ""
		if len(parts) > 2 {
			name = parts[2]
		}
		out = append(append(append(out, '"'), name...), '"')
	}
	var op []byte
	for _, m := range e.Extra {
		name, ok := strings.CutPrefix(string(w.bytes(r, m.Name)), cloudPrefix)
		if !ok || m.Cell.Absent() {
			continue
		}
		if name == "op" {
			op = w.bytes(r, m.Cell)
		}
		if full := sourceName(name); full != "" && full != "connector" {
			out = append(append(append(out, `,"`...), full...), `":`...)
			out = appendRaw(out, m.Cell, p)
		}
	}
	if op == nil {
		if op = w.opOf(r, content); op == nil {
			return codeNoRow, nil
		}
		out = append(out, w.place(r, e)...)
	}
	out = append(append(append(out, `},"op":"`...), op...), `"}`...)
	r.Value = stream.ViewOf(w.made(out))
	w.outer = schema
	return "", nil
}

// opOf is what was done to a row by what there is of it: a new one may be one that
// was changed and is written the same way. A connector has neither row, nor a key,
// for a truncated table alone, and no row for an update that MongoDB's looked up no
// document of: it says what changed.
func (w *worker) opOf(r *stream.Record, content []byte) []byte {
	rows := schemas.Target{Names: rowNames, Cells: make([]schemas.Cell, 3)}
	if _, err := schemas.ScanJSON(content, &rows); err != nil {
		return nil
	}
	switch before, after := rows.Cells[0].Has(), rows.Cells[1].Has(); {
	case rows.Cells[0].Absent() && rows.Cells[1].Absent():
		return nil // no change of a row
	case before && after, rows.Cells[2].Has():
		return []byte("u")
	case after:
		return []byte("c")
	case !before && r.Key.IsNil():
		return []byte("t")
	}
	return []byte("d")
}

var rowNames = schemas.NewNames("before", "after", "updateDescription")

// place is what the attributes id and time say as members of a source block. id
// is name:pg;lsn:9;txId:7;sequence:["8","9"], and of others what their log has.
func (w *worker) place(r *stream.Record, e *schemas.Target) (out []byte) {
	if c := e.Cells[ordID]; c.Has() {
		for part := range strings.SplitSeq(string(w.text(r, c)), ";") {
			name, value, _ := strings.Cut(part, ":")
			if slices.Contains(schemas.SourceNames, name) && name != "connector" && value != "null" {
				out = append(schemas.AppendEscaped(append(append(append(out, `,"`...), name...), `":"`...), []byte(value)), '"')
			}
		}
	}
	for _, m := range e.Extra {
		if string(w.bytes(r, m.Name)) == "time" && m.Cell.Enc == schemas.EncText {
			if t, err := time.Parse(time.RFC3339Nano, string(w.bytes(r, m.Cell))); err == nil {
				out = strconv.AppendInt(append(out, `,"ts_ms":`...), t.UnixMilli(), 10)
			}
		}
	}
	return out
}

// data64 is how the bytes of a data attribute can be read as Avro.
func data64(p []byte, into []datum) []datum { return data(p, nil, idHeaders{}, into) }

// sourceName is the member of the source block that an attribute stands for.
func sourceName(attribute string) string {
	for _, n := range schemas.SourceNames {
		if len(n) >= len(attribute) && strings.ToLower(strings.ReplaceAll(n, "_", "")) == attribute {
			return n
		}
	}
	return ""
}
