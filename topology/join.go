package topology

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/topology/stream"
)

// joined is what all sinks said about lanes.
type joined struct {
	at    []map[stream.Lane]stream.Position  // by sink
	held  map[stream.Lane]*stream.StateError // lanes that cannot be read
	fresh map[stream.Lane]int                // by how many sinks a lane was never seen
	plans []string                           // of the sinks' last commits
}

// joinAll asks every sink in turn where it stands on lanes.
func (p *Pipeline) joinAll(ctx context.Context, cluster string, infos []stream.LaneInfo) (*joined, error) {
	j := &joined{held: map[stream.Lane]*stream.StateError{}, fresh: map[stream.Lane]int{}}
	for _, o := range p.outs {
		var failed error
		wait := o.do(ctx, func(hard context.Context) error {
			if failed = o.cycle(hard, "assign"); failed == nil { // nothing of these lanes may be under way
				failed = o.join(hard, cluster, infos, j)
			}
			return nil
		})
		if err := wait(); err != nil {
			return nil, err
		}
		if failed != nil {
			return nil, fmt.Errorf("%s: recover: %w", o.name, failed)
		}
	}
	return j, nil
}

// join reads the sink's positions for newly assigned lanes, on the sink's
// goroutine. A lane the sink never saw gets its start written down before
// anything is read. Its answers are added to j.
func (o *output) join(ctx context.Context, cluster string, infos []stream.LaneInfo, j *joined) error {
	lanes := laneNames(infos)
	for {
		var prog stream.Progress
		err := o.retry(ctx, "recover", nil, func() (err error) { prog, err = o.sink.Recover(ctx, lanes); return err })
		if err != nil {
			return err
		}
		if err := o.keepPlan(ctx, prog); err != nil {
			return err
		}
		at := map[stream.Lane]stream.Position{}
		var fresh []stream.LedgerSpan
		for _, info := range infos {
			known, ok := prog.Lanes[info.Lane]
			if ok {
				at[info.Lane] = known.Next
				if e := o.mismatch(cluster, prog, known, info); e != nil && j.held[info.Lane] == nil {
					j.held[info.Lane] = e
				}
				continue
			}
			pos := o.start(info, prog, j.at)
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
				return err
			}
		}
		for _, s := range fresh {
			j.fresh[s.Lane]++
		}
		j.at, j.plans = append(j.at, at), append(j.plans, prog.Plan)
		return nil
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

// samePlan refuses to go on under a new plan while sinks that ran the old one
// stand at different positions: a row would go by one plan to one sink and by
// the other to the next (was lost and doubled).
func (p *Pipeline) samePlan(infos []stream.LaneInfo, j *joined) error {
	if p.Align {
		return nil
	}
	old := -1
	for i, h := range j.plans {
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
	for i, h := range j.plans {
		for _, info := range infos {
			a, b := j.at[old][info.Lane], j.at[i][info.Lane]
			if h != "" && a.Offset != b.Offset {
				return fmt.Errorf("the plan changed (%s is now %s) while sinks stand at different positions (%v: %s at %d, %s at %d): run `sluice align` first",
					j.plans[old], p.env.Plan, info.Lane, p.outs[old].name, a.Offset, p.outs[i].name, b.Offset)
			}
		}
	}
	return nil
}

// grown lists new partitions of topics that are known already: a keyed topic
// that grows spreads its keys anew, so that a new lane waits until the old ones
// are durable past the ends they had; else a key's new row could overtake its
// old one. p.mu is held.
//
// Only lanes of this process are waited for: with several instances the rule
// holds for the lanes that one of them has.
func (p *Pipeline) grown(infos []stream.LaneInfo, j *joined) map[stream.Lane]map[stream.Lane]int64 {
	old := map[string]map[stream.Lane]int64{} // by topic, with their ends
	last := map[string]int32{}
	note := func(info stream.LaneInfo) {
		t := info.Lane.Topic
		if old[t] == nil {
			old[t] = map[stream.Lane]int64{}
		}
		old[t][info.Lane], last[t] = info.End, max(last[t], info.Lane.Partition)
	}
	for _, l := range p.lanes {
		if l.after == nil {
			note(l.info)
		}
	}
	for _, info := range infos {
		if j.fresh[info.Lane] < len(p.outs) && j.held[info.Lane] == nil {
			note(info)
		}
	}
	waits := map[stream.Lane]map[stream.Lane]int64{}
	for _, info := range infos {
		t := info.Lane.Topic
		if j.fresh[info.Lane] == len(p.outs) && old[t] != nil && info.Lane.Partition > last[t] {
			waits[info.Lane] = old[t]
		}
	}
	return waits
}

// release lets lanes go whose elders are durable far enough. p.mu is held.
func (p *Pipeline) release() map[stream.Lane]stream.Position {
	var seek map[stream.Lane]stream.Position
	for ln, l := range p.lanes {
		if l.after == nil || !p.past(l.after) {
			continue
		}
		l.after, l.reading = nil, true
		if seek == nil {
			seek = map[stream.Lane]stream.Position{}
		}
		seek[ln] = l.pos
	}
	return seek
}

// past reports whether every sink is durable to the ends of lanes; lanes that
// went to another process are its own matter. p.mu is held.
func (p *Pipeline) past(ends map[stream.Lane]int64) bool {
	for ln, end := range ends {
		if l := p.lanes[ln]; l != nil {
			for _, a := range l.at {
				if a.durable.Offset < end {
					return false
				}
			}
		}
	}
	return true
}
