package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/connectors/sinktest"
	"sluice/topology"
	"sluice/topology/stream"
)

// brokerStore is a broker that outlives the sinks under test.
type brokerStore struct{ c *kfake.Cluster }

func newBroker(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.DefaultNumPartitions(3)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestSink: the contract of sinks, rows in order of the topic they are in.
func TestSink(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store { return brokerStore{newBroker(t)} })
}

func testEnv() topology.Env {
	return topology.Env{Pipeline: sinktest.Pipeline, Name: sinktest.Sink, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Rand: rand.New(rand.NewPCG(1, 2)), Secret: func(ref string) (string, error) { return strings.TrimPrefix(ref, "env:"), nil }}
}

func (s brokerStore) Open(t testing.TB) stream.Sink {
	cfg := SinkDefault
	cfg.Brokers, cfg.Topic, cfg.Linger = s.c.ListenAddrs(), "{table}.masked", 0
	cfg.Partitions = 3
	cfg.Timeout = topology.Duration(5 * time.Second)
	k, err := openSink(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// Cut ends the connection of the next n commits of transactions.
func (s brokerStore) Cut(n int) {
	for range n {
		s.c.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, fmt.Errorf("cut"), true })
	}
}

// Wipe empties every topic, as a person does who deletes their records.
func (s brokerStore) Wipe() {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.c.ListenAddrs()...))
	if err != nil {
		panic(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ctx := context.Background()
	ends, err := adm.ListEndOffsets(ctx)
	if err == nil {
		_, err = adm.DeleteRecords(ctx, ends.Offsets())
	}
	if err != nil {
		panic(err)
	}
}

// Rows reads the data topics as a consumer does, committed records only.
func (s brokerStore) Rows(t testing.TB) (out []sinktest.Row) {
	t.Helper()
	for _, r := range readAll(t, s.c, func(topic string) bool { return strings.HasSuffix(topic, ".masked") }) {
		x := sinktest.Row{Topic: "events", Columns: map[string]string{}}
		for _, h := range r.Headers {
			switch h.Key {
			case headerOp:
				x.Op = string(h.Value)
			case headerSource:
				p := strings.Split(string(h.Value), "/")
				x.Topic = strings.Join(p[:len(p)-3], "/")
				fmt.Sscan(strings.Join(p[len(p)-3:], " "), &x.Partition, &x.Offset, &x.Seq)
			}
		}
		var v map[string]json.RawMessage
		if r.Value == nil {
			r.Value = r.Key
		}
		if err := json.Unmarshal(r.Value, &v); r.Value != nil && err != nil {
			t.Fatal(err)
		}
		for c, js := range v {
			x.Columns[c] = sinktest.Canonical(t, c, string(js))
		}
		out = append(out, x)
	}
	return out
}

// readAll reads topics whole, read committed.
func readAll(t testing.TB, c *kfake.Cluster, want func(string) bool) (rs []*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]map[int32]int64{}
	add := map[string]map[int32]kgo.Offset{}
	starts, err := kadm.NewClient(cl).ListStartOffsets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		if start, _ := starts.Lookup(o.Topic, o.Partition); want(o.Topic) && o.Offset > start.Offset {
			if left[o.Topic] == nil {
				left[o.Topic], add[o.Topic] = map[int32]int64{}, map[int32]kgo.Offset{}
			}
			left[o.Topic][o.Partition], add[o.Topic][o.Partition] = o.Offset, kgo.NewOffset().AtStart()
		}
	})
	cl.AddConsumePartitions(add)
	for len(left) > 0 {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				rs = append(rs, r)
			}
			if r.Offset+1 >= left[r.Topic][r.Partition] {
				delete(left[r.Topic], r.Partition)
				if len(left[r.Topic]) == 0 {
					delete(left, r.Topic)
				}
			}
		})
	}
	return rs
}
