package topology_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/topology/stream"
)

// Control is stream.ControlKeeper: the log is part of the world.
func (m *member) Control() stream.ControlLog { return simControl{m} }

type simControl struct{ m *member }

func (c simControl) Append(_ context.Context, record []byte) error {
	if err := c.m.alive(); err != nil {
		return err
	}
	w := c.m.w
	fault := 100
	if w.faults.Load() {
		fault = w.random(25)
	}
	w.call()
	if fault == 0 {
		return errors.New("not appended")
	}
	w.mu.Lock()
	w.control = append(w.control, record)
	if fault == 1 { // a producer's second try
		w.control = append(w.control, record)
	}
	w.mu.Unlock()
	if fault == 2 {
		return errors.New("appended, and the reply is lost")
	}
	return nil
}

func (c simControl) Follow(ctx context.Context, f func(int64, []byte) error) error {
	w := c.m.w
	for at := 0; ; {
		if err := c.m.alive(); err != nil {
			return err
		}
		w.mu.Lock()
		at = max(at, w.cut)
		records := w.control[at:]
		w.mu.Unlock()
		for _, r := range records {
			if err := f(int64(at), r); err != nil {
				return err
			}
			at++
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(1+w.random(30)) * time.Millisecond):
		}
	}
}

func (c simControl) Trim(_ context.Context, before int64) error {
	c.m.w.mu.Lock()
	defer c.m.w.mu.Unlock()
	c.m.w.cut = max(c.m.w.cut, int(before))
	return nil
}

func (c simControl) Leads() bool {
	c.m.w.mu.Lock()
	leader := c.m.w.leader
	c.m.w.mu.Unlock()
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	return leader == c.m || time.Now().Before(c.m.leads)
}

// lead makes m the leader; the one before may not know it for a while.
func (w *world) lead(m *member, late time.Duration) {
	w.mu.Lock()
	old := w.leader
	w.leader = m
	w.mu.Unlock()
	if old != nil && old != m {
		old.mu.Lock()
		old.leads = time.Now().Add(late)
		old.mu.Unlock()
	}
}

// TestGroupCommitsByOne (never did): of two instances of `scale: group` only
// the leader commits, one commit for both; when it dies the other goes on.
func TestGroupCommitsByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, 0)
		b.w.file = strings.Replace(b.w.file, "id: sim", "id: sim\nscale: group", 1)
		other := stream.Lane{Topic: "u"}
		b.w.lanes[other] = newSimLane("u1")
		add := func(n int) {
			b.w.mu.Lock()
			defer b.w.mu.Unlock()
			for range n {
				b.w.lanes[b.lane].recs = append(b.w.lanes[b.lane].recs, true)
				b.w.lanes[other].recs = append(b.w.lanes[other].recs, true)
			}
		}
		at := func() (int64, int64) {
			b.w.mu.Lock()
			defer b.w.mu.Unlock()
			return b.stores[0].lanes[b.lane].Next.Offset, b.stores[0].lanes[other].Next.Offset
		}
		by := func() []string {
			b.w.mu.Lock()
			defer b.w.mu.Unlock()
			return slices.Clone(b.stores[0].by)
		}
		b.boot(t)
		one := b.m
		one.name = "one"
		b.w.lead(one, 0)
		b.start()
		b.boot(t)
		two := b.m
		two.name = "two"
		two.start()
		b.w.assign(two, []stream.Lane{other})
		time.Sleep(10 * time.Second)
		begun := len(by())
		for range 20 {
			add(1)
			time.Sleep(700 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		if x, y := at(); x != 20 || y != 20 {
			t.Errorf("the lanes stand at %d and %d of 20", x, y)
		}
		// Apart they would be 40. Epochs of one instant meet mostly, not always:
		// which goroutine is first is not in the simulation's hands.
		if n := len(by()) - begun; slices.Contains(by(), "two") || n > 34 {
			t.Errorf("%d commits for 20 intervals of two instances, by %v", n, slices.Compact(by()))
		}
		one.mu.Lock()
		one.dead = true
		one.mu.Unlock()
		one.cancel()
		<-one.ended
		add(3)
		b.w.lead(two, 0)
		time.Sleep(10 * time.Second)
		if _, y := at(); y != 23 || !slices.Contains(by(), "two") {
			t.Errorf("after the leader died the lane of the other stands at %d of 23", y)
		}
		b.m = two
		b.stop(t)
	})
}
