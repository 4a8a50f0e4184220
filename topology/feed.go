package topology

import (
	"context"

	"sluice/topology/stream"
)

var _ stream.Feed = (*Pipeline)(nil)

// Assign is part of stream.Feed: it asks every sink where it stands and starts
// each lane at the least of the answers.
func (p *Pipeline) Assign(ctx context.Context, cluster string, infos []stream.LaneInfo) (map[stream.Lane]stream.Position, error) {
	p.forget(laneNames(infos)) // in case the source did not say so
	p.mu.Lock()
	p.cluster = cluster
	p.mu.Unlock()
	j, err := p.joinAll(ctx, cluster, infos)
	if err != nil {
		return nil, err
	}
	start := map[stream.Lane]stream.Position{}
	p.seeking.Lock()
	p.mu.Lock()
	waits := p.grown(infos, j)
	for _, info := range infos {
		l := p.enter(info, j.at)
		if e := j.held[info.Lane]; e != nil {
			l.enter("", e)
			l.again, l.held = true, true
			continue
		}
		l.pos = p.least(l)
		if p.Align {
			l.until = p.most(l)
		}
		if l.after = waits[info.Lane]; l.after == nil {
			l.reading = true
			start[info.Lane] = l.pos
		}
	}
	seek := p.release() // the old lanes may be past their ends already (was held for ever)
	for _, info := range infos {
		if pos, ok := seek[info.Lane]; ok {
			start[info.Lane] = pos
			delete(seek, info.Lane)
		}
	}
	done := p.Align && p.alignedLocked()
	p.mu.Unlock()
	if len(seek) > 0 {
		p.source.Seek(seek)
	}
	p.seeking.Unlock()
	for ln, e := range j.held {
		p.Observer.laneState(LaneChanged{Lane: ln, State: e.State, Why: e.Why, Todo: e.Todo})
		p.env.Log.Error("lane is held", "lane", ln.String(), "state", e.State.String(), "why", e.Why, "todo", e.Todo)
	}
	p.up.Store(true)
	if done {
		p.stop()
	}
	return start, nil
}

// enter makes the lane known, at home on the worker with the fewest lanes.
// p.mu is held.
func (p *Pipeline) enter(info stream.LaneInfo, answers []map[stream.Lane]stream.Position) *lane {
	load := make([]int, len(p.workers))
	for _, l := range p.lanes {
		load[l.worker]++
	}
	home := 0
	for i, n := range load {
		if n < load[home] {
			home = i
		}
	}
	l := &lane{info: info, worker: home, until: -1, at: make([]progressAt, len(p.outs))}
	for i := range p.outs {
		pos := answers[i][info.Lane]
		l.at[i] = progressAt{want: pos, durable: pos}
	}
	p.lanes[info.Lane] = l
	return l
}

// least is where the lane has to be read from, for the sinks that get it. p.mu is held.
func (p *Pipeline) least(l *lane) stream.Position {
	pos, some := l.at[0].want, !l.at[0].apart()
	for _, a := range l.at[1:] {
		if flows := !a.apart(); flows && !some || flows == some && a.want.Offset < pos.Offset {
			pos, some = a.want, flows
		}
	}
	return pos
}

func (p *Pipeline) most(l *lane) (n int64) {
	for _, a := range l.at {
		n = max(n, a.want.Offset)
	}
	return n
}

// alignedLocked reports whether all sinks stand at the end of every lane. p.mu is held.
func (p *Pipeline) alignedLocked() bool {
	for _, l := range p.lanes {
		for _, a := range l.at {
			if l.until >= 0 && a.durable.Offset < l.until {
				return false
			}
		}
	}
	return len(p.lanes) > 0
}

// Revoke is part of stream.Feed.
func (p *Pipeline) Revoke(ctx context.Context, lanes []stream.Lane) {
	p.stopReading(lanes)
	p.flush(ctx, "revoke")
	p.Lost(lanes)
}

// Lost is part of stream.Feed. Epochs that hold the lanes go on: the sinks
// compare positions, so that a lane another process moved is refused. // D2
func (p *Pipeline) Lost(lanes []stream.Lane) {
	p.forget(lanes)
	p.seeking.Lock()
	defer p.seeking.Unlock()
	p.mu.Lock()
	seek := p.release() // lanes that waited for these wait no more (were held for ever)
	p.mu.Unlock()
	if seek != nil {
		p.source.Seek(seek)
	}
}

func (p *Pipeline) forget(lanes []stream.Lane) {
	p.mu.Lock()
	for _, l := range lanes {
		delete(p.lanes, l)
	}
	p.mu.Unlock()
	p.mark(func(w *worker) {
		for _, l := range lanes {
			delete(w.held, l)
		}
	})
}

func (p *Pipeline) stopReading(lanes []stream.Lane) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range lanes {
		if x := p.lanes[l]; x != nil {
			x.reading, x.rests = false, false
		}
	}
}

// Report is part of stream.Feed.
func (p *Pipeline) Report(lane stream.Lane, e *stream.StateError) { p.hold(lane, e, true) }
