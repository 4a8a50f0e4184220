package decode

import (
	"bytes"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Places in schemas.EnvelopeNames and schemas.SourceNames.
const (
	ordBefore = iota
	ordAfter
	ordSource
	ordTransaction
	ordOp
	ordTsMs
	ordTsUs
	ordTsNs
	ordSchema
	ordPayload
	ordStatus
	ordID
	ordEventCount
	ordCollections
	ordDatabase
	ordDDL
	ordTableChanges
	ordPosition
	ordMessage
	ordUpdate
	ordAggregate
	ordType
	ordAdditional
	ordTimestamp
	ordSpecVersion
	ordData
	ordContentType
)

const (
	srcVersion = iota
	srcConnector
	srcName
	srcTsMs
	srcSnapshot
	srcDB
	srcSequence
	srcTsUs
	srcTsNs
	srcSchema
	srcTable
	srcTxID
	srcLSN
	srcXmin
	srcOrigin
	srcOriginLSN
	srcServerID
	srcGTID
	srcFile
	srcPos
	srcRow
	srcThread
	srcQuery
	srcCommitLSN
	srcChangeLSN
	srcSerial
	srcSCN
	srcCommitSCN
	srcCollection
	srcOrd
	srcKeyspace
	srcVGTID
	srcRecordSequence
	srcModNumber
)

// tries bounds how often a record is read again because it brought new columns.
const tries = 6

// envelope decodes a record that may be Debezium's.
func (w *worker) envelope(r *stream.Record) verdict {
	for range tries {
		e, writer, v := w.scanEnvelope(r)
		if e == nil {
			return v
		}
		switch k := w.classify(r, e); k {
		case kindBroken:
			return reject(codeUnknownOp)
		case kindCloud:
			if code, err := w.cloud(r, e); err != nil || code != "" {
				w.failed = err
				return reject(code)
			}
			continue
		case kindOther:
			if w.d.config.Format == "debezium" {
				return reject(codeNotDBZ)
			}
			shape := shapeOf(e == &w.payload)
			w.t.shape.CompareAndSwap(shapeUnknown, shape)
			return w.plain(r, shape)
		case kindHeartbeat, kindTransaction, kindSchemaChange, kindNotification:
			if w.d.config.meaning(k) != "rows" {
				return filter
			}
			return w.plain(r, shapeOf(e == &w.payload))
		}
		if w.t.shape.Load() == shapeUnknown { // asked first: to swap waits for all stores
			w.t.shape.CompareAndSwap(shapeUnknown, shapeEnvelope)
		}
		w.wrote = w.connectorOf(r)
		if !w.plainDocuments && w.wrote == mongoDB {
			if w.avroData != nil {
				if err := w.plainText(r); err != nil {
					return reject(scanCode(err))
				}
				continue
			}
			if code := w.documents(r, e); code != "" {
				return reject(code)
			}
			continue
		}
		if w.mutation() {
			if w.avroData != nil {
				if err := w.plainText(r); err != nil {
					return reject(scanCode(err))
				}
				continue
			}
			if code := w.cells(r, e); code != "" {
				return reject(code)
			}
			continue
		}
		if v, again := w.change(r, e, writer); !again {
			return v
		}
	}
	return reject(codeUnsettled)
}

func shapeOf(wrapped bool) int32 {
	if wrapped {
		return shapeWrapped
	}
	return shapePlain
}

// scanEnvelope indexes the value and finds the envelope in it: the value
// itself, or what stands under payload beside a schema, whose bytes are writer.
func (w *worker) scanEnvelope(r *stream.Record) (e *schemas.Target, writer []byte, v verdict) {
	w.root.Sub[ordPayload] = &w.payload
	c, err := w.scanRoot(r)
	if err == nil && w.payload.Found && (w.outer != nil || !w.wrapper(r)) { // a payload that is no envelope's: its members are not ours
		w.root.Sub[ordPayload] = nil
		c, err = w.scanRoot(r)
	}
	switch {
	case err != nil:
		return nil, nil, reject(scanCode(err))
	case c.IsNull():
		return nil, nil, w.tombstone(r, true) // by an SMT: the text null
	case !w.root.Found:
		if w.d.config.Format == "auto" && w.t.shape.Load() != shapeEnvelope {
			return nil, nil, w.whole(r, nil)
		}
		return nil, nil, reject(codeNotObject)
	case w.outer != nil || !w.wrapper(r):
		return &w.root, w.outer, keep
	}
	if w.root.Cells[ordPayload].IsNull() {
		return nil, nil, w.tombstone(r, true) // with a schema
	}
	if !w.payload.Found {
		if w.d.config.Format == "auto" && w.t.shape.Load() != shapeEnvelope {
			return nil, nil, w.whole(r, &w.root.Cells[ordPayload])
		}
		return nil, nil, reject(codeNotObject)
	}
	if s := w.root.Cells[ordSchema]; s.Enc == schemas.EncJSON {
		writer = w.bytes(r, s)
	}
	return &w.payload, writer, keep
}

func (w *worker) scanRoot(r *stream.Record) (schemas.Cell, error) {
	for _, t := range []*schemas.Target{&w.root, &w.payload, &w.source} {
		if t.Found {
			clear(t.Cells)
		}
		t.Reset(t.Cells)
	}
	w.rows()
	return w.scanValue(r, &w.root)
}

// wrapper reports an object of schema and payload and nothing else. A table may
// have columns of these names: its schema is none of Connect's, which has a type.
func (w *worker) wrapper(r *stream.Record) bool {
	t, s := &w.root, w.root.Cells[ordSchema]
	if t.Cells[ordPayload].Absent() || !s.IsNull() && s.Enc != schemas.EncJSON || len(t.Extra) > 0 {
		return false
	}
	for i, c := range t.Cells {
		if !c.Absent() && i != ordPayload && i != ordSchema {
			return false
		}
	}
	return s.IsNull() || bytes.Contains(w.bytes(r, s), schemaType)
}

// schemaType is in every schema of Connect, among its first members.
var schemaType = []byte(`"type"`)

// change decodes a change record. again asks for another reading, with the
// columns that this one found.
func (w *worker) change(r *stream.Record, e *schemas.Target, writer []byte) (v verdict, again bool) {
	w.debezium = true
	var op byte
	if c := e.Cells[ordOp]; c.Enc == schemas.EncText && c.Len == 1 {
		op = w.bytes(r, c)[0]
	}
	switch op {
	case 'c', 'r', 'u', 'd':
	case 't':
		if w.d.config.Truncate == "filter" {
			return filter, false
		}
	case 'm':
		switch w.d.config.Messages {
		case "reject":
			return reject(codeMessage), false
		case "rows":
			w.facts(r)
			return w.plain(r, shapeOf(e == &w.payload)), false
		}
		return filter, false
	default:
		return reject(codeUnknownOp), false
	}
	if v, again := w.settle(r, writer, w.before.Found || w.after.Found || w.named(), w.after.Found || writer != nil); again || v.code != "" {
		return v, again
	}
	w.facts(r)
	r.Schema = w.v.schema
	switch op {
	case 't':
		r.Op, r.Before, r.After, r.KeyRow = stream.Truncate, nil, nil, nil
		return keep, false
	case 'c', 'r':
		r.Op, r.Snapshot = stream.Insert, r.Snapshot || op == 'r'
	case 'u':
		r.Op = stream.Update
	case 'd':
		r.Op, r.Full = stream.Delete, r.Full || keyless(r)
	}
	if op != 'd' && !w.after.Found {
		if w.plainDocuments && e.Cells[ordUpdate].Enc == schemas.EncJSON {
			return reject(codeNoDocument), false
		}
		return reject(codeNoRow), false
	}
	if w.d.config.Signals == "filter" && w.signal(r) {
		return filter, false
	}
	placed := w.leavesOut(r)
	for _, row := range [2]*schemas.Target{&w.before, &w.after} {
		if w.fine(r, row, placed) {
			continue
		}
		if v := w.check(r, row, placed); v.again {
			v = w.grow()
			return v, v.code == ""
		} else if v.code != "" {
			return v, false
		}
	}
	if v, again := w.key(r, false); again || v.code != "" {
		return v, again
	}
	if op == 'd' && !w.before.Found && r.KeyRow == nil {
		return reject(codeNoRow), false
	}
	r.Schema = w.v.schema // a column may have got its type
	if w.partialRow {
		w.keepOthers()
	}
	r.Before, r.After = w.take(0), w.take(1)
	if op == 'd' {
		r.After = nil
	}
	return keep, false
}

// settle makes w.v the version for this record's writer and columns. located
// says that the record names its table, whole that it has all columns of it:
// a delete's before may hold the key alone.
func (w *worker) settle(r *stream.Record, writer []byte, located, whole bool) (v verdict, again bool) {
	switch {
	case writer == nil && w.v.writer != nil:
		w.t.mu.Lock()
		nv := w.t.version(nil)
		w.t.mu.Unlock()
		w.use(nv)
		return keep, true
	case writer != nil && !w.sameWriter(writer):
		nv, code := w.t.writer(writer)
		if code != "" {
			return reject(code), false
		}
		w.use(nv)
		return keep, true
	}
	if len(w.before.Extra)+len(w.after.Extra) > 0 {
		w.fresh = w.fresh[:0]
		w.unknown(r, &w.before)
		w.unknown(r, &w.after)
		v := w.grow()
		return v, v.code == ""
	}
	if located && !w.v.located || whole && !w.v.schema.Closed {
		w.use(w.t.locate(w.v.writer, w.origin(r), whole))
		return keep, true
	}
	return keep, false
}

// sameWriter compares the schema that was just read with the version's. The
// scanner did so already when it met the known bytes.
func (w *worker) sameWriter(writer []byte) bool {
	return w.outer == nil && w.root.Hit != 0 && w.root.Hit == w.root.Cells[ordSchema].Off || string(writer) == string(w.v.writer)
}

// unknown collects members of a row that the topic has no column for.
func (w *worker) unknown(r *stream.Record, t *schemas.Target) {
	for _, m := range t.Extra {
		name := string(w.text(r, m.Name))
		dup := false
		for i := range w.fresh {
			if w.fresh[i].name == name {
				dup = true
				if w.fresh[i].typ.Kind == schemas.Unknown {
					w.fresh[i].typ, w.fresh[i].wire = infer(m.Cell, w.bytes(r, m.Cell), w.debezium)
				}
			}
		}
		if !dup {
			typ, wire := infer(m.Cell, w.bytes(r, m.Cell), w.debezium)
			w.fresh = append(w.fresh, found{name: name, typ: typ, wire: wire, null: true, loose: w.loose()})
		}
	}
}

// loose reports that the members of the record at hand are nobody's columns: a
// connector's rows have those of a table, but for documents. // P1
func (w *worker) loose() bool { return !w.debezium || w.plainDocuments }

// field is the name of column i for a reject, "" if it may be data. // P1
func (w *worker) field(i int) string {
	if f := &w.v.schema.Fields[i]; !f.MayBeData() {
		return f.Name
	}
	return ""
}

// text is the text of a cell of r's value, allocated: for what is rare.
func (w *worker) text(r *stream.Record, c schemas.Cell) []byte {
	return schemas.AppendText(nil, c, w.bytes(r, c))
}
