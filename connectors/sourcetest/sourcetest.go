package sourcetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/topology/stream"
)

// Topic is what the sources under test read; it has Partitions partitions.
const (
	Topic      = "t"
	Partitions = 3
)

// World is a broker that outlives the sources under test.
type World interface {
	// Open returns a member of the one group of the test.
	Open(t testing.TB) stream.Source
	// Produce appends records to a lane, as plain records.
	Produce(t testing.TB, l stream.Lane, rs ...Record)
	// Ends is the last stable offset of a lane.
	Ends(t testing.TB, l stream.Lane) int64
}

// What a world can do besides, each its own interface; cases that need one a
// world does not have are skipped.
type (
	// Transact appends records in one transaction that commits or aborts.
	Transact interface {
		Transact(t testing.TB, commit bool, l stream.Lane, rs ...Record)
	}
	// Compact leaves the last record of each key of the topic.
	Compact interface{ Compact(t testing.TB) }
	// Trim drops what is before an offset, as retention does.
	Trim interface {
		Trim(t testing.TB, l stream.Lane, before int64)
	}
	// Recreate deletes the topic and makes it anew.
	Recreate interface{ Recreate(t testing.TB) }
	// Grow gives the topic one partition more.
	Grow interface{ Grow(t testing.TB) }
)

// Run runs the contract; fresh makes an empty world.
func Run(t *testing.T, fresh func(t testing.TB) World) {
	for _, c := range []struct {
		name string
		run  func(*world)
	}{
		{"Values", values},
		{"StartsWhereItIsTold", starts},
		{"MembersComeAndGo", members},
		{"CrowdUnderLoad", crowd},
		{"AbortedIsNeverRead", aborted},
		{"CompactionIsNoLoss", compacted},
		{"LossIsReported", trimmed},
		{"LossUnderWayIsReported", trimmedLater},
		{"PastTheEndIsReported", pastEnd},
		{"TopicMadeAnew", recreated},
		{"TopicGrows", grows},
		{"SeeksUnderLoad", seeks},
		{"HeldUntilSought", held},
		{"RestsUntilSought", paused},
		{"SeekOfAForeignLane", foreign},
		{"BlockedFeedStops", blocked},
		{"StopRevokes", stops},
		{"ReportedLaneStandsAlone", alone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(&world{T: t, World: fresh(t), shelf: newShelf()})
		})
	}
}

// world is one case.
type world struct {
	*testing.T
	World
	*shelf
}

func lane(p int32) stream.Lane { return stream.Lane{Topic: Topic, Partition: p} }

// member starts one; stop ends it cleanly.
func (w *world) member(edit func(*Feed)) (f *Feed, stop func()) {
	w.Helper()
	f = newFeed(w.T, w.shelf)
	f.src = w.Open(w.T)
	if edit != nil {
		edit(f)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.src.Run(ctx, f) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				w.Errorf("Run after a clean stop: %v", err)
			}
		case <-time.After(30 * time.Second):
			w.Error("Run does not end")
		}
	})
	w.Cleanup(stop)
	return f, stop
}

// until waits for what the broker brings about.
func (w *world) until(what string, ok func() bool) {
	w.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(40 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			w.Fatalf("never: %s", what)
		}
	}
}

// fill produces n records to every lane, numbered from first.
func (w *world) fill(first, n int) {
	for p := range int32(Partitions) {
		rs := make([]Record, n)
		for i := range rs {
			rs[i] = Record{Key: fmt.Appendf(nil, "k%d", first+i), Value: fmt.Appendf(nil, "v%d", first+i)}
		}
		w.Produce(w.T, lane(p), rs...)
	}
}

// whole wants records 0..n of every lane, each once and in order. // D1 D3
func (w *world) whole(n int) {
	w.Helper()
	for p := range int32(Partitions) {
		rs := w.records(lane(p))
		if len(rs) != n {
			w.Errorf("%v: %d records, want %d", lane(p), len(rs), n)
		}
		for i, r := range rs {
			if string(r.Value) != fmt.Sprintf("v%d", i) {
				w.Fatalf("%v: record %d of %d is another one", lane(p), i, len(rs))
			}
		}
	}
}

// hook returns the world as an H, or skips the test.
func hook[H any](w *world) H {
	w.Helper()
	h, ok := w.World.(H)
	if !ok {
		var zero *H
		w.Skipf("the world has no %T", zero)
	}
	return h
}
