package topology

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/topology/stream"
)

var _ stream.Feed = (*Pipeline)(nil)

// Assign is part of stream.Feed: it asks every sink where it stands and starts
// each lane at the least of the answers.
func (p *Pipeline) Assign(ctx context.Context, cluster string, infos []stream.LaneInfo) (map[stream.Lane]stream.Position, error) {
	p.Lost(laneNames(infos)) // in case the source did not say so
	p.mu.Lock()
	p.cluster = cluster
	p.mu.Unlock()
	answers, held, plans, err := p.joinAll(ctx, cluster, infos)
	if err != nil {
		return nil, err
	}
	if err := p.samePlan(infos, answers, plans); err != nil {
		p.fail(err)
		return nil, err
	}
	start := map[stream.Lane]stream.Position{}
	p.mu.Lock()
	for _, info := range infos {
		l := p.enter(info, answers)
		if e := held[info.Lane]; e != nil {
			l.state, l.why, l.again = e.State, e.Why, true
			continue
		}
		l.pos, l.reading = p.least(l), true
		if p.Align {
			l.until = p.most(l)
		}
		start[info.Lane] = l.pos
	}
	done := p.Align && p.alignedLocked()
	p.mu.Unlock()
	for ln, e := range held {
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

// least is where the lane has to be read from. p.mu is held.
func (p *Pipeline) least(l *lane) stream.Position {
	pos := l.at[0].want
	for _, a := range l.at[1:] {
		if a.want.Offset < pos.Offset {
			pos = a.want
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

// samePlan refuses to go on under a new plan while sinks that ran the old one
// stand at different positions: a row would go by one plan to one sink and by
// the other to the next (was lost and doubled).
func (p *Pipeline) samePlan(infos []stream.LaneInfo, answers []map[stream.Lane]stream.Position, plans []string) error {
	if p.Align {
		return nil
	}
	old := -1
	for i, h := range plans {
		if h == "" || h == p.env.Plan {
			continue
		}
		if old < 0 {
			old = i
		}
	}
	if old < 0 {
		return nil
	}
	for i, h := range plans {
		for _, info := range infos {
			a, b := answers[old][info.Lane], answers[i][info.Lane]
			if h != "" && a.Offset != b.Offset {
				return fmt.Errorf("the plan changed (%s is now %s) while sinks stand at different positions (%v: %s at %d, %s at %d): run `sluice align` first",
					plans[old], p.env.Plan, info.Lane, p.outs[old].name, a.Offset, p.outs[i].name, b.Offset)
			}
		}
	}
	return nil
}

// join reads the sink's positions for newly assigned lanes, on the sink's
// goroutine. A lane the sink never saw gets its start written down before
// anything is read. Lanes that cannot be read go to held.
func (o *output) join(ctx context.Context, cluster string, infos []stream.LaneInfo, before []map[stream.Lane]stream.Position,
	held map[stream.Lane]*stream.StateError, plans *[]string) (map[stream.Lane]stream.Position, error) {
	lanes := laneNames(infos)
	for {
		var prog stream.Progress
		err := o.retry(ctx, "recover", nil, func() (err error) { prog, err = o.sink.Recover(ctx, lanes); return err })
		if err != nil {
			return nil, err
		}
		if err := o.keepPlan(ctx, prog); err != nil {
			return nil, err
		}
		at := map[stream.Lane]stream.Position{}
		var fresh []stream.LedgerSpan
		for _, info := range infos {
			known, ok := prog.Lanes[info.Lane]
			if ok {
				at[info.Lane] = known.Next
				if e := o.mismatch(cluster, prog, known, info); e != nil && held[info.Lane] == nil {
					held[info.Lane] = e
				}
				continue
			}
			pos := o.start(info, prog, before)
			at[info.Lane] = pos
			fresh = append(fresh, stream.LedgerSpan{Span: stream.Span{Lane: info.Lane, From: pos, To: pos}, TopicID: info.TopicID})
		}
		if len(fresh) > 0 {
			e := o.epoch()
			e.Spans = fresh
			err := o.commit(ctx, e, nil)
			if errors.Is(err, stream.ErrFenced) { // another instance wrote its start first
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		*plans = append(*plans, prog.Plan)
		return at, nil
	}
}

func laneNames(infos []stream.LaneInfo) []stream.Lane {
	lanes := make([]stream.Lane, len(infos))
	for i, info := range infos {
		lanes[i] = info.Lane
	}
	return lanes
}

// start is where a sink begins on a lane it never saw.
func (o *output) start(info stream.LaneInfo, prog stream.Progress, before []map[stream.Lane]stream.Position) stream.Position {
	first := stream.Position{Offset: info.LogStart, Epoch: -1}
	if like, ok := strings.CutPrefix(o.spec.Start, "like "); ok {
		for i, other := range o.p.outs[:len(before)] {
			if other.name == like {
				return before[i][info.Lane]
			}
		}
	}
	if o.spec.Start == "latest" && !o.p.topicKnown(info.Lane.Topic, prog) { // a later partition starts at its log start
		return stream.Position{Offset: info.End, Epoch: -1}
	}
	return first
}

func (p *Pipeline) topicKnown(topic string, prog stream.Progress) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.lanes {
		if l.Topic == topic {
			return true
		}
	}
	for l := range prog.Lanes {
		if l.Topic == topic {
			return true
		}
	}
	return false
}

// mismatch compares what the store knows of a lane with what the broker said.
// A position past the end is not judged here: another instance may have moved
// the lane since the broker was asked. The source tells a cut log by its epoch.
func (o *output) mismatch(cluster string, prog stream.Progress, known stream.LanePos, info stream.LaneInfo) *stream.StateError {
	fix := fmt.Sprintf("sluice rebase --lane %v", info.Lane)
	switch {
	case prog.Cluster != "" && cluster != "" && prog.Cluster != cluster:
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("%s stands on cluster %s, this is %s", o.name, prog.Cluster, cluster), Todo: fix}
	case known.TopicID != "" && info.TopicID != "" && known.TopicID != info.TopicID:
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("the topic was deleted and made anew (%s knows id %s, it is now %s)", o.name, known.TopicID, info.TopicID), Todo: fix}
	case known.Next.Offset < info.LogStart:
		return &stream.StateError{State: stream.StateDataLost, Why: fmt.Sprintf("retention took offsets %d to %d before %s had them", known.Next.Offset, info.LogStart-1, o.name),
			Todo: fmt.Sprintf("sluice accept-loss --lane %v", info.Lane)} // was lost in silence
	}
	return nil
}

// keepPlan stores the plan's text once, so that align can run it later.
func (o *output) keepPlan(ctx context.Context, prog stream.Progress) error {
	k, ok := o.sink.(stream.PlanKeeper)
	if !ok || o.planned || prog.Plan == o.p.env.Plan {
		return nil
	}
	err := o.retry(ctx, "plan", nil, func() error { return k.SavePlan(ctx, o.p.env.Plan, o.p.spec.text) })
	o.planned = err == nil
	return err
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
			if err := p.lookAgain(ctx); err != nil && ctx.Err() == nil {
				p.fail(err)
			}
		}
	}
}

func (p *Pipeline) lookAgain(ctx context.Context) error {
	var infos []stream.LaneInfo
	p.mu.Lock()
	for _, ln := range stream.SortedLanes(p.lanes) {
		if l := p.lanes[ln]; l.again && !l.reading {
			infos = append(infos, l.info)
		}
	}
	cluster := p.cluster
	p.mu.Unlock()
	if len(infos) == 0 {
		return nil
	}
	answers, held, _, err := p.joinAll(ctx, cluster, infos)
	if err != nil {
		return err
	}
	seek := map[stream.Lane]stream.Position{}
	p.seeking.Lock()
	defer p.seeking.Unlock()
	p.mu.Lock()
	for _, info := range infos {
		l := p.lanes[info.Lane]
		if l == nil || l.reading || held[info.Lane] != nil {
			continue
		}
		for i := range p.outs {
			l.at[i].want, l.at[i].durable = answers[i][info.Lane], answers[i][info.Lane]
		}
		l.pos, l.reading, l.again = p.least(l), true, false
		l.state, l.why = stream.StateRunning, ""
		seek[info.Lane] = l.pos
	}
	p.mu.Unlock()
	for ln := range seek {
		p.Observer.laneState(LaneChanged{Lane: ln, State: stream.StateRunning})
	}
	p.source.Seek(seek)
	return nil
}

// joinAll asks every sink in turn where it stands on lanes. Lanes that cannot
// be read are in held; plans are those of the sinks' last commits.
func (p *Pipeline) joinAll(ctx context.Context, cluster string, infos []stream.LaneInfo) (answers []map[stream.Lane]stream.Position,
	held map[stream.Lane]*stream.StateError, plans []string, err error) {
	answers = make([]map[stream.Lane]stream.Position, len(p.outs))
	held = map[stream.Lane]*stream.StateError{}
	for i, o := range p.outs {
		var failed error
		wait := o.do(ctx, func(hard context.Context) error {
			if failed = o.cycle(hard, "assign"); failed == nil { // nothing of these lanes may be under way
				answers[i], failed = o.join(hard, cluster, infos, answers[:i], held, &plans)
			}
			return nil
		})
		if err := wait(); err != nil {
			return nil, nil, nil, err
		}
		if failed != nil {
			return nil, nil, nil, fmt.Errorf("%s: recover: %w", o.name, failed)
		}
	}
	return answers, held, plans, nil
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
			x.reading = false
		}
	}
}

// Report is part of stream.Feed.
func (p *Pipeline) Report(lane stream.Lane, e *stream.StateError) { p.hold(lane, e, true) }

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
		l.reading, l.state, l.why = false, e.State, e.Why
		l.again = fromSource
	}
	p.mu.Unlock()
	p.Observer.laneState(LaneChanged{Lane: lane, State: e.State, Why: e.Why, Todo: e.Todo})
	p.env.Log.Error("lane is held", "lane", lane.String(), "state", e.State.String(), "why", e.Why, "todo", e.Todo)
}

// setStates shows a state of a sink on the lanes of spans, all lanes if there are none.
func (p *Pipeline) setStates(sink string, spans []stream.LedgerSpan, e *stream.StateError) {
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
}

func (p *Pipeline) setAll(sink string, lanes []stream.Lane, e *stream.StateError) {
	var changed []stream.Lane
	p.mu.Lock()
	for _, ln := range lanes {
		if l := p.lanes[ln]; l != nil && (l.state != e.State || l.why != e.Why) {
			l.state, l.why = e.State, e.Why
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
