package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology"
	"sluice/topology/stream"
)

// Peek reads a topic from its beginning to where it ends now, committed records
// alone and outside of any group: for a person to look at. Nothing is kept of
// it, in the cluster or anywhere else.
type Peek struct {
	ctx   context.Context
	cl    *kgo.Client
	ends  map[int32]int64 // of partitions that are not read yet
	topic string
	held  []*stream.Batch
}

// OpenPeek finds the ends of a topic.
func OpenPeek(ctx context.Context, c Connection, env topology.Env, topic string) (*Peek, error) {
	opts, err := c.options(env)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	p := &Peek{ctx: ctx, cl: cl, ends: map[int32]int64{}, topic: topic}
	admin := kadm.NewClient(cl)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err = errors.Join(err, starts.Error()); err != nil { // both ask the same brokers: one of them says why
		cl.Close()
		return nil, fmt.Errorf("kafka: topic %s: %w", topic, err)
	}
	ends, err := admin.ListCommittedOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		cl.Close()
		return nil, fmt.Errorf("kafka: topic %s: %w", topic, err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		if s, ok := starts.Lookup(topic, o.Partition); ok && s.Offset < o.Offset {
			p.ends[o.Partition] = o.Offset
		}
	})
	return p, nil
}

// Close ends it.
func (p *Peek) Close() { p.cl.Close() }

// Next returns the next records of one partition, or io.EOF.
func (p *Peek) Next() (*stream.Batch, error) {
	for len(p.held) == 0 {
		if len(p.ends) == 0 {
			return nil, io.EOF
		}
		fetches := p.cl.PollRecords(p.ctx, maxPoll)
		if err := errors.Join(p.ctx.Err(), fetches.Err0()); err != nil {
			return nil, fmt.Errorf("kafka: %w", err)
		}
		var failed error
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			if f.Err != nil {
				failed = fmt.Errorf("kafka: %s/%d: %w", f.Topic, f.Partition, f.Err)
			}
			if b := p.batch(&f); b != nil {
				p.held = append(p.held, b)
			}
		})
		if failed != nil {
			return nil, failed
		}
	}
	b := p.held[0]
	p.held = p.held[1:]
	return b, nil
}

// batch takes what lies before the end.
func (p *Peek) batch(f *kgo.FetchTopicPartition) *stream.Batch {
	end, ok := p.ends[f.Partition]
	if !ok || len(f.Records) == 0 {
		return nil
	}
	b := stream.NewBatch(stream.Lane{Topic: f.Topic, Partition: f.Partition}, stream.Position{Offset: f.Records[0].Offset}, nil)
	for _, r := range f.Records {
		if r.Offset >= end {
			break
		}
		b.To = stream.Position{Offset: r.Offset + 1, Epoch: r.LeaderEpoch}
		if r.Attrs.IsControl() {
			continue
		}
		var hs []stream.Header
		for _, h := range r.Headers {
			hs = append(hs, stream.Header{Key: h.Key, Value: view(h.Value)})
		}
		b.Records = append(b.Records, stream.Record{Offset: r.Offset, Epoch: r.LeaderEpoch, Time: r.Timestamp.UnixMicro(), Key: view(r.Key), Value: view(r.Value), Headers: hs})
		b.Bytes += int64(len(r.Key) + len(r.Value))
	}
	b.In = int64(len(b.Records))
	if f.Records[len(f.Records)-1].Offset+1 >= end {
		delete(p.ends, f.Partition)
	}
	return b
}
