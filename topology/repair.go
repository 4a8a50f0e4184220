package topology

import (
	"context"
	"errors"
	"fmt"

	"sluice/topology/stream"
)

// Repaired is one span that a person settled by command.
type Repaired struct {
	Sink string      `json:"sink"`
	Span stream.Span `json:"span"`
	Lost int64       `json:"lost"`
}

// settlement is what a repair does to one lane of one sink, if it is needed.
type settlement func(prog stream.Progress, known stream.LanePos, cluster string, info stream.LaneInfo) (s stream.LedgerSpan, needed bool)

// AcceptLoss settles what retention took from the lanes: offsets between a
// sink's position and the log start, written to the ledger as lost.
func (p *Pipeline) AcceptLoss(ctx context.Context, only func(stream.Lane) bool) ([]Repaired, error) {
	return p.repair(ctx, only, func(prog stream.Progress, known stream.LanePos, cluster string, info stream.LaneInfo) (stream.LedgerSpan, bool) {
		n := info.LogStart - known.Next.Offset
		return stream.LedgerSpan{
			Span:    stream.Span{Lane: info.Lane, From: known.Next, To: stream.Position{Offset: info.LogStart, Epoch: -1}},
			TopicID: known.TopicID, Count: stream.Count{In: n, Lost: n}}, n > 0 && !otherLog(prog, known, cluster, info)
	})
}

// Rebase moves lanes to the start of a log that took the old one's place: a
// topic that was deleted and made anew, another cluster, a log that was cut.
func (p *Pipeline) Rebase(ctx context.Context, only func(stream.Lane) bool) ([]Repaired, error) {
	return p.repair(ctx, only, func(prog stream.Progress, known stream.LanePos, cluster string, info stream.LaneInfo) (stream.LedgerSpan, bool) {
		return stream.LedgerSpan{
			Span:    stream.Span{Lane: info.Lane, From: known.Next, To: stream.Position{Offset: info.LogStart, Epoch: -1}},
			TopicID: info.TopicID}, otherLog(prog, known, cluster, info) || known.Next.Offset > info.End
	})
}

// otherLog reports whether positions of known mean nothing in the log of info.
func otherLog(prog stream.Progress, known stream.LanePos, cluster string, info stream.LaneInfo) bool {
	return otherCluster(prog, cluster) || known.TopicID != "" && info.TopicID != "" && known.TopicID != info.TopicID
}

func (p *Pipeline) repair(ctx context.Context, only func(stream.Lane) bool, settle settlement) (done []Repaired, err error) {
	sv, ok := p.source.(stream.Surveyor)
	if !ok {
		return nil, fmt.Errorf("the source cannot list its lanes")
	}
	_, before, err := sv.Survey(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range p.outs {
		prog, err := o.sink.Recover(ctx, laneNames(before))
		if err != nil {
			return done, fmt.Errorf("%s: %w", o.name, err)
		}
		// Asked behind the store: a lane that is read meanwhile is never past
		// an end that is newer than its position (it was rebased, and doubled).
		cluster, infos, err := sv.Survey(ctx)
		if err != nil {
			return done, err
		}
		p.cluster = cluster
		e := o.epoch()
		e.PositionsOnly, e.Plan = true, "" // whatever file the person has: a process that runs keeps its lanes
		var spans []Repaired
		for _, info := range infos {
			known, ok := prog.Lanes[info.Lane]
			if !ok {
				continue
			}
			s, needed := settle(prog, known, cluster, info)
			switch {
			case !needed:
			case only(info.Lane):
				e.Spans = append(e.Spans, s)
				spans = append(spans, Repaired{o.name, s.Span, s.Count.Lost})
			case otherCluster(prog, cluster):
				return done, fmt.Errorf("%s: %v stands on cluster %s, this is %s: all lanes move at once, take --all", o.name, info.Lane, prog.Cluster, cluster)
			}
		}
		if len(e.Spans) == 0 {
			continue
		}
		switch err := o.commit(ctx, e, nil); {
		case errors.Is(err, stream.ErrFenced):
			return done, fmt.Errorf("%s: %w: a lane moved meanwhile, nothing was changed here: look at its state again", o.name, err)
		case err != nil:
			return done, fmt.Errorf("%s: %w", o.name, err)
		}
		done = append(done, spans...)
	}
	return done, nil
}

// Source is the opened source.
func (p *Pipeline) Source() stream.Source { return p.source }
