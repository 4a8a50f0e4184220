package kafka

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// describe asks the broker for topic ids, log starts and last stable offsets,
// in that order of the ends: a position read before is never past them.
func (s *Source) describe(ctx context.Context, lanes []stream.Lane) (cluster string, infos []stream.LaneInfo, err error) {
	var topics []string
	for _, l := range lanes {
		topics = append(topics, l.Topic)
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	md, err := s.admin.Metadata(ctx, topics...)
	if err != nil {
		return "", nil, err
	}
	starts, err := s.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return "", nil, err
	}
	ends, err := s.admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return "", nil, err
	}
	for _, l := range lanes {
		a, ok := starts.Lookup(l.Topic, l.Partition)
		z, ok2 := ends.Lookup(l.Topic, l.Partition)
		if !ok || !ok2 {
			return "", nil, fmt.Errorf("%v: the broker does not know the partition", l)
		}
		if a.Err != nil || z.Err != nil {
			return "", nil, fmt.Errorf("%v: the log's ends: %w", l, firstError(a.Err, z.Err))
		}
		infos = append(infos, stream.LaneInfo{Lane: l, TopicID: topicID(md.Topics[l.Topic]), LogStart: a.Offset, End: z.Offset})
	}
	return md.Cluster, infos, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// topicID is the id in Kafka's own text form, or "" of a broker without ids.
func topicID(t kadm.TopicDetail) string { return idText(t.ID) }

func idText(id [16]byte) string {
	if id == ([16]byte{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// Survey is stream.Surveyor: it lists the lanes the source would read, without
// joining the group.
func (s *Source) Survey(ctx context.Context) (cluster string, infos []stream.LaneInfo, err error) {
	err = s.briefly(ctx, func() error {
		md, err := s.admin.Metadata(ctx)
		if err != nil {
			return err
		}
		var lanes []stream.Lane
		for _, t := range md.Topics.Sorted() {
			if t.Err != nil || !s.cfg.reads(t.Topic) {
				continue
			}
			for _, p := range t.Partitions.Sorted() {
				lanes = append(lanes, stream.Lane{Topic: t.Topic, Partition: p.Partition})
			}
		}
		if len(lanes) == 0 {
			return fmt.Errorf("no topic matches %q", s.cfg.Topics)
		}
		cluster, infos, err = s.describe(ctx, lanes)
		return err
	})
	return cluster, infos, err
}

// briefly runs f with clients when Run does not run.
func (s *Source) briefly(ctx context.Context, f func() error) error {
	if s.admin != nil {
		return f()
	}
	cl, err := kgo.NewClient(append(slices.Clone(s.opts), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.RetryTimeout(20*time.Second))...)
	if err != nil {
		return err
	}
	s.reader, s.admin = cl, kadm.NewClient(cl)
	defer func() { cl.Close(); s.reader, s.admin = nil, nil }()
	return f()
}

// Produce sends one record and waits until it is stored. Not for use while Run runs.
func (s *Source) Produce(ctx context.Context, topic string, key, value []byte, headers []stream.Header) error {
	return s.briefly(ctx, func() error {
		md, err := s.admin.Metadata(ctx, topic)
		if err != nil {
			return err
		}
		if t := md.Topics[topic]; t.Err != nil {
			return fmt.Errorf("topic %s: %w: make it first", topic, t.Err)
		}
		r := &kgo.Record{Topic: topic, Key: key, Value: value}
		for _, h := range headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value.Bytes()})
		}
		return s.reader.ProduceSync(ctx, r).FirstErr()
	})
}
