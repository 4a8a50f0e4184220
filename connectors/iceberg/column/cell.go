package column

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Source says where a column's values come from: which cell of a row, and how
// it is spelled. The zero value is no source: the column is set by one of the
// typed Append methods, or null.
type Source struct {
	cell   int
	op     op
	unit   int64 // integers: multiply by it, or divide by its negation; 0: no quick way
	field  schemas.Field
	column string
	to     schemas.Type

	asText bool // the text of the cell is the column's text
	way    way
}

// op is the way from a cell to a column.
type op uint8

const (
	opNone op = iota
	opBool
	opInt32
	opInt64
	opFloat32
	opFloat64
	opDecimal
	opText
	opBinary
	opUUID
)

var opOf = [...]op{schemas.Unknown: opText, schemas.Bool: opBool, schemas.Int32: opInt32, schemas.Int64: opInt64, schemas.Float32: opFloat32,
	schemas.Float64: opFloat64, schemas.Decimal: opDecimal, schemas.String: opText, schemas.Binary: opBinary, schemas.UUID: opUUID,
	schemas.Date: opInt32, schemas.Time: opInt64, schemas.Timestamp: opInt64, schemas.Instant: opInt64, schemas.JSON: opText}

// CellSource is the source of column f from cell number cell of a
// [stream.Table], spelled as field says. It is an error if no value of the
// field's type can ever be one of the column's.
func CellSource(f Field, cell int, field schemas.Field) (Source, error) {
	if int(f.Type.Kind) >= len(opOf) || !converts(field.Type, f.Type) {
		return Source{}, fmt.Errorf("column %q of type %v cannot take field %q of type %v: widen the column's type or map it to string",
			f.Name, f.Type, field.Name, field.Type)
	}
	s := Source{cell: cell, op: opOf[f.Type.Kind], field: field, column: f.Name, to: f.Type}
	switch {
	case s.op == opText:
	case f.Type.Kind == schemas.Decimal:
		if field.Wire != schemas.WireBase64 { // what says its own scale is read with the column's
			s.field.Type = f.Type
		}
	case field.Type.Kind != f.Type.Kind && !isMoment(field.Type.Kind):
		s.field.Type = f.Type // a plain value is what it is read as
	}
	s.unit = unitOf(s.field)
	switch field.Type.Kind {
	case schemas.String, schemas.UUID:
		s.asText = f.Type.Kind != schemas.JSON
	case schemas.Unknown, schemas.JSON, schemas.Bool, schemas.Int32, schemas.Int64, schemas.Float32, schemas.Float64:
		s.asText = true
	}
	s.way = s.chooseWay()
	return s, nil
}

func isMoment(k schemas.Kind) bool { return k >= schemas.Date && k <= schemas.Instant }

// converts reports whether values of type a have a place in a column of type b.
func converts(a, b schemas.Type) bool {
	switch b.Kind {
	case a.Kind, schemas.String, schemas.JSON, schemas.Unknown:
		return true
	case schemas.Int64: // a time as its number of microseconds, a date as its days
		return a.Kind == schemas.Int32 || a.Kind >= schemas.Date && a.Kind <= schemas.Instant || a.Kind == schemas.Unknown
	case schemas.Float64:
		return a.Kind == schemas.Float32 || a.Kind == schemas.Int32 || a.Kind == schemas.Int64 || a.Kind == schemas.Unknown
	case schemas.Decimal:
		return a.Kind == schemas.Int32 || a.Kind == schemas.Int64 || a.Kind == schemas.Unknown
	case schemas.UUID:
		return a.Kind == schemas.String || a.Kind == schemas.Unknown
	}
	return a.Kind == schemas.Unknown
}

// unitOf is how integer cells of f become the integers of its type: the
// factor, or minus the divisor, or 0 if that is not all there is to it.
func unitOf(f schemas.Field) int64 {
	switch k := f.Type.Kind; {
	case k == schemas.Int32 || k == schemas.Int64, k == schemas.Date && f.Wire == schemas.WireDays:
		return 1
	case k == schemas.Time || k == schemas.Timestamp || k == schemas.Instant:
		switch f.Wire {
		case schemas.WireMillis:
			return 1000
		case schemas.WireMicros:
			return 1
		case schemas.WireNanos:
			return -1000
		}
	}
	return 0
}

// AppendRow begins a row with the cells of one row of row (row.After,
// row.Before or row.Key): column i takes the cell of srcs[i]. Absent, null and
// unavailable cells are null. Columns without a source may be set before or
// after; EndRow ends the row. On an error, a [CellError], the row is taken back. // D6
func (b *Buffer) AppendRow(row *stream.CleanRow, cells []schemas.Cell, srcs []Source) error {
	for i := range srcs {
		s := &srcs[i]
		if s.op == opNone {
			continue
		}
		if s.cell < len(cells) && b.quick(i, s, &cells[s.cell], row) {
			continue
		}
		var c schemas.Cell
		if s.cell < len(cells) {
			c = cells[s.cell]
		}
		if err := b.appendCell(i, s, c, row); err != nil {
			b.Rollback()
			return err
		}
	}
	return nil
}

// quick appends the two spellings that most cells have, plain integers and
// plain text, and reports false for everything else.
func (b *Buffer) quick(i int, s *Source, c *schemas.Cell, row *stream.CleanRow) bool {
	col := &b.cols[i]
	if !c.Has() || col.rows != b.rows {
		return false
	}
	switch {
	case c.Enc == schemas.EncInt && s.op == opInt64 && s.unit == 1:
		v, ok := parseInt(row.Bytes(*c))
		if !ok {
			return false
		}
		col.data = binary.LittleEndian.AppendUint64(col.room(8), uint64(v))
	case c.Enc == schemas.EncFloat && s.op == opFloat64:
		v, ok := parseFloat64(row.Bytes(*c))
		if !ok {
			return false
		}
		col.data = binary.LittleEndian.AppendUint64(col.room(8), math.Float64bits(v))
	case c.Enc == schemas.EncText && s.op == opText && s.asText:
		p := row.Bytes(*c)
		if !utf8.Valid(p) {
			return false
		}
		col.addBytes(p)
	default:
		return false
	}
	col.rows++
	return true
}

func (b *Buffer) appendCell(i int, s *Source, c schemas.Cell, row *stream.CleanRow) error {
	if !c.Has() {
		if b.fields[i].Required {
			return &CellError{b.fields[i].Name, CodeNullInRequired}
		}
		b.AppendNull(i)
		return nil
	}
	p := row.Bytes(c)
	switch s.op {
	case opText:
		return b.appendText(i, s, c, p)
	case opInt64:
		v, err := s.int(c, p)
		if err != nil {
			return err
		}
		b.AppendInt64(i, v)
	case opInt32:
		v, err := s.int(c, p)
		if err != nil {
			return err
		}
		b.AppendInt32(i, int32(v))
	case opFloat64:
		v, err := s.float(c, p)
		if err != nil {
			return err
		}
		b.AppendFloat64(i, v)
	case opFloat32:
		v, err := s.float32(c, p)
		if err != nil {
			return err
		}
		b.AppendFloat32(i, v)
	case opDecimal:
		hi, lo, err := s.decimal(c, p)
		if err != nil {
			return err
		}
		if !b.AppendDecimal(i, hi, lo) {
			return s.fail(schemas.ErrRange)
		}
	case opBool:
		v, err := s.bool(c, p)
		if err != nil {
			return err
		}
		b.AppendBool(i, v)
	case opUUID:
		v, err := s.uuid(c, p)
		if err != nil {
			return err
		}
		b.AppendUUID(i, v)
	case opBinary:
		return b.appendBinary(i, s, c, p)
	}
	return nil
}

// appendText writes text straight into the column and its length afterwards.
func (b *Buffer) appendText(i int, s *Source, c schemas.Cell, p []byte) error {
	v, ok := b.begin(i, physBytes)
	if !ok {
		return nil // EndRow tells
	}
	if s.verbatim(c, p) {
		v.addBytes(p)
		return nil
	}
	v.last = len(v.data)
	data, err := s.appendText(append(v.room(4+len(p)), 0, 0, 0, 0), c, p)
	return v.ended(data, err)
}

func (b *Buffer) appendBinary(i int, s *Source, c schemas.Cell, p []byte) error {
	v, ok := b.begin(i, physBytes)
	if !ok {
		return nil
	}
	v.last = len(v.data)
	data, err := s.appendBinary(append(v.room(4+len(p)), 0, 0, 0, 0), c, p)
	return v.ended(data, err)
}

// ended takes data, the column's data with one value more behind four bytes
// for its length.
func (c *vector) ended(data []byte, err error) error {
	if err != nil {
		return err // the row is taken back: what stands behind last goes with it
	}
	n := uint32(len(data) - c.last - 4)
	c.data = data
	d := data[c.last:]
	d[0], d[1], d[2], d[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	return nil
}
