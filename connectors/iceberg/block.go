package iceberg

import (
	"sluice/connectors/iceberg/column"
	"sluice/schemas"
	"sluice/topology/stream"
)

// block is scratch: rows that go into their columns together.
type block struct {
	rows  [column.BlockRows]*stream.CleanRow
	cells [column.BlockRows][]schemas.Cell
}

// rows takes rows from the front of all, as many as a block has, if they go to
// one partition and nothing is wrong with them: then both numbers are how many
// that is. If taken is 0, so many as tried are for row, one by one, which says
// of each what is wrong.
func (w *writer) rows(all []stream.CleanRow) (taken, tried int) {
	rt, err := w.route(all[0].Table)
	if err != nil || rt.split != nil || len(rt.unknown) > 0 {
		return 0, 1
	}
	n := 0
	for ; n < len(all) && n < len(w.block.rows) && all[n].Table == all[0].Table; n++ {
		w.block.rows[n], w.block.cells[n] = &all[n], cellsOf(&all[n])
	}
	t, err := w.target(rt, &all[0], w.block.cells[0])
	if err != nil {
		return 0, n
	}
	rows, cells := w.block.rows[:n], w.block.cells[:n]
	gaps, err := t.buf.AppendRows(rows, cells, rt.sources)
	if err != nil {
		return 0, n
	}
	for _, m := range rt.metas {
		if m.name == metaUnavailable && gaps&schemas.Unavailable == 0 {
			continue // null in all of them
		}
		for i, r := range rows {
			w.meta(t.buf, m, r, cells[i])
		}
	}
	if err := t.buf.EndRows(); err != nil {
		return 0, n
	}
	return n, n
}

// cellsOf are the cells that are kept of r.
func cellsOf(r *stream.CleanRow) []schemas.Cell {
	if r.Op != stream.Delete {
		return r.After
	}
	if r.Key == nil {
		return r.Before // no key: the full old row, where the source sends it
	}
	return r.Key
}
