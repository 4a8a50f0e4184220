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
	keys  [2][]byte // partition keys: of the first row, and of one behind it
}

// shortRun are too few rows to go together, if those of the partition are so
// many: then the next are taken one by one without a look.
const shortRun = 4

// rows takes rows from the front of all, as many as a block has, if they go to
// one partition and nothing is wrong with them: then both numbers are how many
// that is. If taken is 0, so many as tried are for row, one by one, which says
// of each what is wrong; an error is of all.
func (w *writer) rows(all []stream.CleanRow) (taken, tried int, err error) {
	rt, err := w.route(all[0].Table)
	if err != nil || len(rt.unknown) > 0 {
		return 0, 1, err
	}
	n := w.gather(rt, all)
	if n < shortRun && n < len(all) {
		return 0, min(4*shortRun, len(all)), nil
	}
	t, err := w.target(rt, &all[0], w.block.cells[0])
	if err != nil {
		return 0, n, err
	}
	rows, cells := w.block.rows[:n], w.block.cells[:n]
	gaps, err := t.buf.AppendRows(rows, cells, rt.sources)
	if err != nil {
		return 0, n, nil
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
		return 0, n, nil
	}
	return n, n, nil
}

// gather puts the first rows of all into the block, as far as they are of one
// table and partition, and returns how many they are.
func (w *writer) gather(rt *route, all []stream.CleanRow) (n int) {
	b := &w.block
	for ; n < len(all) && n < len(b.rows) && all[n].Table == all[0].Table; n++ {
		b.rows[n], b.cells[n] = &all[n], cellsOf(&all[n])
		if rt.split == nil {
			continue
		}
		key := &b.keys[min(n, 1)]
		var err error
		if *key, err = rt.split.AppendKey((*key)[:0], b.rows[n], b.cells[n]); err != nil || n > 0 && string(*key) != string(b.keys[0]) {
			break
		}
	}
	return n
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
