package topology

import (
	"context"
	"maps"

	"sluice/topology/stream"
)

// reset follows a fence: the sink's epochs are dropped, its positions read
// anew, and the lanes sought to the least any sink needs. Dropping what is not
// committed is always safe. // D2
func (o *output) reset(ctx context.Context) error {
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
	lanes := p.assigned()
	p.Observer.fenced(Fenced{Sink: o.name, Lanes: len(lanes)})
	p.setAll(o.name, lanes, &stream.StateError{State: stream.StateFenced, Why: "another writer moved the lane"})
	if o.fences++; o.fences > 1 { // two that fight over lanes: the group will settle it
		if err := o.sleep(ctx, min(retryMax, retryMin<<min(o.fences, 9))); err != nil {
			return err
		}
	}
	for {
		gone, err := o.rejoin(ctx, p.assigned())
		if err != nil || gone == nil {
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
	for _, ln := range lanes {
		l := p.lanes[ln]
		if l == nil {
			continue
		}
		next := prog.Lanes[ln].Next
		l.at[o.index].want, l.at[o.index].durable = next, next
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
	p.mu.Unlock()
	p.setAll(o.name, lanes, &stream.StateError{State: stream.StateRunning})
	p.source.Seek(seek)
	return nil, nil
}
