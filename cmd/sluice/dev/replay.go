package dev

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

//go:embed recordings/*.jsonl.gz
var recordings embed.FS

// recorded is one line of a recording: what Debezium wrote to Kafka. Key,
// value and header values are base64 or null.
type recorded struct {
	Topic     string       `json:"topic"`
	Partition int32        `json:"partition"`
	Offset    int64        `json:"offset"`
	Timestamp int64        `json:"timestamp"` // milliseconds
	Key       *[]byte      `json:"key"`
	Value     *[]byte      `json:"value"`
	Headers   [][2]*string `json:"headers"`
}

// replay produces the recordings that ship with the binary, each record to the
// partition and at the offset it had. What is there already is not produced
// again, so that a replay that was cut goes on.
func replay(ctx context.Context, b *broker) (n int, err error) {
	files, err := recordings.ReadDir("recordings")
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		p, err := recordings.ReadFile("recordings/" + f.Name())
		if err != nil {
			return n, err
		}
		m, err := replayOne(ctx, b, p)
		n += m
		if err != nil {
			return n, fmt.Errorf("recording %s: %w", f.Name(), err)
		}
	}
	return n, nil
}

func replayOne(ctx context.Context, b *broker, gz []byte) (n int, err error) {
	recs, err := readRecording(gz)
	if err != nil {
		return 0, err
	}
	parts := map[string]int32{}
	for _, r := range recs {
		parts[r.Topic] = max(parts[r.Topic], r.Partition+1)
	}
	topics := slices.Sorted(maps.Keys(parts))
	for _, t := range topics {
		if err := b.topic(ctx, t, max(parts[t], 2)); err != nil {
			return 0, err
		}
	}
	ends, err := b.ends(ctx, topics...)
	if err != nil {
		return 0, err
	}
	slices.SortStableFunc(recs, func(x, y recorded) int { return int(x.Timestamp - y.Timestamp) })
	var out []*kgo.Record
	for _, r := range recs {
		if r.Offset >= ends[r.Topic][r.Partition] {
			out = append(out, r.record())
		}
	}
	return len(out), b.client.ProduceSync(ctx, out...).FirstErr()
}

func (r *recorded) record() *kgo.Record {
	k := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: time.UnixMilli(r.Timestamp)}
	if r.Key != nil {
		k.Key = *r.Key
	}
	if r.Value != nil {
		k.Value = *r.Value
	}
	for _, h := range r.Headers {
		x := kgo.RecordHeader{Key: *h[0]}
		if h[1] != nil {
			json.Unmarshal([]byte(`"`+*h[1]+`"`), &x.Value)
		}
		k.Headers = append(k.Headers, x)
	}
	return k
}

func readRecording(gz []byte) (recs []recorded, err error) {
	z, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		return nil, err
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 16<<20)
	for line := 1; sc.Scan(); line++ {
		var r recorded
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		recs = append(recs, r)
	}
	return recs, sc.Err()
}
