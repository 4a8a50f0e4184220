package decode

import (
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
	flatOp      = "__op"
	flatDeleted = "__deleted"
)

// flatColumns are where a version has them; -1: not at all.
type flatColumns struct{ op, deleted int }

func (f flatColumns) any() bool { return f.op >= 0 || f.deleted >= 0 }

func flatOf(names *schemas.Names) flatColumns {
	return flatColumns{names.Ordinal([]byte(flatOp)), names.Ordinal([]byte(flatDeleted))}
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
	for i := range r.Headers {
		if h := &r.Headers[i]; op == 0 && h.Key == flatOp && h.Value.Len() == 1 {
			op = h.Value.Bytes()[0]
		}
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
	case w.d.config.Tombstones == "delete":
	case f.deleted >= 0, w.t.shape.Load() == shapeEnvelope, !written && f.op < 0:
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
