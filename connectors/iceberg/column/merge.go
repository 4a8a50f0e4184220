package column

import (
	"encoding/binary"
	"fmt"
	"math"

	"sluice/schemas"
)

// AppendBuffer appends the whole rows of src, which stays as it is. Columns are
// matched by field id: src may have them in another order, lack optional ones
// (they become null) and have them in a type that widens to b's (int32 to
// int64, float to double, decimals of the same scale to more digits), as
// workers that have not met a newer version of the schema do. On an error b is
// unchanged.
func (b *Buffer) AppendBuffer(src *Buffer) error {
	b.Rollback()
	src.Rollback()
	if err := src.check(); err != nil {
		return err
	}
	from, err := b.match(src)
	if err != nil || src.rows == 0 {
		return err
	}
	for i := range b.cols {
		c := &b.cols[i]
		if from[i] < 0 {
			c.addNulls(src.rows)
			continue
		}
		s := &src.cols[from[i]]
		c.closed = c.closed || s.closed // P1
		c.joinNulls(s)
		c.joinData(s)
		c.rows += s.rows
		c.null += s.null
	}
	b.rows += src.rows
	return nil
}

// match returns for each column of b its column in src, or -1, and refuses
// what cannot be joined without loss.
func (b *Buffer) match(src *Buffer) ([]int, error) {
	from := make([]int, len(b.fields))
	used := 0
	for i, f := range b.fields {
		from[i] = -1
		for k, g := range src.fields {
			// Fields mostly stand in the same order: start at the same place.
			if at := (i + k) % len(src.fields); src.fields[at].ID == f.ID {
				g = src.fields[at]
				if !widens(g.Type, f.Type) {
					return nil, fmt.Errorf("column %q: rows of type %v cannot join rows of type %v: flush them to a file of their own", f.Name, g.Type, f.Type)
				}
				from[i] = at
				used++
				break
			}
		}
		if f.Required && (from[i] < 0 && src.rows > 0 || from[i] >= 0 && src.cols[from[i]].null > 0) {
			return nil, &CellError{f.Name, CodeNullInRequired}
		}
	}
	if used < len(src.fields) {
		return nil, fmt.Errorf("column: %d of %d columns have no place in the table joined to: join in the other direction", len(src.fields)-used, len(src.fields))
	}
	return from, nil
}

// widens reports whether every value of type a is one of type b, in a layout
// that joinData can convert.
func widens(a, b schemas.Type) bool {
	switch {
	case a == b, a.Kind == schemas.Unknown && isText(b.Kind), isText(a.Kind) && isText(b.Kind):
		return true
	case a.Kind == schemas.Int32 && b.Kind == schemas.Int64, a.Kind == schemas.Float32 && b.Kind == schemas.Float64:
		return true
	}
	return a.Kind == schemas.Decimal && b.Kind == schemas.Decimal && a.Scale == b.Scale && a.Precision <= b.Precision
}

func isText(k schemas.Kind) bool { return k == schemas.String || k == schemas.JSON }

func (c *vector) addNulls(n int) {
	for end := c.rows + n; c.rows < end; {
		c.addNull()
	}
}

// joinNulls appends the null bits of s behind c's rows.
func (c *vector) joinNulls(s *vector) {
	if s.null == 0 {
		return
	}
	shift := c.rows & 63
	for w := range s.nulls {
		x := s.word(w, s.rows)
		if x == 0 {
			continue
		}
		at := c.rows>>6 + w
		for len(c.nulls) < at+2 {
			c.nulls = append(c.nulls, 0)
		}
		c.nulls[at] |= x << shift
		c.nulls[at+1] |= x >> 1 >> (63 - shift)
	}
}

// joinData appends the values of s, widened to c's layout.
func (c *vector) joinData(s *vector) {
	c.last = len(c.data)
	if c.phys == s.phys && c.width == s.width {
		c.data = append(c.room(len(s.data)), s.data...)
		return
	}
	n := s.values()
	c.data = c.room(n * int(c.width))
	for p := s.data; len(p) > 0; p = p[s.width:] {
		switch {
		case s.phys == physFloat:
			c.data = binary.LittleEndian.AppendUint64(c.data, math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))))
		case s.phys == physFixed:
			c.data = appendSigned(c.data, p[:s.width], int(c.width))
		case c.phys == physInt64:
			c.data = binary.LittleEndian.AppendUint64(c.data, uint64(int64(int32(binary.LittleEndian.Uint32(p)))))
		default: // a small decimal to a large one
			v := uint64(int64(int32(binary.LittleEndian.Uint32(p))))
			if s.width == 8 {
				v = binary.LittleEndian.Uint64(p)
			}
			var be [8]byte
			binary.BigEndian.PutUint64(be[:], v)
			c.data = appendSigned(c.data, be[:], int(c.width))
		}
	}
}

// appendSigned appends a big endian two's complement number widened to width bytes.
func appendSigned(dst, v []byte, width int) []byte {
	fill := byte(int8(v[0]) >> 7)
	for range width - len(v) {
		dst = append(dst, fill)
	}
	return append(dst, v...)
}
