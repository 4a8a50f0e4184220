package topology

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/topology/stream"
)

// A table that refuses the rows of a lane (its schema changed, and the sink's
// policy or the lake cannot follow) must not hold the other lanes of its commit.
// The epoch is dropped, as behind a fence: rows and positions of a lane are in the
// store together or not at all, and the store is asked where they are, so dropping
// it is always safe. // D2 D3 D6
// The sink then gets no batch of the lanes it refused; their positions stay where
// they are durable, other lanes and other sinks go on. Now and then the sink gets
// such a lane once more: rows that are refused again cost it one epoch.

// refusal is why a sink does not get a lane.
type refusal struct {
	*stream.StateError
	next   time.Time // when it gets the lane once more
	times  int
	tried  bool  // it got it: what becomes of that is not known yet
	oldest int64 // time of the oldest record that is not durable, in microseconds
}

// refusedMax is how many times the wait for the next try doubles.
const refusedMax = 5

// apart reports whether the sink gets nothing of the lane. Pipeline.mu is held.
func (a *progressAt) apart() bool { return a.refused != nil && !a.refused.tried }

// accept notes that a span is durable, and reports whether the lane flows again by that.
func (a *progressAt) accept(s stream.LedgerSpan) bool {
	if a.refused == nil || !a.refused.tried || s.From.Offset == s.To.Offset {
		return false
	}
	a.refused = nil
	return true
}

// refuses reports whether the sink of that name refuses the lane. p.mu is held.
func (p *Pipeline) refuses(sink string, l *lane) bool {
	for i, o := range p.outs {
		if o.name == sink {
			return l.at[i].refused != nil
		}
	}
	return false
}

// waitsFor is why a new partition is not read, if that is because a sink refuses one
// of the partitions that it waits for: nil else. p.mu is held.
func (p *Pipeline) waitsFor(l *lane) *stream.StateError {
	for _, ln := range stream.SortedLanes(l.after) {
		elder := p.lanes[ln]
		for i, o := range p.outs {
			if elder != nil && elder.at[i].refused != nil && elder.at[i].durable.Offset < l.after[ln] {
				r := elder.at[i].refused
				return &stream.StateError{State: r.State, Todo: r.Todo,
					Why: fmt.Sprintf("a new partition waits until the old ones are durable, and %s refuses %v: %s", o.name, ln, r.Why)}
			}
		}
	}
	return nil
}

// setApart drops the epoch and keeps the lanes that e names from the sink.
func (o *output) setApart(ctx context.Context, e *stream.ApartError) error {
	p := o.p
	if p.Align { // it would ask for ever: what it runs is recorded, so that no change of the file helps
		return fmt.Errorf("align runs the file as it was recorded, and a table refuses rows of it: mend the table, or run the file of before with what is said here until the sinks stand together: %w", e)
	}
	var changed []LaneChanged
	named := 0
	p.mu.Lock()
	for _, state := range e.States {
		named += len(state.Lanes)
		for _, ln := range state.Lanes {
			l := p.lanes[ln]
			if l == nil { // it went away: so does the refusal
				continue
			}
			if l.refuse(o, state) {
				changed = append(changed, LaneChanged{Lane: ln, Sink: o.name, State: state.State, Why: state.Why, Todo: state.Todo})
			}
		}
	}
	p.mu.Unlock()
	p.rest()
	for _, c := range changed {
		p.Observer.laneState(c)
		p.env.Log.Error("the sink refuses the lane; others flow on", "sink", o.name, "lane", c.Lane.String(), "state", c.State.String(), "why", c.Why, "todo", c.Todo)
	}
	if err := o.discard(ctx); err != nil {
		return err
	}
	if named == 0 { // a sink that names none: not at full speed
		if err := o.sleep(ctx, retryMax); err != nil {
			return err
		}
	}
	return o.readAnew(ctx)
}

// refuse notes that o takes nothing of l, and reports whether that is news. A try
// costs an epoch, so that the next is two epochs away at least: where the timer is
// long, each of them was a try, and the sink never committed again. Pipeline.mu is held.
func (l *lane) refuse(o *output, e *stream.StateError) (news bool) {
	i, r := o.index, &refusal{StateError: e}
	if was := l.at[i].refused; was != nil {
		r.times, r.oldest, news = min(was.times+1, refusedMax), was.oldest, was.State != e.State || was.Why != e.Why
	} else {
		news = true
		for _, m := range l.marks {
			if m.from <= l.at[i].durable.Offset || r.oldest == 0 {
				r.oldest = m.time
			}
		}
	}
	r.next = o.p.env.Now().Add(max(stateWait<<r.times, 2*time.Duration(o.spec.Commit.Every)))
	l.at[i].refused = r
	for j := range l.at {
		if !l.at[j].apart() {
			return news
		}
	}
	l.rests, l.reading = l.rests || l.reading, false
	return news
}

// rest has the source stop to fetch lanes that are not read: they were fetched, and
// decompressed, and thrown away (up to a quarter of an hour long, and again).
func (p *Pipeline) rest() {
	source, ok := p.source.(stream.Pauser)
	if !ok {
		return
	}
	p.seeking.Lock() // else it could overtake the seek that starts a lane anew
	defer p.seeking.Unlock()
	var lanes []stream.Lane
	p.mu.Lock()
	for ln, l := range p.lanes {
		if !l.reading && l.after == nil {
			lanes = append(lanes, ln)
		}
	}
	p.mu.Unlock()
	if lanes != nil {
		slices.SortFunc(lanes, stream.Lane.Compare)
		source.Pause(lanes)
	}
}

// askAnew gives sinks the lanes they refused once more, when it is time. What
// they have is known since they were read anew: the lane is sought there.
func (p *Pipeline) askAnew() {
	now, seek := p.env.Now(), map[stream.Lane]stream.Position{}
	p.seeking.Lock()
	defer p.seeking.Unlock()
	p.mu.Lock()
	for ln, l := range p.lanes {
		for i, o := range p.outs {
			a := &l.at[i]
			if !a.apart() || o.waiting || l.held || now.Before(a.refused.next) || !l.reading && !l.rests {
				continue
			}
			a.refused.tried = true
			l.reading, l.rests, l.pos = true, false, p.least(l)
			seek[ln] = l.pos
		}
	}
	p.mu.Unlock()
	p.source.Seek(seek)
}
