package sourcetest

import (
	"bytes"
	"fmt"
	"slices"

	"sluice/topology/stream"
)

// values: bytes arrive as they were sent; null is not empty.
func values(w *world) {
	want := []Record{
		{Key: []byte("k"), Value: []byte("v"), Headers: [][2]string{{"a", "1"}, {"a", "2"}, {"", ""}}},
		{Key: nil, Value: []byte("no key")},
		{Key: []byte("tombstone"), Value: nil},
		{Key: []byte{}, Value: []byte{}},
		{Key: nil, Value: nil},
		{Key: []byte{0, 0xFF}, Value: bytes.Repeat([]byte{0xDB, 0}, 70_000)},
	}
	w.Produce(w.T, lane(0), want...)
	_, stop := w.member(nil)
	w.until("all are read", func() bool { return w.count() == len(want) })
	stop()
	for i, r := range w.records(lane(0)) {
		x := want[i]
		if !bytes.Equal(r.Key, x.Key) || (r.Key == nil) != (x.Key == nil) {
			w.Errorf("record %d: another key", i)
		}
		if !bytes.Equal(r.Value, x.Value) || (r.Value == nil) != (x.Value == nil) {
			w.Errorf("record %d: another value", i)
		}
		if r.Offset != int64(i) || !slices.Equal(r.Headers, x.Headers) {
			w.Errorf("record %d: offset %d, headers %v", i, r.Offset, r.Headers)
		}
	}
}

func starts(w *world) {
	w.fill(0, 30)
	w.next[lane(0)] = stream.Position{Offset: 11, Epoch: -1}
	w.next[lane(1)] = stream.Position{Offset: 30, Epoch: -1}
	_, stop := w.member(nil)
	w.until("the rest is read", func() bool { return w.count() == 19+0+30 })
	w.fill(30, 1)
	w.until("what comes then is read", func() bool { return w.count() == 20+1+31 })
	stop()
	if r := w.records(lane(0))[0]; r.Offset != 11 {
		w.Errorf("the first record is %d, want 11", r.Offset)
	}
}

// members: positions are handed over at every change of the group, so every
// record is read once.
func members(w *world) {
	a, stopA := w.member(nil)
	w.fill(0, 200)
	w.until("the first member reads", func() bool { return w.count() == 3*200 })
	b, stopB := w.member(nil)
	w.until("the lanes are shared", func() bool { return a.holds() > 0 && b.holds() > 0 && a.holds()+b.holds() == Partitions })
	w.fill(200, 200)
	w.until("both read", func() bool { return w.count() == 3*400 })
	stopA()
	w.fill(400, 200)
	w.until("the one that is left reads", func() bool { return w.count() == 3*600 })
	stopB()
	w.whole(600)
}

// crowd: members come and go while records come.
func crowd(w *world) {
	var stops []func()
	for round := range 6 {
		_, stop := w.member(nil)
		stops = append(stops, stop)
		w.fill(100*round, 100)
		if len(stops) > 2 {
			stops[0]()
			stops = stops[1:]
		}
	}
	w.until("all are read", func() bool { return w.count() == 3*600 })
	for _, stop := range stops {
		stop()
	}
	w.whole(600)
}

// aborted: what a transaction took back never comes, and the position passes
// it and its marker, also at the end of the log.
func aborted(w *world) {
	h := hook[Transact](w)
	some := func(what string, n int) (rs []Record) {
		for i := range n {
			rs = append(rs, Record{Value: fmt.Appendf(nil, "%s%d", what, i)})
		}
		return rs
	}
	h.Transact(w.T, true, lane(0), some("yes", 5)...)
	h.Transact(w.T, false, lane(0), some("no", 700)...)
	h.Transact(w.T, true, lane(0), some("yes", 3)...)
	h.Transact(w.T, false, lane(0), some("no", 4)...)
	h.Transact(w.T, false, lane(1), some("no", 9)...) // nothing but an aborted transaction
	_, stop := w.member(nil)
	for p := range int32(2) {
		w.until("the last stable offset is reached", func() bool { return w.at(lane(p)) == w.Ends(w.T, lane(p)) })
	}
	stop()
	if n := len(w.records(lane(0))); n != 8 || len(w.records(lane(1))) != 0 {
		w.Errorf("%d and %d records, want 8 and 0", n, len(w.records(lane(1))))
	}
	for _, r := range w.records(lane(0)) {
		if !bytes.HasPrefix(r.Value, []byte("yes")) {
			w.Fatalf("record %d was aborted", r.Offset)
		}
	}
}

// compacted: gaps that compaction left are settled and are no loss.
func compacted(w *world) {
	h := hook[Compact](w)
	for i := range 40 {
		w.Produce(w.T, lane(0), Record{Key: fmt.Appendf(nil, "k%d", i%4), Value: fmt.Appendf(nil, "v%d", i)})
	}
	h.Compact(w.T)
	f, stop := w.member(nil)
	w.until("the end is reached", func() bool { return w.at(lane(0)) == 40 })
	stop()
	if e := f.reported(lane(0)); e != nil {
		w.Errorf("reported %v", e)
	}
	rs := w.records(lane(0))
	if len(rs) == 0 || len(rs) > 20 || string(rs[len(rs)-1].Value) != "v39" {
		w.Errorf("%d records: not what compaction leaves", len(rs))
	}
}

// trimmed (was lost in silence): what retention took before it was read is
// reported, and the lane stands until a seek.
func trimmed(w *world) {
	h := hook[Trim](w)
	w.fill(0, 50)
	w.next[lane(1)] = stream.Position{Offset: 10, Epoch: -1}
	h.Trim(w.T, lane(1), 30)
	f, stop := w.member(nil)
	w.until("the loss is reported", func() bool { return f.reported(lane(1)) != nil })
	if e := f.reported(lane(1)); e.State != stream.StateDataLost {
		w.Errorf("reported %v", e)
	}
	w.until("the other lanes are read", func() bool { return w.count() == 100 })
	if n := w.at(lane(1)); n != 10 {
		w.Errorf("the lane went on to %d", n)
	}
	f.seek(lane(1), 30) // a person accepts it
	w.until("the rest is read", func() bool { return w.count() == 120 })
	stop()
}

// trimmedLater: the same while the lane is read and its feed does not keep up.
func trimmedLater(w *world) {
	h := hook[Trim](w)
	w.fill(0, 20)
	f, stop := w.member(nil)
	w.until("the lanes are read", func() bool { return w.count() == 60 })
	gate := make(chan struct{})
	f.mu.Lock()
	f.gate = gate
	f.mu.Unlock()
	for i := range 30 { // more than one fetch takes
		w.Produce(w.T, lane(0), Record{Value: bytes.Repeat([]byte{byte(i)}, 200_000)})
	}
	h.Trim(w.T, lane(0), 48)
	f.mu.Lock()
	f.gate = nil
	f.mu.Unlock()
	close(gate)
	// What was fetched before is read; what was not is reported. Never is an offset passed in silence.
	w.until("it is read or reported", func() bool { return f.reported(lane(0)) != nil || w.at(lane(0)) == 50 })
	stop()
	rs := w.records(lane(0))
	for i, r := range rs {
		if r.Offset != int64(i) {
			w.Fatalf("record %d follows %d: passed in silence", r.Offset, i-1)
		}
	}
	if e := f.reported(lane(0)); e != nil && e.State != stream.StateDataLost {
		w.Errorf("reported %v", e)
	}
}

func pastEnd(w *world) {
	w.fill(0, 10)
	w.next[lane(2)] = stream.Position{Offset: 999, Epoch: -1}
	f, stop := w.member(nil)
	w.until("it is reported", func() bool { return f.reported(lane(2)) != nil })
	if e := f.reported(lane(2)); e.State == stream.StateDataLost {
		w.Errorf("reported as lost by retention: %v", e)
	}
	w.until("the other lanes are read", func() bool { return w.count() == 20 })
	stop()
}
