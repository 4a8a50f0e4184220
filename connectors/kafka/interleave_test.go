package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"sluice/connectors/sinktest"
	"sluice/topology"
	"sluice/topology/stream"
)

// wire counts the requests of one process that decide who owns a lane, and
// stops before the nth of them until it is let go; it can also cut the
// connection after a request was sent, so that its answer is lost.
type wire struct {
	count   atomic.Int64
	stopAt  int64 // -1: never
	stopped chan struct{}
	proceed chan struct{}
	cut     atomic.Int64 // lose the answers of that many EndTxn
}

func newWire(stopAt int64) *wire {
	return &wire{stopAt: stopAt, stopped: make(chan struct{}), proceed: make(chan struct{})}
}

// deciding are Produce, Fetch, ListOffsets, InitProducerID, AddPartitionsToTxn, EndTxn.
var deciding = map[uint16]bool{0: true, 1: true, 2: true, 22: true, 24: true, 26: true}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &wiredConn{Conn: c, w: w}, err
}

type wiredConn struct {
	net.Conn
	w *wire
}

func (c *wiredConn) Write(p []byte) (int, error) {
	if len(p) < 6 {
		return c.Conn.Write(p)
	}
	key := binary.BigEndian.Uint16(p[4:])
	if deciding[key] && c.w.count.Add(1)-1 == c.w.stopAt {
		close(c.w.stopped)
		<-c.w.proceed
	}
	n, err := c.Conn.Write(p)
	if key == 26 && c.w.cut.Add(-1) >= 0 {
		c.Conn.Close()
		return n, errors.New("cut")
	}
	return n, err
}

var laneX = stream.Lane{Topic: "events", Partition: 0}

// proc is one process.
type proc struct {
	t testing.TB
	*Sink
	name string
	lane stream.Lane
	n    int
}

func process(t testing.TB, c *kfake.Cluster, name string, w *wire) *proc {
	cfg := SinkDefault
	cfg.Brokers, cfg.Topic, cfg.Linger, cfg.Partitions = c.ListenAddrs(), "{table}.masked", 0, 1
	cfg.Timeout = topology.Duration(time.Second)
	env := testEnv()
	env.Dial = w.dial
	k, err := openSink(cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	p := &proc{t: t, Sink: k.(*Sink), name: name, lane: laneX}
	p.recover()
	return p
}

func (p *proc) recover() int64 {
	p.t.Helper()
	for range 50 {
		prog, err := p.Recover(context.Background(), []stream.Lane{p.lane})
		if err == nil {
			return prog.Lanes[p.lane].Next.Offset
		}
		if stream.KindOf(err) != stream.KindRetry {
			p.t.Fatalf("%s: Recover: %v", p.name, err)
		}
	}
	p.t.Fatalf("%s: Recover does not end", p.name)
	return 0
}

// stage makes the epoch [from,to) of the lane, one row an offset.
func (p *proc) stage(from, to int64) stream.Staged {
	p.n++
	payload := []byte{1}
	for o := from; o < to; o++ {
		payload = appendBytes(payload, []byte("x.masked"))
		payload = binary.AppendUvarint(payload, 0)
		payload = binary.AppendVarint(payload, 0)
		payload = appendNullable(payload, nil, false)
		payload = appendNullable(payload, strconv.AppendInt(nil, o, 10), true)
		payload = appendBytes(payload, []byte("insert"))
		payload = binary.BigEndian.AppendUint16(payload, 1)
		payload = append(payload, 'x')
	}
	n := to - from
	return stream.Staged{Format: 1, Payload: payload, Epoch: stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: fmt.Sprintf("%s-%d", p.name, p.n),
		Plan: "plan", Cluster: "cluster", Spans: []stream.LedgerSpan{{TopicID: "id", Count: stream.Count{In: n, Written: n},
			Span: stream.Span{Lane: p.lane, From: stream.Position{Offset: from}, To: stream.Position{Offset: to}}}}}}
}

// commit commits as the engine does: again after a RetryError.
func (p *proc) commit(st stream.Staged) error {
	for range 50 {
		err := p.Commit(context.Background(), []stream.Staged{st})
		if stream.KindOf(err) != stream.KindRetry {
			return err
		}
	}
	return errors.New("a RetryError without end")
}

// finish takes part as the engine does until the lane is at end: commits, and
// after a fence recovers and goes on from where the store is.
func (p *proc) finish(end int64) {
	p.t.Helper()
	for range 20 {
		at := p.recover()
		if at >= end {
			return
		}
		if err := p.commit(p.stage(at, end)); err != nil && !errors.Is(err, stream.ErrFenced) {
			p.t.Fatalf("%s: Commit: %v", p.name, err)
		}
	}
	p.t.Fatalf("%s: never gets to %d", p.name, end)
}

// wantOnce reads the store: every row once, the lane at end, the ledger without
// gap or overlap. // D3 D5
func wantOnce(t testing.TB, c *kfake.Cluster, end int64) {
	t.Helper()
	seen := map[string]int{}
	for _, r := range readAll(t, c, func(topic string) bool { return topic == "x.masked" }) {
		seen[string(r.Value)]++
	}
	for o := range end {
		if n := seen[strconv.FormatInt(o, 10)]; n != 1 {
			t.Errorf("row %d is there %d times", o, n)
		}
	}
	p := process(t, c, "reader", newWire(-1))
	prog, err := p.Inspect(context.Background())
	if err != nil || prog.Lanes[laneX].Next.Offset != end {
		t.Errorf("the store is at %d, %v; want %d", prog.Lanes[laneX].Next.Offset, err, end)
	}
	at := int64(0)
	for row, err := range p.Ledger(context.Background()) {
		if err != nil || row.From.Offset != at {
			t.Fatalf("ledger row from %d after %d: %v", row.From.Offset, at, err)
		}
		at = row.To.Offset
	}
}

// TestInterleavings: a new owner is stopped before each request of its first
// commit in turn, and another process acts meanwhile. Whatever comes of it,
// every row is in the store once.
func TestInterleavings(t *testing.T) {
	if testing.Short() {
		t.Skip("a broker a case")
	}
	acts := map[string]func(c *kfake.Cluster, a *proc, aw *wire){
		"zombie commits": func(_ *kfake.Cluster, a *proc, _ *wire) { a.commit(a.stage(2, 4)) },
		"zombie retries after a lost answer": func(_ *kfake.Cluster, a *proc, aw *wire) {
			aw.cut.Store(1)
			a.commit(a.stage(2, 4))
		},
		"zombie recovers": func(_ *kfake.Cluster, a *proc, _ *wire) { a.finish(4) },
		"third takes over": func(c *kfake.Cluster, a *proc, _ *wire) {
			process(a.t, c, "c", newWire(-1)).finish(4)
		},
		"third takes over, the first comes back": func(c *kfake.Cluster, a *proc, _ *wire) {
			process(a.t, c, "c", newWire(-1)).finish(3)
			a.finish(4)
		},
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := int64(0); ; n++ {
				if !interleave(t, n, act) {
					t.Logf("%d points", n)
					return
				}
			}
		})
	}
}

// interleave reports whether the new owner got as far as its nth request.
func interleave(t *testing.T, n int64, act func(*kfake.Cluster, *proc, *wire)) bool {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	aw, bw := newWire(-1), newWire(-1)
	a := process(t, c, "a", aw)
	a.finish(2)
	b := process(t, c, "b", bw)
	bw.stopAt = bw.count.Load() + n
	var all sync.WaitGroup
	ended := make(chan struct{})
	all.Go(func() { defer close(ended); b.commit(b.stage(2, 4)) })
	reached := true
	select {
	case <-bw.stopped:
		done := make(chan struct{})
		all.Go(func() { defer close(done); act(c, a, aw) })
		select { // it may have to wait for what the stopped one holds
		case <-done:
		case <-time.After(3 * time.Second):
		}
		close(bw.proceed)
	case <-ended:
		reached = false
		close(bw.proceed) // a later request may be the nth
	}
	all.Wait()
	b.finish(6)
	a.finish(8)
	wantOnce(t, c, 8)
	if t.Failed() {
		t.Fatalf("stopped before request %d", n)
	}
	return reached
}

// TestTwoStopped: two new owners are stopped, each before a request of its
// own, and go on in either order while the old one acts; the seed decides.
func TestTwoStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("a broker a case")
	}
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			c, err := kfake.NewCluster(kfake.NumBrokers(1))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			a := process(t, c, "a", newWire(-1))
			a.finish(2)
			var ps []*proc
			var ws []*wire
			var all sync.WaitGroup
			for i := range 2 {
				w := newWire(-1)
				p := process(t, c, fmt.Sprint("p", i), w)
				w.stopAt = w.count.Load() + r.Int64N(17)
				ps, ws = append(ps, p), append(ws, w)
			}
			order := r.Perm(3)
			for i, p := range ps {
				ended := make(chan struct{})
				all.Go(func() { defer close(ended); p.commit(p.stage(2, 4)) })
				select {
				case <-ws[i].stopped:
				case <-ended:
				case <-time.After(3 * time.Second): // it waits for the one that stands
				}
			}
			for _, i := range order {
				if i < 2 {
					close(ws[i].proceed)
				} else {
					all.Go(func() { a.commit(a.stage(2, 4)) })
				}
			}
			all.Wait()
			for i, p := range ps {
				p.finish(int64(6 + 2*i))
			}
			a.finish(10)
			wantOnce(t, c, 10)
		})
	}
}

// TestClaimsMeet: many processes claim lanes of their own at once, as after a
// change of the group; the lock of claims lets all of them through.
func TestClaimsMeet(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for each other")
	}
	c := newBroker(t)
	const n = 8
	ps := make([]*proc, n)
	for i := range ps {
		ps[i] = process(t, c, fmt.Sprint("p", i), newWire(-1))
		ps[i].lane.Partition = int32(i)
		ps[i].recover()
	}
	var all sync.WaitGroup
	var tries atomic.Int64
	for _, p := range ps {
		all.Go(func() {
			st := p.stage(0, 2)
			for {
				tries.Add(1)
				err := p.Commit(context.Background(), []stream.Staged{st})
				var again *stream.RetryError
				if errors.As(err, &again) && tries.Load() < 50*n {
					time.Sleep(again.After) // as the engine does
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", p.name, err)
				}
				return
			}
		})
	}
	all.Wait()
	t.Logf("%d tries of %d commits", tries.Load(), n)
	prog, err := ps[0].Inspect(context.Background())
	if err != nil || len(prog.Lanes) != n {
		t.Errorf("%d lanes, %v", len(prog.Lanes), err)
	}
}
