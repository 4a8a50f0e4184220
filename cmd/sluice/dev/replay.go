package dev

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/connectors/recording"
)

//go:embed recordings/*.jsonl.gz
var recordings embed.FS

// replay produces the recordings that ship with the binary, each record to the
// partition and, if none is missing before it, at the offset it had. What is there already is not produced
// again, so that a replay that was cut goes on.
func replay(ctx context.Context, b *broker) (n int, err error) {
	files, err := recordings.ReadDir("recordings")
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		p, err := recordings.Open("recordings/" + f.Name())
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

func replayOne(ctx context.Context, b *broker, in io.Reader) (n int, err error) {
	recs, err := readRecording(in)
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
	slices.SortStableFunc(recs, func(x, y *kgo.Record) int { return x.Timestamp.Compare(y.Timestamp) })
	out := slices.DeleteFunc(recs, func(r *kgo.Record) bool { return r.Offset < ends[r.Topic][r.Partition] })
	return len(out), b.client.ProduceSync(ctx, out...).FirstErr()
}

// readRecording reads records of any partition and order.
func readRecording(in io.Reader) (recs []*kgo.Record, err error) {
	r, err := recording.NewReader(in)
	if err != nil {
		return nil, err
	}
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return recs, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range b.Records {
			x := &b.Records[i]
			k := &kgo.Record{Topic: b.Lane.Topic, Partition: b.Lane.Partition, Offset: x.Offset, Timestamp: time.UnixMicro(x.Time),
				Key: slices.Clone(x.Key.Bytes()), Value: slices.Clone(x.Value.Bytes())}
			for _, h := range x.Headers {
				k.Headers = append(k.Headers, kgo.RecordHeader{Key: h.Key, Value: slices.Clone(h.Value.Bytes())})
			}
			recs = append(recs, k)
		}
		b.Release()
	}
}
