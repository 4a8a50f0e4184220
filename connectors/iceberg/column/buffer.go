package column

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"sluice/schemas"
)

// vector is one column: its values without the nulls, in Parquet's PLAIN
// layout (booleans: one byte each), and a bitmap of the null rows that is only
// as long as the last null needs.
type vector struct {
	data  []byte
	nulls []uint64
	rows  int
	null  int // how many of rows are null
	last  int // where the last value starts in data, of byte arrays
	wish  int // bytes it is likely to hold
	mark  mark
	from  mark // where the rows begun together start
	phys  physical
	width uint8
	// closed: no bounds, because the field has none or because rows came from
	// a buffer whose field had none. Once closed it stays so until Reset. // P1
	closed bool
}

type mark struct{ data, rows, null int }

// Buffer collects rows of one table as typed columns. A row is begun by the
// first value given, and ended by EndRow: columns that were given nothing are
// null. Until then Rollback takes it back.
type Buffer struct {
	fields []Field
	cols   []vector
	rows   int
	open   int // rows that are begun at once: 1, or what AppendRows began
	marked int
	misuse bool // a column was set twice in a row, or with the wrong type
}

// NewBuffer returns an empty buffer. It keeps fields, which nobody may change
// any more; many buffers may share them.
func NewBuffer(fields []Field) *Buffer {
	b := &Buffer{fields: fields, cols: make([]vector, len(fields)), open: 1}
	for i, f := range fields {
		b.cols[i].phys, b.cols[i].width = layout(f.Type)
		b.cols[i].closed = !f.bounded()
	}
	return b
}

// Fields are the columns in order.
func (b *Buffer) Fields() []Field { return b.fields }

// Len is the number of whole rows.
func (b *Buffer) Len() int { return b.rows }

// Size is the memory held, in bytes, filled or not.
func (b *Buffer) Size() int64 {
	n := int64(len(b.cols)) * int64(unsafe.Sizeof(vector{}))
	for i := range b.cols {
		n += int64(cap(b.cols[i].data)) + 8*int64(cap(b.cols[i].nulls))
	}
	return n
}

// Reset empties the buffer and keeps its memory for the next rows, unless
// there were none since the last Reset: an idle table gives its memory back. // D7
func (b *Buffer) Reset() {
	for i := range b.cols {
		if c := &b.cols[i]; b.rows == 0 || cap(c.data) > 4*len(c.data)+4096 {
			c.data, c.nulls = nil, nil
		}
	}
	b.Clear()
}

// Clear empties the buffer and keeps its memory.
func (b *Buffer) Clear() {
	for i := range b.cols {
		c := &b.cols[i]
		c.data, c.nulls = c.data[:0], c.nulls[:0]
		c.rows, c.null, c.last, c.mark, c.closed = 0, 0, 0, mark{}, !b.fields[i].bounded()
	}
	b.rows, b.open, b.marked, b.misuse = 0, 1, 0, false
}

// Mark remembers the present end, for Rewind. Only the last mark counts.
func (b *Buffer) Mark() {
	b.Rollback()
	b.marked = b.rows
	for i := range b.cols {
		c := &b.cols[i]
		c.mark = mark{len(c.data), c.rows, c.null}
	}
}

// Rewind drops what was added since Mark, or everything if there was no mark.
func (b *Buffer) Rewind() {
	b.rows, b.open, b.misuse = b.marked, 1, false
	for i := range b.cols {
		b.cols[i].cut(b.cols[i].mark)
	}
}

// cut drops what is behind m.
func (c *vector) cut(m mark) {
	c.data, c.rows, c.null = c.data[:m.data], m.rows, m.null
	c.cutNulls()
}

// cutNulls clears the bits of rows past the end.
func (c *vector) cutNulls() {
	if w := c.rows >> 6; w < len(c.nulls) {
		c.nulls = c.nulls[:w+1]
		c.nulls[w] &= 1<<(c.rows&63) - 1
	}
}

var errMisuse = errors.New("column: a column was set twice in one row or with a value of another type: this is a bug, please report it")

// EndRow makes the row given so far whole. On an error the row is taken back.
func (b *Buffer) EndRow() error {
	if b.misuse || b.open != 1 {
		b.Rollback()
		return errMisuse
	}
	for i := range b.cols {
		c := &b.cols[i]
		if c.rows > b.rows {
			continue
		}
		if b.fields[i].Required {
			b.Rollback()
			return &CellError{b.fields[i].Name, CodeNullInRequired}
		}
		c.addNull()
	}
	b.rows++
	return nil
}

// Rollback takes back the row that was begun and not ended, or the rows. // D6
func (b *Buffer) Rollback() {
	if b.open != 1 {
		b.rollbackRows()
		return
	}
	b.misuse = false
	for i := range b.cols {
		c := &b.cols[i]
		if c.rows <= b.rows {
			continue
		}
		c.rows = b.rows
		if w := b.rows >> 6; w < len(c.nulls) && c.nulls[w]&(1<<(b.rows&63)) != 0 {
			c.null--
			c.cutNulls()
			continue
		}
		if c.phys == physBytes {
			c.data = c.data[:c.last]
		} else {
			c.data = c.data[:len(c.data)-int(c.width)]
		}
	}
}

// begin reports whether column i may take its value of this row.
func (b *Buffer) begin(i int, p physical) (*vector, bool) {
	c := &b.cols[i]
	if c.rows-b.rows >= b.open || c.phys != p {
		b.misuse = true
		return c, false
	}
	c.rows++
	return c, true
}

// AppendNull gives column i a null.
func (b *Buffer) AppendNull(i int) {
	c := &b.cols[i]
	if c.rows-b.rows >= b.open || b.fields[i].Required {
		b.misuse = true
		return
	}
	c.addNull()
}

// AppendBool gives column i a boolean.
func (b *Buffer) AppendBool(i int, v bool) {
	if c, ok := b.begin(i, physBool); ok {
		x := byte(0)
		if v {
			x = 1
		}
		c.data = append(c.room(1), x)
	}
}

// AppendInt32 gives column i a 32-bit integer, a date in days or a decimal of
// at most 9 digits, unscaled.
func (b *Buffer) AppendInt32(i int, v int32) {
	if c, ok := b.begin(i, physInt32); ok {
		c.data = binary.LittleEndian.AppendUint32(c.room(4), uint32(v))
	}
}

// AppendInt64 gives column i a 64-bit integer, a time in microseconds or a
// decimal of at most 18 digits, unscaled.
func (b *Buffer) AppendInt64(i int, v int64) {
	if c, ok := b.begin(i, physInt64); ok {
		c.data = binary.LittleEndian.AppendUint64(c.room(8), uint64(v))
	}
}

// AppendFloat32 gives column i a float.
func (b *Buffer) AppendFloat32(i int, v float32) {
	if c, ok := b.begin(i, physFloat); ok {
		c.data = binary.LittleEndian.AppendUint32(c.room(4), math.Float32bits(v))
	}
}

// AppendFloat64 gives column i a double.
func (b *Buffer) AppendFloat64(i int, v float64) {
	if c, ok := b.begin(i, physDouble); ok {
		c.data = binary.LittleEndian.AppendUint64(c.room(8), math.Float64bits(v))
	}
}

// AppendDecimal gives column i an unscaled decimal of 128 bits, two's
// complement, whatever the column's precision. It reports whether it fits.
func (b *Buffer) AppendDecimal(i int, hi int64, lo uint64) bool {
	if !fitsPrecision(hi, lo, b.fields[i].Type.Precision) {
		return false
	}
	switch c := &b.cols[i]; {
	case b.fields[i].Type.Kind != schemas.Decimal:
		b.misuse = true
	case c.phys == physInt32:
		b.AppendInt32(i, int32(lo))
	case c.phys == physInt64:
		b.AppendInt64(i, int64(lo))
	default:
		if c, ok := b.begin(i, physFixed); ok {
			var be [16]byte
			binary.BigEndian.PutUint64(be[:8], uint64(hi))
			binary.BigEndian.PutUint64(be[8:], lo)
			c.data = append(c.room(int(c.width)), be[16-c.width:]...)
		}
	}
	return true
}

// AppendBytes gives column i a string, binary or JSON value; it copies v.
func (b *Buffer) AppendBytes(i int, v []byte) {
	if c, ok := b.begin(i, physBytes); ok {
		c.addBytes(v)
	}
}

// AppendString is AppendBytes of a string.
func (b *Buffer) AppendString(i int, v string) {
	if c, ok := b.begin(i, physBytes); ok {
		c.last = len(c.data)
		c.data = binary.LittleEndian.AppendUint32(c.room(4+len(v)), uint32(len(v)))
		c.data = append(c.data, v...)
	}
}

// AppendUUID gives column i a UUID, big endian.
func (b *Buffer) AppendUUID(i int, v [16]byte) {
	if b.fields[i].Type.Kind != schemas.UUID {
		b.misuse = true
	} else if c, ok := b.begin(i, physFixed); ok {
		c.data = append(c.room(16), v[:]...)
	}
}

func (c *vector) addBytes(v []byte) {
	c.last = len(c.data)
	c.data = binary.LittleEndian.AppendUint32(c.room(4+len(v)), uint32(len(v)))
	c.data = append(c.data, v...)
}

func (c *vector) addNull() {
	c.setNull(c.rows)
	c.rows++
}

func (c *vector) setNull(row int) {
	w := row >> 6
	for len(c.nulls) <= w {
		c.nulls = append(c.nulls, 0)
	}
	c.nulls[w] |= 1 << (row & 63)
	c.null++
}

// room returns data with space for n more bytes. It doubles, where append
// would grow large slices by a quarter and copy them four times as often.
func (c *vector) room(n int) []byte {
	if cap(c.data)-len(c.data) >= n {
		return c.data
	}
	return c.grow(n)
}

func (c *vector) grow(n int) []byte {
	wish := c.wish
	c.wish = 0 // once
	return grown(c.data, len(c.data)+max(n, min(len(c.data), 64<<20), 64), wish)
}

// values is the number of values that are not null.
func (c *vector) values() int { return c.rows - c.null }

// check returns an error when columns do not agree: what is written must be
// what was counted. // D3
func (b *Buffer) check() error {
	for i := range b.cols {
		c := &b.cols[i]
		if c.rows != b.rows || c.null > c.rows || (c.width > 0 && len(c.data) != c.values()*int(c.width)) {
			return fmt.Errorf("column %q holds %d rows of %d: this is a bug, please report it", b.fields[i].Name, c.rows, b.rows)
		}
	}
	return nil
}
