// Package sourcetest states the contract of stream.Source in tests. Every
// source runs it against a fake that speaks its protocol. The tests play the
// engine: they answer where lanes stand, keep durable positions that several
// members share, and take every batch apart and release it at once.
//
// A broker is another process, so the tests wait for what it does with a
// deadline of real time; nothing depends on how long it takes.
package sourcetest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"

	"sluice/topology/stream"
)

// Record is a record as a producer sends it and as a feed got it.
type Record struct {
	Offset     int64 // filled when it was read
	Key, Value []byte
	Headers    [][2]string
}

// shelf keeps what is durable: it plays the sinks, and outlives the members.
type shelf struct {
	mu    sync.Mutex
	next  map[stream.Lane]stream.Position
	got   map[stream.Lane][]Record
	ids   map[stream.Lane]string // topic ids, as first assigned
	moved int                    // batches that settled offsets without a record
}

func newShelf() *shelf {
	return &shelf{next: map[stream.Lane]stream.Position{}, got: map[stream.Lane][]Record{}, ids: map[stream.Lane]string{}}
}

func (x *shelf) at(l stream.Lane) int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.next[l].Offset
}

func (x *shelf) count() (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, rs := range x.got {
		n += len(rs)
	}
	return n
}

func (x *shelf) records(l stream.Lane) []Record {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.got[l])
}

// Feed is one member's engine. It fails the test when a batch does not follow
// the one before it, unless the lane was sought since. // D3
type Feed struct {
	t     testing.TB
	store *shelf

	mu      sync.Mutex
	src     stream.Source
	at      map[stream.Lane]stream.Position // lanes assigned; what has to come next
	sought  map[stream.Lane]bool            // batches of the old position may still be under way
	hold    map[stream.Lane]bool            // left out of Assign's answer
	reports map[stream.Lane]*stream.StateError
	infos   map[stream.Lane]stream.LaneInfo // as last assigned
	revoked map[stream.Lane]bool
	assigns int
	gate    chan struct{} // Admit waits for it, unless nil
}

func newFeed(t testing.TB, store *shelf) *Feed {
	return &Feed{t: t, store: store, at: map[stream.Lane]stream.Position{}, sought: map[stream.Lane]bool{}, hold: map[stream.Lane]bool{},
		reports: map[stream.Lane]*stream.StateError{}, infos: map[stream.Lane]stream.LaneInfo{}, revoked: map[stream.Lane]bool{}}
}

// Assign is part of stream.Feed.
func (f *Feed) Assign(_ context.Context, cluster string, lanes []stream.LaneInfo) (map[stream.Lane]stream.Position, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	f.assigns++
	if cluster == "" {
		f.t.Error("Assign without a cluster id")
	}
	start := map[stream.Lane]stream.Position{}
	for _, i := range lanes {
		if i.LogStart > i.End {
			f.t.Errorf("%v: the log goes from %d to %d", i.Lane, i.LogStart, i.End)
		}
		f.infos[i.Lane] = i
		delete(f.revoked, i.Lane)
		if _, ok := f.store.ids[i.Lane]; !ok {
			f.store.ids[i.Lane] = i.TopicID
		}
		pos, ok := f.store.next[i.Lane]
		if !ok {
			pos = stream.Position{Offset: i.LogStart, Epoch: -1}
			f.store.next[i.Lane] = pos
		}
		f.at[i.Lane] = pos
		delete(f.sought, i.Lane)
		if !f.hold[i.Lane] {
			start[i.Lane] = pos
		}
	}
	return start, nil
}

// Admit is part of stream.Feed.
func (f *Feed) Admit(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	f.mu.Lock()
	gate := f.gate
	f.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.at[b.Lane]
	switch {
	case !ok:
		return nil // taken away while it was under way
	case at.Offset != b.From.Offset && f.sought[b.Lane]:
		return nil
	case at.Offset != b.From.Offset:
		f.t.Errorf("%v: a batch from %d, the one before ended at %d", b.Lane, b.From.Offset, at.Offset)
		return nil
	}
	delete(f.sought, b.Lane)
	f.at[b.Lane] = b.To
	f.keep(b)
	return nil
}

// keep checks a batch and makes it durable. f.mu is held.
func (f *Feed) keep(b *stream.Batch) {
	last, size := b.From.Offset-1, int64(0)
	var rs []Record
	for i := range b.Records {
		r := &b.Records[i]
		if r.Offset <= last || r.Offset >= b.To.Offset {
			f.t.Errorf("%v: record %d after %d in a batch [%d,%d)", b.Lane, r.Offset, last, b.From.Offset, b.To.Offset)
		}
		last = r.Offset
		x := Record{Offset: r.Offset, Key: bytes.Clone(r.Key.Bytes()), Value: bytes.Clone(r.Value.Bytes())}
		for _, h := range r.Headers {
			x.Headers = append(x.Headers, [2]string{h.Key, string(h.Value.Bytes())})
		}
		size += int64(r.Key.Len() + r.Value.Len())
		rs = append(rs, x)
	}
	if b.In != int64(len(b.Records)) || b.Bytes < size || b.To.Offset < b.From.Offset {
		f.t.Errorf("%v [%d,%d): In %d of %d records, %d bytes of at least %d", b.Lane, b.From.Offset, b.To.Offset, b.In, len(b.Records), b.Bytes, size)
	}
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	if f.store.next[b.Lane].Offset != b.From.Offset {
		delete(f.at, b.Lane) // another member holds the lane: this one is fenced
		return
	}
	if len(rs) == 0 {
		f.store.moved++
	}
	f.store.next[b.Lane] = b.To
	f.store.got[b.Lane] = append(f.store.got[b.Lane], rs...)
}

// rebase moves a lane to the start of the log that took the old one's place.
func (f *Feed) rebase(l stream.Lane) {
	f.mu.Lock()
	f.store.mu.Lock()
	pos := stream.Position{Epoch: -1}
	f.store.next[l], f.at[l] = pos, pos
	f.store.mu.Unlock()
	src := f.src
	f.mu.Unlock()
	src.Seek(map[stream.Lane]stream.Position{l: pos})
}

// Revoke is part of stream.Feed.
func (f *Feed) Revoke(_ context.Context, lanes []stream.Lane) {
	f.mu.Lock()
	for _, l := range lanes {
		f.revoked[l] = true
	}
	f.mu.Unlock()
	f.Lost(lanes)
}

// Lost is part of stream.Feed.
func (f *Feed) Lost(lanes []stream.Lane) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range lanes {
		delete(f.at, l)
	}
}

// Report is part of stream.Feed.
func (f *Feed) Report(l stream.Lane, e *stream.StateError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e == nil || e.State == stream.StateRunning || e.Why == "" || e.Todo == "" {
		f.t.Errorf("%v: reported %+v, which does not say what to do", l, e)
		return
	}
	f.reports[l] = e
}

// seek moves a lane that is assigned, and what is durable of it.
func (f *Feed) seek(l stream.Lane, to int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.at[l]; !ok {
		return false
	}
	pos := stream.Position{Offset: to, Epoch: -1}
	f.store.mu.Lock()
	f.store.next[l] = pos
	f.store.got[l] = slices.DeleteFunc(f.store.got[l], func(r Record) bool { return r.Offset >= to })
	f.store.mu.Unlock()
	f.at[l], f.sought[l] = pos, true
	f.src.Seek(map[stream.Lane]stream.Position{l: pos}) // the lock is held on purpose: Seek never calls the feed
	return true
}

func (f *Feed) reported(l stream.Lane) *stream.StateError {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reports[l]
}

func (f *Feed) holds() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.at)
}
