// Package column holds rows as typed columns and writes them as one Parquet
// file. It is the place where rows become columns: everything before it, and
// every other sink, keeps rows as bytes.
//
// A [Buffer] is plain append-only memory, one byte slice a column in Parquet's
// PLAIN layout: it costs nothing while empty, joins with others by copying,
// and needs no encoder. An [Encoder] exists only while files are written and
// serves any number of buffers, one after another.
//
// The files follow the Apache Parquet format and the appendix "Parquet" of the
// Iceberg spec: a field id on every column, 32-bit integers without
// annotation (an annotated one cannot be read by Spark's vectorised reader
// after it was widened to long), decimals by precision as INT32, INT64 or
// FIXED, times in microseconds. Data pages are version 1 with PLAIN or
// RLE_DICTIONARY values, which every engine reads.
//
// Nothing here is safe for concurrent use; there is no I/O but the writer
// given to Flush. Errors name columns and codes, never values. // P1
package column

import (
	"fmt"

	"sluice/schemas"
)

// Field is a column of a table.
type Field struct {
	Name     string
	ID       int // Iceberg field id
	Type     schemas.Type
	Required bool
	// Bounds allows minima and maxima in the file and in [Stats]. It is false
	// for masked columns: then no value of the column stands anywhere in the
	// file but in its data. // P1
	Bounds bool
}

// physical is a Parquet physical type; the numbers are those of parquet.thrift.
type physical uint8

const (
	physBool   physical = 0
	physInt32  physical = 1
	physInt64  physical = 2
	physFloat  physical = 4
	physDouble physical = 5
	physBytes  physical = 6
	physFixed  physical = 7
)

// decimalBytes is the least number of bytes that holds a two's complement
// integer of so many decimal digits.
var decimalBytes = [39]uint8{1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9, 9, 9, 10, 10, 11, 11, 11, 12, 12,
	13, 13, 13, 14, 14, 15, 15, 16, 16, 16}

// layout is the physical type of t and the bytes of a value in a buffer, 0
// where values carry their length. A column of which only nulls were seen is
// laid out as a string.
func layout(t schemas.Type) (physical, uint8) {
	switch t.Kind {
	case schemas.Bool:
		return physBool, 1
	case schemas.Int32, schemas.Date:
		return physInt32, 4
	case schemas.Int64, schemas.Time, schemas.Timestamp, schemas.Instant:
		return physInt64, 8
	case schemas.Float32:
		return physFloat, 4
	case schemas.Float64:
		return physDouble, 8
	case schemas.UUID:
		return physFixed, 16
	case schemas.Decimal:
		switch p := t.Precision; {
		case p <= 9:
			return physInt32, 4
		case p <= 18:
			return physInt64, 8
		default:
			return physFixed, decimalBytes[p]
		}
	}
	return physBytes, 0
}

// CodeNullInRequired is the code of a missing value in a required column.
// Other codes are those of [schemas.ValueError].
const CodeNullInRequired = "null_in_required"

// CellError says that a value does not fit its column. It never holds the value. // P1
type CellError struct {
	Column string
	Code   string // short and stable, for dead letters and metrics
}

func (e *CellError) Error() string {
	return fmt.Sprintf("column %q: %s: the row was refused; widen the column's type or map it to string", e.Column, e.Code)
}
