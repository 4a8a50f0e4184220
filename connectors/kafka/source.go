package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
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
// Reading: read committed, no reset policy, control records
// move the position and are not handed on.
type Source struct {
	cfg  Config
	env  topology.Env
	opts []kgo.Opt

	member, reader *kgo.Client
	admin          *kadm.Client
	pool           buffers // of the reader

	mu     sync.Mutex
	next   map[stream.Lane]stream.Position // lanes that are read; what comes next
	gone   map[stream.Lane]int             // how often a lane was taken away: orders older than that are void
	sought map[stream.Lane]int             // how often a lane was sought
	todo   []order                         // for the reading goroutine
	stale  map[string]bool                 // topics that were made anew: the client keeps to the old id until it forgets them
	wake   context.CancelFunc              // of the poll that waits
	fatal  error                           // ends Run
}

func openSource(c Config, env topology.Env) (stream.Source, error) {
	if c.Group == "" {
		c.Group = "sluice-" + env.Pipeline
	}
	opts, err := c.Connection.options(env)
	if err != nil {
		return nil, err
	}
	readsOf(env).set(&c)
	return &Source{cfg: c, env: env, opts: opts, next: map[stream.Lane]stream.Position{}, gone: map[stream.Lane]int{}, sought: map[stream.Lane]int{}, stale: map[string]bool{}}, nil
}

// Run is stream.Source.
func (s *Source) Run(ctx context.Context, f stream.Feed) error {
	alive, end := context.WithCancel(ctx)
	defer end()
	if err := s.connect(alive, f); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer s.reader.Close()
	defer s.member.CloseAllowingRebalance()
	defer end() // before the good-bye: lanes that cannot be started would hold it for as long as a store refuses
	for ctx.Err() == nil {
		if err := s.ended(); err != nil {
			return fmt.Errorf("kafka: %w", err)
		}
		s.carryOut()
		poll, cancel := context.WithCancel(ctx)
		s.mu.Lock()
		s.wake = cancel
		if len(s.todo) > 0 || s.fatal != nil {
			cancel()
		}
		s.mu.Unlock()
		fetches := s.reader.PollRecords(poll, maxPoll)
		cancel()
		s.fit(fetches)
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

const maxPoll = 2_000

// The client fetches from so many brokers at a time and holds one answer of
// each. plainBytes is what all of them may be when they are decompressed: a fetch is
// bounded by its compressed size, and change records become ten times that, which
// no budget counts before they are admitted. // D7
const fetchers, plainBytes = 4, 48 << 20

// fit has the next fetches ask for as much as becomes plainBytes.
func (s *Source) fit(got kgo.Fetches) {
	for it := got.RecordIter(); !it.Done(); {
		if !it.Next().Attrs.IsControl() { // markers are never compressed, and say nothing of data
			s.pool.plain()
			break
		}
	}
	s.reader.UpdateFetchMaxBytes(s.ask(len(s.reader.DiscoveredBrokers())))
}

// ask is for how many bytes each of the brokers is asked, and of a partition.
func (s *Source) ask(brokers int) (all, partition int32) {
	brokers = min(max(brokers, 1), fetchers)
	n := int32(s.pool.compressed(plainBytes/int64(brokers), 1<<20, int64(s.cfg.Fetch.MaxBytes)))
	return n, min(n, int32(s.cfg.Fetch.PartitionMax))
}

// connect starts both clients; the member's callbacks do the rest.
func (s *Source) connect(ctx context.Context, f stream.Feed) (err error) {
	most, partition := s.ask(1)
	s.reader, err = kgo.NewClient(append(slices.Clone(s.opts),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxBytes(most), kgo.FetchMaxPartitionBytes(partition), kgo.FetchMaxWait(time.Duration(s.cfg.Fetch.MaxWait)),
		kgo.MaxConcurrentFetches(fetchers),
		kgo.WithPools(&s.pool), kgo.WithDecompressor(newDecompressor(&s.pool)),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{}),
	)...)
	if err != nil {
		return err
	}
	s.admin = kadm.NewClient(s.reader)
	if err := s.reach(ctx); err != nil {
		s.reader.Close()
		return err
	}
	opts := append(slices.Clone(s.opts),
		kgo.WithHooks(s),
		kgo.ClientID(s.clientID()),
		kgo.ConsumerGroup(s.cfg.Group),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(time.Duration(s.cfg.SessionTimeout)), kgo.RebalanceTimeout(time.Duration(s.cfg.RebalanceTimeout)),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.MetadataMaxAge(30*time.Second), // new topics and partitions
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, m map[string][]int32) {
			cl.PauseFetchPartitions(m)     // the other client reads
			s.assigned(ctx, f, lanesOf(m)) // not the callback's context, which outlives Run
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
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics(patterns(s.cfg.Topics)...), kgo.ConsumeExcludeTopics(s.cfg.excluded()...))
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
		var cluster string
		var infos []stream.LaneInfo
		var start map[stream.Lane]stream.Position
		err := s.amongOurs(ctx)
		if err == nil {
			cluster, infos, err = s.describe(ctx, lanes)
		}
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

func (s *Source) revoked(ctx context.Context, f stream.Feed, lanes []stream.Lane) {
	lanes = s.takeAway(lanes)
	if len(lanes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(s.cfg.RebalanceTimeout)/2)
	defer cancel()
	f.Revoke(ctx, lanes)
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
