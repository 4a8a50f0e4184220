package topology_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/topology"
	"sluice/topology/stream"
)

// refusingBench is a bench of two lanes of which store 0 refuses the first.
func refusingBench(t *testing.T, refuse time.Duration) (b *bench, other stream.Lane) {
	b = newBench(t, 20)
	other = stream.Lane{Topic: "t", Partition: 1}
	b.w.lanes[other] = newSimLane("t1", true, true, true, true)
	b.stores[0].apart[b.lane] = time.Now().Add(refuse)
	return b, other
}

func (b *bench) at(store int, l stream.Lane) int64 {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	return b.stores[store].lanes[l].Next.Offset
}

// whole proves that a store has the rows of each lane once and in order, but for
// the offsets that were lost.
func (b *bench) whole(t *testing.T, store int, l stream.Lane, from int64) {
	t.Helper()
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	end := stream.Position{Offset: int64(len(b.w.lanes[l].recs))}
	want, _ := b.w.lanes[l].want(l, stream.LedgerSpan{Span: stream.Span{Lane: l, From: stream.Position{Offset: from}, To: end}, TopicID: "t1"})
	var got []string
	for _, r := range b.stores[store].rows {
		if len(r) > len(l.String()) && r[:len(l.String())+1] == l.String()+"#" {
			got = append(got, r)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("store %d, %v: has\n%v, want\n%v", store, l, got, want)
	}
}

// TestRetentionPassesARefusedLane (the lane stood for ever, and was said to be
// refused when it was lost): what retention took while a table refused the lane
// is said as such, and once it is accepted and the table mended the lane goes on.
func TestRetentionPassesARefusedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, time.Hour)
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(10 * time.Second)
		b.w.mu.Lock()
		b.w.lanes[b.lane].start = 10
		b.w.mu.Unlock()
		time.Sleep(20 * time.Minute)
		for _, x := range b.m.p.Positions() {
			if x.Lane == b.lane && x.State != stream.StateDataLost.String() {
				t.Errorf("retention passed the position, and it is said that %+v", x)
			}
		}
		b.w.mu.Lock()
		clear(b.stores[0].apart)
		b.w.mu.Unlock()
		p := simPipeline(t, b.w, newMember(b.w, "fixer"), b.stores, 1, 99)
		if _, err := p.AcceptLoss(context.Background(), func(stream.Lane) bool { return true }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		if b.at(0, b.lane) != 20 || b.at(1, b.lane) != 20 {
			t.Errorf("it stands at %d and %d of 20: %+v", b.at(0, b.lane), b.at(1, b.lane), b.m.p.Positions())
		}
		for _, x := range b.m.p.Positions() {
			if x.State != "RUNNING" {
				t.Errorf("%+v", x)
			}
		}
		b.whole(t, 0, b.lane, 10)
		b.whole(t, 1, b.lane, 0)
		b.stop(t)
	})
}

// TestAcceptedLossIsOfWhatWasRefused: nothing of what the table refused is left,
// so nobody says that it refuses.
func TestAcceptedLossIsOfWhatWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, time.Hour)
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(10 * time.Second)
		b.w.mu.Lock()
		b.w.lanes[b.lane].start = 20
		b.w.mu.Unlock()
		time.Sleep(20 * time.Minute)
		p := simPipeline(t, b.w, newMember(b.w, "fixer"), b.stores, 1, 99)
		if _, err := p.AcceptLoss(context.Background(), func(stream.Lane) bool { return true }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		for _, x := range b.m.p.Positions() {
			if x.State != "RUNNING" || x.Durable != x.End {
				t.Errorf("%+v", x)
			}
		}
		b.stop(t)
	})
}

// TestFenceBesideARefusedLane: a fence of the same sink, and its end, are not the
// end of what its table refuses.
func TestFenceBesideARefusedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, time.Hour)
		var said []topology.LaneChanged
		b.m.p.Observer.LaneState = func(e topology.LaneChanged) {
			b.w.mu.Lock()
			defer b.w.mu.Unlock()
			said = append(said, e)
		}
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(10 * time.Second)
		b.w.mu.Lock()
		at := b.stores[0].lanes[other]
		l := b.w.lanes[other]
		l.recs = append(l.recs, true, true)
		sp := stream.LedgerSpan{Span: stream.Span{Lane: other, From: at.Next, To: stream.Position{Offset: 5}}, TopicID: "t1"}
		rows, _ := l.want(other, sp)
		sp.Count = stream.Count{In: 1, Written: 1}
		if err := b.stores[0].apply(stream.Staged{Epoch: stream.Epoch{Commit: "z", Plan: b.stores[0].plan, Spans: []stream.LedgerSpan{sp}}}, rows); err != nil {
			t.Error(err)
		}
		said = nil
		b.w.mu.Unlock()
		time.Sleep(10 * time.Second)
		if b.at(0, other) != 6 {
			t.Errorf("the other lane stands at %d", b.at(0, other))
		}
		b.w.mu.Lock()
		for _, e := range said {
			if e.Lane == b.lane && e.State == stream.StateRunning {
				t.Errorf("a refused lane is said to run: %+v", e)
			}
		}
		b.w.mu.Unlock()
		b.whole(t, 0, other, 0)
		b.stop(t)
	})
}

// TestStopWithARefusedLane: a stop ends, at once and well, and the next process
// goes on from where each store stands.
func TestStopWithARefusedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, time.Hour)
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(10 * time.Second)
		begin := time.Now()
		b.stop(t)
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
		clear(b.stores[0].apart)
		b.boot(t)
		b.m.start()
		clear(b.w.owner)
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(10 * time.Second)
		b.stop(t)
		for store := range 2 {
			b.whole(t, store, b.lane, 0)
			b.whole(t, store, other, 0)
		}
	})
}

// TestRefusedCommitOfAGroup (held all lanes of the instance): what the leader's
// commit refuses stops the lanes that it names, as in one process.
func TestRefusedCommitOfAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, time.Hour)
		b.w.file = "scale: group\n" + b.w.file
		b.boot(t)
		b.w.lead(b.m, 0)
		b.stores[0].when = ofCommit
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(20 * time.Second)
		if b.at(0, b.lane) != 0 || b.at(0, other) != 4 || b.at(1, b.lane) != 20 {
			t.Errorf("it stands at %d, its neighbour at %d, in the other store it at %d", b.at(0, b.lane), b.at(0, other), b.at(1, b.lane))
		}
		b.w.mu.Lock()
		clear(b.stores[0].apart)
		b.w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		b.whole(t, 0, b.lane, 0)
		b.whole(t, 0, other, 0)
		b.stop(t)
	})
}

// TestRefusedLaneThatWentAway (the sink stood half a minute, and its other lanes
// with it): what a table refuses of a lane that is another process's by now is dropped.
func TestRefusedLaneThatWentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, time.Hour)
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(300 * time.Millisecond) // admitted, and not sealed yet
		b.m.p.Lost([]stream.Lane{b.lane})
		time.Sleep(10 * time.Second)
		if b.at(0, other) != 4 {
			t.Errorf("its neighbour stands at %d of 4", b.at(0, other))
		}
		b.stop(t)
	})
}

// TestRareCommitsBesideARefusedLane (the sink never committed again): where the
// timer is longer than the wait for the next try, not every epoch is a try.
func TestRareCommitsBesideARefusedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, 1000*time.Hour)
		b.w.file = strings.Replace(b.w.file, "every: 700ms", "every: 30m", 1)
		b.boot(t)
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		for range 3 {
			time.Sleep(time.Hour)
			b.w.mu.Lock()
			b.w.lanes[other].recs = append(b.w.lanes[other].recs, true)
			b.w.mu.Unlock()
		}
		if n := b.at(0, other); n < 5 {
			t.Errorf("its neighbour stands at %d of 7", n)
		}
		b.stop(t)
	})
}

// TestAlignWithARefusedLane (asked for ever): the verb ends and says what to do.
func TestAlignWithARefusedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, 1000*time.Hour)
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(10 * time.Second)
		b.stop(t)
		b.boot(t)
		b.m.p.Align = true
		b.m.start()
		clear(b.w.owner)
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		select {
		case err := <-b.m.done:
			if err == nil || !strings.Contains(err.Error(), "mend the table") {
				t.Errorf("align: %v", err)
			}
		case <-time.After(time.Hour):
			t.Error("align does not end")
		}
		if b.at(0, b.lane) != 0 || b.at(1, b.lane) != 20 {
			t.Errorf("align left %d and %d", b.at(0, b.lane), b.at(1, b.lane))
		}
	})
}

// TestNewPartitionBesideARefusedLane (stood, and nobody said why): a key's new row
// must not overtake its old one in the sink that refuses the old partition.
func TestNewPartitionBesideARefusedLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, other := refusingBench(t, 1000*time.Hour)
		b.m.start()
		b.w.assign(b.m, []stream.Lane{b.lane, other})
		time.Sleep(10 * time.Second)
		b.w.mu.Lock()
		young := stream.Lane{Topic: "t", Partition: 2}
		b.w.lanes[young] = newSimLane("t1", true, true)
		b.w.mu.Unlock()
		b.w.assign(b.m, []stream.Lane{young})
		time.Sleep(10 * time.Second)
		for _, x := range b.m.p.Positions() {
			if x.Lane == young && (x.State != "PARKED" || !strings.Contains(x.Why, "a refuses t/0") || x.Todo != "mend the table") {
				t.Errorf("%+v", x)
			}
		}
		if b.at(0, young) != 0 {
			t.Errorf("it stands at %d before the old ones are through", b.at(0, young))
		}
		b.w.mu.Lock()
		clear(b.stores[0].apart)
		b.w.mu.Unlock()
		time.Sleep(40 * time.Minute)
		for store := range 2 {
			for _, l := range []stream.Lane{b.lane, other, young} {
				b.whole(t, store, l, 0)
			}
		}
		for _, x := range b.m.p.Positions() {
			if x.State != "RUNNING" {
				t.Errorf("%+v", x)
			}
		}
		b.stop(t)
	})
}
