package d1

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"

	"sluice/connectors/internal/cloudflare"
	"sluice/schemas"
	"sluice/topology/stream"
)

// writer is what one worker wrote in one epoch. Rows are encoded when they
// come, as JSON arrays in one buffer a table; of a key only the last counts.
type writer struct {
	sink   *Sink
	plans  map[*stream.Table]*layout
	last   *stream.Table // of the row before, with its layout and run
	layout *layout
	run    *run

	epoch
	lanes map[lane]int32 // place in epoch.lanes
}

// epoch is Part.Data.
type epoch struct {
	sink    *Sink
	runs    map[*target]*run
	order   []*run
	lanes   []lane
	counts  []stream.Count
	rejects []stream.DeadLetter
}

// Writer is part of stream.Sink.
func (s *Sink) Writer() stream.Writer {
	w := &writer{sink: s, plans: map[*stream.Table]*layout{}}
	w.Discard()
	return w
}

// Discard is part of stream.Writer.
func (w *writer) Discard() {
	w.epoch = epoch{sink: w.sink, runs: map[*target]*run{}}
	w.lanes = map[lane]int32{}
	w.last, w.layout, w.run = nil, nil, nil
}

// Size is part of stream.Writer.
func (w *writer) Size() (n int64) {
	for _, r := range w.order {
		n += int64(cap(r.buf)) + int64(cap(r.list))*changeSize + 4*int64(cap(r.index))
	}
	return n
}

// Seal is part of stream.Writer.
func (w *writer) Seal() (stream.Part, error) {
	e := w.epoch
	p := stream.Part{Counts: make(map[lane]stream.Count, len(e.lanes)), Rejects: e.rejects, Data: &e}
	for i, l := range e.lanes {
		p.Counts[l] = e.counts[i]
	}
	w.Discard()
	return p, nil
}

// Write is part of stream.Writer. Names that cannot be, a StateError, are
// found before any row is taken.
func (w *writer) Write(c stream.Clean) error {
	rows := c.Rows()
	for i := range rows {
		t := rows[i].Table
		switch {
		case keylessTruncate(&rows[i]):
			if _, err := w.sink.cleared(t); err != nil && w.sink.cfg.Truncate != "ignore" {
				return err
			}
		case t != w.last:
			if err := w.turn(t); err != nil {
				return err
			}
		}
	}
	li, ok := w.lanes[c.Lane()]
	if !ok {
		li = int32(len(w.epoch.lanes))
		w.lanes[c.Lane()] = li
		w.epoch.lanes, w.counts = append(w.epoch.lanes, c.Lane()), append(w.counts, stream.Count{})
	}
	for i := range rows {
		r := &rows[i]
		if keylessTruncate(r) && w.clear(r, li) {
			continue
		}
		if r.Table != w.last {
			if err := w.turn(r.Table); err != nil {
				return err
			}
		}
		if code, field := w.row(r, li); code != "" {
			w.counts[li].Rejected++
			w.refuse(r, li, code, field)
		}
	}
	return nil
}

// keylessTruncate is a truncate that was read before any row with a key: it has
// none itself and says nothing of whether its table has one.
func keylessTruncate(r *stream.CleanRow) bool {
	return r.Op == stream.Truncate && len(r.Table.Key) == 0
}

// clear takes a truncate without deciding whether its table is keyed; false if
// the table is known to have no key, where a truncate is a row like any other.
func (w *writer) clear(r *stream.CleanRow, li int32) bool {
	if w.sink.cfg.Truncate == "ignore" {
		w.counts[li].Filtered++
		return true
	}
	tg, err := w.sink.cleared(r.Table)
	if err != nil || !tg.keyed { // Write has asked for the error
		return false
	}
	x := w.runs[tg]
	if x == nil {
		x = &run{target: tg}
		w.runs[tg], w.order = x, append(w.order, x)
	}
	x.truncate(&w.epoch, change{lane: li, offset: r.Offset, seq: r.Seq, src: r.Src, time: r.Time})
	return true
}

// turn makes t the table of the rows that follow.
func (w *writer) turn(t *stream.Table) error {
	l := w.plans[t]
	if l == nil {
		var err error
		if l, err = w.sink.layoutOf(t); err != nil {
			return err
		}
		w.plans[t] = l
	}
	r := w.runs[l.target]
	if r == nil {
		r = &run{target: l.target}
		w.runs[l.target], w.order = r, append(w.order, r)
	}
	if l.keyed {
		r.keys = l
	}
	w.last, w.layout, w.run = t, l, r
	return nil
}

// refuse notes a row that D1 cannot hold: this sink's own dead letter.
func (w *writer) refuse(r *stream.CleanRow, li int32, code, field string) {
	l := w.epoch.lanes[li]
	w.rejects = append(w.rejects, stream.DeadLetter{
		ID:   fmt.Sprintf("%s/%s/%d/%d/%s", w.sink.env.Pipeline, l, r.Offset, r.Seq, w.sink.env.Name),
		Lane: l, Offset: r.Offset, Seq: r.Seq, Time: r.Time, Stage: "sink", Code: code, Field: field, Sink: w.sink.env.Name})
}

// row takes one row, or says why it cannot be stored.
func (w *writer) row(r *stream.CleanRow, li int32) (code, field string) {
	l, run := w.layout, w.run
	n := &w.counts[li]
	c := change{lane: li, offset: r.Offset, seq: r.Seq, src: r.Src, time: r.Time}
	if r.Op == stream.Truncate && w.sink.cfg.Truncate == "ignore" {
		n.Filtered++
		return "", ""
	}
	if r.Op == stream.Truncate && l.keyed {
		run.truncate(&w.epoch, c)
		return "", ""
	}
	if l.refuse != "" {
		return l.refuse, ""
	}
	start := len(run.buf)
	var set columnSet
	if l.keyed {
		if code, field = w.key(r); code != "" {
			run.buf = run.buf[:start]
			return code, field
		}
		c.key = span{start, len(run.buf)}
	}
	c.row.from = len(run.buf)
	switch {
	case r.Op == stream.Delete && l.keyed:
		c.gone, c.row = true, c.key
	case l.keyed:
		set, code, field = w.cells(r, li, r.After, r.Key)
		c.row.to = len(run.buf)
	default:
		cells := r.After
		if cells == nil {
			cells = r.Before
		}
		set, code, field = w.cells(r, li, cells, r.Key)
		c.row.to = len(run.buf)
	}
	if code == "" && c.row.to-c.row.from > cloudflare.MaxValue-1_000 {
		code = "row_too_large"
	}
	if code != "" {
		run.buf = run.buf[:start]
		return code, field
	}
	if !l.keyed {
		c.group = run.group(l, set)
		run.list = append(run.list, c)
		n.Written++
		return "", ""
	}
	if !c.gone {
		c.group = run.group(l, set)
	}
	run.put(&w.epoch, c, start)
	return "", ""
}

// key appends the key of r as a JSON array.
func (w *writer) key(r *stream.CleanRow) (code, field string) {
	b := append(w.run.buf, '[')
	for i, k := range w.layout.key {
		if i > 0 {
			b = append(b, ',')
		}
		cell := pick(r.After, r.Key, k)
		if !cell.Has() {
			w.run.buf = b
			return "null_key", w.layout.cols[k].name
		}
		if b, code = appendValue(b, &w.layout.cols[k], cell, r.Bytes(cell)); code != "" {
			w.run.buf = b
			return code, w.layout.cols[k].name
		}
	}
	w.run.buf = append(b, ']')
	return "", ""
}

// pick is cell i of the row, or of its key where the row has none.
func pick(cells, key []schemas.Cell, i int) schemas.Cell {
	if i < len(cells) && (cells[i].Has() || i >= len(key)) {
		return cells[i]
	}
	if i < len(key) && key[i].Has() {
		return key[i]
	}
	if i < len(cells) {
		return cells[i]
	}
	return schemas.Cell{}
}

// cells appends a row as a JSON array. set has the columns the row does not
// speak of: unavailable ones and those without a type or value yet.
func (w *writer) cells(r *stream.CleanRow, li int32, cells, key []schemas.Cell) (set columnSet, code, field string) {
	l := w.layout
	b := append(w.run.buf, '[')
	if !l.keyed {
		b = strconv.AppendInt(b, int64(w.epoch.lanes[li].Partition), 10)
		b = strconv.AppendInt(append(b, ','), r.Offset, 10)
		b = strconv.AppendInt(append(b, ','), int64(r.Seq), 10)
		b = append(append(append(b, `,"`...), r.Op.String()...), '"')
	}
	for i := range l.cols {
		if i > 0 || !l.keyed {
			b = append(b, ',')
		}
		col := &l.cols[i]
		cell := pick(cells, key, i)
		if cell.Flags&schemas.Unavailable != 0 || col.late && !cell.Has() {
			set.add(i)
		}
		if !cell.Has() {
			b = append(b, "null"...)
			continue
		}
		if b, code = appendValue(b, col, cell, r.Bytes(cell)); code != "" {
			w.run.buf = b
			return set, code, col.name
		}
	}
	if set != (columnSet{}) {
		for i := range l.cols { // what it goes on for is not known: nor is it
			if j := l.ordinal(l.cols[i].of); l.cols[i].of != "" && j >= 0 && pick(cells, key, j).Flags&schemas.Unavailable != 0 && !pick(cells, key, i).Has() {
				set.add(i)
			}
		}
	}
	w.run.buf = append(b, ']')
	return set, "", ""
}

// appendValue is a value as json_each and the column's type take it: bytes as
// hexadecimal for unhex, the rest in its canonical form.
func appendValue(b []byte, col *column, c schemas.Cell, p []byte) ([]byte, string) {
	if col.typ.Kind == schemas.Binary && col.sql == sqlBlob {
		return appendHex(b, col.wire, c, p)
	}
	if c.Enc == schemas.EncJSON && col.typ.Kind == schemas.Unknown {
		// As a text, which is what json_each makes of it: SQLite's depth is bounded,
		// and one such row kept a whole commit away.
		return schemas.AppendString(b, c, p)
	}
	n := len(b)
	b, code := schemas.AppendJSON(b, col.typ, col.wire, c, p)
	if code != "" || col.sql != sqlText || len(b) > n && (b[n] == '"' || b[n] == 'n') {
		return b, code
	}
	b = append(b, 0) // an override wants text: put quotes around the number
	copy(b[n+1:], b[n:])
	b[n] = '"'
	return append(b, '"'), ""
}

func appendHex(b []byte, w schemas.Wire, c schemas.Cell, p []byte) ([]byte, string) {
	n := len(b)
	b = append(b, '"')
	switch {
	case c.Enc == schemas.EncBytes:
		return append(hex.AppendEncode(b, p), '"'), ""
	case c.Enc != schemas.EncText || w != schemas.WireBase64:
		return b[:n], schemas.CodeType
	case len(p)%4 != 0:
		return b[:n], schemas.CodeBase64
	}
	var dec [96]byte
	for len(p) > 0 {
		k := min(len(p), 128)
		m, err := base64.StdEncoding.Strict().Decode(dec[:], p[:k])
		if err != nil || m < k/4*3 && k < len(p) || m < k/4*3-2 {
			return b[:n], schemas.CodeBase64
		}
		b, p = hex.AppendEncode(b, dec[:m]), p[k:]
	}
	return append(b, '"'), ""
}
