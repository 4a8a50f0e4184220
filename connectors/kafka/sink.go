package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology"
	"sluice/topology/stream"
)

// SinkFactory makes sinks.
var SinkFactory = topology.New("kafka", SinkDefault, openSink)

// SinkConfig of the sink.
type SinkConfig struct {
	Connection `yaml:",inline"`

	Topic       string            `yaml:"topic" check:"writes"` // of {topic}, {database}, {namespace}, {table}
	Partitions  int32             `yaml:"partitions" plan:"-"`  // of topics the sink makes; -1: the broker's default
	Replication int16             `yaml:"replication" plan:"-"` // the same
	Timeout     topology.Duration `yaml:"timeout" plan:"-"`     // of a transaction
	Linger      topology.Duration `yaml:"linger" plan:"-"`      // waits that long for a batch to fill
	Compression string            `yaml:"compression" plan:"-"` // zstd (default), lz4, snappy, gzip, none
	MaxMessage  topology.Size     `yaml:"max_message_bytes"`    // a larger row is refused; the broker's message.max.bytes has to be larger still
}

// SinkDefault is the sink's config before the file.
var SinkDefault = SinkConfig{Topic: "{topic}.masked", Partitions: -1, Replication: -1, Timeout: topology.Duration(40 * time.Second), Linger: topology.Duration(10 * time.Millisecond), Compression: "zstd", MaxMessage: 1_000_000}

// Validate finds mistakes before anything runs.
func (c *SinkConfig) Validate() error {
	errs := []error{c.Connection.validate()}
	rest := c.Topic
	for _, p := range []string{"{topic}", "{database}", "{namespace}", "{table}"} {
		rest = strings.ReplaceAll(rest, p, "")
	}
	if strings.ContainsAny(rest, "{}") || c.Topic == "" || c.Topic == "{topic}" {
		errs = append(errs, fmt.Errorf("topic %q: a template of {topic}, {database}, {namespace} and {table}, and not the source's own name", c.Topic))
	}
	if c.MaxMessage < 1<<10 || c.MaxMessage > 1<<30 {
		errs = append(errs, fmt.Errorf("max_message_bytes %d: from 1KiB to 1GiB", c.MaxMessage))
	}
	if _, ok := codecs[c.Compression]; !ok {
		errs = append(errs, fmt.Errorf("compression %q%s", c.Compression, topology.Suggest(c.Compression, []string{"zstd", "lz4", "snappy", "gzip", "none"})))
	}
	return errors.Join(errs...)
}

var codecs = map[string]kgo.CompressionCodec{"zstd": kgo.ZstdCompression(), "lz4": kgo.Lz4Compression(), "snappy": kgo.SnappyCompression(),
	"gzip": kgo.GzipCompression(), "none": kgo.NoCompression()}

// Sink writes rows to topics. A commit is one Kafka transaction: the rows, a
// progress record a lane in the compacted topic _sluice_progress_PIPELINE, and
// ledger records in _sluice_ledger_PIPELINE; rows it refuses are told of in
// _sluice_dead_PIPELINE. Readers use read_committed. // D6
//
// Fencing. Every producer has a transactional id of its own that is taken once
// and never again, and a lane's progress record names the id of its last
// writer. The first commit of a producer on a lane claims it: it fences the
// writer that the record names (InitProducerID under that id, which aborts
// what the writer had open and refuses it for ever), reads the position again,
// and writes the record under its own id; see claim. A fenced process finds
// out at its next transaction, whatever lanes it is for, and recovers under a
// new id. After any error of a transaction the producer is given up: a new one
// fences it, which settles what it left open, and reads back. // D2
type Sink struct {
	cfg  SinkConfig
	env  topology.Env
	opts []kgo.Opt

	mu     sync.Mutex
	cl     *kgo.Client // transactional; nil after a fence or an unknown outcome
	txid   string
	lanes  map[stream.Lane]laneRecord // as this process last saw or wrote them
	knew   map[stream.Lane]bool       // lanes that had a position while this process runs
	mine   map[string]bool            // every transactional id this process had
	left   []string                   // those of them that may have left something open
	seq    int64
	start  int64           // log start of the progress topic at Recover: compaction never moves it
	unsure bool            // the last call ended without an answer
	gone   bool            // fenced: nothing is committed before the next Recover
	made   map[string]bool // topics that are there

	source *reads // of the same pipeline, or nil

	kept    sync.Mutex
	keepers map[string]*Sink // progress of other sinks, see keeper
}

// laneRecord is a progress record.
type laneRecord struct {
	Format int `json:"v"` // 1
	stream.LanePos
	Sink    string `json:"sink"`
	Seq     int64  `json:"seq"`
	Commit  string `json:"commit"`
	Plan    string `json:"plan"`
	PlanSeq int64  `json:"plan_seq,omitempty"` // of the commit that set the plan, if that is not Seq; -1: none did
	Cluster string `json:"cluster"`
	Writer  string `json:"writer"`         // transactional id
	None    bool   `json:"none,omitempty"` // a claim of a lane that has no position yet
}

func (x laneRecord) planSeq() int64 {
	if x.PlanSeq != 0 {
		return x.PlanSeq
	}
	return x.Seq
}

func openSink(c SinkConfig, env topology.Env) (stream.Sink, error) {
	opts, err := c.Connection.options(env)
	if err != nil {
		return nil, err
	}
	s := newSink(c, env, opts)
	s.source.leavesBy(s)
	return s, nil
}

func newSink(c SinkConfig, env topology.Env, opts []kgo.Opt) *Sink {
	return &Sink{cfg: c, env: env, opts: opts, lanes: map[stream.Lane]laneRecord{}, knew: map[stream.Lane]bool{}, source: readsOf(env), mine: map[string]bool{}, made: map[string]bool{}}
}

func (s *Sink) progressTopic() string { return "_sluice_progress_" + s.env.Pipeline }
func (s *Sink) ledgerTopic() string   { return "_sluice_ledger_" + s.env.Pipeline }

func (s *Sink) key(l stream.Lane) string { return s.env.Name + "/" + l.String() }

// Recover is part of stream.Sink. It reads and fences nobody but the producers
// this process itself gave up.
func (s *Sink) Recover(ctx context.Context, lanes []stream.Lane) (stream.Progress, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.settle(ctx); err != nil {
		return stream.Progress{}, s.passing("recover", err)
	}
	last, err := s.progress(ctx)
	if err != nil {
		return stream.Progress{}, s.passing("recover", err)
	}
	if s.start, err = s.logStart(ctx); err != nil {
		return stream.Progress{}, s.passing("recover", err)
	}
	s.gone, s.unsure = false, false
	return s.seen(last, lanes), nil
}

// Inspect is part of stream.Inspector: it reads and fences nobody.
func (s *Sink) Inspect(ctx context.Context) (stream.Progress, error) {
	last, err := s.progress(ctx)
	if err != nil {
		return stream.Progress{}, fmt.Errorf("kafka: %w", err)
	}
	p := s.header(last)
	for l, x := range last {
		if !x.None {
			p.Lanes[l] = x.LanePos
		}
	}
	return p, nil
}

// Ledger is part of stream.Auditor.
func (s *Sink) Ledger(ctx context.Context) iter.Seq2[stream.LedgerRow, error] {
	return func(yield func(stream.LedgerRow, error) bool) {
		stop := errors.New("stop")
		err := s.read(ctx, s.ledgerTopic(), func(r *kgo.Record) error {
			var x stream.LedgerRow
			if err := json.Unmarshal(r.Value, &x); err != nil {
				return fmt.Errorf("%s at %d: a form this version does not read", s.ledgerTopic(), r.Offset)
			}
			if x.Sink == s.env.Name && !yield(x, nil) {
				return stop
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(stream.LedgerRow{}, err)
		}
	}
}

// Rows is part of stream.Auditor: topics are compacted or shared, they cannot be counted.
func (s *Sink) Rows(context.Context) (int64, error) { return -1, nil }

// Upload is part of stream.Sink: nothing is durable before the transaction.
func (s *Sink) Upload(_ context.Context, _ stream.Epoch, parts []stream.Part) (stream.Staged, error) {
	payload := []byte{1} // version
	for _, p := range parts {
		if m, ok := p.Data.([]byte); ok {
			payload = append(payload, m...)
		}
	}
	return stream.Staged{Payload: payload}, nil
}

// Commit is part of stream.Sink.
func (s *Sink) Commit(ctx context.Context, staged []stream.Staged) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := 0
	for i := range staged {
		if done(s.lanes, &staged[i]) { // and with it those before it
			first = i + 1
		}
	}
	if first > 0 { // by memory; the store decides
		last, err := s.progress(ctx)
		if err != nil {
			return s.passing("commit", err)
		}
		if !done(last, &staged[first-1]) {
			return stream.ErrFenced
		}
	}
	for i := first; i < len(staged); i++ {
		if err := s.commit(ctx, &staged[i]); err != nil {
			return s.passing("commit", err)
		}
	}
	return nil
}

func (s *Sink) commit(ctx context.Context, st *stream.Staged) error {
	cl, err := s.client(ctx)
	if err != nil {
		return err
	}
	if s.unsure { // an earlier try ended without an answer
		if err := s.settle(ctx); err != nil {
			return err
		}
		last, err := s.progress(ctx)
		if err != nil {
			return err
		}
		if done(last, st) { // else what was seen before still is what is compared
			s.seen(last, spanLanes(st.Spans))
		}
		s.unsure = false
	}
	if done(s.lanes, st) {
		return nil
	}
	err = s.apply(ctx, cl, st)
	if errors.Is(err, stream.ErrFenced) { // another process may have committed this very epoch
		if last, e := s.progress(ctx); e == nil && done(last, st) {
			return nil
		}
	}
	return err
}

// done reports whether every lane has this commit behind it.
func done(lanes map[stream.Lane]laneRecord, st *stream.Staged) bool {
	for _, sp := range st.Spans {
		x, ok := lanes[sp.Lane]
		if !ok || x.None || x.Commit != st.Commit || x.Next != sp.To {
			return false
		}
	}
	return len(st.Spans) > 0
}

// apply is the transaction of one commit.
func (s *Sink) apply(ctx context.Context, cl *kgo.Client, st *stream.Staged) error {
	if s.gone {
		return stream.ErrFenced
	}
	if at, err := s.logStart(ctx); err != nil {
		return err
	} else if at != s.start { // emptied under a running pipeline: absence is compared too
		s.gone = true
		return stream.ErrFenced
	}
	if err := s.claim(ctx, cl, st.Spans); err != nil {
		return err
	}
	rs, next, err := s.records(st)
	if err != nil {
		return err
	}
	err = s.topics(ctx, cl, topicsOf(rs)...)
	if missing, is := errors.AsType[missingTopics](err); is {
		return missing.apart(rs)
	}
	if err != nil {
		return err
	}
	if err := s.transact(ctx, cl, rs); err != nil {
		return err
	}
	for l, x := range next {
		s.lanes[l], s.knew[l] = x, true
	}
	return nil
}

func spanLanes(spans []stream.LedgerSpan) (ls []stream.Lane) {
	for _, sp := range spans {
		ls = append(ls, sp.Lane)
	}
	return ls
}

func topicsOf(rs []*kgo.Record) (names []string) {
	for _, r := range rs {
		names = append(names, r.Topic)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// records are those of one commit: rows, ledger, progress.
func (s *Sink) records(st *stream.Staged) (rs []*kgo.Record, next map[stream.Lane]laneRecord, err error) {
	next = map[stream.Lane]laneRecord{}
	s.seq++
	for _, sp := range st.Spans {
		x, ok := s.lanes[sp.Lane]
		if !ok || x.Writer != s.txid || !x.None && !st.Follows(x.LanePos, sp) { // D2 D3
			return nil, nil, stream.ErrFenced
		}
		n := laneRecord{Format: 1, LanePos: st.Move(x.LanePos, sp), Sink: s.env.Name, Seq: s.seq,
			Commit: st.Commit, Plan: st.Plan, Cluster: st.Cluster, Writer: s.txid}
		if st.PositionsOnly {
			if n.PlanSeq = -1; !x.None {
				n.Plan, n.PlanSeq = x.Plan, x.planSeq()
			}
		}
		next[sp.Lane] = n
	}
	if rs, err = decodeMessages(st.Payload); err != nil {
		return nil, nil, err
	}
	for _, d := range st.Rejects { // codes and positions of rows this sink refused
		v, err := json.Marshal(d)
		if err != nil {
			return nil, nil, err
		}
		rs = append(rs, &kgo.Record{Topic: "_sluice_dead_" + s.env.Pipeline, Key: []byte(d.ID), Value: v})
	}
	for _, sp := range st.Spans {
		v, err := json.Marshal(stream.LedgerRow{Seq: s.seq, Sink: s.env.Name, Commit: st.Commit, Plan: st.Plan, Time: st.Time, LedgerSpan: sp})
		if err != nil {
			return nil, nil, err
		}
		rs = append(rs, &kgo.Record{Topic: s.ledgerTopic(), Value: v}, s.record(sp.Lane, next[sp.Lane]))
	}
	return rs, next, nil
}

// passing classifies an error of a call to the broker.
func (s *Sink) passing(call string, err error) error {
	var ke *kerr.Error
	kind := stream.KindOf(err)
	if kind == stream.KindFenced || kind == stream.KindState {
		return err // by comparison: no transaction is open
	}
	s.drop()
	s.unsure = true
	if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
		clear(s.made) // somebody deleted a topic: it is made again
	}
	refused := apart(err)
	switch {
	case refused != nil:
		return refused
	case kind == stream.KindRetry, errors.Is(err, context.Canceled):
		return err
	case fencedByBroker(err):
		s.gone = true
		return stream.ErrFenced
	case errors.As(err, &ke) && !ke.Retriable && !errors.Is(err, kerr.UnknownTopicOrPartition) && !errors.Is(err, kerr.UnknownTopicID):
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("kafka: %s: %v", call, err), Todo: "mend the topic, the user's rights or the config"}
	}
	return stream.Retry("kafka_"+call, 0, fmt.Errorf("kafka: %w", err))
}

// Close is part of stream.Sink.
func (s *Sink) Close() error {
	s.closeKeepers()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	return nil
}
