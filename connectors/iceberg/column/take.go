package column

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unicode/utf8"

	"sluice/schemas"
	"sluice/topology/stream"
)

// way is how the cells of a column are taken by blocks: most are spelled alike.
type way uint8

const (
	wayNone  way = iota // by appendCell
	wayInt              // integers, days and times that are numbers
	wayFloat            // numbers
	wayText             // text that is the column's
	wayBool
)

// chooseWay is done once a source.
func (s *Source) chooseWay() way {
	switch {
	case s.op == opFloat64:
		return wayFloat
	case (s.op == opInt64 || s.op == opInt32) && s.unit != 0:
		return wayInt
	case s.op == opBool:
		return wayBool
	case s.op == opText && s.asText:
		return wayText
	}
	return wayNone
}

// taker appends the cells of one column.
type taker struct {
	c        *vector
	from     int   // the cells' place in their rows
	unit     int64 // as that of Source, not 0
	required bool
	gaps     schemas.Flags // of cells without a value
}

// take appends the cells of as many of rows, which are as many as cells, as are
// spelled the way that most are, or are null, and returns how many that was.
func (t *taker) take(by way, rows []*stream.CleanRow, cells [][]schemas.Cell) (n int) {
	switch by {
	case wayInt:
		n = t.ints(rows, cells)
	case wayFloat:
		n = t.floats(rows, cells)
	case wayText:
		n = t.texts(rows, cells)
	case wayBool:
		n = t.bools(rows, cells)
	default:
		for n < len(cells) && t.gap(cells[n], n) {
			n++
		}
	}
	t.c.rows += n
	return n
}

// gap reports whether row n has nothing in the column, and a null is taken.
func (t *taker) gap(cells []schemas.Cell, n int) bool {
	if t.required {
		return false
	}
	if t.from < len(cells) {
		c := &cells[t.from]
		if has(c) {
			return false
		}
		t.gaps |= c.Flags
	}
	t.c.setNull(t.c.rows + n)
	return true
}

// has is Cell.Has without a copy of the cell.
func has(c *schemas.Cell) bool {
	return c.Flags&(schemas.Present|schemas.Null|schemas.Unavailable) == schemas.Present
}

// space is room for n values of a fixed width behind those of c.
func (c *vector) space(n int) []byte {
	n *= int(c.width)
	c.data = c.room(n)
	return c.data[len(c.data) : len(c.data)+n]
}

func (t *taker) ints(rows []*stream.CleanRow, cells [][]schemas.Cell) (n int) {
	c, from := t.c, t.from
	out, at := c.space(len(rows)), 0
	for ; n < len(rows) && n < len(cells); n++ {
		row, cs := rows[n], cells[n]
		if from >= len(cs) || cs[from].Enc != schemas.EncInt || !has(&cs[from]) {
			if t.gap(cs, n) {
				continue
			}
			break
		}
		cell, v, ok := &cs[from], int64(0), false
		if cell.Len-1 < 8 && cell.Off >= 8 {
			w := last(word(row, cell), cell.Len)
			v, ok = int64(number(w)), allDigits(w)
		}
		if !ok {
			if v, ok = longInt(row, cell); !ok {
				break
			}
		}
		if t.unit != 1 {
			if v, ok = inUnit(v, t.unit); !ok {
				break
			}
		}
		if c.width == 4 {
			if v != int64(int32(v)) {
				break
			}
			binary.LittleEndian.PutUint32(out[at:], uint32(v))
			at += 4
			continue
		}
		binary.LittleEndian.PutUint64(out[at:], uint64(v))
		at += 8
	}
	c.data = c.data[:len(c.data)+at]
	return n
}

func (t *taker) bools(rows []*stream.CleanRow, cells [][]schemas.Cell) (n int) {
	c, out, at := t.c, t.c.space(len(rows)), 0
	for ; n < len(rows) && n < len(cells); n++ {
		cs := cells[n]
		if t.from >= len(cs) || cs[t.from].Enc != schemas.EncTrue && cs[t.from].Enc != schemas.EncFalse || !has(&cs[t.from]) {
			if t.gap(cs, n) {
				continue
			}
			break
		}
		out[at] = 0
		if cs[t.from].Enc == schemas.EncTrue {
			out[at] = 1
		}
		at++
	}
	c.data = c.data[:len(c.data)+at]
	return n
}

func (t *taker) floats(rows []*stream.CleanRow, cells [][]schemas.Cell) (n int) {
	c, from := t.c, t.from
	out, at := c.space(len(rows)), 0
	for ; n < len(rows) && n < len(cells); n++ {
		row, cs := rows[n], cells[n]
		if from >= len(cs) || cs[from].Enc != schemas.EncFloat && cs[from].Enc != schemas.EncInt || !has(&cs[from]) {
			if t.gap(cs, n) {
				continue
			}
			break
		}
		cell, v, ok := &cs[from], 0.0, false
		if cell.Len-1 < 8 && cell.Off >= 8 {
			w, frac := last(word(row, cell), cell.Len), 0
			ok = true
			if m := w & noDigits; m != 0 {
				frac = bits.LeadingZeros64(m) >> 3
				w, ok = withoutPoint(w, frac, 0)
				ok = ok && cell.Len > 1 // nothing but a point
			}
			v, ok = float64(int64(number(w)))/exact64[frac&15], ok && allDigits(w)
		}
		if !ok {
			if v, ok = longFloat(row, cell); !ok {
				break
			}
		}
		binary.LittleEndian.PutUint64(out[at:], math.Float64bits(v))
		at += 8
	}
	c.data = c.data[:len(c.data)+at]
	return n
}

// guess is up to how many bytes the texts of a block are taken to be as long as the
// first one that has no room: of a text of megabytes there are seldom 32.
const guess = 4 << 10

func (t *taker) texts(rows []*stream.CleanRow, cells [][]schemas.Cell) (n int) {
	c, data, from := t.c, t.c.data, t.from
	for ; n < len(rows) && n < len(cells); n++ {
		cs := cells[n]
		if from >= len(cs) || cs[from].Enc != schemas.EncText || !has(&cs[from]) {
			if t.gap(cs, n) {
				continue
			}
			break
		}
		cell := &cs[from]
		if need := 4 + 8 + int(cell.Len); cap(data)-len(data) < need {
			c.data = data
			data = c.grow(max(need, min(need*(len(rows)-n), guess))) // D7
		}
		at := len(data)
		if cell.Len-1 < 8 && cell.Off >= 8 {
			w := last(word(rows[n], cell)^zeros, cell.Len) >> ((64 - 8*cell.Len) & 63)
			if w&highest != 0 && !utf8.Valid(rows[n].Bytes(*cell)) {
				break
			}
			d := data[at : at+12]
			binary.LittleEndian.PutUint32(d, cell.Len)
			binary.LittleEndian.PutUint64(d[4:], w)
		} else {
			p := rows[n].Bytes(*cell)
			d := data[at : at+4+len(p)]
			binary.LittleEndian.PutUint32(d, uint32(len(p)))
			if !copyText(d[4:], p) {
				break
			}
		}
		data, c.last = data[:at+4+int(cell.Len)], at
	}
	c.data = data
	return n
}

// copyText copies p, or reports that it is not UTF-8. It goes by words: a call
// of the runtime's copy takes as long as a short text.
func copyText(dst, p []byte) bool {
	n := len(p)
	if n < 8 || n > 64 || len(dst) < n {
		copy(dst, p)
		return utf8.Valid(p)
	}
	var all uint64
	for i := 0; i <= n-8; i += 8 {
		w := binary.LittleEndian.Uint64(p[i:])
		all |= w
		binary.LittleEndian.PutUint64(dst[i:], w)
	}
	w := binary.LittleEndian.Uint64(p[n-8:])
	binary.LittleEndian.PutUint64(dst[n-8:], w)
	return (all|w)&highest == 0 || utf8.Valid(p)
}
