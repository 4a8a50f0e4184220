package topology

import (
	"context"
	"errors"
	"maps"
	"time"

	"sluice/topology/stream"
)

// hold stops a lane in the state that err tells, others flow on. What the
// source reported may pass and is looked at again; a stage's refusal needs
// another config, and so a restart.
func (p *Pipeline) hold(lane stream.Lane, err error, fromSource bool) {
	var e *stream.StateError
	if !errors.As(err, &e) {
		p.fail(err)
		return
	}
	p.mu.Lock()
	if l := p.lanes[lane]; l != nil {
		l.reading, l.held = false, true
		l.enter("", e)
		l.refused = l.refused || !fromSource
		l.again = !l.refused
	}
	p.mu.Unlock()
	p.rest()
	p.Observer.laneState(LaneChanged{Lane: lane, State: e.State, Why: e.Why, Todo: e.Todo})
	p.env.Log.Error("lane is held", "lane", lane.String(), "state", e.State.String(), "why", e.Why, "todo", e.Todo)
}

// enter puts the lane in a state: of a sink, or "" of the source or a stage.
// p.mu is held.
func (l *lane) enter(by string, e *stream.StateError) {
	l.by, l.state, l.why, l.todo = by, e.State, e.Why, e.Todo
}

// setStates shows a state of a sink on the lanes of spans, all lanes if there are none.
func (p *Pipeline) setStates(sink string, spans []stream.LedgerSpan, e *stream.StateError) []stream.Lane {
	lanes := e.Lanes
	if len(lanes) == 0 {
		for _, s := range spans {
			lanes = append(lanes, s.Lane)
		}
	}
	if len(lanes) == 0 {
		lanes = p.assigned()
	}
	p.setAll(sink, lanes, e)
	return lanes
}

func (p *Pipeline) setAll(sink string, lanes []stream.Lane, e *stream.StateError) {
	var changed []stream.Lane
	p.mu.Lock()
	for _, ln := range lanes {
		l := p.lanes[ln]
		if l == nil || l.held || l.state == e.State && l.why == e.Why {
			continue
		}
		passes := e.State == stream.StateRunning || e.State == stream.StateFenced
		if passes && l.state != stream.StateRunning && l.by != sink { // what another sink waits for still holds
			continue
		}
		l.enter(sink, e)
		if !passes || !p.refuses(sink, l) { // what passes is not the end of what its table refuses
			changed = append(changed, ln)
		}
	}
	p.mu.Unlock()
	for _, ln := range changed {
		p.Observer.laneState(LaneChanged{Lane: ln, Sink: sink, State: e.State, Why: e.Why, Todo: e.Todo})
	}
}

func (p *Pipeline) assigned() []stream.Lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	return stream.SortedLanes(p.lanes)
}

// recheck looks again at lanes that the log or the group held: a person may
// have mended them (`sluice accept-loss`, `sluice rebase`) from another process.
func (p *Pipeline) recheck(ctx context.Context, quit <-chan struct{}) {
	t := time.NewTicker(stateWait)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-quit:
			return
		case <-t.C:
			p.freeWaiting(ctx)
			p.askAnew()
			if err := p.lookAgain(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errEnded) { // a clean stop is no failure
				p.fail(err)
			}
		}
	}
}

func (p *Pipeline) lookAgain(ctx context.Context) error {
	was := map[stream.Lane]*lane{}
	p.mu.Lock()
	for ln, l := range p.lanes {
		if l.again && !l.reading {
			was[ln] = l
		}
	}
	cluster := p.cluster
	p.mu.Unlock()
	if len(was) == 0 {
		return nil
	}
	infos, err := p.ask(ctx, was)
	if err != nil || len(infos) == 0 {
		if err != nil {
			p.env.Log.Warn("held lanes wait: the log did not say what it has", "lanes", len(was), "error", err)
		}
		return nil
	}
	j, err := p.joinAll(ctx, cluster, infos)
	if err != nil {
		return err
	}
	seek := map[stream.Lane]stream.Position{}
	p.seeking.Lock()
	defer p.seeking.Unlock()
	p.mu.Lock()
	for _, info := range infos {
		l := p.lanes[info.Lane]
		if l == nil || l != was[info.Lane] || l.refused || j.held[info.Lane] != nil {
			continue
		}
		for i := range p.outs {
			at := j.at[i][info.Lane]
			l.at[i] = progressAt{want: at, durable: at} // what was refused may be what is lost
		}
		l.info, l.pos, l.reading, l.rests, l.again, l.held = info, p.least(l), true, false, false, false
		l.enter("", &stream.StateError{State: stream.StateRunning})
		seek[info.Lane] = l.pos
	}
	mended := stream.SortedLanes(seek)
	maps.Copy(seek, p.release())
	p.mu.Unlock()
	for _, ln := range mended {
		p.Observer.laneState(LaneChanged{Lane: ln, State: stream.StateRunning})
	}
	p.source.Seek(seek)
	return nil
}

// freeWaiting lets new lanes go whose elders were made anew since: what those
// had to reach is of a log that is gone (it waited until a restart).
func (p *Pipeline) freeWaiting(ctx context.Context) {
	sv, ok := p.source.(stream.Surveyor)
	p.mu.Lock()
	waits := false
	for _, l := range p.lanes {
		waits = waits || l.after != nil
	}
	p.mu.Unlock()
	if !ok || !waits {
		return
	}
	_, infos, err := sv.Survey(ctx)
	if err != nil {
		p.env.Log.Warn("new partitions wait: the log did not say what it has", "error", err)
		return
	}
	p.seeking.Lock()
	defer p.seeking.Unlock()
	p.mu.Lock()
	for _, info := range infos {
		if elder := p.lanes[info.Lane]; elder == nil || elder.info.TopicID == info.TopicID {
			continue
		}
		for _, l := range p.lanes {
			delete(l.after, info.Lane)
		}
	}
	seek := p.release()
	p.mu.Unlock()
	if seek != nil {
		p.source.Seek(seek)
	}
}

// ask has the source say anew what the log has of lanes: what it said when
// they were assigned is of the log before, if a topic was made anew (it was
// read on from the old position, and what came before was lost).
func (p *Pipeline) ask(ctx context.Context, lanes map[stream.Lane]*lane) (infos []stream.LaneInfo, err error) {
	sv, ok := p.source.(stream.Surveyor)
	if !ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, ln := range stream.SortedLanes(lanes) {
			infos = append(infos, lanes[ln].info)
		}
		return infos, nil
	}
	_, all, err := sv.Survey(ctx)
	for _, info := range all {
		if lanes[info.Lane] != nil {
			infos = append(infos, info)
		}
	}
	return infos, err
}
