package decode

import (
	"strings"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Rows that Debezium's ExtractNewRecordState took out of their envelope are
// events with the columns of its add.fields and, in the rewriting delete modes,
// __deleted. What was done to the row stands in a column or header __op, or,
// for deletes, in __deleted or in a null value (Debezium documentation, "New
// Record State Extraction", delete.tombstone.handling.mode).

// The columns that tell a flattened row. Their prefix is the transform's default.
const (
	flatOp      = "__op" // its prefix is add.fields.prefix, and of headers add.headers.prefix
	flatDeleted = "__deleted"
)

// flatColumns are where a version has them; -1: not at all.
type flatColumns struct{ op, deleted int }

func (f flatColumns) any() bool { return f.op >= 0 || f.deleted >= 0 }

func flatOf(names *schemas.Names, op string) flatColumns {
	return flatColumns{names.Ordinal([]byte(op)), names.Ordinal([]byte(flatDeleted))}
}

// flat makes of an event what was done to the row, if it is a flattened one. A
// deleted row is what the transform made of a before that may be invented: it
// is a Before that counts only where the identity is full.
func (w *worker) flat(r *stream.Record) verdict {
	f := w.v.flat
	var op byte
	if i := f.op; i >= 0 && i < len(r.After) && r.After[i].Enc == schemas.EncText && r.After[i].Len == 1 {
		op = w.bytes(r, r.After[i])[0]
	}
	if op == 0 {
		op = headerOp(r)
	}
	if i := f.deleted; i >= 0 && i < len(r.After) {
		if c := r.After[i]; c.Enc == schemas.EncTrue || c.Enc == schemas.EncText && string(w.bytes(r, c)) == "true" {
			op = 'd'
		}
	}
	switch op {
	case 'u':
		r.Op = stream.Update
	case 'r':
		r.Snapshot = true
	case 'd':
		r.Op, r.Before, r.After = stream.Delete, r.After, nil
		r.Full = w.t.identity == "full" || keyless(r)
	case 't':
		if w.d.config.Truncate == "filter" {
			return filter
		}
		r.Op, r.Before, r.After, r.KeyRow = stream.Truncate, nil, nil, nil
	}
	return keep
}

// headerOp is what add.headers=op says, or 0. Header converters write a text as
// it is or as JSON.
func headerOp(r *stream.Record) byte {
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Key == flatOp {
			switch v := h.Value.Bytes(); {
			case len(v) == 1:
				return v[0]
			case len(v) == 3 && v[0] == '"' && v[2] == '"':
				return v[1]
			}
		}
	}
	return 0
}

// byConnector reports a row that a connector took out of its envelope: its
// structs are Debezium's.
func (w *worker) byConnector(r *stream.Record) bool {
	if w.v.flat.any() {
		return true
	}
	for _, m := range w.after.Extra {
		if n := w.bytes(r, m.Name); string(n) == flatOp || string(n) == flatDeleted {
			return true
		}
	}
	for i := range r.Headers {
		if strings.HasPrefix(r.Headers[i].Key, contextHeaders) || r.Headers[i].Key == flatOp {
			return true
		}
	}
	return false
}

// contextHeaders begin the names of headers that connectors add to every row.
const contextHeaders = "__debezium.context."

// flattened reports a null that a connector wrote on a topic of rows that it
// took out of their envelopes. An outbox' null has the event's id beside it.
func (w *worker) flattened(r *stream.Record) bool {
	if s := w.t.shape.Load(); s != shapePlain && s != shapeWrapped {
		return false
	}
	context := false
	for i := range r.Headers {
		context = context || strings.HasPrefix(r.Headers[i].Key, contextHeaders)
		if r.Headers[i].Key == "id" {
			return false
		}
	}
	return context
}

// signal reports a row of the signal table: three columns, id, type and data,
// in any case, and a type that Debezium knows (documentation, "Sending signals").
func (w *worker) signal(r *stream.Record) bool {
	typ := -1
	for i, c := range w.after.Cells {
		if c.Absent() {
			continue
		}
		switch w.v.signals[i] {
		case signalOther:
			return false
		case signalType:
			typ = i
		}
	}
	if typ < 0 || w.after.Cells[typ].Enc != schemas.EncText {
		return false
	}
	switch string(w.bytes(r, w.after.Cells[typ])) {
	case "log", "execute-snapshot", "stop-snapshot", "pause-snapshot", "resume-snapshot", "snapshot-window-open", "snapshot-window-close", "schema-changes":
		return true
	}
	return false
}

// The columns of a signal table.
const (
	signalOther uint8 = iota // it has no such column
	signalMember
	signalType
)

func signalColumn(name string) uint8 {
	switch strings.ToLower(name) {
	case "id", "data":
		return signalMember
	case "type":
		return signalType
	}
	return signalOther
}

// keyless reports a delete without a key: only a table that logs full rows
// sends one (PostgreSQL documentation, REPLICA IDENTITY).
func keyless(r *stream.Record) bool { return r.Key.IsNil() }

// tombstone decodes a null value: for compaction alone, or the delete of its
// key's row. written says that it stands there as JSON: a connector's own
// tombstones are Kafka's null, and only what a transform made of a delete goes
// through the converter, so that it means the same whatever was seen before. // D3
func (w *worker) tombstone(r *stream.Record, written bool) verdict {
	f := w.v.flat
	switch {
	case w.d.config.Tombstones == "filter", w.d.config.Format == "debezium":
		return filter
	case w.d.config.Tombstones == "delete", headerOp(r) == 'd':
	case f.deleted >= 0, w.t.shape.Load() == shapeEnvelope, !written && f.op < 0 && !w.flattened(r):
		return filter
	}
	if r.Key.IsNil() {
		return filter // of a table without a key: it says nothing
	}
	for range tries {
		v, again := w.key(r, true)
		if v.code != "" {
			return v
		}
		if again {
			continue
		}
		if r.KeyRow == nil {
			return filter
		}
		r.Op, r.Snapshot, r.Full, r.Before, r.After, r.Schema = stream.Delete, false, false, nil, nil, w.v.schema
		return keep
	}
	return reject(codeUnsettled)
}
