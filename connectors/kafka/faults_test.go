package kafka

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/connectors/sinktest"
	"sluice/topology"
	"sluice/topology/stream"
)

// faultStore is a brokerStore whose answers to commits of transactions can be
// lost, or be an error of the coordinator.
type faultStore struct {
	brokerStore
	mu   *sync.Mutex
	lose *int
}

// TestSinkFaults: the contract of sinks with the faults of a coordinator.
func TestSinkFaults(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store {
		return faultStore{brokerStore{newBroker(t)}, &sync.Mutex{}, new(int)}
	})
}

func (s faultStore) Open(t testing.TB) stream.Sink {
	cfg := SinkDefault
	cfg.Brokers, cfg.Topic, cfg.Linger, cfg.Partitions = s.c.ListenAddrs(), "{table}.masked", 0, 3
	cfg.Timeout = topology.Duration(1e9)
	env := testEnv()
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &losing{Conn: c, s: s}, err
	}
	k, err := openSink(cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// losing lets a commit through, waits for its answer and loses that.
type losing struct {
	net.Conn
	s    faultStore
	mu   sync.Mutex
	next bool // the answer that comes is lost
}

func (c *losing) Write(p []byte) (int, error) {
	if len(p) > 5 && p[4] == 0 && p[5] == byte(kmsg.EndTxn) {
		c.s.mu.Lock()
		if *c.s.lose > 0 {
			*c.s.lose--
			c.mu.Lock()
			c.next = true
			c.mu.Unlock()
		}
		c.s.mu.Unlock()
	}
	return c.Conn.Write(p)
}

func (c *losing) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// LoseReply is part of sinktest.LoseReply.
func (s faultStore) LoseReply(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.lose = n
}

// Refuse is part of sinktest.Refuse: the coordinator's passing errors.
func (s faultStore) Refuse(status, n int) {
	e := map[int]*kerr.Error{429: kerr.ConcurrentTransactions, 500: kerr.CoordinatorNotAvailable, 503: kerr.NotCoordinator}[status]
	s.c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: e, Count: n})
}
