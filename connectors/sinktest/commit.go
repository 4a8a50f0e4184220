package sinktest

import (
	"errors"
	"fmt"

	"sluice/topology/stream"
)

func recoverEmpty(w *world) {
	prog := w.open().recover()
	if len(prog.Lanes) != 0 {
		w.Errorf("an empty store recovers %v", prog.Lanes)
	}
	w.check()
}

func invisible(w *world) {
	p := w.open()
	c := p.cut(w.run(laneA, 0, 3))
	w.check()
	st := p.upload(c)
	w.check()
	w.wantAt(-1, -1)
	p.commit(st)
	w.check()
}

func positions(w *world) {
	p := w.open()
	p.commit(p.stage(w.run(laneA, 0, 3), w.run(laneB, 0, 2)))
	w.check()
	w.wantAt(3, 2)
	prog := w.open().recover()
	if prog.Plan != "plan-1" || prog.Cluster != "cluster-1" {
		w.Errorf("recovered plan %q and cluster %q", prog.Plan, prog.Cluster)
	}
	p.commit(p.stage(w.run(laneA, 3, 9)))
	w.check()
	w.wantAt(9, 2)
}

// planKept: a start says nothing of the plan, unless nothing did before.
func planKept(w *world) {
	want := func(plan string) {
		w.Helper()
		if got := w.open().recover().Plan; got != plan {
			w.Errorf("recovered plan %q, want %q", got, plan)
		}
	}
	w.place("plan-0", laneA, 0, 0)
	want("plan-0")
	w.place("plan-1", laneA, 0, 0)
	want("plan-0")
	p := w.open()
	p.commit(p.stage(w.run(laneA, 0, 3)))
	want("plan-1")
	w.place("plan-2", laneB, 0, 0)
	want("plan-1")
}

// place commits a position without rows: a start or a claim by plan, or a
// person's repair if that is "".
func (w *world) place(plan string, lane stream.Lane, from, to int64) {
	w.Helper()
	c := w.newCut()
	c.span(stream.Span{Lane: lane, From: at(from), To: at(to)}, stream.Count{In: to - from, Lost: to - from})
	c.epoch.Plan, c.epoch.PositionsOnly = plan, true
	p := w.open()
	p.commit(p.upload(c))
}

// otherPlan (rows of one offset went by two plans): what a process sent before
// it died lands after its successor, of another plan, put the lane under its own.
func otherPlan(w *world) {
	old := w.open()
	old.commit(old.stage(w.run(laneA, 0, 3), w.run(laneB, 0, 2)))
	rows, idle, mixed := old.stage(w.run(laneA, 3, 5)), old.stage(batch{lane: laneA, from: 3, to: 4}), old.stage(w.run(laneA, 3, 4), w.run(laneB, 2, 3))
	w.place("plan-2", laneA, 3, 3)
	under := func(a, b string) {
		w.Helper()
		prog := w.open().recover()
		if prog.Lanes[laneA].Under != a || prog.Lanes[laneB].Under != b || prog.Plan != "plan-1" {
			w.Errorf("the lanes are under %q and %q, the last rows by %q; want %q, %q and %q", prog.Lanes[laneA].Under, prog.Lanes[laneB].Under, prog.Plan, a, b, "plan-1")
		}
	}
	under("plan-2", "plan-1")
	for _, st := range []staged{rows, idle, mixed} {
		w.open().fenced(st) // whoever brings it
		old.fenced(st)
	}
	w.place("", laneA, 3, 4) // a repair leaves it to the plan that has it
	under("plan-2", "plan-1")
	w.open().fenced(old.stage(w.run(laneA, 4, 5)))
	p := w.open()
	p.commit(p.stage(w.run(laneB, 2, 3)))
	c := p.cut(w.run(laneA, 4, 6))
	c.epoch.Plan = "plan-2"
	p.commit(p.upload(c))
	w.check()
	w.wantAt(6, 3)
}

// otherLog (was lost): a topic was made anew and a person moved the lane to the
// new log; an epoch of the old one is refused even where the offsets are equal.
func otherLog(w *world) {
	old := w.open()
	old.commit(old.stage(w.run(laneA, 0, 3)))
	stale, idle := old.stage(w.run(laneA, 3, 5)), old.stage(batch{lane: laneA, from: 3, to: 4})
	p := w.open()
	c := w.newCut()
	c.span(stream.Span{Lane: laneA, From: at(3), To: at(3)}, stream.Count{})
	c.epoch.PositionsOnly, c.epoch.Spans[0].TopicID = true, "topic-2"
	p.commit(p.upload(c))
	for _, st := range []staged{stale, idle} {
		if err := w.open().try(st); !errors.Is(err, stream.ErrFenced) {
			w.Errorf("an epoch of the old log: %v, want ErrFenced", err)
		}
	}
	if got := w.open().recover().Lanes[laneA]; got.TopicID != "topic-2" || got.Next.Offset != 3 {
		w.Errorf("the lane stands at %+v", got)
	}
}

// emptySpan: a lane moves without rows, or it is read again for ever (never did).
func emptySpan(w *world) {
	p := w.open()
	p.commit(p.stage(batch{lane: laneA, from: 0, to: 9}))
	w.wantAt(9, -1)
	p.commit(p.stage(batch{lane: laneA, from: 9, to: 12}, w.run(laneB, 0, 1)))
	w.wantAt(12, 1)
	w.check()
}

// start: the engine writes down where a new lane begins before it reads it.
func start(w *world) {
	p := w.open()
	c := w.newCut()
	c.span(stream.Span{Lane: laneA, From: at(5), To: at(5)}, stream.Count{})
	st := p.upload(c)
	p.commit(st)
	p.commit(st) // the reply was lost
	w.wantAt(5, -1)
	p.commit(p.stage(w.run(laneA, 5, 8)))
	w.wantAt(8, -1)
	w.check()
}

func discard(w *world) {
	p := w.open()
	c := w.newCut()
	c.write(w, p.wr, w.build(w.run(laneA, 0, 3)))
	p.wr.Discard()
	w.check()
	p.commit(p.stage(w.run(laneA, 0, 2)))
	w.check()
	w.wantAt(2, -1)
}

func closeDrops(w *world) {
	p := w.open()
	p.stage(w.run(laneA, 0, 3))
	for range 2 {
		if err := p.sink.Close(); err != nil {
			w.Errorf("Close: %v", err)
		}
	}
	w.check()
	w.wantAt(-1, -1)
	q := w.open()
	q.commit(q.stage(w.run(laneA, 0, 4)))
	w.check()
}

func commitTwice(w *world) {
	p := w.open()
	st := p.stage(w.run(laneA, 0, 3))
	p.commit(st)
	if err := p.try(st); err != nil { // the reply to the first was lost
		w.Errorf("the same commit again: %v, want nil", err)
	}
	w.check()
	w.wantAt(3, -1)
	p.commit(p.stage(w.run(laneA, 3, 5)))
	p.fenced(st) // long past
	w.check()
}

func lostReply(w *world) {
	h := hook[LoseReply](w)
	p := w.open()
	p.commit(p.stage(w.run(laneA, 0, 2)))
	for i := range 3 {
		st := p.stage(w.run(laneA, int64(2+3*i), int64(5+3*i)), w.run(laneB, int64(i), int64(i+1)))
		h.LoseReply(1 + i)
		p.commit(st)
		w.check()
	}
	w.wantAt(11, 3)
}

func lostReplyCrash(w *world) {
	h := hook[LoseReply](w)
	p := w.open()
	st := p.stage(w.run(laneA, 0, 3))
	h.LoseReply(1)
	if err := p.sink.Commit(w.Context(), []stream.Staged{st.Staged}); err != nil && stream.KindOf(err) != stream.KindRetry {
		w.Fatalf("Commit with a lost reply: %v, want nil or a RetryError", err)
	}
	w.done(st)
	w.wantAt(3, -1)
	w.check()
	q := w.open()
	q.commit(q.stage(w.run(laneA, 3, 4)))
	p.fenced(st) // the crashed one comes back
	w.check()
}

func refused(w *world) {
	type fault struct {
		name string
		set  func()
	}
	var faults []fault
	if h, ok := w.store.(Refuse); ok {
		for _, status := range []int{429, 500, 503} {
			faults = append(faults, fault{fmt.Sprint(status), func() { h.Refuse(status, 2) }})
		}
	}
	if h, ok := w.store.(Cut); ok {
		faults = append(faults, fault{"cut", func() { h.Cut(2) }})
	}
	if faults == nil {
		w.Skip("the store cannot refuse")
	}
	p := w.open()
	for i, f := range faults {
		from := int64(4 * i)
		st := p.stage(w.run(laneA, from, from+4))
		f.set()
		if err := p.sink.Commit(w.Context(), []stream.Staged{st.Staged}); stream.KindOf(err) != stream.KindRetry && err != nil {
			w.Errorf("%s: Commit: %v, want a RetryError", f.name, err)
		} else if err != nil {
			w.check() // nothing of it is there
		}
		p.commit(st)
		w.check()
		w.wantAt(from+4, -1)
	}
}

func slow(w *world) {
	h := hook[Slow](w)
	p := w.open()
	for i := range int64(3) {
		h.Slow(1)
		p.commit(p.stage(w.run(laneA, 2*i, 2*i+2)))
		w.check()
	}
}

// retryKeeps: while an epoch waits for its store the next one is written.
func retryKeeps(w *world) {
	h := hook[Refuse](w)
	p := w.open()
	first := p.stage(w.run(laneA, 0, 3), w.run(laneB, 0, 2))
	h.Refuse(503, 1)
	if err := p.sink.Commit(w.Context(), []stream.Staged{first.Staged}); err != nil && stream.KindOf(err) != stream.KindRetry {
		w.Fatalf("Commit: %v, want a RetryError", err)
	}
	second := p.cut(w.run(laneA, 3, 6))
	p.commit(first)
	w.check()
	p.commit(p.upload(second))
	w.check()
	w.wantAt(6, 2)
}

// several: the engine may hand over more than one epoch at once.
func several(w *world) {
	p := w.open()
	a, b := p.stage(w.run(laneA, 0, 3)), p.stage(w.run(laneA, 3, 5), w.run(laneB, 0, 2))
	if err := p.try(a, b); err != nil {
		w.Fatalf("Commit of two: %v", err)
	}
	w.done(a)
	w.done(b)
	w.check()
	w.wantAt(5, 2)
	if err := p.try(a, b); err != nil {
		w.Errorf("the same two again: %v, want nil", err)
	}
	w.check()
}

func uploadAgain(w *world) {
	p := w.open()
	c := p.cut(w.run(laneA, 0, 4))
	p.upload(c)
	p.commit(p.upload(c))
	w.check()
	w.wantAt(4, -1)
}
