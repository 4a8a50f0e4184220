package kafka

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// Readers is stream.Grouped: the members of the group, as the broker sees them.
// It needs DESCRIBE on the group.
func (s *Source) Readers(ctx context.Context) (g stream.Group, err error) {
	g = stream.Group{Name: s.cfg.Group, State: "Dead", Readers: []stream.Reader{}} // Kafka's word for a group that is not there
	err = s.briefly(ctx, func() error {
		if s.cfg.Protocol == "consumer" {
			return s.describeConsumers(ctx, &g)
		}
		return s.describeGroup(ctx, &g)
	})
	if errors.Is(err, kerr.GroupIDNotFound) {
		err = nil
	}
	slices.SortFunc(g.Readers, func(a, b stream.Reader) int { return strings.Compare(a.Name, b.Name) })
	return g, err
}

func (s *Source) describeGroup(ctx context.Context, g *stream.Group) error {
	all, err := s.admin.DescribeGroups(ctx, s.cfg.Group)
	d := all[s.cfg.Group]
	if err = cmp.Or(err, d.Err); err != nil {
		return err
	}
	g.State = d.State
	for _, m := range d.Members {
		r := reader(m.InstanceID, m.MemberID, m.ClientID, m.ClientHost)
		if j, ok := m.Join.AsConsumer(); ok {
			r.Topics = j.Topics
		}
		if a, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range a.Topics {
				for _, p := range t.Partitions {
					r.Lanes = append(r.Lanes, stream.Lane{Topic: t.Topic, Partition: p})
				}
			}
		}
		g.Readers = append(g.Readers, r)
	}
	return nil
}

func (s *Source) describeConsumers(ctx context.Context, g *stream.Group) error {
	all, err := s.admin.DescribeConsumerGroups(ctx, s.cfg.Group)
	d := all[s.cfg.Group]
	if err = cmp.Or(err, d.Err); err != nil {
		return err
	}
	g.State = d.State
	for _, m := range d.Members {
		r := reader(m.InstanceID, m.MemberID, m.ClientID, m.ClientHost)
		if m.SubscribedTopicRegex == nil || *m.SubscribedTopicRegex == "" {
			r.Topics = m.SubscribedTopics
		}
		m.Assignment.Each(func(t string, p int32) { r.Lanes = append(r.Lanes, stream.Lane{Topic: t, Partition: p}) })
		g.Readers = append(g.Readers, r)
	}
	return nil
}

func reader(instance *string, member, client, host string) stream.Reader {
	name := member
	if instance != nil {
		name = cmp.Or(*instance, member)
	}
	return stream.Reader{Name: name, Client: client, Host: strings.TrimPrefix(host, "/")} // Java writes addresses so
}

// dating is how long Produced waits for first records.
const dating = 5 * time.Second

// Produced is stream.Dater. It reads a batch of every lane with a client of its
// own, outside of any group.
func (s *Source) Produced(ctx context.Context, at map[stream.Lane]int64) (map[stream.Lane]int64, error) {
	times := map[stream.Lane]int64{}
	if len(at) == 0 {
		return times, nil
	}
	from := map[string]map[int32]kgo.Offset{}
	for l, offset := range at {
		if from[l.Topic] == nil {
			from[l.Topic] = map[int32]kgo.Offset{}
		}
		from[l.Topic][l.Partition] = kgo.NewOffset().At(offset)
	}
	cl, err := kgo.NewClient(append(slices.Clone(s.opts),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), // a marker alone has a time, too
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.ConsumePartitions(from),
		kgo.FetchMaxBytes(8<<20), kgo.FetchMaxPartitionBytes(256<<10), kgo.MaxConcurrentFetches(1))...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, dating)
	defer cancel()
	waiting := maps.Clone(at)
	for len(waiting) > 0 && ctx.Err() == nil {
		answered := map[string][]int32{}
		cl.PollFetches(ctx).EachPartition(func(p kgo.FetchTopicPartition) {
			l := stream.Lane{Topic: p.Topic, Partition: p.Partition}
			i := slices.IndexFunc(p.Records, func(r *kgo.Record) bool { return r.Offset >= at[l] })
			if i >= 0 {
				times[l] = p.Records[i].Timestamp.UnixMicro()
			}
			if i >= 0 || errors.Is(p.Err, kerr.OffsetOutOfRange) {
				delete(waiting, l)
				answered[p.Topic] = append(answered[p.Topic], p.Partition)
			}
		})
		cl.RemoveConsumePartitions(answered)
	}
	return times, nil
}

var (
	_ stream.Grouped = (*Source)(nil)
	_ stream.Pauser  = (*Source)(nil)
	_ stream.Dater   = (*Source)(nil)
)
