package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// hand gives the feed what a poll brought, a batch a lane. Each names the log it
// was read from: a topic may be made anew between the question where a lane
// stands and the first fetch (positions in the new log were written down as the
// old one's, and a rebase doubled them).
func (s *Source) hand(ctx context.Context, f stream.Feed, fetches kgo.Fetches) (err error) {
	for _, fetch := range fetches {
		for _, topic := range fetch.Topics {
			id := idText(topic.TopicID)
			for i := range topic.Partitions {
				if e := s.handOne(ctx, f, stream.Lane{Topic: topic.Topic, Partition: topic.Partitions[i].Partition}, id, &topic.Partitions[i], err != nil); e != nil && err == nil {
					err = e
				}
			}
		}
	}
	return err
}

// handOne is hand of one lane; failed says that an earlier one ended the poll.
func (s *Source) handOne(ctx context.Context, f stream.Feed, lane stream.Lane, topicID string, p *kgo.FetchPartition, failed bool) (err error) {
	if p.Err != nil {
		err = s.trouble(ctx, f, lane, p.Err)
	}
	if len(p.Records) == 0 {
		return err
	}
	b, state := s.batch(lane, p)
	switch {
	case state != nil:
		s.takeAway([]stream.Lane{lane})
		f.Report(lane, state)
	case b == nil: // taken away or sought since
		recycle(p.Records)
	case failed || err != nil:
		b.Release()
	default:
		b.TopicID = topicID
		err = f.Admit(ctx, b)
	}
	return err
}

func recycle(rs []*kgo.Record) {
	for _, r := range rs {
		r.Recycle()
	}
}

// batch adopts the records of one lane. A gap before them is settled only if
// the log still begins at or before our position: compaction, aborted
// transactions, markers. Else retention took it. // D3 (was lost in silence)
func (s *Source) batch(lane stream.Lane, p *kgo.FetchPartition) (*stream.Batch, *stream.StateError) {
	rs := p.Records
	s.mu.Lock()
	defer s.mu.Unlock()
	from, ok := s.next[lane]
	if !ok {
		return nil, nil
	}
	for _, o := range s.todo {
		if o.lane == lane && o.gone == s.gone[lane] { // an order waits: these records are of the old position
			return nil, nil
		}
	}
	if first := rs[0].Offset; first > from.Offset && p.LogStartOffset > from.Offset {
		return nil, lost(lane, from.Offset, p.LogStartOffset)
	}
	records := spareRecords(len(rs))
	b := stream.NewBatch(lane, from, func() { recycle(rs); giveRecords(records[:len(rs)]) })
	headers := 0
	for _, r := range rs {
		headers += len(r.Headers)
	}
	hs := make([]stream.Header, 0, headers)
	b.Records = records
	for _, r := range rs {
		if r.Offset < b.To.Offset {
			continue // before the position: a fetch begins at the start of a broker's batch
		}
		b.To = stream.Position{Offset: r.Offset + 1, Epoch: r.LeaderEpoch}
		if r.Attrs.IsControl() {
			continue
		}
		at := len(hs)
		for _, h := range r.Headers {
			hs = append(hs, stream.Header{Key: h.Key, Value: view(h.Value)})
			b.Bytes += int64(len(h.Key) + len(h.Value))
		}
		b.Bytes += int64(len(r.Key) + len(r.Value))
		b.Records = append(b.Records, stream.Record{Offset: r.Offset, Epoch: r.LeaderEpoch, Time: r.Timestamp.UnixMicro(),
			Key: view(r.Key), Value: view(r.Value), Headers: hs[at:len(hs):len(hs)]})
	}
	b.In = int64(len(b.Records))
	s.next[lane] = b.To
	return b, nil
}

// view adopts bytes; nil stays Kafka's null.
func view(p []byte) stream.View {
	if p == nil {
		return stream.View{}
	}
	return stream.ViewOf(p)
}

func lost(lane stream.Lane, from, start int64) *stream.StateError {
	return &stream.StateError{State: stream.StateDataLost, Why: fmt.Sprintf("retention took offsets %d to %d before they were read", from, start-1),
		Todo: fmt.Sprintf("sluice accept-loss FILE --lane %v --yes", lane)}
}

// trouble sorts out a fetch error of one lane. A returned error ends the pipeline.
func (s *Source) trouble(ctx context.Context, f stream.Feed, lane stream.Lane, err error) error {
	var cut *kgo.ErrDataLoss
	parked := func(why string) {
		s.takeAway([]stream.Lane{lane})
		f.Report(lane, &stream.StateError{State: stream.StateParked, Why: why, Todo: fmt.Sprintf("sluice rebase FILE --lane %v --yes", lane)})
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrClientClosed):
	case errors.As(err, &cut):
		parked(fmt.Sprintf("the log was cut: it was read to %d under epoch %d and diverges from %d", cut.ConsumedTo, cut.ConsumedToEpoch, cut.ResetTo))
	case errors.Is(err, kerr.OffsetOutOfRange):
		s.outOfRange(ctx, f, lane)
	case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InconsistentTopicID), errors.Is(err, kerr.UnknownTopicOrPartition):
		s.mu.Lock()
		s.stale[lane.Topic] = true
		s.mu.Unlock()
		parked("the topic was deleted, or deleted and made anew")
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.GroupAuthorizationFailed):
		return fmt.Errorf("%v: %w: check the user's rights", lane, err)
	default:
		s.env.Log.Warn("kafka: fetch failed, the client tries again", "lane", lane.String(), "error", err)
	}
	return nil
}

// outOfRange tells retention from a cut log.
func (s *Source) outOfRange(ctx context.Context, f stream.Feed, lane stream.Lane) {
	s.mu.Lock()
	at, ok := s.next[lane]
	s.mu.Unlock()
	if !ok {
		return
	}
	_, infos, err := s.describe(ctx, []stream.Lane{lane})
	if err != nil {
		s.env.Log.Warn("kafka: position out of range, and the log's ends are unknown", "lane", lane.String(), "error", err)
		return
	}
	s.takeAway([]stream.Lane{lane})
	if at.Offset < infos[0].LogStart {
		f.Report(lane, lost(lane, at.Offset, infos[0].LogStart))
		return
	}
	f.Report(lane, &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("the log ends at %d, it was read to %d: the broker lost records", infos[0].End, at.Offset),
		Todo: fmt.Sprintf("sluice rebase FILE --lane %v --yes", lane)})
}
