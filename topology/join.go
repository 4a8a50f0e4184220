package topology

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/topology/stream"
)

// joined is what all sinks said about lanes.
type joined struct {
	at    []map[stream.Lane]stream.Position  // by sink
	held  map[stream.Lane]*stream.StateError // lanes that cannot be read
	fresh map[stream.Lane]int                // by how many sinks a lane was never seen
	under []map[stream.Lane]string           // by sink: the plan that the lane is under, of a known one; "": the last commit's
	plans []string                           // of the sinks' last commits
	had   map[string][]string                // of a plan that a sink ran before: the sinks it had, if that is known
}

// plan is what sink i ran up to where it stands on lane, or who claimed it there.
func (j *joined) plan(i int, lane stream.Lane) string { return cmp.Or(j.under[i][lane], j.plans[i]) }

// claimTries is how often lanes are claimed before another plan's instances
// may have them.
const claimTries = 10

// joinAll asks every sink in turn where it stands on lanes, and puts the lanes
// under this plan. It believes what it was told once it was told again when all
// of them were: what a process of another plan sent before that, and that lands
// later, is refused by every sink, so that no offset goes by one plan to one
// sink and by another to the next (it did). // D2
func (p *Pipeline) joinAll(ctx context.Context, cluster string, infos []stream.LaneInfo) (*joined, error) {
	claimed := make([]map[stream.Lane]bool, len(p.outs)) // by sink
	for try := 0; ; try++ {
		j, err := p.askAll(ctx, cluster, infos)
		if err != nil {
			return nil, err
		}
		if err := p.samePlan(infos, j); err != nil {
			p.fail(err)
			return nil, err
		}
		claims := p.claims(infos, j, claimed)
		if claims == nil {
			return j, nil
		}
		if try == claimTries {
			return nil, fmt.Errorf("instances of another plan than %s take the same lanes again and again: run one file in all of them", p.env.Plan)
		}
		if err := p.claimAll(ctx, claims, claimed); err != nil {
			return nil, err
		}
	}
}

// askAll asks every sink in turn where it stands on lanes.
func (p *Pipeline) askAll(ctx context.Context, cluster string, infos []stream.LaneInfo) (*joined, error) {
	j := &joined{held: map[stream.Lane]*stream.StateError{}, fresh: map[stream.Lane]int{}, had: map[string][]string{}}
	for _, o := range p.outs {
		var failed error
		wait := o.do(ctx, func(hard context.Context) error {
			// Nothing of these lanes may be under way. An epoch that fails for good
			// is gone: it ends the pipeline, whoever asked for it (it was lost
			// until a restart, while Assign was tried again).
			if err := o.cycle(hard, "assign"); err != nil {
				failed = err
				return err
			}
			failed = o.join(hard, cluster, infos, j)
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
	o.hurry = true
	if o.grouped() {
		if err := o.sync(ctx, laneNames(infos)); err != nil {
			return err
		}
	}
	for {
		prog, more, err := o.ask(ctx, infos)
		if err != nil {
			return err
		}
		if err := o.keepPlan(ctx, prog, infos, j); err != nil {
			return err
		}
		at, under := map[stream.Lane]stream.Position{}, map[stream.Lane]string{}
		held := map[stream.Lane]*stream.StateError{}
		var fresh []stream.LedgerSpan
		for _, info := range slices.Concat(infos, more) {
			known, ok := prog.Lanes[info.Lane]
			if ok {
				at[info.Lane], under[info.Lane], o.seen[info.Lane] = known.Next, known.Under, true
			}
			if e := o.mismatch(cluster, prog, known, ok, info); e != nil {
				held[info.Lane] = e
			} else if !ok && (j.held[info.Lane] == nil || !strings.HasPrefix(o.spec.Start, "like ")) { // the other one's position may be of another log
				pos := o.start(info, prog, j.at)
				at[info.Lane], under[info.Lane] = pos, o.p.env.Plan
				fresh = append(fresh, stream.LedgerSpan{Span: stream.Span{Lane: info.Lane, From: pos, To: pos}, TopicID: info.TopicID})
			}
		}
		if len(fresh) > 0 {
			err := o.place(ctx, fresh)
			if errors.Is(err, stream.ErrFenced) { // another instance wrote its start first
				if err := o.sleep(ctx, retryMin); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
		}
		for _, s := range fresh {
			o.seen[s.Lane] = true
			j.fresh[s.Lane]++
		}
		for ln, e := range held {
			if j.held[ln] == nil {
				j.held[ln] = e
			}
		}
		j.at, j.under, j.plans = append(j.at, at), append(j.under, under), append(j.plans, prog.Plan)
		return nil
	}
}

// ask reads the sink's progress. Where `start: latest` meets a topic the sink
// does not know at all, more is the rest of its partitions: they get their
// starts in the same commit, so that a partition that is missing afterwards is
// one that came later and starts at its log start, whoever reads it.
func (o *output) ask(ctx context.Context, infos []stream.LaneInfo) (prog stream.Progress, more []stream.LaneInfo, err error) {
	recover := func(lanes []stream.Lane) error {
		return o.retry(ctx, "recover", nil, func() (err error) { prog, err = o.sink.Recover(ctx, lanes); return err })
	}
	lanes := laneNames(infos)
	if err = recover(lanes); err != nil || o.spec.Start != "latest" {
		return prog, nil, err
	}
	in, ok := o.sink.(stream.Inspector)
	sv, ok2 := o.p.source.(stream.Surveyor)
	if !ok || !ok2 || !slices.ContainsFunc(lanes, func(l stream.Lane) bool { _, known := prog.Lanes[l]; return !known }) {
		return prog, nil, nil
	}
	var whole stream.Progress
	if err = o.retry(ctx, "recover", nil, func() (err error) { whole, err = in.Inspect(ctx); return err }); err != nil {
		return prog, nil, err
	}
	fresh := map[string]bool{}
	for _, l := range lanes {
		fresh[l.Topic] = !o.p.topicKnown(l.Topic, whole)
	}
	if slices.Contains(slices.Collect(maps.Values(fresh)), true) {
		_, all, err := sv.Survey(ctx)
		if err != nil {
			return prog, nil, err
		}
		for _, info := range all {
			if fresh[info.Lane.Topic] && !slices.Contains(lanes, info.Lane) {
				more = append(more, info)
			}
		}
		if err := recover(slices.Concat(lanes, laneNames(more))); err != nil {
			return prog, nil, err
		}
	}
	for l, at := range whole.Lanes { // they count as known
		if _, ok := prog.Lanes[l]; !ok && !slices.Contains(lanes, l) {
			prog.Lanes[l] = at
		}
	}
	return prog, more, nil
}

func laneNames(infos []stream.LaneInfo) []stream.Lane {
	lanes := make([]stream.Lane, len(infos))
	for i, info := range infos {
		lanes[i] = info.Lane
	}
	return lanes
}

// start is where a sink begins on a lane it never saw: of no epoch, as no other position is.
func (o *output) start(info stream.LaneInfo, prog stream.Progress, before []map[stream.Lane]stream.Position) stream.Position {
	first := stream.Position{Offset: info.LogStart, Epoch: -1}
	if like, ok := strings.CutPrefix(o.spec.Start, "like "); ok {
		for i, other := range o.p.outs[:len(before)] {
			if other.name == like {
				return stream.Position{Offset: before[i][info.Lane].Offset, Epoch: -1}
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
func (o *output) mismatch(cluster string, prog stream.Progress, known stream.LanePos, ok bool, info stream.LaneInfo) *stream.StateError {
	fix := fmt.Sprintf("sluice rebase FILE --lane %v --yes", info.Lane)
	switch {
	case otherCluster(prog, cluster): // new lanes wait too: their starts would name the new cluster for the old ones
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("%s stands on cluster %s, this is %s", o.name, prog.Cluster, cluster), Todo: "sluice rebase FILE --all --yes"}
	case !ok && o.seen[info.Lane]: // a wiped store started anew in silence
		return lostProgress()
	case !ok:
		return nil
	case known.TopicID != "" && info.TopicID != "" && known.TopicID != info.TopicID:
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("the topic was deleted and made anew (%s knows id %s, it is now %s)", o.name, known.TopicID, info.TopicID), Todo: fix}
	case known.Next.Offset < info.LogStart:
		return &stream.StateError{State: stream.StateDataLost, Why: fmt.Sprintf("retention took offsets %d to %d before %s had them", known.Next.Offset, info.LogStart-1, o.name),
			Todo: fmt.Sprintf("sluice accept-loss FILE --lane %v --yes", info.Lane)} // was lost in silence
	}
	return nil
}

func otherCluster(prog stream.Progress, cluster string) bool {
	return prog.Cluster != "" && cluster != "" && prog.Cluster != cluster
}

func lostProgress() *stream.StateError {
	return &stream.StateError{State: stream.StateParked, Why: "the store lost progress it had",
		Todo: "restore the store, or start the pipeline anew under another id"}
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
		l.after, l.reading, l.pos = nil, true, p.least(l)
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
			end = min(end, l.info.End) // the log was made anew meanwhile, and is shorter
			for _, a := range l.at {
				if a.durable.Offset < end {
					return false
				}
			}
		}
	}
	return true
}
