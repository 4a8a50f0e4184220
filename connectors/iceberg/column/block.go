package column

import (
	"sluice/schemas"
	"sluice/topology/stream"
)

// BlockRows is how many rows are best appended at once: so many records and
// their cells are still in the first cache when the last column takes its values.
const BlockRows = 32

// AppendRows begins as many rows as there are in rows, column by column: row i
// has the cells of cells[i]. It is AppendRow of each, at a third of the cost:
// what to do is decided once a column, and the memory of one column is written
// at a time. Columns without a source are given their values one after another,
// before or after; EndRows ends the rows. gaps are the flags of cells that had
// no value. On an error, a [CellError], all rows are taken back: which of them
// it was AppendRow tells, one by one. // D6
func (b *Buffer) AppendRows(rows []*stream.CleanRow, cells [][]schemas.Cell, srcs []Source) (gaps schemas.Flags, err error) {
	b.beginRows(len(rows))
	for i := range srcs {
		s := &srcs[i]
		if s.op == opNone {
			continue
		}
		c := &b.cols[i]
		if c.rows != b.rows {
			b.misuse = true
			continue
		}
		t := taker{c: c, from: s.cell, unit: s.unit, required: b.fields[i].Required}
		for k := 0; k < len(rows); k++ {
			if k += t.take(s.way, rows[k:], cells[k:]); k == len(rows) {
				break
			}
			var cell schemas.Cell
			if s.cell < len(cells[k]) {
				cell = cells[k][s.cell]
			}
			if err := b.appendCell(i, s, cell, rows[k]); err != nil {
				b.Rollback()
				return gaps, err
			}
		}
		gaps |= t.gaps
	}
	return gaps, nil
}

// beginRows begins n rows.
func (b *Buffer) beginRows(n int) {
	b.Rollback()
	b.open = n
	for i := range b.cols {
		c := &b.cols[i]
		c.from = mark{len(c.data), c.rows, c.null}
	}
}

// EndRows makes the rows begun by AppendRows whole. On an error they are all
// taken back.
func (b *Buffer) EndRows() error {
	for i := range b.cols {
		c := &b.cols[i]
		switch c.rows - b.rows {
		case b.open:
		case 0:
			if b.fields[i].Required && b.open > 0 {
				b.Rollback()
				return &CellError{b.fields[i].Name, CodeNullInRequired}
			}
			c.addNulls(b.open)
		default:
			b.misuse = true
		}
	}
	if b.misuse {
		b.Rollback()
		return errMisuse
	}
	b.rows, b.open = b.rows+b.open, 1
	return nil
}

// rollbackRows takes back the rows that were begun together.
func (b *Buffer) rollbackRows() {
	b.misuse, b.open = false, 1
	for i := range b.cols {
		b.cols[i].cut(b.cols[i].from)
	}
}
