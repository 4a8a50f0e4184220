package topology_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/topology/stream"
)

// land is a commit of plan to store that another process sent: rows of the
// bench's lane from where the store stands up to to.
func (b *bench) land(store int, plan string, to int64) error {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	s, l := b.stores[store], b.w.lanes[b.lane]
	sp := stream.LedgerSpan{Span: stream.Span{Lane: b.lane, From: s.lanes[b.lane].Next, To: stream.Position{Offset: to}}, TopicID: l.id}
	rows, _ := l.want(b.lane, sp)
	sp.Count = stream.Count{In: int64(len(rows)), Written: int64(len(rows))}
	return s.apply(stream.Staged{Epoch: stream.Epoch{Commit: fmt.Sprint("old", store, to), Plan: plan, Spans: []stream.LedgerSpan{sp}}}, rows)
}

// another starts a process of another plan.
func (b *bench) another(t *testing.T) {
	b.w.file = strings.Replace(b.w.file, "{pass: {}}", "{pass: {}}, {noop: {}}", 1)
	b.boot(t)
	b.start()
}

// TestPlanIsClaimed (offsets went by one plan to one sink and by another to the
// next): once a process of another plan reads, nothing that the one before sent
// lands any more.
func TestPlanIsClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 5)
		b.start()
		time.Sleep(5 * time.Second)
		b.stop(t)
		old := b.stores[0].plan
		b.another(t)
		time.Sleep(time.Second)
		b.add(5)
		for i := range b.stores {
			if err := b.land(i, old, 9); !errors.Is(err, stream.ErrFenced) {
				t.Errorf("store %d takes rows of the plan before: %v", i, err)
			}
		}
		time.Sleep(5 * time.Second)
		if b.next(0) != 10 || b.next(1) != 10 || b.stores[0].plan == old {
			t.Errorf("the new plan stands at %d and %d of 10", b.next(0), b.next(1))
		}
		b.stop(t)
	})
}

// TestAlignEndsByAnotherCommit (it ran for ever): what brings the sinks
// together while align runs is what the process before it sent.
func TestAlignEndsByAnotherCommit(t *testing.T) {
	for _, further := range []int64{0, 3} { // and it may go past where align meant to stop
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 5)
			b.start()
			time.Sleep(5 * time.Second)
			b.stop(t)
			plan := b.stores[0].plan
			b.add(7)
			if err := b.land(0, plan, 9); err != nil {
				t.Fatal(err)
			}
			b.boot(t)
			b.m.p.Align = true
			b.start()
			time.Sleep(300 * time.Millisecond) // it read, and commits in a second
			if err := b.land(1, plan, 9+further); err != nil {
				t.Fatal(err)
			}
			select {
			case <-b.m.ended:
			case <-time.After(10 * time.Minute):
				t.Errorf("align does not end: %+v", b.m.p.Positions())
				b.m.cancel()
				<-b.m.ended
			}
			if b.m.err != nil || b.next(0) != 9+further || b.next(1) != 9+further {
				t.Errorf("aligned at %d and %d: %v", b.next(0), b.next(1), b.m.err)
			}
		})
	}
}

// TestPlansAreComparedByLane (went by two plans): an instance of the new plan
// that had other lanes says nothing of a lane that stopped apart under the old.
func TestPlansAreComparedByLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 5)
		b.start()
		time.Sleep(5 * time.Second)
		b.stop(t)
		b.add(7)
		if err := b.land(0, b.stores[0].plan, 9); err != nil {
			t.Fatal(err)
		}
		apart, other := b.lane, stream.Lane{Topic: "u"}
		b.lane = other
		b.add(5)
		b.another(t)
		time.Sleep(5 * time.Second)
		b.stop(t)
		if b.next(1) != 5 {
			t.Errorf("the new plan brought its lane to %d of 5", b.next(1))
		}
		b.lane = apart
		b.boot(t)
		b.start()
		select {
		case <-b.m.ended:
		case <-time.After(time.Minute):
			b.m.cancel()
			<-b.m.ended
		}
		if b.m.err == nil || !strings.Contains(b.m.err.Error(), "sluice align") || b.next(1) != 5 {
			t.Errorf("a lane that another plan left apart stands at %d and %d: %v", b.next(0), b.next(1), b.m.err)
		}
	})
}

// forgetful is a store whose commits an older version makes: it keeps no plans.
type forgetful struct{ *simSink }

func (k forgetful) Recover(ctx context.Context, lanes []stream.Lane) (stream.Progress, error) {
	p, err := k.simSink.Recover(ctx, lanes)
	for l, at := range p.Lanes {
		at.Under = ""
		p.Lanes[l] = at
	}
	return p, err
}

// TestOlderVersionBeside: in a rolling update the instance that commits for all
// may be an old one, and new ones start all the same.
func TestOlderVersionBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 5)
		b.w.forget = true
		b.boot(t)
		b.start()
		time.Sleep(10 * time.Second)
		if b.next(0) != 5 || b.next(1) != 5 {
			t.Errorf("beside an older version the lane stands at %d and %d of 5", b.next(0), b.next(1))
		}
		b.stop(t)
	})
}

// late is a store that something else reaches just before this process does.
type late struct{ *simSink }

func (k late) Commit(ctx context.Context, staged []stream.Staged) error {
	if f := k.s.w.before; f != nil {
		k.s.w.before = nil
		f()
	}
	return k.simSink.Commit(ctx, staged)
}

// TestClaimThatIsFenced (the lane was left under no plan, and took rows of the one
// before): what an older version sent may come between the first question and the
// claim, and the lane is still to be claimed.
func TestClaimThatIsFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 5)
		b.start()
		time.Sleep(5 * time.Second)
		b.stop(t)
		old := b.stores[0].plan
		older := func() { // it keeps no plans
			for _, s := range b.stores {
				at := s.lanes[b.lane]
				at.Under = ""
				s.lanes[b.lane] = at
			}
		}
		older()
		b.add(2)
		b.w.before = func() {
			for i := range b.stores {
				if err := b.land(i, old, 7); err != nil {
					t.Error(err)
				}
			}
			older()
		}
		b.another(t)
		time.Sleep(5 * time.Second)
		b.add(2)
		for i, s := range b.stores {
			if under := s.lanes[b.lane].Under; under != b.m.p.Plan() || b.next(i) != 7 {
				t.Errorf("store %d stands at %d under %q", i, b.next(i), under)
			}
		}
		b.stop(t)
	})
}

// TestSinkThatWasAway (was sent to align, for ever): a sink that is taken out of the
// file and put back later, under another plan, fills up. One that the plan before
// had may not be behind.
func TestSinkThatWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		with := b.w.file
		runs := func(file string) error {
			b.w.file = file
			b.add(10)
			b.boot(t)
			b.start()
			select {
			case <-b.m.ended:
			case <-time.After(10 * time.Second):
				b.m.cancel()
			}
			return <-b.m.done
		}
		without := strings.Replace(strings.Replace(with, "- {name: b, commit: {every: 1s}, sim: {store: 1}}\n", "", 1), "home: b", "home: a", 1)
		other := strings.Replace(with, "{pass: {}}", "{pass: {}}, {noop: {}}", 1)
		for i, file := range []string{with, without, other} {
			if err := runs(file); err != nil {
				t.Fatalf("file %d: %v", i, err)
			}
		}
		for store := range 2 {
			b.whole(t, store, b.lane, 0)
		}
		at := b.stores[1].lanes[b.lane]
		at.Next.Offset-- // it was killed before the other one committed
		b.stores[1].lanes[b.lane] = at
		if err := runs(strings.Replace(other, "{noop: {}}", "{noop: {}}, {noop: {}}", 1)); err == nil || !strings.Contains(err.Error(), "sluice align") {
			t.Errorf("a new plan started over sinks that the last one left apart: %v", err)
		}
	})
}
