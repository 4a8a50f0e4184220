// Package proctest makes raw batches for tests and states the contract of
// processors as tests that every one of them runs: [Raw] for those before the
// gate, [Stage] for those behind it.
package proctest

import (
	"sync"
	"testing"

	"sluice/topology/stream"
)

// Rec is a message to be. A nil Key or Value is Kafka's null.
type Rec struct {
	Key, Value []byte
	Headers    []stream.Header
	Time       int64 // of the message, microseconds since 1970 UTC
	Gap        int64 // offsets left out before this record: compaction, transaction markers
}

// JSON is a record of two JSON texts; "" is Kafka's null.
func JSON(key, value string) Rec {
	var r Rec
	if key != "" {
		r.Key = []byte(key)
	}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}

// NewBatch returns a raw batch of lane that starts at offset from. The records'
// bytes are copied into memory of the batch's own, and overwritten when it is
// released, with or without the race detector: a processor that keeps a View
// reads rubbish.
func NewBatch(t testing.TB, lane stream.Lane, from int64, recs ...Rec) *stream.Batch {
	t.Helper()
	n := 0
	for _, r := range recs {
		n += len(r.Key) + len(r.Value)
	}
	mem := make([]byte, 0, n)
	lend := func(p []byte) stream.View {
		if p == nil {
			return stream.View{}
		}
		i := len(mem)
		mem = append(mem, p...)
		return stream.ViewOf(mem[i:])
	}
	var once sync.Once
	b := stream.NewBatch(lane, stream.Position{Offset: from, Epoch: -1}, func() {
		once.Do(func() { overwrite(mem[:cap(mem)]) })
	})
	for _, r := range recs {
		from += r.Gap
		b.Records = append(b.Records, stream.Record{
			Offset: from, Epoch: -1, Time: r.Time, Key: lend(r.Key), Value: lend(r.Value), Headers: r.Headers,
		})
		from++
	}
	b.To = stream.Position{Offset: from, Epoch: -1}
	b.In, b.Bytes = int64(len(recs)), int64(n)
	return b
}

func overwrite(p []byte) {
	for i := range p {
		p[i] = 0xDB
	}
}
