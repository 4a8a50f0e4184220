package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/connectors/sourcetest"
	"sluice/topology"
	"sluice/topology/stream"
)

// TestSource: the contract of sources.
func TestSource(t *testing.T) {
	sourcetest.Run(t, func(t testing.TB) sourcetest.World {
		c := newBroker(t)
		if err := c.CreateTopic(sourcetest.Topic, sourcetest.Partitions, map[string]string{"cleanup.policy": "compact"}); err != nil {
			t.Fatal(err)
		}
		return sourceWorld{c}
	})
}

type sourceWorld struct{ c *kfake.Cluster }

func (w sourceWorld) Open(t testing.TB) stream.Source {
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group = w.c.ListenAddrs(), []string{sourcetest.Topic}, "g"
	cfg.SessionTimeout, cfg.RebalanceTimeout = topology.Duration(6*time.Second), topology.Duration(6*time.Second)
	cfg.Fetch.MaxWait = topology.Duration(50 * time.Millisecond)
	s, err := openSource(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w sourceWorld) with(t testing.TB, f func(*kgo.Client), opts ...kgo.Opt) {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(w.c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	f(cl)
}

func produced(t testing.TB, cl *kgo.Client, l stream.Lane, rs []sourcetest.Record) {
	t.Helper()
	var ks []*kgo.Record
	for _, r := range rs {
		k := &kgo.Record{Topic: l.Topic, Partition: l.Partition, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
		}
		ks = append(ks, k)
	}
	if err := cl.ProduceSync(context.Background(), ks...).FirstErr(); err != nil {
		t.Error(err)
	}
}

func (w sourceWorld) Produce(t testing.TB, l stream.Lane, rs ...sourcetest.Record) {
	w.with(t, func(cl *kgo.Client) { produced(t, cl, l, rs) }, kgo.ProducerBatchCompression(kgo.ZstdCompression()))
}

func (w sourceWorld) Transact(t testing.TB, commit bool, l stream.Lane, rs ...sourcetest.Record) {
	w.with(t, func(cl *kgo.Client) {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produced(t, cl, l, rs)
		if err := cl.EndTransaction(context.Background(), kgo.TransactionEndTry(commit)); err != nil {
			t.Fatal(err)
		}
	}, kgo.TransactionalID("producer"))
}

func (w sourceWorld) Ends(t testing.TB, l stream.Lane) (end int64) {
	w.with(t, func(cl *kgo.Client) {
		os, err := kadm.NewClient(cl).ListCommittedOffsets(context.Background(), l.Topic)
		if err != nil {
			t.Fatal(err)
		}
		o, _ := os.Lookup(l.Topic, l.Partition)
		end = o.Offset
	})
	return end
}

func (w sourceWorld) Compact(testing.TB) { w.c.Compact() }

func (w sourceWorld) Trim(t testing.TB, l stream.Lane, before int64) {
	if err := w.c.DeleteRecords(l.Topic, l.Partition, before); err != nil {
		t.Fatal(err)
	}
}

func (w sourceWorld) Recreate(t testing.TB) {
	if err := w.c.DeleteTopic(sourcetest.Topic); err != nil {
		t.Fatal(err)
	}
	if err := w.c.CreateTopic(sourcetest.Topic, sourcetest.Partitions, nil); err != nil {
		t.Fatal(err)
	}
}

// Grow shows at the member's next look at the metadata: 30 s.
func (w sourceWorld) Grow(t testing.TB) {
	if testing.Short() {
		t.Skip("waits for the member to look at the metadata")
	}
	w.with(t, func(cl *kgo.Client) {
		if _, err := kadm.NewClient(cl).CreatePartitions(context.Background(), 1, sourcetest.Topic); err != nil {
			t.Fatal(err)
		}
	})
}
