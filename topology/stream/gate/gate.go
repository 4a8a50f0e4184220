// Package gate is the only maker of stream.Clean. The floors test allows one
// importer: processors/mask. // P1
package gate

import (
	"sluice/topology/stream"
	"sluice/topology/stream/internal/door"
)

// Row starts row, which is zero, as a clean row for rec, which belongs to b: position, op, times and
// the memory it may borrow. The caller fills After, Before and Key with cells
// of t's columns. A cell that was kept points into the record, a cell that
// was made into the batch's arena.
func Row(row *stream.CleanRow, b *stream.Batch, rec *stream.Record, t *stream.Table, arena *[]byte) {
	row.Table, row.Offset, row.Seq, row.Op, row.Snapshot, row.Time, row.Src = t, rec.Offset, rec.Seq, rec.Op, rec.Snapshot, rec.Time, rec.Src
	row.Bind(door.Open(), rec, arena)
}

// Clean ends the passage of b: rows are what is left of its records, in order.
func Clean(b *stream.Batch, rows []stream.CleanRow) stream.Clean {
	return stream.NewClean(door.Open(), b, rows)
}
