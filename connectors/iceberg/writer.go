package iceberg

import (
	"errors"
	"strings"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
	"sluice/topology/stream"
)

// writer takes the rows of one worker into typed columns, one buffer a table
// and partition. It does no I/O.
type writer struct {
	sink   *Sink
	routes map[*stream.Table]*route
	last   *route
	counts map[stream.Lane]stream.Count
	dead   []stream.DeadLetter

	// What the present Write touched, to take it back.
	touched []*target
	run     int64
	lane    stream.Lane

	size    int64           // of all buffers as of the last Write
	encoder *column.Encoder // once a buffer was full

	text  []byte // scratch
	keyed []byte // scratch: a partition key
	block block
}

// route is where the rows of one stream table go.
type route struct {
	*shape
	targets map[string]*target // by partition key
	lastKey []byte
	last    *target
	used    bool
	lengths []int // of the largest buffer of the last epoch
	idle    *column.Buffer
}

// target is a table's partition: one buffer that takes rows, and the row groups
// that full ones became. Columns so stay in the same small memory, and an epoch
// is held at the size of its files.
type target struct {
	full []*column.RowGroups
	buf  *column.Buffer
	run  int64 // the Write that touched it last
	size int64 // of buf
}

// A buffer that has one of these is full: eight bytes a value are almost 1 MiB
// a column, and so many rows are what readers take at a time.
const (
	fullRows  = 120 << 10
	fullBytes = 64 << 20
)

// smallGroup is what is worth a row group of its own, in rows: what is less is
// joined with what others have.
const smallGroup = fullRows / 16

// tablePart is what a part holds of one shape.
type tablePart struct {
	*shape
	rows map[string]partRows // by partition key
}

// partRows are the rows of one partition in the order they came.
type partRows struct {
	full []*column.RowGroups
	buf  *column.Buffer // may be nil
}

// tableParts is what a writer gives up for an epoch.
type tableParts []tablePart

// Release gives the memory of the rows back; the engine says when.
func (ts tableParts) Release() {
	for _, t := range ts {
		for _, r := range t.rows {
			for _, g := range r.full {
				g.Free()
			}
			if r.buf != nil {
				r.buf.Free()
			}
		}
	}
}

// Writer is part of stream.Sink.
func (s *Sink) Writer() stream.Writer {
	return &writer{sink: s, routes: map[*stream.Table]*route{}, counts: map[stream.Lane]stream.Count{}}
}

// Write is part of stream.Writer. // D6: all rows of c or none.
func (w *writer) Write(c stream.Clean) error {
	w.run++
	w.lane = c.Lane()
	w.touched = w.touched[:0]
	dead := len(w.dead)
	rows := c.Rows()
	var n stream.Count
	whole := 0 // rows before it were tried by blocks
	for i := 0; i < len(rows); i++ {
		var err error
		if i >= whole {
			var taken, tried int
			taken, tried, err = w.rows(rows[i:])
			if whole = i + tried; taken > 0 {
				n.Written += int64(taken)
				i += taken - 1
				continue
			}
		}
		if err == nil {
			err = w.row(&rows[i])
		}
		if err == nil {
			n.Written++
			continue
		}
		if !w.reject(&rows[i], err) {
			for _, t := range w.touched {
				t.buf.Rewind()
			}
			w.dead = w.dead[:dead]
			return lanesOf(err, w.lane)
		}
		n.Rejected++
	}
	for _, t := range w.touched {
		was := t.size
		t.size = t.buf.Size()
		w.size += t.size - was
	}
	w.counts[w.lane] = w.counts[w.lane].Add(n)
	return nil
}

// reject keeps a dead letter of a row that does not fit its columns: this
// store refuses it, alone. It reports false for other errors.
func (w *writer) reject(r *stream.CleanRow, err error) bool {
	var cell *column.CellError
	if !errors.As(err, &cell) {
		return false
	}
	w.dead = append(w.dead, w.sink.refused(r, w.lane, cell))
	return true
}

// lanesOf names the lane in a state that does not.
func lanesOf(err error, l stream.Lane) error {
	var se *stream.StateError
	if errors.As(err, &se) && len(se.Lanes) == 0 {
		x := *se
		x.Lanes = []stream.Lane{l}
		return &x
	}
	return err
}

// route is the way of rows of t.
func (w *writer) route(t *stream.Table) (*route, error) {
	if w.last != nil && w.routes[t] == w.last {
		return w.last, nil
	}
	r := w.routes[t]
	if r == nil {
		s, err := newShape(&w.sink.cfg, t, &w.lane)
		if err != nil {
			return nil, err
		}
		r = &route{shape: s, targets: map[string]*target{}}
		w.routes[t] = r
	}
	r.used = true
	w.last = r
	return r, nil
}

func (w *writer) row(r *stream.CleanRow) error {
	rt, err := w.route(r.Table)
	if err != nil {
		return err
	}
	cells := cellsOf(r)
	for _, i := range rt.unknown {
		if i < len(cells) && cells[i].Has() {
			return rt.refuse("column "+rt.names[i]+" has a value and no type", "name the column's type in the decode stage")
		}
	}
	t, err := w.target(rt, r, cells)
	if err != nil {
		return err
	}
	b := t.buf
	if err := b.AppendRow(r, cells, rt.sources); err != nil {
		return err
	}
	for _, m := range rt.metas {
		w.meta(b, m, r, cells)
	}
	return b.EndRow()
}

// target is the buffer of the row's partition, marked for this Write.
func (w *writer) target(rt *route, r *stream.CleanRow, cells []schemas.Cell) (*target, error) {
	key := w.keyed[:0]
	if rt.split != nil {
		var err error
		if key, err = rt.split.AppendKey(key, r, cells); err != nil {
			return nil, err
		}
		w.keyed = key
	}
	t := rt.last
	if t == nil || string(key) != string(rt.lastKey) {
		if t = rt.targets[string(key)]; t == nil {
			t = &target{buf: rt.idle}
			rt.idle = nil
			if t.buf == nil {
				t.buf = column.NewBuffer(rt.fields)
				if rt.split == nil { // a small partition would take what was a large one's
					t.buf.Expect(rt.lengths)
				}
			}
			rt.targets[string(key)] = t
		}
		rt.last, rt.lastKey = t, append(rt.lastKey[:0], key...)
	}
	if t.run != w.run {
		if t.buf.Len() >= fullRows || t.size >= fullBytes {
			if err := w.pack(t); err != nil {
				return nil, err
			}
		}
		t.buf.Mark()
		t.run, w.touched = w.run, append(w.touched, t) // not before: what failed fails for each row that asks
	}
	return t, nil
}

// pack makes row groups of t's rows.
func (w *writer) pack(t *target) (err error) {
	if w.encoder == nil {
		if w.encoder, err = column.NewEncoder(w.sink.files); err != nil {
			return err
		}
	}
	g, err := w.encoder.Pack(t.buf)
	if err != nil {
		return err
	}
	if t.full = append(t.full, g); len(t.full) > 1 {
		t.buf.Clear() // a busy table: the last rows of an epoch are few
	} else {
		t.buf.Reset()
	}
	w.size += g.Size() - t.size
	t.size = 0
	return nil
}

// refused is the dead letter of a row that does not fit its columns. It names
// codes, never values. // P1
func (s *Sink) refused(r *stream.CleanRow, lane stream.Lane, e *column.CellError) stream.DeadLetter {
	return stream.DeadLetter{ID: letterID(s.env.Pipeline, lane, r.Offset, r.Seq), Lane: lane, Offset: r.Offset, Seq: r.Seq, Time: r.Time,
		Stage: "iceberg", Code: e.Code, Field: e.Column, Sink: s.env.Name}
}

// Size is part of stream.Writer.
func (w *writer) Size() int64 { return w.size }

// Seal is part of stream.Writer.
func (w *writer) Seal() (stream.Part, error) {
	var data tableParts
	for t, r := range w.routes {
		if !r.used {
			delete(w.routes, t) // an older version of the topic
			continue
		}
		p := tablePart{shape: r.shape, rows: map[string]partRows{}}
		most := 0
		for key, t := range r.targets {
			n := t.buf.Len()
			if n > most {
				most, r.lengths = n, t.buf.Lengths()
			}
			if n >= smallGroup {
				if err := w.pack(t); err != nil {
					return stream.Part{}, err
				}
				r.idle = t.buf
			}
			rows := partRows{full: t.full}
			if t.buf.Len() > 0 {
				rows.buf = t.buf
			}
			if rows.buf != nil || len(rows.full) > 0 {
				p.rows[strings.Clone(key)] = rows
			}
		}
		if len(p.rows) > 0 {
			data = append(data, p)
		}
	}
	part := stream.Part{Counts: w.counts, Rejects: w.dead, Data: data}
	w.empty()
	return part, nil
}

// Discard is part of stream.Writer.
func (w *writer) Discard() { w.empty() }

func (w *writer) empty() {
	for _, r := range w.routes {
		r.targets, r.last, r.used = map[string]*target{}, nil, false
	}
	w.last, w.size = nil, 0
	w.counts, w.dead = map[stream.Lane]stream.Count{}, nil
	w.touched = nil
}
