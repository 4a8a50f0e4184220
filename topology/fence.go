package topology

import (
	"cmp"
	"context"
	"fmt"
	"maps"

	"sluice/topology/stream"
)

// reset follows a fence: the sink's epochs are dropped, its positions read
// anew, and the lanes sought to the least any sink needs. Dropping what is not
// committed is always safe. // D2
func (o *output) reset(ctx context.Context) error {
	p := o.p
	if err := o.discard(ctx); err != nil {
		return err
	}
	lanes := p.assigned()
	p.Observer.fenced(Fenced{Sink: o.name, Lanes: len(lanes)})
	p.setAll(o.name, lanes, &stream.StateError{State: stream.StateFenced, Why: "another writer moved the lane"})
	if o.fences++; o.fences > 1 { // two that fight over lanes: the group will settle it
		if err := o.sleep(ctx, min(retryMax, retryMin<<min(o.fences, 9))); err != nil {
			return err
		}
	}
	return o.readAnew(ctx)
}

// discard drops what the workers have for the sink, which gets nothing more
// until it took part again.
func (o *output) discard(ctx context.Context) error {
	p := o.p
	acks := make(chan struct{}, len(p.workers))
	p.mu.Lock()
	o.waiting = true // nothing new reaches the writers before the recovery
	p.mu.Unlock()
	p.mark(func(w *worker) { w.discard(o.index); acks <- struct{}{} })
	for range p.workers {
		select {
		case <-acks:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// readAnew lets the sink take part again, from where its store says.
func (o *output) readAnew(ctx context.Context) error {
	p := o.p
	for {
		gone, err := o.rejoin(ctx, p.assigned())
		if err != nil || gone == nil {
			p.rest()
			return err
		}
		p.setAll(o.name, gone, lostProgress())
		if err := o.sleep(ctx, stateWait); err != nil { // a wiped store under a running pipeline stops it (was lost)
			return err
		}
	}
}

// rejoin reads the sink's positions and lets it take part again. Lanes it
// stood on before and that the store does not know any more are returned.
func (o *output) rejoin(ctx context.Context, lanes []stream.Lane) (gone []stream.Lane, err error) {
	var prog stream.Progress
	err = o.retry(ctx, "recover", nil, func() (err error) { prog, err = o.sink.Recover(ctx, lanes); return err })
	if err != nil {
		return nil, err
	}
	p := o.p
	seek := map[stream.Lane]stream.Position{}
	var changed []LaneChanged
	p.seeking.Lock()
	defer p.seeking.Unlock()
	p.mu.Lock()
	for _, l := range lanes {
		if _, ok := prog.Lanes[l]; !ok && p.lanes[l] != nil && o.seen[l] {
			gone = append(gone, l)
		}
	}
	if gone != nil {
		p.mu.Unlock()
		return gone, nil
	}
	if err := o.otherPlan(prog); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	for _, ln := range lanes {
		l := p.lanes[ln]
		if l == nil {
			continue
		}
		at, ok := prog.Lanes[ln]
		l.at[o.index].want, l.at[o.index].durable = at.Next, at.Next
		// A position of another log stops the lane (it stood still, or went on
		// behind what the new log begins with).
		if e := o.mismatch(p.cluster, prog, at, ok, l.info); e != nil && !l.held {
			l.reading, l.held, l.again = false, true, true
			l.enter("", e)
			changed = append(changed, LaneChanged{Lane: ln, Sink: o.name, State: e.State, Why: e.Why, Todo: e.Todo})
		}
		if l.until >= 0 { // align: what was on its way when this process asked is there by now
			l.until = max(l.until, at.Next.Offset)
		}
		if l.reading {
			l.pos = p.least(l)
			seek[ln] = l.pos
		}
	}
	for ln, l := range p.lanes { // assigned since: this sink answered, and then got nothing while it waited
		if l.reading && l.at[o.index].want.Offset < l.pos.Offset {
			l.pos = p.least(l)
			seek[ln] = l.pos
		}
	}
	o.waiting = false
	maps.Copy(seek, p.release()) // the store may be further than this process knew
	done := p.Align && p.alignedLocked()
	p.mu.Unlock()
	for _, c := range changed {
		p.Observer.laneState(c)
	}
	p.setAll(o.name, lanes, &stream.StateError{State: stream.StateRunning})
	p.source.Seek(seek)
	if done { // by a commit of another process: none of this one will say so (it ran for ever)
		p.stop()
	}
	return nil, nil
}

// otherPlan refuses to go on behind rows that another plan wrote meanwhile: the
// other sinks would get them by this one. A restart compares all of them. p.mu
// is held.
func (o *output) otherPlan(prog stream.Progress) error {
	for ln, at := range prog.Lanes {
		l, plan := o.p.lanes[ln], cmp.Or(at.Under, prog.Plan)
		if l == nil || l.held || plan == "" || plan == o.p.env.Plan {
			continue
		}
		if at.Under != "" || at.Next.Offset > l.at[o.index].durable.Offset {
			return fmt.Errorf("%v was moved by an instance that runs plan %s, this one runs %s: stop the one with the old file; this one compares all sinks when it starts", ln, plan, o.p.env.Plan)
		}
	}
	return nil
}
