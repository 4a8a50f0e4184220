package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology"
	"sluice/topology/stream"
)

// SourceFactory makes sources.
var SourceFactory = topology.New("kafka", Default, openSource)

// Source is a member of a consumer group. It runs two clients: one that is the
// member and fetches nothing, and one that reads exactly the lanes the feed
// said, from where it said. A lane can so be sought, held and let go at any
// time, which a group consumer's own positions do not allow.
//
// Reading follows DESIGN 4.1: read committed, no reset policy, control records
// move the position and are not handed on.
type Source struct {
	cfg  Config
	env  topology.Env
	opts []kgo.Opt

	member, reader *kgo.Client
	admin          *kadm.Client

	mu     sync.Mutex
	next   map[stream.Lane]stream.Position // lanes that are read; what comes next
	gone   map[stream.Lane]int             // how often a lane was taken away: orders older than that are void
	sought map[stream.Lane]int             // how often a lane was sought
	todo   []order                         // for the reading goroutine
	wake   context.CancelFunc              // of the poll that waits
}

// order starts, moves or ends the reading of a lane. One goroutine carries
// orders out, between polls, so that no record of an old position follows one.
type order struct {
	lane stream.Lane
	at   stream.Position
	gone int
	stop bool
}

func openSource(c Config, env topology.Env) (stream.Source, error) {
	if c.Group == "" {
		c.Group = "sluice-" + env.Pipeline
	}
	opts, err := c.Connection.options(env)
	if err != nil {
		return nil, err
	}
	return &Source{cfg: c, env: env, opts: opts, next: map[stream.Lane]stream.Position{}, gone: map[stream.Lane]int{}, sought: map[stream.Lane]int{}}, nil
}

// Run is stream.Source.
func (s *Source) Run(ctx context.Context, f stream.Feed) error {
	if err := s.connect(f); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer s.reader.Close()
	defer s.member.CloseAllowingRebalance()
	for ctx.Err() == nil {
		s.carryOut()
		poll, cancel := context.WithCancel(ctx)
		s.mu.Lock()
		s.wake = cancel
		if len(s.todo) > 0 {
			cancel()
		}
		s.mu.Unlock()
		fetches := s.reader.PollRecords(poll, maxPoll)
		cancel()
		if err := s.hand(ctx, f, fetches); err != nil && ctx.Err() == nil {
			return fmt.Errorf("kafka: %w", err)
		}
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.cfg.RebalanceTimeout)/2)
	defer cancel()
	if lanes := s.takeAway(s.reading()); len(lanes) > 0 {
		f.Revoke(stop, lanes)
	}
	return nil
}

const maxPoll = 20_000

// connect starts both clients; the member's callbacks do the rest.
func (s *Source) connect(f stream.Feed) (err error) {
	fetch := s.cfg.Fetch
	s.reader, err = kgo.NewClient(append(slices.Clone(s.opts),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxBytes(int32(fetch.MaxBytes)), kgo.FetchMaxPartitionBytes(int32(fetch.PartitionMax)), kgo.FetchMaxWait(time.Duration(fetch.MaxWait)),
		kgo.MaxConcurrentFetches(4),
		kgo.WithPools(new(buffers)),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{}),
	)...)
	if err != nil {
		return err
	}
	s.admin = kadm.NewClient(s.reader)
	opts := append(slices.Clone(s.opts),
		kgo.ConsumerGroup(s.cfg.Group),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(time.Duration(s.cfg.SessionTimeout)), kgo.RebalanceTimeout(time.Duration(s.cfg.RebalanceTimeout)),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.MetadataMaxAge(30*time.Second), // new topics and partitions
		kgo.OnPartitionsAssigned(func(ctx context.Context, cl *kgo.Client, m map[string][]int32) {
			cl.PauseFetchPartitions(m) // the other client reads
			s.assigned(ctx, f, lanesOf(m))
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, _ *kgo.Client, m map[string][]int32) { s.revoked(ctx, f, lanesOf(m)) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) {
			if lanes := s.takeAway(lanesOf(m)); len(lanes) > 0 {
				f.Lost(lanes)
			}
		}))
	if s.cfg.plainNames() {
		opts = append(opts, kgo.ConsumeTopics(s.cfg.Topics...))
	} else {
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics(patterns(s.cfg.Topics)...))
		if len(s.cfg.Exclude) > 0 {
			opts = append(opts, kgo.ConsumeExcludeTopics(patterns(s.cfg.Exclude)...))
		}
	}
	if s.cfg.Instance != "" {
		opts = append(opts, kgo.InstanceID(s.cfg.Instance))
	}
	if s.cfg.Protocol == "consumer" {
		opts = append(opts, kgo.ServerSideBalancer())
	}
	member, err := kgo.NewClient(opts...)
	if err != nil {
		s.reader.Close()
		return err
	}
	s.mu.Lock()
	s.member = member
	s.mu.Unlock()
	return nil
}

func patterns(ts []string) (ps []string) {
	for _, t := range ts {
		ps = append(ps, pattern(t))
	}
	return ps
}

func lanesOf(m map[string][]int32) (lanes []stream.Lane) {
	for t, ps := range m {
		for _, p := range ps {
			lanes = append(lanes, stream.Lane{Topic: t, Partition: p})
		}
	}
	slices.SortFunc(lanes, stream.Lane.Compare)
	return lanes
}

// assigned asks the feed where to start; a lane it does not name is held.
func (s *Source) assigned(ctx context.Context, f stream.Feed, lanes []stream.Lane) {
	if len(lanes) == 0 {
		return
	}
	s.mu.Lock()
	gone, sought := maps.Clone(s.gone), maps.Clone(s.sought)
	s.mu.Unlock()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		cluster, infos, err := s.describe(ctx, lanes)
		var start map[stream.Lane]stream.Position
		if err == nil {
			start, err = f.Assign(ctx, cluster, infos)
		}
		if err == nil {
			s.begin(start, gone, sought)
			return
		}
		s.env.Log.Warn("kafka: lanes cannot be started yet", "lanes", len(lanes), "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// begin orders the lanes to be read, unless they were taken away or sought
// meanwhile: a seek that came while Assign ran is newer than its answer, and
// may have been carried out already. (A lane that is read from the older one
// stands still: the feed ignores what does not follow its position.)
func (s *Source) begin(start map[stream.Lane]stream.Position, gone, sought map[stream.Lane]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range stream.SortedLanes(start) {
		if s.sought[l] == sought[l] {
			s.todo = append(s.todo, order{lane: l, at: start[l], gone: gone[l]})
		}
	}
	s.poke()
}

func (s *Source) poke() {
	if s.wake != nil {
		s.wake()
	}
}

// Seek is stream.Source.
func (s *Source) Seek(at map[stream.Lane]stream.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range stream.SortedLanes(at) {
		s.sought[l]++
		s.todo = append(s.todo, order{lane: l, at: at[l], gone: s.gone[l]})
	}
	s.poke()
}

func (s *Source) reading() []stream.Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return stream.SortedLanes(s.next)
}

// takeAway forgets lanes and returns them. The member's callbacks also come
// with no lanes at all, at the end of a session that changes nothing.
func (s *Source) takeAway(lanes []stream.Lane) []stream.Lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range lanes {
		s.gone[l]++
		delete(s.next, l)
		s.todo = append(s.todo, order{lane: l, gone: s.gone[l], stop: true})
	}
	s.poke()
	return lanes
}

func (s *Source) revoked(ctx context.Context, f stream.Feed, lanes []stream.Lane) {
	lanes = s.takeAway(lanes)
	if len(lanes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.cfg.RebalanceTimeout)/2)
	defer cancel()
	f.Revoke(ctx, lanes)
}

// carryOut applies the orders, on the reading goroutine.
func (s *Source) carryOut() {
	s.mu.Lock()
	todo := s.todo
	s.todo = nil
	last := map[stream.Lane]order{} // the latest order of a lane decides
	for _, o := range todo {
		if o.gone == s.gone[o.lane] {
			last[o.lane] = o
		}
	}
	remove := map[string][]int32{}
	add := map[string]map[int32]kgo.Offset{}
	for _, l := range stream.SortedLanes(last) {
		o := last[l]
		remove[l.Topic] = append(remove[l.Topic], l.Partition)
		if o.stop {
			delete(s.next, l)
			continue
		}
		s.next[l] = o.at
		if add[l.Topic] == nil {
			add[l.Topic] = map[int32]kgo.Offset{}
		}
		add[l.Topic][l.Partition] = kgo.NewOffset().At(o.at.Offset).WithEpoch(o.at.Epoch)
	}
	s.mu.Unlock()
	if len(remove) > 0 {
		s.reader.RemoveConsumePartitions(remove) // drops what is buffered of them
	}
	if len(add) > 0 {
		s.reader.AddConsumePartitions(add)
	}
}

// hand gives the feed what a poll brought, a batch a lane.
func (s *Source) hand(ctx context.Context, f stream.Feed, fetches kgo.Fetches) (err error) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		lane := stream.Lane{Topic: p.Topic, Partition: p.Partition}
		if p.Err != nil {
			if e := s.trouble(ctx, f, lane, p.Err); e != nil && err == nil {
				err = e
			}
		}
		if len(p.Records) == 0 {
			return
		}
		b, state := s.batch(lane, &p)
		switch {
		case state != nil:
			s.takeAway([]stream.Lane{lane})
			f.Report(lane, state)
		case b == nil: // taken away or sought since
			recycle(p.Records)
		case err != nil:
			b.Release()
		default:
			err = f.Admit(ctx, b)
		}
	})
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
func (s *Source) batch(lane stream.Lane, p *kgo.FetchTopicPartition) (*stream.Batch, *stream.StateError) {
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
	b := stream.NewBatch(lane, from, func() { recycle(rs) })
	headers := 0
	for _, r := range rs {
		headers += len(r.Headers)
	}
	hs := make([]stream.Header, 0, headers)
	b.Records = make([]stream.Record, 0, len(rs))
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
		Todo: fmt.Sprintf("sluice accept-loss --lane %v", lane)}
}

// trouble sorts out a fetch error of one lane. A returned error ends the pipeline.
func (s *Source) trouble(ctx context.Context, f stream.Feed, lane stream.Lane, err error) error {
	var cut *kgo.ErrDataLoss
	parked := func(why string) {
		s.takeAway([]stream.Lane{lane})
		f.Report(lane, &stream.StateError{State: stream.StateParked, Why: why, Todo: fmt.Sprintf("sluice rebase --lane %v", lane)})
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrClientClosed):
	case errors.As(err, &cut):
		parked(fmt.Sprintf("the log was cut: it was read to %d under epoch %d and diverges from %d", cut.ConsumedTo, cut.ConsumedToEpoch, cut.ResetTo))
	case errors.Is(err, kerr.OffsetOutOfRange):
		s.outOfRange(ctx, f, lane)
	case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InconsistentTopicID), errors.Is(err, kerr.UnknownTopicOrPartition):
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
		Todo: fmt.Sprintf("sluice rebase --lane %v", lane)})
}

// Commit is stream.Source: the group's offsets, for foreign lag tools.
func (s *Source) Commit(ctx context.Context, at map[stream.Lane]stream.Position) error {
	m := map[string]map[int32]kgo.EpochOffset{}
	s.mu.Lock()
	member := s.member
	for l, p := range at {
		if _, ours := s.next[l]; !ours {
			continue
		}
		if m[l.Topic] == nil {
			m[l.Topic] = map[int32]kgo.EpochOffset{}
		}
		m[l.Topic][l.Partition] = kgo.EpochOffset{Epoch: p.Epoch, Offset: p.Offset}
	}
	s.mu.Unlock()
	if member != nil && len(m) > 0 {
		member.CommitOffsets(ctx, m, nil) // does not wait
	}
	return nil
}
