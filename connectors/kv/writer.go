package kv

import (
	"sluice/connectors/internal/rowjson"
	"sluice/topology/stream"
)

// change is what is left of the changes of one key.
type change struct {
	stream.Place
	gone                 bool
	key, metadata, value []byte
}

// folded is one change a key, in the order the keys came.
type folded struct {
	list  []change
	index map[string]int // by key: place in list
}

// put takes a change, unless what is there for its key is newer, and returns
// the one of the two that gave way.
func (f *folded) put(c change) (old *change) {
	if f.index == nil {
		f.index = map[string]int{}
	}
	i, ok := f.index[string(c.key)]
	if !ok {
		f.index[string(c.key)] = len(f.list)
		f.list = append(f.list, c)
		return nil
	}
	if c.Before(&f.list[i].Place) {
		return &c
	}
	before := f.list[i]
	f.list[i] = c
	return &before
}

// writer folds the rows of one worker, in memory. A row is copied once; that of
// a key that is new allocates its entry in the index.
type writer struct {
	s       *sink
	enc     encoder
	rows    folded
	bytes   int64
	counts  map[stream.Lane]stream.Count
	rejects []stream.DeadLetter
	buf     []byte
	claimed *stream.Table // the last one
}

// Write is part of stream.Writer. It cannot fail half way: a row that has no
// pair is this sink's reject, and whose keys are another topic's is known before.
func (w *writer) Write(c stream.Clean) error {
	lane, rows := c.Lane(), c.Rows()
	for i := range rows {
		if t := rows[i].Table; t != w.claimed {
			if err := w.s.claim(w.enc.prefix(t), t.Topic, lane); err != nil {
				return err
			}
			w.claimed = t
		}
	}
	for i := range rows {
		r := &rows[i]
		ch, no := w.change(lane, r)
		n := w.counts[lane]
		if no.Code != "" {
			n.Rejected++
			w.rejects = append(w.rejects, no.Letter(w.s.env.Pipeline, w.s.env.Name, "kv", lane, r))
			w.counts[lane] = n
			continue
		}
		n.Written++
		w.counts[lane] = n
		w.bytes += int64(len(ch.key)+len(ch.metadata)+len(ch.value)) + 160
		if old := w.rows.put(ch); old != nil {
			n := w.counts[old.Lane]
			n.Written--
			n.Folded++
			w.counts[old.Lane] = n
			w.bytes -= int64(len(old.key)+len(old.metadata)+len(old.value)) + 160
		}
	}
	return nil
}

// change copies what r does to its pair.
func (w *writer) change(lane stream.Lane, r *stream.CleanRow) (c change, no rowjson.Refusal) {
	c = change{Place: stream.Place{Lane: lane, Offset: r.Offset, Seq: r.Seq, Time: r.Time, Src: r.Src}, gone: r.Op == stream.Delete}
	switch {
	case r.Op == stream.Truncate:
		return c, rowjson.Refusal{Code: "truncate"}
	case len(r.Table.Key) == 0:
		return c, rowjson.Refusal{Code: "no_key"}
	}
	if w.buf, no = w.enc.key(w.buf[:0], r); no.Code != "" {
		return c, no
	}
	key := len(w.buf)
	if !c.gone {
		w.buf = w.enc.metadata(w.buf, lane, r)
	}
	meta := len(w.buf)
	if !c.gone {
		if w.buf, no = w.enc.value(w.buf, r); no.Code != "" {
			return c, no
		}
	}
	p := append(make([]byte, 0, len(w.buf)), w.buf...)
	c.key, c.metadata, c.value = p[:key:key], p[key:meta:meta], p[meta:]
	return c, no
}

// Size is part of stream.Writer.
func (w *writer) Size() int64 { return w.bytes + 256*int64(len(w.rejects)) }

// Seal is part of stream.Writer.
func (w *writer) Seal() (stream.Part, error) {
	p := stream.Part{Counts: w.counts, Rejects: w.rejects, Data: w.rows.list}
	w.Discard()
	return p, nil
}

// Discard is part of stream.Writer.
func (w *writer) Discard() {
	w.rows, w.bytes, w.rejects, w.counts = folded{}, 0, nil, map[stream.Lane]stream.Count{}
}
