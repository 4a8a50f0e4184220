package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// TestReaders: who has which lane, by both protocols, before a group is there,
// while it runs and after.
func TestReaders(t *testing.T) {
	c := topicOf3(t)
	for _, protocol := range []string{"classic", "consumer"} {
		cfg := Default
		cfg.Brokers, cfg.Topics, cfg.Group, cfg.Instance, cfg.Protocol = c.ListenAddrs(), []string{"t"}, "g-"+protocol, "pod-0", protocol
		ask := func() stream.Group {
			src, err := openSource(cfg, testEnv())
			if err != nil {
				t.Fatal(err)
			}
			g, err := src.(stream.Grouped).Readers(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", protocol, err)
			}
			return g
		}
		if g := ask(); g.Name != cfg.Group || len(g.Readers) != 0 {
			t.Errorf("%s: a group that is not there: %+v", protocol, g)
		}
		f := selecting{counting{}, make(chan []string, 10)}
		stop, ended := run(t, cfg, f)
		<-f.topics
		var g stream.Group
		for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) { // the broker hears of the assignment a moment later
			if g = ask(); len(g.Readers) == 1 && len(g.Readers[0].Lanes) > 0 && g.State == "Stable" {
				break
			}
		}
		if len(g.Readers) != 1 || g.Readers[0].Name != "pod-0" || g.Readers[0].Host == "" || len(g.Readers[0].Lanes) != 3 || protocol == "classic" && g.Readers[0].Lanes[0].Topic != "t" { // kfake names no topic in the other answer, Kafka does
			t.Errorf("%s: %+v", protocol, g)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestProduced: the time of the first record at an offset, in the middle of a
// compressed batch as well, and none of what retention took.
func TestProduced(t *testing.T) {
	c := topicOf3(t)
	at := func(i int64) time.Time { return time.UnixMilli(1_700_000_000_000 + i) }
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var rs []*kgo.Record
	for i := range int64(10) {
		for p := range int32(2) {
			rs = append(rs, &kgo.Record{Topic: "t", Partition: p, Value: []byte("v"), Timestamp: at(100*int64(p) + i)})
		}
	}
	if err := cl.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), kadm.Offsets{"t": {1: {Topic: "t", Partition: 1, At: 6}}}); err != nil {
		t.Fatal(err)
	}
	cfg := Default
	cfg.Brokers, cfg.Topics = c.ListenAddrs(), []string{"t"}
	src, err := openSource(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	lane := func(p int32) stream.Lane { return stream.Lane{Topic: "t", Partition: p} }
	for _, x := range []struct{ p0, p1, want0, want1 int64 }{
		{0, 6, at(0).UnixMicro(), at(106).UnixMicro()},
		{7, 9, at(7).UnixMicro(), at(109).UnixMicro()},
		{3, 2, at(3).UnixMicro(), 0}, // retention took it
	} {
		got, err := src.(stream.Dater).Produced(t.Context(), map[stream.Lane]int64{lane(0): x.p0, lane(1): x.p1})
		if err != nil || got[lane(0)] != x.want0 || got[lane(1)] != x.want1 {
			t.Errorf("at %d and %d: %v, %v; want %d and %d", x.p0, x.p1, got, err, x.want0, x.want1)
		}
	}
	if got, err := src.(stream.Dater).Produced(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v, %v", got, err)
	}
}
