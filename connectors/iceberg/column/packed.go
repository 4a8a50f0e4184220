package column

import (
	"errors"
	"slices"
)

// RowGroups are rows of one buffer as they stand in a Parquet file: encoded and
// compressed, a fraction of the buffer's memory. They know their columns, and
// become part of a file by [Encoder.Flush].
type RowGroups struct {
	columns []columnInfo
	groups  []group // positions are those behind the file's first four bytes
	data    Pieces
}

// columnInfo is what the footer says of one column of all row groups.
type columnInfo struct {
	Field
	phys   physical
	width  uint8
	closed bool // no bounds // P1
}

func (b *Buffer) columnInfos() []columnInfo {
	cs := make([]columnInfo, len(b.cols))
	for i, f := range b.fields {
		c := &b.cols[i]
		cs[i] = columnInfo{f, c.phys, c.width, c.closed}
	}
	return cs
}

// Pack encodes the whole rows of b, which stays as it is.
func (e *Encoder) Pack(b *Buffer) (*RowGroups, error) {
	b.Rollback()
	if err := b.check(); err != nil {
		return nil, err
	}
	r := &RowGroups{columns: b.columnInfos()}
	e.begin(&r.data, int64(len(magic)))
	defer e.end()
	if r.groups = e.rowGroups(b, nil); e.fault != nil {
		r.Free()
		return nil, e.fault
	}
	for _, g := range r.groups {
		for i := range g.chunks {
			if p := r.columns[i].phys; p == physBytes || p == physFixed {
				g.chunks[i].stats.own() // they point into b
			}
		}
	}
	return r, nil
}

// Fields are the columns in order.
func (r *RowGroups) Fields() []Field {
	fs := make([]Field, len(r.columns))
	for i, c := range r.columns {
		fs[i] = c.Field
	}
	return fs
}

// Len is the number of rows.
func (r *RowGroups) Len() int { return int(rowsOf(r.groups)) }

// Size is the memory held, in bytes.
func (r *RowGroups) Size() int64 { return r.data.Size() }

// Free gives the memory to others; r must not be used any more.
func (r *RowGroups) Free() { r.data.Free() }

// Keep says that somebody may still read what was written of r, after an error:
// Free will leave the memory to the collector.
func (r *RowGroups) Keep() { r.data.keep() }

// Relabel is [Buffer.Relabel].
func (r *RowGroups) Relabel(fields []Field) error {
	if err := sameLayout(fields, len(r.columns), func(i int) (physical, uint8) { return r.columns[i].phys, r.columns[i].width }); err != nil {
		return err
	}
	for i, f := range fields {
		c := &r.columns[i]
		c.Field, c.closed = f, c.closed || !f.bounded() // P1
	}
	return nil
}

// at returns the groups as they stand in a file when their data starts there.
func (r *RowGroups) at(start int64) []group {
	shift := start - int64(len(magic))
	out := make([]group, len(r.groups))
	for i, g := range r.groups {
		g.chunks = slices.Clone(g.chunks)
		for k := range g.chunks {
			c := &g.chunks[k]
			c.dataAt += shift
			if c.dictAt > 0 {
				c.dictAt += shift
			}
		}
		out[i] = g
	}
	return out
}

// File is what one Parquet file holds: row groups that are encoded already, and
// then buffers. All have the same fields.
type File struct {
	Packed  []*RowGroups
	Buffers []*Buffer
}

// columns are those of all parts. A column that is closed in one of them is
// closed in the file. // P1
func (f File) columns() (all []columnInfo, err error) {
	join := func(cs []columnInfo) {
		if all == nil {
			all = slices.Clone(cs)
			return
		}
		for i := range all {
			if len(cs) != len(all) || cs[i].Field != all[i].Field {
				err = errors.New("column: parts of one file have other fields: this is a bug, please report it")
				return
			}
			all[i].closed = all[i].closed || cs[i].closed
		}
	}
	for _, r := range f.Packed {
		join(r.columns)
	}
	for _, b := range f.Buffers {
		b.Rollback()
		if err := b.check(); err != nil {
			return nil, err
		}
		join(b.columnInfos())
	}
	if len(all) == 0 && err == nil {
		err = errors.New("column: a table without columns cannot be written: give it at least one column")
	}
	return all, err
}

// write writes the parts' rows and returns what the footer says of them.
func (f File) write(e *Encoder) (groups []group) {
	for _, r := range f.Packed {
		groups = append(groups, r.at(e.at)...)
		e.writePieces(&r.data)
	}
	for _, b := range f.Buffers {
		groups = e.rowGroups(b, groups)
	}
	return groups
}
