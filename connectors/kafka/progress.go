package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// read reads a topic of one partition, committed records only, to the end it
// has now; f gets each record.
func (s *Sink) read(ctx context.Context, topic string, f func(*kgo.Record) error) error {
	cl, err := kgo.NewClient(append(slices.Clone(s.opts), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.RetryTimeout(20*time.Second),
		kgo.FetchMaxWait(200*time.Millisecond), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	end, ok := ends.Lookup(topic, 0)
	if !ok || errors.Is(end.Err, kerr.UnknownTopicOrPartition) {
		return nil
	}
	if end.Err != nil {
		return end.Err
	}
	starts, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	start, _ := starts.Lookup(topic, 0)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.cfg.Timeout)+20*time.Second) // an open transaction ends by its time-out
	defer cancel()
	for at := start.Offset; at < end.Offset; {
		fs := cl.PollFetches(ctx)
		if err := fs.Err0(); err != nil {
			return err
		}
		for _, e := range fs.Errors() {
			return e.Err
		}
		for r := range fs.RecordsAll() {
			at = r.Offset + 1
			if r.Attrs.IsControl() || r.Value == nil {
				continue
			}
			if err := f(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// progress reads the records of this sink, the last of each lane.
func (s *Sink) progress(ctx context.Context) (map[stream.Lane]laneRecord, error) {
	last := map[stream.Lane]laneRecord{}
	err := s.read(ctx, s.progressTopic(), func(r *kgo.Record) error {
		name, lane, _ := strings.Cut(string(r.Key), "/")
		if name != s.env.Name {
			return nil
		}
		l, err := parseLane(lane)
		if err != nil {
			return fmt.Errorf("%s at %d: the key is no lane", s.progressTopic(), r.Offset)
		}
		var x laneRecord
		if err := json.Unmarshal(r.Value, &x); err != nil || x.Format != 1 {
			return fmt.Errorf("%s at %d: a form this version does not read", s.progressTopic(), r.Offset)
		}
		last[l] = x
		return nil
	})
	return last, err
}

func parseLane(text string) (l stream.Lane, err error) {
	i := strings.LastIndexByte(text, '/')
	if i < 0 {
		return l, errors.New("no partition")
	}
	_, err = fmt.Sscanf(text[i+1:], "%d", &l.Partition)
	l.Topic = text[:i]
	return l, err
}

// logStart is the first offset of the progress topic, 0 before there is one.
func (s *Sink) logStart(ctx context.Context) (int64, error) {
	cl, err := s.client(ctx)
	if err != nil {
		return 0, err
	}
	list, err := kadm.NewClient(cl).ListStartOffsets(ctx, s.progressTopic())
	if err != nil {
		return 0, err
	}
	o, ok := list.Lookup(s.progressTopic(), 0)
	if !ok || errors.Is(o.Err, kerr.UnknownTopicOrPartition) {
		return 0, nil
	}
	return o.Offset, o.Err
}

// seen remembers what the store says of lanes.
func (s *Sink) seen(last map[stream.Lane]laneRecord, lanes []stream.Lane) stream.Progress {
	p := s.header(last)
	s.seq = max(s.seq, p.Seq)
	for _, l := range lanes {
		delete(s.lanes, l)
		if x, ok := last[l]; ok {
			s.lanes[l] = x
			if !x.None {
				p.Lanes[l], s.knew[l] = x.LanePos, true
			}
		}
	}
	return p
}

func (s *Sink) header(last map[stream.Lane]laneRecord) stream.Progress {
	p := stream.Progress{Format: 1, Pipeline: s.env.Pipeline, Sink: s.env.Name, Lanes: map[stream.Lane]stream.LanePos{}}
	plan := int64(-1)
	for _, l := range stream.SortedLanes(last) {
		x := last[l]
		if x.Seq >= p.Seq {
			p.Seq, p.Cluster, p.Commit = x.Seq, x.Cluster, x.Commit
		}
		if x.planSeq() >= plan && x.Plan != "" {
			p.Plan, plan = x.Plan, x.planSeq()
		}
	}
	return p
}

func (s *Sink) record(l stream.Lane, x laneRecord) *kgo.Record {
	v, _ := json.Marshal(x) // has only texts and numbers
	return &kgo.Record{Topic: s.progressTopic(), Key: []byte(s.key(l)), Value: v}
}

// transact writes records in one transaction.
func (s *Sink) transact(ctx context.Context, cl *kgo.Client, rs []*kgo.Record) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.cfg.Timeout))
	defer cancel()
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	if results := cl.ProduceSync(ctx, rs...); results.FirstErr() != nil {
		cl.EndTransaction(ctx, kgo.TryAbort)
		return &produceError{results}
	}
	return cl.EndTransaction(ctx, kgo.TryCommit)
}
