package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/topology"
	"sluice/topology/stream"
)

// feed plays the engine: it answers where lanes stand, wants every batch to
// follow the one before it, and remembers what it saw. Positions are shared by
// the members of a test, as a store is.
type feed struct {
	t     *testing.T
	store *shelf
	s     *Source

	mu      sync.Mutex
	at      map[stream.Lane]int64 // what comes next
	reports map[stream.Lane]*stream.StateError
	assigns int
	hold    map[stream.Lane]bool // not named in Assign's answer
	block   chan struct{}        // Admit waits for it
	refuse  func() error         // what Assign answers
}

// shelf is where positions and values are kept.
type shelf struct {
	mu     sync.Mutex
	next   map[stream.Lane]int64
	values map[stream.Lane][]string
}

func newShelf() *shelf {
	return &shelf{next: map[stream.Lane]int64{}, values: map[stream.Lane][]string{}}
}

func (x *shelf) count() (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, v := range x.values {
		n += len(v)
	}
	return n
}

func (f *feed) Assign(_ context.Context, cluster string, infos []stream.LaneInfo) (map[stream.Lane]stream.Position, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.assigns++
	if f.refuse != nil {
		return nil, f.refuse()
	}
	start := map[stream.Lane]stream.Position{}
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	for _, i := range infos {
		if cluster == "" || i.TopicID == "" {
			f.t.Errorf("%v: cluster %q, topic id %q", i.Lane, cluster, i.TopicID)
		}
		n, ok := f.store.next[i.Lane]
		if !ok {
			n = i.LogStart
		}
		f.at[i.Lane] = n
		if !f.hold[i.Lane] {
			start[i.Lane] = stream.Position{Offset: n, Epoch: -1}
		}
	}
	return start, nil
}

func (f *feed) Admit(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.at[b.Lane]
	if !ok || at < b.From.Offset || at >= b.To.Offset { // under way when the lane was sought or taken
		return nil
	}
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	if n, ok := f.store.next[b.Lane]; ok && n != at {
		return nil // another member holds it
	}
	for _, r := range b.Records {
		if r.Offset < b.From.Offset || r.Offset >= b.To.Offset {
			f.t.Errorf("%v: record %d in [%d,%d)", b.Lane, r.Offset, b.From.Offset, b.To.Offset)
		}
		if r.Offset >= at { // the rest of one that began before: see stream.Feed
			f.store.values[b.Lane] = append(f.store.values[b.Lane], string(r.Value.Bytes()))
		}
	}
	f.at[b.Lane], f.store.next[b.Lane] = b.To.Offset, b.To.Offset
	return nil
}

func (f *feed) Revoke(_ context.Context, lanes []stream.Lane) { f.Lost(lanes) }

func (f *feed) Lost(lanes []stream.Lane) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range lanes {
		delete(f.at, l)
	}
}

func (f *feed) Report(l stream.Lane, e *stream.StateError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.at, l)
	f.reports[l] = e
}

func (f *feed) reported(l stream.Lane) *stream.StateError {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reports[l]
}

// member starts a source in the group "g".
func member(t *testing.T, c *kfake.Cluster, st *shelf, edit func(*Config, *feed)) (*feed, func()) {
	t.Helper()
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group = c.ListenAddrs(), []string{"t"}, "g"
	cfg.SessionTimeout, cfg.RebalanceTimeout = topology.Duration(6*time.Second), topology.Duration(6*time.Second)
	cfg.Fetch.MaxWait = topology.Duration(50 * time.Millisecond)
	f := &feed{t: t, store: st, at: map[stream.Lane]int64{}, reports: map[stream.Lane]*stream.StateError{}, hold: map[stream.Lane]bool{}}
	if edit != nil {
		edit(&cfg, f)
	}
	src, err := openSource(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	f.s = src.(*Source)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- src.Run(ctx, f) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return f, stop
}

func produce(t *testing.T, c *kfake.Cluster, opts []kgo.Opt, f func(*kgo.Client)) {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	f(cl)
}

func send(t *testing.T, cl *kgo.Client, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		cl.Produce(context.Background(), &kgo.Record{Topic: "t", Partition: int32(i % 3), Value: fmt.Appendf(nil, "v%05d", i),
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}}, func(_ *kgo.Record, err error) {
			if err != nil && !errors.Is(err, kgo.ErrAborting) {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// until waits for a condition of the outside: a broker is another process.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("never: " + what)
}

// once wants every value exactly once and in order.
func (x *shelf) once(t *testing.T, n int) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	seen := map[string]int{}
	for l, vs := range x.values {
		last := ""
		for _, v := range vs {
			if v <= last {
				t.Errorf("%v: %s after %s", l, v, last)
			}
			last = v
			seen[v]++
		}
	}
	for i := range n {
		if v := fmt.Sprintf("v%05d", i); seen[v] != 1 {
			t.Fatalf("%s was read %d times", v, seen[v])
		}
	}
}

func topicOf3(t *testing.T) *kfake.Cluster { return newBroker(t, kfake.SeedTopics(3, "t")) }

// TestStopWhileRefused: lanes that cannot be started, for as long as a store
// refuses, do not keep the source from stopping.
func TestStopWhileRefused(t *testing.T) {
	refused := make(chan struct{}, 100)
	_, stop := member(t, topicOf3(t), newShelf(), func(_ *Config, f *feed) {
		f.refuse = func() error { refused <- struct{}{}; return errors.New("the store refuses") }
	})
	<-refused
	<-refused // it is in its loop
	stop()    // the test's own time-out is what it would hang for
}

// TestRebalance: members join and leave under load; every record is read once.
func TestRebalance(t *testing.T) {
	c, st := topicOf3(t), newShelf()
	const n = 6000
	produce(t, c, nil, func(cl *kgo.Client) {
		_, stopA := member(t, c, st, nil)
		send(t, cl, 0, n/3)
		until(t, "the first third", func() bool { return st.count() == n/3 })
		b, stopB := member(t, c, st, nil)
		until(t, "the second member has lanes", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.at) > 0 })
		send(t, cl, n/3, 2*n/3)
		until(t, "two thirds", func() bool { return st.count() == 2*n/3 })
		stopA()
		send(t, cl, 2*n/3, n)
		until(t, "all", func() bool { return st.count() == n })
		stopB()
	})
	st.once(t, n)
}

// TestTransactions: aborted records never come, markers move the position, so
// that a lane ends at its last stable offset.
func TestTransactions(t *testing.T) {
	c, st := topicOf3(t), newShelf()
	produce(t, c, []kgo.Opt{kgo.TransactionalID("x")}, func(cl *kgo.Client) {
		for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			send(t, cl, 300*i, 300*i+300)
			if err := cl.EndTransaction(context.Background(), end); err != nil {
				t.Fatal(err)
			}
		}
		f, stop := member(t, c, st, nil)
		ends, err := kadm.NewClient(cl).ListCommittedOffsets(context.Background(), "t")
		if err != nil {
			t.Fatal(err)
		}
		until(t, "every lane at its last stable offset", func() bool {
			ok := true
			ends.Each(func(o kadm.ListedOffset) {
				f.mu.Lock()
				ok = ok && f.at[stream.Lane{Topic: "t", Partition: o.Partition}] == o.Offset
				f.mu.Unlock()
			})
			return ok
		})
		stop()
	})
	if st.count() != 600 {
		t.Errorf("%d records, want 600: two transactions committed, two aborted", st.count())
	}
	for _, vs := range st.values {
		for _, v := range vs {
			if v >= "v00300" && v < "v00600" || v >= "v00900" {
				t.Fatalf("%s was aborted", v)
			}
		}
	}
}

// TestRetention (was lost in silence): records that were deleted before they
// were read are reported, and the lane stands.
func TestRetention(t *testing.T) {
	c, st := topicOf3(t), newShelf()
	lane := stream.Lane{Topic: "t", Partition: 1}
	st.next[lane] = 10
	produce(t, c, nil, func(cl *kgo.Client) {
		send(t, cl, 0, 300)
		del := kadm.Offsets{}
		del.Add(kadm.Offset{Topic: "t", Partition: 1, At: 50})
		if _, err := kadm.NewClient(cl).DeleteRecords(context.Background(), del); err != nil {
			t.Fatal(err)
		}
	})
	f, stop := member(t, c, st, nil)
	until(t, "the loss is reported", func() bool { return f.reported(lane) != nil })
	if e := f.reported(lane); e.State != stream.StateDataLost || !strings.Contains(e.Why, "10 to 49") || !strings.Contains(e.Todo, "accept-loss") {
		t.Errorf("reported %v", e)
	}
	f.mu.Lock()
	f.at[lane] = 50
	f.mu.Unlock()
	st.mu.Lock()
	st.next[lane] = 50
	st.mu.Unlock()
	f.s.Seek(map[stream.Lane]stream.Position{lane: {Offset: 50, Epoch: -1}}) // a person accepted it
	until(t, "the rest is read", func() bool { return st.count() == 250 })
	stop()
}

// TestCutLog: a position past the end of the log is reported, not waited for.
func TestCutLog(t *testing.T) {
	c, st := topicOf3(t), newShelf()
	lane := stream.Lane{Topic: "t", Partition: 2}
	st.next[lane] = 5000
	produce(t, c, nil, func(cl *kgo.Client) { send(t, cl, 0, 30) })
	f, stop := member(t, c, st, nil)
	until(t, "it is reported", func() bool { return f.reported(lane) != nil })
	if e := f.reported(lane); e.State != stream.StateParked || !strings.Contains(e.Todo, "rebase") {
		t.Errorf("reported %v", e)
	}
	stop()
}

// TestSeek: back and forward under load; the feed ignores what is of the old
// position, and nothing of the new one is missing.
func TestSeek(t *testing.T) {
	c, st := topicOf3(t), newShelf()
	produce(t, c, nil, func(cl *kgo.Client) {
		f, stop := member(t, c, st, nil)
		for round := range 20 {
			send(t, cl, 300*round, 300*round+300)
			l := stream.Lane{Topic: "t", Partition: int32(round % 3)}
			f.mu.Lock()
			if _, ok := f.at[l]; ok {
				st.mu.Lock()
				back := max(0, st.next[l]-37)
				st.next[l], st.values[l] = back, st.values[l][:back]
				st.mu.Unlock()
				f.at[l] = back
				f.s.Seek(map[stream.Lane]stream.Position{l: {Offset: back, Epoch: -1}})
			}
			f.mu.Unlock()
		}
		until(t, "all", func() bool { return st.count() == 6000 })
		stop()
	})
	st.once(t, 6000)
}

// TestHeldLane: a lane that Assign did not name is not read until a seek.
func TestHeldLane(t *testing.T) {
	c, st := topicOf3(t), newShelf()
	lane := stream.Lane{Topic: "t", Partition: 0}
	produce(t, c, nil, func(cl *kgo.Client) { send(t, cl, 0, 300) })
	f, stop := member(t, c, st, func(_ *Config, f *feed) { f.hold[lane] = true })
	until(t, "the other lanes are read", func() bool { return st.count() == 200 })
	st.mu.Lock()
	if len(st.values[lane]) > 0 {
		t.Error("a held lane was read")
	}
	st.mu.Unlock()
	f.s.Seek(map[stream.Lane]stream.Position{lane: {Offset: 0, Epoch: -1}})
	until(t, "the held lane is read", func() bool { return st.count() == 300 })
	stop()
	st.once(t, 300)
}

// TestBackpressure: a feed that takes nothing for longer than the session keeps
// the membership.
func TestBackpressure(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a real session time-out")
	}
	c, st := topicOf3(t), newShelf()
	produce(t, c, nil, func(cl *kgo.Client) { send(t, cl, 0, 300) })
	block := make(chan struct{})
	f, stop := member(t, c, st, func(_ *Config, f *feed) { f.block = block })
	until(t, "lanes are assigned", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.assigns > 0 })
	time.Sleep(8 * time.Second) // the session is 6 s
	close(block)
	until(t, "all", func() bool { return st.count() == 300 })
	f.mu.Lock()
	if f.assigns != 1 {
		t.Errorf("the lanes were assigned %d times", f.assigns)
	}
	f.mu.Unlock()
	stop()
}

// TestFetchFits: what compresses well is asked for in smaller pieces: an answer
// is bounded by what it becomes, not by what it is. // D7
func TestFetchFits(t *testing.T) {
	c, st := topicOf3(t), newShelf()
	var asked atomic.Int32
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked.Store(r.(*kmsg.FetchRequest).MaxBytes)
		return nil, nil, false
	})
	member(t, c, st, nil)
	until(t, "the first question", func() bool { return asked.Load() == plainBytes/mostRatio })
	produce(t, c, nil, func(cl *kgo.Client) {
		if err := cl.ProduceSync(context.Background(), &kgo.Record{Topic: "t", Value: []byte("as it is")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	})
	until(t, "larger questions", func() bool { return asked.Load() == int32(Default.Fetch.MaxBytes) })
	produce(t, c, []kgo.Opt{kgo.ProducerBatchCompression(kgo.Lz4Compression())}, func(cl *kgo.Client) {
		for range 100 {
			cl.Produce(context.Background(), &kgo.Record{Topic: "t", Value: bytes.Repeat([]byte("flat "), 20_000)}, nil)
		}
		if err := cl.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	until(t, "all", func() bool { return st.count() == 101 })
	until(t, "smaller questions", func() bool { return asked.Load() < 4<<20 }) // 1 MiB or what plainBytes may be
}

// TestFetchFitsMarkers: the marker behind a transaction is all that came, and tells
// nothing of what data becomes. // D7
func TestFetchFitsMarkers(t *testing.T) {
	c, st := topicOf3(t), newShelf()
	var asked, questions atomic.Int32
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked.Store(r.(*kmsg.FetchRequest).MaxBytes)
		questions.Add(1)
		return nil, nil, false
	})
	f, _ := member(t, c, st, nil)
	produce(t, c, []kgo.Opt{kgo.TransactionalID("x"), kgo.ProducerBatchCompression(kgo.NoCompression())}, func(cl *kgo.Client) {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		send(t, cl, 0, 3)
		if err := cl.EndTransaction(context.Background(), kgo.TryAbort); err != nil {
			t.Fatal(err)
		}
	})
	until(t, "past the marker", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.at[stream.Lane{Topic: "t"}] == 2
	})
	n := questions.Load()
	until(t, "more questions", func() bool { return questions.Load() > n+3 })
	if asked.Load() != plainBytes/mostRatio {
		t.Errorf("%d bytes are asked for, and nothing is known yet", asked.Load())
	}
}

// admits keeps what it is given.
type admits struct {
	stream.Feed
	batches []*stream.Batch
}

func (f *admits) Admit(_ context.Context, b *stream.Batch) error {
	f.batches = append(f.batches, b)
	return nil
}

// TestBatchNamesItsLog: a batch says which log it was read from, in the form
// that Survey gives, so that the engine sees a topic that was made anew between
// the question where a lane stands and the first fetch. // D2
func TestBatchNamesItsLog(t *testing.T) {
	c := topicOf3(t)
	produce(t, c, nil, func(cl *kgo.Client) {
		if err := cl.ProduceSync(context.Background(), &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{"t": {0: kgo.NewOffset().AtStart()}})
		details, err := kadm.NewClient(cl).ListTopics(context.Background(), "t")
		if err != nil {
			t.Fatal(err)
		}
		s := &Source{next: map[stream.Lane]stream.Position{{Topic: "t"}: {}}, gone: map[stream.Lane]int{}}
		var f admits
		for len(f.batches) == 0 {
			if err := s.hand(context.Background(), &f, cl.PollFetches(context.Background())); err != nil {
				t.Fatal(err)
			}
		}
		if want := topicID(details["t"]); want == "" || f.batches[0].TopicID != want {
			t.Errorf("the batch is of log %q, the topic is %q", f.batches[0].TopicID, want)
		}
	})
}

// TestNulls: a null key or value is not an empty one.
func TestNulls(t *testing.T) {
	c := topicOf3(t)
	produce(t, c, nil, func(cl *kgo.Client) {
		if err := cl.ProduceSync(context.Background(), &kgo.Record{Topic: "t"}, &kgo.Record{Topic: "t", Key: []byte{}, Value: []byte{}}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{"t": {0: kgo.NewOffset().AtStart()}})
		s := &Source{next: map[stream.Lane]stream.Position{{Topic: "t"}: {}}, gone: map[stream.Lane]int{}}
		var rs []*kgo.Record
		for len(rs) < 2 {
			rs = append(rs, cl.PollFetches(context.Background()).Records()...)
		}
		b, state := s.batch(stream.Lane{Topic: "t"}, &kgo.FetchPartition{Records: rs})
		if state != nil || !b.Records[0].Key.IsNil() || !b.Records[0].Value.IsNil() || b.Records[1].Key.IsNil() || b.Records[1].Value.IsNil() {
			t.Error("null and empty are told apart")
		}
	})
}

// TestCredentials: the right one reads, a wrong one gives one line without it.
func TestCredentials(t *testing.T) {
	c := newBroker(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ann", "right-secret"), kfake.Superuser("SCRAM-SHA-256", "sue", "right-secret"), kfake.SeedTopics(1, "t"))
	for _, x := range []struct {
		mechanism, user, password string
		ok                        bool
	}{{"PLAIN", "ann", "right-secret", true}, {"PLAIN", "ann", "wrong-secret", false}, {"SCRAM-SHA-256", "sue", "right-secret", true}, {"SCRAM-SHA-256", "sue", "wrong-secret", false}} {
		cfg := Default
		cfg.Brokers, cfg.Topics = c.ListenAddrs(), []string{"t"}
		cfg.SASL = SASL{Mechanism: x.mechanism, Username: x.user, Password: "env:" + x.password}
		src, err := openSource(cfg, testEnv())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, lanes, err := src.(*Source).Survey(ctx)
		cancel()
		if x.ok != (err == nil && len(lanes) == 1) {
			t.Errorf("%s with %s: %v", x.mechanism, x.password, err)
		}
		if err != nil && strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
}
