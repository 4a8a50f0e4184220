package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// control is the control log of a pipeline: the topic _sluice_control_PIPELINE
// of one partition, kept for a day. Who holds the partition in the consumer
// group GROUP-control leads. Like the source it reads by a client that is no
// member, so that a rebalance never moves what was read.
type control struct {
	s     *Source
	topic string
	leads atomic.Bool

	mu sync.Mutex
	cl *kgo.Client // while Follow runs
}

const (
	controlBytes   = 32 << 20 // of a record: what describes the files of some thousand tables
	controlKept    = "86400000"
	controlSession = 10 * time.Second // a leader that died is missed soon: nobody commits until then
)

// Control is stream.ControlKeeper.
func (s *Source) Control() stream.ControlLog {
	return &control{s: s, topic: "_sluice_control_" + s.env.Pipeline}
}

// Leads is stream.ControlLog.
func (c *control) Leads() bool { return c.leads.Load() }

// Append is stream.ControlLog.
func (c *control) Append(ctx context.Context, record []byte) error {
	c.mu.Lock()
	cl := c.cl
	c.mu.Unlock()
	if cl == nil {
		return errors.New("kafka: the control log is not open")
	}
	if len(record) > controlBytes-1<<10 {
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("what describes an epoch has %d bytes, a record of the control log %d at most", len(record), controlBytes-1<<10),
			Todo: "commit more often (commit.every, commit.bytes), or read fewer tables in one pipeline"}
	}
	return cl.ProduceSync(ctx, &kgo.Record{Topic: c.topic, Value: record}).FirstErr()
}

// Follow is stream.ControlLog.
func (c *control) Follow(ctx context.Context, f func(int64, []byte) error) error {
	cl, err := c.open(ctx)
	if err != nil || cl == nil {
		return err
	}
	member, err := c.join()
	if err != nil {
		cl.Close()
		return err
	}
	c.mu.Lock()
	c.cl = cl
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.cl = nil
		c.mu.Unlock()
		c.leads.Store(false)
		member.CloseAllowingRebalance()
		c.leave(cl)
		cl.Close()
	}()
	for {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fs.Errors() {
			if refused(e.Err) {
				return fmt.Errorf("kafka: topic %s: %w: check the user's rights", c.topic, e.Err)
			}
			c.s.env.Log.Warn("kafka: the control log is not read, the client tries again", "topic", c.topic, "error", e.Err)
		}
		for r := range fs.RecordsAll() {
			if err := f(r.Offset, r.Value); err != nil {
				return fmt.Errorf("%s at offset %d: %w", c.topic, r.Offset, err)
			}
		}
	}
}

// Trim is stream.ControlLog.
func (c *control) Trim(ctx context.Context, before int64) error {
	c.mu.Lock()
	cl := c.cl
	c.mu.Unlock()
	if cl == nil {
		return errors.New("kafka: the control log is not open")
	}
	at := kadm.Offsets{}
	at.Add(kadm.Offset{Topic: c.topic, Partition: 0, At: before})
	rs, err := kadm.NewClient(cl).DeleteRecords(ctx, at)
	if err == nil {
		err = rs.Error()
	}
	if err != nil {
		return fmt.Errorf("kafka: topic %s: %w", c.topic, err)
	}
	return nil
}

// open makes the topic and the client that reads and appends. It waits for the
// cluster as long as ctx lasts; then it returns nothing.
func (c *control) open(ctx context.Context) (*kgo.Client, error) {
	if err := c.s.reach(ctx); err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(slices.Clone(c.s.opts),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.topic: {0: kgo.NewOffset().AtStart()}}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // read twice does no harm
		kgo.FetchMaxBytes(controlBytes), kgo.FetchMaxPartitionBytes(controlBytes), kgo.FetchMaxWait(500*time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(controlBytes), kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.RetryTimeout(20*time.Second))...)
	if err != nil {
		return nil, err
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		r, err := kadm.NewClient(cl).CreateTopic(ctx, 1, -1, map[string]*string{"retention.ms": kadm.StringPtr(controlKept),
			"max.message.bytes": kadm.StringPtr(fmt.Sprint(controlBytes))}, c.topic)
		if err == nil {
			err = r.Err
		}
		switch {
		case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
			return cl, nil
		case refused(err):
			cl.Close()
			return nil, fmt.Errorf("kafka: topic %s: %w: let the user make it, or make it with one partition", c.topic, err)
		}
		c.s.env.Log.Warn("kafka: the topic of the control log cannot be made yet", "topic", c.topic, "error", err)
		select {
		case <-ctx.Done():
			cl.Close()
			return nil, nil
		case <-time.After(wait):
		}
	}
}

// join makes the member that holds the partition or waits for it. It fetches nothing.
func (c *control) join() (*kgo.Client, error) {
	cfg := c.s.cfg
	opts := append(slices.Clone(c.s.opts),
		kgo.ConsumerGroup(cfg.Group+"-control"), kgo.ConsumeTopics(c.topic), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(min(controlSession, time.Duration(cfg.SessionTimeout))), kgo.HeartbeatInterval(2*time.Second),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, m map[string][]int32) {
			cl.PauseFetchPartitions(m)
			if len(m) > 0 {
				c.leads.Store(true)
			}
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { c.lose(m) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { c.lose(m) }))
	if cfg.Instance != "" {
		opts = append(opts, kgo.InstanceID(cfg.Instance))
	}
	return kgo.NewClient(opts...)
}

// leave gives a static membership up at once: else nobody would lead until the
// session is over.
func (c *control) leave(cl *kgo.Client) {
	if c.s.cfg.Instance == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := kadm.NewClient(cl).LeaveGroup(ctx, kadm.LeaveGroup(c.s.cfg.Group+"-control").InstanceIDs(c.s.cfg.Instance).Reason("the pipeline stops")); err != nil {
		c.s.env.Log.Warn("kafka: the control log's group was not left; another instance leads when the session is over", "error", err)
	}
}

func (c *control) lose(m map[string][]int32) {
	if len(m) > 0 {
		c.leads.Store(false)
	}
}
