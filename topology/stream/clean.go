package stream

import (
	"fmt"
	"log/slog"

	"sluice/schemas"
	"sluice/topology/stream/internal/door"
)

// Table describes the rows of a run of a Clean: the planned output columns of
// one version of one topic. It is immutable and shared by pointer: the same
// pointer means the same columns.
type Table struct {
	Topic                      string
	Database, Namespace, Table string // the source's names, "" where it has none
	Version                    int32  // grows with the topic's schema or the policy
	Columns                    []Column
	Key                        []int // columns that make the row's key, in key order; empty: no key
}

// Column is one planned output column. // P4
type Column struct {
	schemas.Field
	Action string // what the gate did: keep, hash, partial, ...
	Bounds bool   // file statistics may be written: false for masked columns // P1
}

// CleanRow is one row behind the gate. Cells are indexed by Table.Columns.
type CleanRow struct {
	Table    *Table
	Offset   int64
	Seq      int32
	Op       Op
	Snapshot bool
	Time     int64 // microseconds since 1970 UTC
	Src      SourcePos

	// After is nil for a delete and a truncate. Before is nil unless the
	// source sent it with full identity. Key ends with the last key column, and
	// cells of other columns are absent; nil when the row has no key.
	Before, After, Key []schemas.Cell

	value, key []byte
	arena      *[]byte
}

// Bytes lends the bytes of a cell of this row.
func (r *CleanRow) Bytes(c schemas.Cell) []byte {
	p := r.value
	switch {
	case c.Flags&schemas.InArena != 0:
		p = *r.arena
	case c.Flags&schemas.InKey != 0:
		p = r.key
	}
	return p[c.Off : c.Off+c.Len : c.Off+c.Len]
}

// Clean is what is left of a batch behind the gate: planned columns only, each
// through its action. It borrows the batch's memory: a sink copies what it
// keeps before Write returns. Only topology/stream/gate can make one. // P1
type Clean struct {
	lane     Lane
	from, to Position
	rows     []CleanRow
	in       int64
	rejected int64
	filtered int64
}

// NewClean is for topology/stream/gate alone: the type of d cannot be named elsewhere.
// In, Filtered and Rejects of b are carried over; rows are the rest.
func NewClean(d door.Door, b *Batch, rows []CleanRow) Clean {
	d.Check() // P1
	return Clean{lane: b.Lane, from: b.From, to: b.To, rows: rows, in: b.In, rejected: int64(len(b.Rejects)), filtered: b.Filtered}
}

// Bind lends row the memory of r, a record of b. It is for the gate alone.
func (r *CleanRow) Bind(d door.Door, rec *Record, arena *[]byte) {
	d.Check() // P1
	r.value, r.key, r.arena = rec.Value.p, rec.Key.p, arena
}

// Lane is the lane all rows come from.
func (c Clean) Lane() Lane { return c.lane }

// Span is the stretch of the lane this settles.
func (c Clean) Span() Span { return Span{c.lane, c.from, c.to} }

// Rows are the rows in order of offset, then seq.
func (c Clean) Rows() []CleanRow { return c.rows }

// Count is what became of the records before the sink: In, Filtered and
// Rejected are filled, Written and Folded are the sink's to count.
func (c Clean) Count() Count { return Count{In: c.in, Filtered: c.filtered, Rejected: c.rejected} }

// With returns c with other rows, a subset of Rows in the same order; dropped
// ones count as filtered. Processors after the gate use it.
func (c Clean) With(rows []CleanRow) Clean {
	c.filtered += int64(len(c.rows) - len(rows))
	c.rows = rows
	return c
}

// LogValue tells sizes only. // P1
func (c Clean) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("%v [%d,%d) %d rows", c.lane, c.from.Offset, c.to.Offset, len(c.rows)))
}

// String tells sizes only. // P1
func (c Clean) String() string { return c.LogValue().String() }

// GoString tells sizes only. // P1
func (c Clean) GoString() string { return c.String() }

// String tells the position only. // P1
func (r CleanRow) String() string { return fmt.Sprintf("row offset=%d", r.Offset) }

// GoString tells the position only. // P1
func (r CleanRow) GoString() string { return r.String() }
