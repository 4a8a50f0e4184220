package topology_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/topology"
	"sluice/topology/stream"
)

// bench is one process over two stores, for failures that have a name.
type bench struct {
	w      *world
	stores []*simStore
	lane   stream.Lane
	m      *member
}

func newBench(t *testing.T, records int) *bench {
	w := newWorld(rand.New(rand.NewPCG(1, 1)))
	b := &bench{w: w, stores: []*simStore{newSimStore(w), newSimStore(w)}, lane: stream.Lane{Topic: "t"}}
	b.add(records)
	b.boot(t)
	return b
}

// add appends data records to the lane, which is made if there is none.
func (b *bench) add(records int) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if b.w.lanes[b.lane] == nil {
		b.w.lanes[b.lane] = newSimLane("t1")
	}
	for range records {
		b.w.lanes[b.lane].recs = append(b.w.lanes[b.lane].recs, true)
	}
}

// boot makes the next process; start runs it.
func (b *bench) boot(t *testing.T) {
	b.m = newMember(b.w, "m")
	b.m.p = simPipeline(t, b.w, b.m, b.stores, 2, uint64(len(b.w.all))) // commit ids differ
}

func (b *bench) start() {
	b.m.start()
	delete(b.w.owner, b.lane)
	b.w.assign(b.m, []stream.Lane{b.lane})
}

func (b *bench) stop(t *testing.T) {
	t.Helper()
	b.m.cancel()
	if err := <-b.m.done; err != nil {
		t.Errorf("stop: %v", err)
	}
}

func (b *bench) next(store int) int64 {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	return b.stores[store].lanes[b.lane].Next.Offset
}

func (b *bench) state() (stream.LaneState, string) {
	for _, x := range b.m.p.Positions() {
		for s := stream.StateRunning + 1; s <= stream.StateStateAhead; s++ {
			if x.State == s.String() {
				return s, x.Why
			}
		}
	}
	return stream.StateRunning, ""
}

// TestIdleLaneBecomesDurable (never did): the timer seals, so that the last
// records of a lane that went quiet are not in memory for ever.
func TestIdleLaneBecomesDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 3)
		b.start()
		time.Sleep(5 * time.Second)
		if b.next(0) != 3 || b.next(1) != 3 {
			t.Errorf("an idle lane stands at %d and %d of 3", b.next(0), b.next(1))
		}
		b.w.mu.Lock() // control records only: nothing to write, the position moves
		b.w.lanes[b.lane].recs = append(b.w.lanes[b.lane].recs, false, false)
		b.w.mu.Unlock()
		time.Sleep(5 * time.Second)
		if b.next(0) != 5 || b.next(1) != 5 {
			t.Errorf("a lane of control records stands at %d and %d of 5", b.next(0), b.next(1))
		}
		b.stop(t)
	})
}

// TestMaintain: a store is looked after when nothing happens, too, and never by a
// process that ends.
func TestMaintain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 3)
		times := func() int {
			b.w.mu.Lock()
			defer b.w.mu.Unlock()
			return b.stores[0].maintained
		}
		b.start()
		time.Sleep(5 * time.Second)
		before := times()
		time.Sleep(5 * time.Second)
		if times() == before {
			t.Errorf("%d times, and no more while nothing is read", before)
		}
		b.add(3)
		before = times()
		b.stop(t)
		if times() != before {
			t.Errorf("%d times, %d before the end", times(), before)
		}
	})
}

// TestRetentionPastThePosition (was lost in silence): the lane stops in
// DATA_LOST, the ledger says how much once a person accepted it, and the
// running process goes on by itself.
func TestRetentionPastThePosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		b.start()
		time.Sleep(5 * time.Second)
		b.stop(t)
		for range 30 {
			b.w.lanes[b.lane].recs = append(b.w.lanes[b.lane].recs, true)
		}
		b.w.lanes[b.lane].start = 31
		b.boot(t)
		b.start()
		time.Sleep(5 * time.Second)
		if s, why := b.state(); s != stream.StateDataLost || !strings.Contains(why, "20 to 30") {
			t.Errorf("state %v: %s", s, why)
		}
		if b.next(0) != 20 {
			t.Errorf("store moved to %d over lost records", b.next(0))
		}
		p := simPipeline(t, b.w, newMember(b.w, "fixer"), b.stores, 1, 9)
		done, err := p.AcceptLoss(t.Context(), func(stream.Lane) bool { return true })
		if err != nil || len(done) != 2 || done[0].Lost != 11 {
			t.Errorf("AcceptLoss: %+v, %v", done, err)
		}
		time.Sleep(time.Minute)
		if b.next(0) != 50 || b.next(1) != 50 {
			t.Errorf("after accept-loss the lane stands at %d and %d of 50: %+v", b.next(0), b.next(1), b.m.p.Positions())
		}
		b.stop(t)
		verifyLost(t, b)
	})
}

// TestTopicMadeAnewWhileDown (was lost): where offsets of the old log and the new
// one are alike, only the topic's id tells that the position means nothing.
func TestTopicMadeAnewWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		b.start()
		time.Sleep(5 * time.Second)
		b.stop(t)
		l := b.w.lanes[b.lane]
		l.logs[l.id], l.id, l.recs = l.recs, "t2", nil
		b.add(30)
		b.boot(t)
		b.start()
		time.Sleep(5 * time.Second)
		if s, why := b.state(); s != stream.StateParked || !strings.Contains(why, "knows id t1, it is now t2") {
			t.Errorf("state %v: %s", s, why)
		}
		if b.next(0) != 20 {
			t.Errorf("the store moved to %d in another log", b.next(0))
		}
		b.stop(t)
	})
}

// TestUnwantedTopic: a sink that does not take a topic settles its lanes all
// the same, and its ledger says that the rows were filtered.
func TestUnwantedTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		b.w.file = strings.Replace(b.w.file, "name: a,", "name: a, topics: [other],", 1)
		b.add(30)
		b.boot(t)
		b.start()
		time.Sleep(5 * time.Second)
		b.stop(t)
		var c stream.Count
		for _, sp := range b.stores[0].ledger[b.lane] {
			c = c.Add(sp.Count)
			if sp.Masked != "" {
				t.Errorf("rows that were not stored are attested: %s", sp.Masked)
			}
		}
		if c != (stream.Count{In: 30, Filtered: 28, Rejected: 2}) || b.next(0) != 30 || len(b.stores[0].rows) != 0 {
			t.Errorf("%+v, stands at %d, %d rows", c, b.next(0), len(b.stores[0].rows))
		}
	})
}

func verifyLost(t *testing.T, b *bench) {
	for i, s := range b.stores {
		var lost int64
		next := int64(0)
		for _, sp := range s.ledger[b.lane] {
			if sp.From.Offset != next {
				t.Errorf("store %d: span from %d after %d", i, sp.From.Offset, next)
			}
			next, lost = sp.To.Offset, lost+sp.Count.Lost
		}
		if lost != 11 {
			t.Errorf("store %d: the ledger says %d lost, want 11", i, lost)
		}
	}
}

// TestWipedStore (was lost): a store that forgot its progress under a running
// pipeline stops it. Absence is compared like any other value.
func TestWipedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		b.start()
		time.Sleep(5 * time.Second)
		b.w.mu.Lock()
		wiped := b.stores[1]
		wiped.lanes, wiped.rows, wiped.commits = map[stream.Lane]stream.LanePos{}, nil, map[string]bool{}
		for range 10 {
			b.w.lanes[b.lane].recs = append(b.w.lanes[b.lane].recs, true)
		}
		b.w.mu.Unlock()
		time.Sleep(10 * time.Second)
		if s, why := b.state(); s != stream.StateParked || !strings.Contains(why, "lost progress") {
			t.Errorf("state %v: %s", s, why)
		}
		b.w.mu.Lock()
		if len(wiped.rows) != 0 {
			t.Errorf("%d rows were written into the wiped store", len(wiped.rows))
		}
		b.w.mu.Unlock()
		b.m.cancel()
		<-b.m.done
	})
}

// TestPlanChange (was lost and doubled): a new plan does not start while sinks
// stand apart; align runs the old one up to the furthest position.
func TestPlanChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		b.start()
		time.Sleep(5 * time.Second)
		b.stop(t)
		// the process was killed when only store 0 had the next ten
		for range 10 {
			b.w.lanes[b.lane].recs = append(b.w.lanes[b.lane].recs, true)
		}
		plan := b.m.p.Plan()
		under := func(plan string) {
			for i, s := range b.stores {
				at := s.lanes[b.lane]
				if i == 1 {
					at.Next.Offset = 12
				}
				s.plan, at.Under = plan, plan
				s.lanes[b.lane] = at
			}
		}
		under("0123456789abcdef")
		b.boot(t)
		b.start()
		err := <-b.m.done
		if err == nil || !strings.Contains(err.Error(), "sluice align") {
			t.Fatalf("a new plan started over sinks at 20 and 12: %v", err)
		}
		under(plan) // the recorded plan is the one that align runs
		b.boot(t)
		b.m.p.Align = true
		b.start()
		select {
		case err := <-b.m.done:
			if err != nil {
				t.Errorf("align: %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("align does not end")
		}
		if b.next(0) != 20 || b.next(1) != 20 {
			t.Errorf("align left %d and %d, want 20 and 20", b.next(0), b.next(1))
		}
	})
}

// TestSlowStoreHoldsMemory: a store that does not answer fills the budget and
// no more, and the sinks beside it keep what they have. // D7
func TestSlowStoreHoldsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 200_000)
		b.start()
		b.m.mu.Lock()
		b.m.hold = time.Now().Add(10 * time.Second)
		b.m.mu.Unlock()
		time.Sleep(9 * time.Second)
		if used, limit := b.m.p.Budget(); used > limit {
			t.Errorf("%d bytes under way of %d", used, limit)
		}
		b.m.cancel()
		if err := <-b.m.done; err != nil && !errors.Is(err, topology.ErrDrain) {
			t.Error(err)
		}
	})
}

// TestTopicThatGrows: a new partition of a known topic waits until the old
// ones are durable past the ends they had: a key's new row must not overtake
// its old one.
func TestTopicThatGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		b.start()
		time.Sleep(5 * time.Second)
		b.stop(t)
		grown := stream.Lane{Topic: "t", Partition: 1}
		for range 5000 {
			b.w.lanes[b.lane].recs = append(b.w.lanes[b.lane].recs, true)
		}
		b.w.lanes[grown] = newSimLane("t1", true, true, true)
		b.boot(t)
		b.m.start()
		delete(b.w.owner, b.lane)
		b.w.assign(b.m, []stream.Lane{b.lane, grown})
		early := 0
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			b.w.mu.Lock()
			old, young := b.stores[0].lanes[b.lane].Next.Offset, b.stores[0].lanes[grown].Next.Offset
			b.w.mu.Unlock()
			if young > 0 && old < 5020 {
				early++
			}
		}
		b.w.mu.Lock()
		if at := b.stores[1].lanes[grown].Next.Offset; early > 0 || at != 3 {
			t.Errorf("the new lane stands at %d of 3, and moved %d times before the old one was durable", at, early)
		}
		b.w.mu.Unlock()
		b.stop(t)
	})
}

// TestHeldLaneStaysHeld (said RUNNING while it stood still): what another sink
// goes through does not hide why a lane is held.
func TestHeldLaneStaysHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		other := stream.Lane{Topic: "t", Partition: 1}
		b.w.lanes[other] = newSimLane("t1", true, true) // nothing runs yet
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(5 * time.Second)
		b.w.mu.Lock()
		b.w.refused[b.lane] = true
		b.w.mu.Unlock()
		b.add(5)
		time.Sleep(5 * time.Second)
		b.w.mu.Lock()
		at := b.stores[0].lanes[other]
		at.Next.Offset = 0 // a fence
		b.stores[0].lanes[other] = at
		b.stores[1].stated = time.Now().Add(time.Minute) // and a state that ends
		b.w.lanes[other].recs = append(b.w.lanes[other].recs, true)
		b.w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if s, why := b.state(); s != stream.StateParked || why != "refused" {
			t.Errorf("state %v: %q", s, why)
		}
		b.stop(t)
	})
}

// TestStateOfOneSink: a state is shown where it is, with what to do, and what
// another sink goes through does not end it (a fence did).
func TestStateOfOneSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		b.start()
		time.Sleep(5 * time.Second)
		b.w.mu.Lock()
		b.stores[1].stated = time.Now().Add(10 * time.Minute)
		b.w.mu.Unlock()
		b.add(5)
		time.Sleep(5 * time.Second)
		states := func() (out []string) {
			for _, x := range b.m.p.Positions() {
				out = append(out, x.State)
				if (x.State == stream.StateRunning.String()) != (x.Todo == "") {
					t.Errorf("%s: %s: to do %q", x.Sink, x.State, x.Todo)
				}
			}
			return out
		}
		want := []string{stream.StateRunning.String(), stream.StateParked.String()}
		if got := states(); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		b.w.mu.Lock()
		at := b.stores[0].lanes[b.lane]
		at.Next.Offset = 0 // a fence of the other one
		b.stores[0].lanes[b.lane] = at
		b.w.mu.Unlock()
		b.add(5)
		for range 120 {
			time.Sleep(time.Second)
			if got := states(); got[1] != want[1] {
				t.Errorf("behind a fence: %v, want %v", got, want)
				break
			}
		}
		time.Sleep(10 * time.Minute)
		if got := states(); slices.Contains(got, stream.StateParked.String()) {
			t.Errorf("mended: %v", got)
		}
		b.stop(t)
	})
}

// TestNewLanesOfAnIdleTopic (stood still): they wait for nobody who is at the
// end already, and not for lanes that went to another process.
func TestNewLanesOfAnIdleTopic(t *testing.T) {
	for _, gone := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 20)
			grown := stream.Lane{Topic: "t", Partition: 1}
			b.start()
			time.Sleep(5 * time.Second)
			if gone { // the old lane cannot get to its end, and then another process has it
				b.add(20)
			}
			b.w.mu.Lock()
			if gone {
				b.stores[1].stated = time.Now().Add(20 * time.Second)
			}
			b.w.lanes[grown] = newSimLane("t1", true, true, true)
			b.w.mu.Unlock()
			b.w.assign(b.m, []stream.Lane{grown})
			if gone {
				b.m.tell(func(_ context.Context, f stream.Feed) {
					b.m.takeAway([]stream.Lane{b.lane})
					f.Lost([]stream.Lane{b.lane})
				})
			}
			time.Sleep(3 * time.Minute)
			b.w.mu.Lock()
			if at := b.stores[0].lanes[grown].Next.Offset; at != 3 {
				t.Errorf("the new lane stands at %d of 3 (the old one gone: %v): %+v", at, gone, b.m.p.Positions())
			}
			b.w.mu.Unlock()
			b.m.cancel()
			<-b.m.done
		})
	}
}

// TestAssignedWhileFenced (stopped with a gap): a lane comes while one sink,
// which has answered for it, recovers from a fence.
func TestAssignedWhileFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		late := stream.Lane{Topic: "u"}
		b.start()
		time.Sleep(5 * time.Second)
		now := time.Now()
		b.w.mu.Lock()
		b.w.lanes[late] = newSimLane("t1", true, true, true)
		b.stores[1].stated = now.Add(10 * time.Second) // answers after 30s
		b.w.mu.Unlock()
		b.w.assign(b.m, []stream.Lane{late})
		time.Sleep(2 * time.Second)
		b.add(1)
		b.w.mu.Lock()
		at := b.stores[0].lanes[b.lane]
		at.Next.Offset = 0 // a fence
		b.stores[0].lanes[b.lane] = at
		b.stores[0].stated = now.Add(50 * time.Second) // recovers after 60s
		b.w.mu.Unlock()
		for range 120 {
			time.Sleep(time.Second)
			b.w.mu.Lock()
			b.w.lanes[late].recs = append(b.w.lanes[late].recs, true)
			b.w.mu.Unlock()
		}
		time.Sleep(5 * time.Second)
		b.w.mu.Lock()
		if a, z := b.stores[0].lanes[late].Next.Offset, b.stores[1].lanes[late].Next.Offset; a != 123 || z != 123 {
			t.Errorf("the lane stands at %d and %d of 123", a, z)
		}
		b.w.mu.Unlock()
		b.stop(t)
	})
}

// TestRefusedWhileAssigned (was lost until a restart): an epoch that the store
// refuses for good while other lanes are assigned ends the pipeline; its rows
// are nowhere but in the log.
func TestRefusedWhileAssigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 3)
		b.start()
		time.Sleep(5 * time.Second)
		b.add(5)
		time.Sleep(100 * time.Millisecond) // read, and no timer yet
		b.w.fatal.Store(1)
		other := stream.Lane{Topic: "u"}
		b.w.mu.Lock()
		b.w.lanes[other] = newSimLane("u1", true)
		b.w.mu.Unlock()
		b.w.assign(b.m, []stream.Lane{other})
		select {
		case <-b.m.ended:
		case <-time.After(time.Minute):
			b.m.cancel()
			<-b.m.ended
		}
		if !errors.Is(b.m.err, errFatal) {
			t.Errorf("ended with %v, store at %d of 8", b.m.err, b.next(0))
		}
	})
}

// TestTableRefusesALane (held all lanes of its commit): of a table that cannot take
// the rows of a lane only that lane stops, in that sink, and is said to; it goes
// on by itself once the table is mended, whichever call said so. (A lane that a writer
// refused was held for all sinks, until a restart.) // D3 D6
func TestTableRefusesALane(t *testing.T) {
	for name, when := range map[string]refusing{"write": ofWrite, "upload": ofUpload, "commit": ofCommit} {
		t.Run(name, func(t *testing.T) { tableRefusesALane(t, when) })
	}
}

func tableRefusesALane(t *testing.T, when refusing) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		other := stream.Lane{Topic: "t", Partition: 1}
		b.w.lanes[other] = newSimLane("t1", true, true, true, true)
		b.stores[0].apart[b.lane], b.stores[0].when = time.Now().Add(time.Hour), when
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(10 * time.Second)
		at := func(store int, l stream.Lane) int64 {
			b.w.mu.Lock()
			defer b.w.mu.Unlock()
			return b.stores[store].lanes[l].Next.Offset
		}
		if at(0, b.lane) != 0 || at(0, other) != 4 || at(1, b.lane) != 20 || at(1, other) != 4 {
			t.Fatalf("the refusing store stands at %d and %d, the other at %d and %d", at(0, b.lane), at(0, other), at(1, b.lane), at(1, other))
		}
		states := func() (parked int) {
			for _, x := range b.m.p.Positions() {
				if x.State == "PARKED" && x.Why == "another schema" && x.Lane == b.lane && x.Sink == "a" && x.Oldest > 0 {
					parked++
				} else if x.State != "RUNNING" {
					t.Errorf("%+v", x)
				}
			}
			return parked
		}
		if states() != 1 {
			t.Errorf("nobody says so: %+v", b.m.p.Positions())
		}
		for range 20 { // while it is asked anew, again and again, others flow
			b.w.mu.Lock()
			b.w.lanes[other].recs = append(b.w.lanes[other].recs, true)
			b.w.mu.Unlock()
			time.Sleep(time.Minute)
		}
		if at(0, other) != 24 || at(1, other) != 24 || at(0, b.lane) != 0 || states() != 1 {
			t.Errorf("the others stand at %d and %d of 24, %+v", at(0, other), at(1, other), b.m.p.Positions())
		}
		b.w.mu.Lock()
		clear(b.stores[0].apart)
		b.w.mu.Unlock()
		time.Sleep(20 * time.Minute)
		if at(0, b.lane) != 20 || states() != 0 {
			t.Errorf("a mended table stands at %d of 20: %+v", at(0, b.lane), b.m.p.Positions())
		}
		for store := range 2 {
			b.whole(t, store, b.lane, 0)
			b.whole(t, store, other, 0)
		}
		b.stop(t)
	})
}

// TestAllSinksRefuseALane: nobody takes it, so it is not read until one is asked anew.
func TestAllSinksRefuseALane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 20)
		for _, s := range b.stores {
			s.apart[b.lane] = time.Now().Add(3 * time.Minute)
		}
		b.start()
		time.Sleep(10 * time.Second)
		if x := b.m.p.Positions(); x[0].State != "PARKED" || x[1].State != "PARKED" || b.next(0) != 0 || b.next(1) != 0 {
			t.Errorf("%+v", x)
		}
		if lanes := b.m.reading(); len(lanes) > 0 {
			t.Errorf("%v is fetched, and nobody takes it", lanes)
		}
		time.Sleep(20 * time.Minute)
		if b.next(0) != 20 || b.next(1) != 20 {
			t.Errorf("they stand at %d and %d of 20: %+v", b.next(0), b.next(1), b.m.p.Positions())
		}
		b.stop(t)
	})
}
