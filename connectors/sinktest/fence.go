package sinktest

import (
	"sluice/topology/stream"
)

// fences: a process that was paused comes back after another moved its lane. // D2
func fences(w *world) {
	old := w.open()
	st := old.stage(w.run(laneA, 0, 3))
	k := w.open()
	k.commit(k.stage(w.run(laneA, 0, 2)))
	old.fenced(st)
	k.commit(k.stage(w.run(laneA, 2, 3))) // the same end by another commit is not the zombie's
	old.fenced(st)
	w.check()
	w.wantAt(3, -1)
	old.recover() // and takes part again
	old.commit(old.stage(w.run(laneA, 3, 4)))
	w.check()
	w.wantAt(4, -1)
}

func mixed(w *world) {
	old := w.open()
	old.commit(old.stage(w.run(laneA, 0, 1), w.run(laneB, 0, 1)))
	st := old.stage(w.run(laneA, 1, 3), w.run(laneB, 1, 3))
	k := w.open()
	k.commit(k.stage(w.run(laneA, 1, 3)))
	old.fenced(st) // at To of one span, at From of the other // D6
	w.check()
	w.wantAt(3, 1)
	old.recover()
	st = old.stage(w.run(laneA, 3, 4), w.run(laneB, 1, 2))
	k.commit(k.stage(w.run(laneB, 1, 2)))
	old.fenced(st) // the other way around: nothing of the first lane may move either // D6
	w.check()
	w.wantAt(3, 2)
}

func gap(w *world) {
	p := w.open()
	p.commit(p.stage(w.run(laneA, 0, 4)))
	p.fenced(p.stage(w.run(laneA, 5, 6))) // D3: gap
	p.fenced(p.stage(w.run(laneA, 2, 6))) // D3: overlap
	p.fenced(p.stage(w.run(laneA, 0, 4))) // D5: the same stretch by another commit
	p.fenced(p.stage(w.run(laneA, 5, 6), w.run(laneB, 0, 1)))
	w.check()
	w.wantAt(4, -1)
}

// disjoint: two instances share the lanes, each commits its own.
func disjoint(w *world) {
	a, b := w.open(laneA), w.open(laneB)
	for i := range int64(3) {
		sa, sb := a.stage(w.run(laneA, 2*i, 2*i+2)), b.stage(w.run(laneB, i, i+1))
		b.commit(sb)
		a.commit(sa)
		w.check()
	}
	w.wantAt(6, 3)
}

func moves(w *world) {
	a, b := w.open(), w.open(laneB)
	a.commit(a.stage(w.run(laneA, 0, 2)))
	b.commit(b.stage(w.run(laneB, 0, 2)))
	b.recover(laneA)
	b.commit(b.stage(w.run(laneA, 2, 4), w.run(laneB, 2, 3)))
	a.fenced(a.stage(w.run(laneA, 2, 5)))
	a.recover(laneA)
	a.commit(a.stage(w.run(laneA, 4, 5)))
	b.fenced(b.stage(w.run(laneA, 4, 6)))
	w.check()
	w.wantAt(5, 3)
}

// wiped: a store that lost its progress under a running process stops it; a
// silent start from the beginning would double what it wrote (was lost).
func wiped(w *world) {
	h := hook[Wipe](w)
	p := w.open()
	p.commit(p.stage(w.run(laneA, 0, 3)))
	h.Wipe()
	w.want = nil
	for range 2 {
		err := p.try(p.stage(w.run(laneA, 3, 5)))
		if k := stream.KindOf(err); k != stream.KindFenced && k != stream.KindState {
			w.Fatalf("Commit into a wiped store: %v, want ErrFenced or a StateError", err)
		}
		_, err = p.tryRecover(laneA)
		if k := stream.KindOf(err); k != stream.KindNone && k != stream.KindFenced && k != stream.KindState {
			w.Fatalf("Recover from a wiped store: %v", err)
		}
		err = p.try(p.stage(w.run(laneA, 0, 5)))
		if k := stream.KindOf(err); k != stream.KindFenced && k != stream.KindState {
			w.Fatalf("Commit from the beginning into a wiped store: %v, want ErrFenced or a StateError", err)
		}
	}
	w.check()
	q := w.open() // a person's restart begins anew
	q.commit(q.stage(w.run(laneA, 0, 2)))
	w.check()
}

func restored(w *world) {
	h := hook[Snapshot](w)
	p := w.open()
	p.commit(p.stage(w.run(laneA, 0, 3)))
	snap, then := h.Snapshot(w.T), len(w.want)
	p.commit(p.stage(w.run(laneA, 3, 6)))
	h.Restore(w.T, snap)
	w.want = w.want[:then]
	st := p.stage(w.run(laneA, 6, 8))
	err := p.try(st)
	if k := stream.KindOf(err); k != stream.KindFenced && k != stream.KindState {
		w.Fatalf("Commit into a restored store: %v, want ErrFenced or a StateError", err)
	}
	w.check()
	prog, err := p.tryRecover(laneA)
	switch stream.KindOf(err) {
	case stream.KindState: // REWOUND: a person decides
	case stream.KindNone:
		if n := prog.Lanes[laneA].Next; n != at(3) {
			w.Fatalf("recovered %+v from a restored store, want 3", n)
		}
		p.commit(p.stage(w.run(laneA, 3, 8)))
		w.check()
	default:
		w.Fatalf("Recover from a restored store: %v", err)
	}
}

// crashBefore: what was staged and never committed comes again, in other batches.
func crashBefore(w *world) {
	p := w.open()
	p.commit(p.stage(w.run(laneA, 0, 2)))
	lost := p.stage(w.run(laneA, 2, 6), w.run(laneB, 0, 3))
	q := w.open()
	q.commit(q.stage(w.run(laneA, 2, 4), w.run(laneB, 0, 1)))
	q.commit(q.stage(w.run(laneA, 4, 9), w.run(laneB, 1, 4)))
	p.fenced(lost)
	w.check()
	w.wantAt(9, 4)
}

// another: what was staged is plain data, so that who comes after may commit it.
func another(w *world) {
	p := w.open()
	st := p.stage(w.run(laneA, 0, 3))
	q := w.open()
	q.commit(st)
	if err := p.try(st); err != nil {
		w.Errorf("the first process commits what the second one did: %v, want nil", err)
	}
	w.check()
	w.wantAt(3, -1)
}
