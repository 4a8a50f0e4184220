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

// progress reads the records of this sink: the last of each lane, and the one
// before it.
func (s *Sink) progress(ctx context.Context) (last, before map[stream.Lane]laneRecord, err error) {
	last, before = map[stream.Lane]laneRecord{}, map[stream.Lane]laneRecord{}
	err = s.read(ctx, s.progressTopic(), func(r *kgo.Record) error {
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
		if o, ok := last[l]; ok {
			before[l] = o
		}
		last[l] = x
		return nil
	})
	return last, before, err
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
	cl, err := s.client()
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

// claim makes this process the writer of the spans' lanes, if the store still
// is where this process last saw it.
func (s *Sink) claim(ctx context.Context, cl *kgo.Client, spans []stream.LedgerSpan) error {
	var lanes []stream.Lane
	for _, sp := range spans {
		if s.lanes[sp.Lane].Writer != s.txid {
			lanes = append(lanes, sp.Lane)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	if err := s.topics(ctx, cl, s.progressTopic(), s.ledgerTopic()); err != nil {
		return err
	}
	last, _, err := s.progress(ctx)
	fenced := map[string]bool{s.txid: true}
	if err == nil {
		err = s.same(last, lanes) // a zombie must not fence who took its lanes
	}
	if err == nil {
		err = s.fence(ctx, fenced, last, lanes)
	}
	if err == nil {
		last, _, err = s.progress(ctx) // with what they committed before they were fenced
	}
	if err == nil {
		err = s.same(last, lanes)
	}
	if err != nil {
		return err
	}
	var claims []*kgo.Record
	for _, l := range lanes {
		x, ok := last[l]
		if !ok {
			x = laneRecord{Format: 1, Sink: s.env.Name, None: true}
		}
		x.Writer = s.txid
		claims = append(claims, s.record(l, x))
	}
	if err := s.transact(ctx, cl, claims); err != nil {
		return err
	}
	last, before, err := s.progress(ctx)
	if err == nil { // a claim that came between ours and what we saw
		err = s.fence(ctx, fenced, before, lanes)
	}
	if err == nil {
		last, _, err = s.progress(ctx)
	}
	if err == nil {
		err = s.same(last, lanes)
	}
	if err != nil {
		return err
	}
	for _, l := range lanes {
		if last[l].Writer != s.txid { // claimed after us
			return stream.ErrFenced
		}
	}
	s.seen(last, lanes)
	return nil
}

// same compares the store with what this process last saw, absence included. // D2
func (s *Sink) same(last map[stream.Lane]laneRecord, lanes []stream.Lane) error {
	for _, l := range lanes {
		x, ok := last[l]
		saw, knew := s.lanes[l]
		known, was := ok && !x.None, knew && !saw.None
		if known != was || s.knew[l] && !known || known && (x.Next != saw.Next || x.TopicID != saw.TopicID) {
			return stream.ErrFenced
		}
	}
	return nil
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
	for _, x := range last {
		if x.Seq >= p.Seq {
			p.Seq, p.Plan, p.Cluster, p.Commit = x.Seq, x.Plan, x.Cluster, x.Commit
		}
	}
	return p
}

// fence takes the right to write from the last writers of lanes.
func (s *Sink) fence(ctx context.Context, fenced map[string]bool, records map[stream.Lane]laneRecord, lanes []stream.Lane) error {
	for _, l := range lanes {
		w := records[l].Writer
		if w == "" || fenced[w] {
			continue
		}
		cl, err := s.producer(w)
		if err != nil {
			return err
		}
		_, _, err = cl.ProducerID(ctx) // InitProducerID: aborts what w has open, refuses its epoch
		cl.Close()
		if err != nil {
			return fmt.Errorf("fencing the last writer of %v: %w", l, err)
		}
		fenced[w] = true
	}
	return nil
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
	if err := cl.ProduceSync(ctx, rs...).FirstErr(); err != nil {
		cl.EndTransaction(ctx, kgo.TryAbort)
		return err
	}
	return cl.EndTransaction(ctx, kgo.TryCommit)
}
