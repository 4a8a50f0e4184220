package topology

import (
	"context"
	"fmt"

	"sluice/topology/stream"
)

// Repaired is one span that a person settled by command.
type Repaired struct {
	Sink string      `json:"sink"`
	Span stream.Span `json:"span"`
	Lost int64       `json:"lost"`
}

// AcceptLoss settles what retention took from the lanes: offsets between a
// sink's position and the log start, written to the ledger as lost.
func (p *Pipeline) AcceptLoss(ctx context.Context, only func(stream.Lane) bool) ([]Repaired, error) {
	return p.repair(ctx, only, func(known stream.LanePos, info stream.LaneInfo) (stream.LedgerSpan, bool) {
		n := info.LogStart - known.Next.Offset
		return stream.LedgerSpan{
			Span:    stream.Span{Lane: info.Lane, From: known.Next, To: stream.Position{Offset: info.LogStart, Epoch: -1}},
			TopicID: known.TopicID, Count: stream.Count{In: n, Lost: n}}, n > 0
	})
}

// Rebase moves lanes to the start of a log that took the old one's place: a
// topic that was deleted and made anew, another cluster, a log that was cut.
func (p *Pipeline) Rebase(ctx context.Context, only func(stream.Lane) bool) ([]Repaired, error) {
	return p.repair(ctx, only, func(known stream.LanePos, info stream.LaneInfo) (stream.LedgerSpan, bool) {
		moved := known.TopicID != info.TopicID || known.Next.Offset > info.End
		return stream.LedgerSpan{
			Span:    stream.Span{Lane: info.Lane, From: known.Next, To: stream.Position{Offset: info.LogStart, Epoch: -1}},
			TopicID: info.TopicID}, moved
	})
}

func (p *Pipeline) repair(ctx context.Context, only func(stream.Lane) bool, span func(stream.LanePos, stream.LaneInfo) (stream.LedgerSpan, bool)) (done []Repaired, err error) {
	sv, ok := p.source.(stream.Surveyor)
	if !ok {
		return nil, fmt.Errorf("the source cannot list its lanes")
	}
	cluster, infos, err := sv.Survey(ctx)
	if err != nil {
		return nil, err
	}
	p.cluster = cluster
	for _, o := range p.outs {
		prog, err := o.sink.Recover(ctx, laneNames(infos))
		if err != nil {
			return done, fmt.Errorf("%s: %w", o.name, err)
		}
		e := o.epoch()
		for _, info := range infos {
			known, ok := prog.Lanes[info.Lane]
			if !ok || !only(info.Lane) {
				continue
			}
			if s, needed := span(known, info); needed {
				e.Spans = append(e.Spans, s)
				done = append(done, Repaired{o.name, s.Span, s.Count.Lost})
			}
		}
		if len(e.Spans) == 0 {
			continue
		}
		if err := o.commit(ctx, e, nil); err != nil {
			return done, fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return done, nil
}

// Source is the opened source.
func (p *Pipeline) Source() stream.Source { return p.source }
