// Package stream is the vocabulary every source, processor and sink speaks:
// values and interfaces, no I/O, no goroutine. Three rules run through it.
//
//   - A position is a value and the sink owns it: rows and positions become
//     durable in one step, compared and set.
//   - Bytes belong to the [Batch]. A [View] dies with it; Clone to keep.
//   - Raw and [Clean] are different types: a sink cannot be handed an
//     unmasked row. // P1
//
// Code that enforces an invariant names it by its number. Of data:
//
//	D1  order within a lane
//	D2  positions never regress in a store: what is stored is compared and set
//	D3  spans of a lane join without gap and without overlap
//	D4  at most one live row a key
//	D5  replay is idempotent
//	D6  a commit is all or nothing
//	D7  memory stays under the byte budget
//
// Of privacy:
//
//	P1  nothing unmasked leaves the process: not to sinks, dead letters, logs, metrics, errors, panics, file statistics
//	P2  a record that cannot be parsed or masked is refused and sealed, or its lane stops
//	P3  before, after, key and nested copies of a column get the same action
//	P4  what nobody classified has no place behind the gate as it is
//	P5  hashes and tokens are keyed; keys and secrets come by reference, never in the file
//	P6  a canary test plants markers in every field and looks for them in every output
package stream

import (
	"fmt"
	"log/slog"
	"unsafe"

	"sluice/schemas"
)

// Op says what a change record did to its row.
type Op uint8

// The operations. Plain events are Insert.
const (
	Insert Op = iota
	Update
	Delete
	Truncate
)

var opNames = [...]string{"insert", "update", "delete", "truncate"}

func (o Op) String() string { return opNames[o] }

// SourcePos orders changes of one source database: Hi then Lo then Row.
// PostgreSQL: commit LSN, LSN. MySQL, MariaDB: binlog file number, position,
// row. SQL Server: commit LSN, change LSN folded. Zero: unknown.
type SourcePos struct {
	Hi  uint64 `json:"hi"`
	Lo  uint64 `json:"lo"`
	Row uint32 `json:"row,omitempty"`
}

// Compare orders source positions of one source.
func (a SourcePos) Compare(b SourcePos) int {
	switch {
	case a.Hi != b.Hi:
		return less(a.Hi < b.Hi)
	case a.Lo != b.Lo:
		return less(a.Lo < b.Lo)
	case a.Row != b.Row:
		return less(a.Row < b.Row)
	}
	return 0
}

func less(b bool) int {
	if b {
		return -1
	}
	return 1
}

// Record is one message, unmasked. Its views share the memory of its Batch.
// Decoding fills Schema, Op, the times and the rows.
type Record struct {
	Offset   int64
	Epoch    int32 // leader epoch the record was read under
	Seq      int32 // tells records apart that were split from one offset
	Op       Op
	Snapshot bool
	Full     bool  // the row identity is full: Before holds real values, not fillers
	Time     int64 // event time, microseconds since 1970 UTC: source time, else the message's
	Src      SourcePos

	Key, Value View
	Headers    []Header

	Schema *schemas.Schema
	// Before, After and KeyRow are indexed by the ordinals of Schema; shorter
	// than it means the rest is absent; nil means there is no such row.
	Before, After, KeyRow []schemas.Cell
}

// Header is one key and value carried beside the record.
type Header struct {
	Key   string
	Value View
}

// CellBytes lends the bytes of cell c of r, which belongs to b.
func (b *Batch) CellBytes(r *Record, c schemas.Cell) []byte {
	p := r.Value.p
	switch {
	case c.Flags&schemas.InArena != 0:
		p = b.arena
	case c.Flags&schemas.InKey != 0:
		p = r.Key.p
	}
	return p[c.Off : c.Off+c.Len : c.Off+c.Len]
}

// LogValue tells lengths only. // P1
func (r Record) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("record offset=%d key=%dB value=%dB", r.Offset, r.Key.Len(), r.Value.Len()))
}

// String tells lengths only. // P1
func (r Record) String() string { return r.LogValue().String() }

// GoString tells lengths only. // P1
func (r Record) GoString() string { return r.LogValue().String() }

// View is bytes lent by a Batch: read-only, capped, and gone at Release.
type View struct{ p []byte }

// ViewOf adopts p without copying it.
func ViewOf(p []byte) View { return View{p[:len(p):len(p)]} }

// Bytes lends the bytes; nil is Kafka's null. Nobody writes into them.
func (v View) Bytes() []byte { return v.p }

// Clone returns bytes the caller owns.
func (v View) Clone() []byte { return append([]byte(nil), v.p...) }

// Len is the number of bytes.
func (v View) Len() int { return len(v.p) }

// IsNil tells Kafka's null from empty bytes.
func (v View) IsNil() bool { return v.p == nil }

// same reports that both lend the same memory.
func (v View) same(o View) bool {
	return len(v.p) == len(o.p) && unsafe.SliceData(v.p) == unsafe.SliceData(o.p)
}

// LogValue tells the length only. // P1
func (v View) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%d bytes", len(v.p))) }

// String tells the length only. // P1
func (v View) String() string { return fmt.Sprintf("%d bytes", len(v.p)) }

// GoString tells the length only. // P1
func (v View) GoString() string { return v.String() }
