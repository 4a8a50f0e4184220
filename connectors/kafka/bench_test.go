//go:build unix

package kafka

import (
	"context"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	benchTopic   = "bench"
	benchRecords = 50_000 // a round
	benchSize    = 1000   // bytes of a value
)

// benchBroker serves four partitions without end, in batches of 1 MB of which a
// third does not compress, as change events do.
func benchBroker(b *testing.B, codec kgo.CompressionCodec) *kfake.Cluster {
	return newBroker(b, kfake.SeedTopics(4, benchTopic),
		kfake.SyntheticFetch(kfake.SyntheticBatch{Records: 1000, RecordBytes: benchSize, RandomFrac: 0.3, Compression: codec}))
}

// BenchmarkFetch reads an endless log by the source and by the baseline, a
// plain loop of the client over PollRecords without pools. CPU is of the
// process, the broker's share included: it is the same for both.
func BenchmarkFetch(b *testing.B) {
	for _, codec := range []struct {
		name string
		kgo.CompressionCodec
	}{{"none", kgo.NoCompression()}, {"lz4", kgo.Lz4Compression()}, {"zstd", kgo.ZstdCompression()}} {
		b.Run(codec.name+"/source", func(b *testing.B) {
			cfg := Default
			cfg.Brokers, cfg.Topics, cfg.Group = benchBroker(b, codec.CompressionCodec).ListenAddrs(), []string{benchTopic}, "bench"
			src, err := openSource(cfg, testEnv())
			if err != nil {
				b.Fatal(err)
			}
			f := counting{make(chan int)}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- src.Run(ctx, f) }()
			measure(b, func() int { return <-f.got })
			cancel()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
		b.Run(codec.name+"/client", func(b *testing.B) {
			start := kgo.NewOffset().At(0)
			cl, err := kgo.NewClient(kgo.SeedBrokers(benchBroker(b, codec.CompressionCodec).ListenAddrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
				kgo.FetchMaxBytes(16<<20), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{benchTopic: {0: start, 1: start, 2: start, 3: start}}))
			if err != nil {
				b.Fatal(err)
			}
			defer cl.Close()
			measure(b, func() int { return cl.PollRecords(context.Background(), maxPoll).NumRecords() })
		})
	}
}

// measure reads rounds after one that warms up.
func measure(b *testing.B, read func() int) {
	round := func() {
		for n := 0; n < benchRecords; n += read() {
		}
	}
	round()
	b.SetBytes(benchRecords * benchSize)
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		round()
	}
	b.ReportMetric((cpu(b)-before)/float64(b.N*benchRecords), "cpu-ns/record")
}

// cpu is what the process has used, in nanoseconds.
func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano() + u.Stime.Nano())
}
