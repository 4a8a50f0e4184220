package proctest

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"sluice/topology/stream"
)

// Run is the records of one lane of a recording, in order of offset.
type Run struct {
	Lane stream.Lane
	From int64
	Recs []Rec
}

// Batch returns all of the run as one batch.
func (r Run) Batch(t testing.TB) *stream.Batch { return NewBatch(t, r.Lane, r.From, r.Recs...) }

// Recording reads a recording of Kafka topics: gzip of one JSON object a line,
// sorted by topic, partition and offset: topic, partition, offset, timestamp
// in milliseconds, key and value as base64 or null, headers as pairs.
func Recording(t testing.TB, path string) []Run {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	var runs []Run
	next := int64(0)
	for dec := json.NewDecoder(z); ; {
		var line struct {
			Topic             string
			Partition         int32
			Offset, Timestamp int64
			Key, Value        []byte
			Headers           [][2]*string
		}
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return runs
		} else if err != nil {
			t.Fatal(err)
		}
		lane := stream.Lane{Topic: line.Topic, Partition: line.Partition}
		if n := len(runs); n == 0 || runs[n-1].Lane != lane {
			runs = append(runs, Run{Lane: lane, From: line.Offset})
			next = line.Offset
		}
		rec := Rec{Key: line.Key, Value: line.Value, Time: line.Timestamp * 1000, Gap: line.Offset - next}
		for _, h := range line.Headers {
			hd := stream.Header{Key: *h[0]}
			if h[1] != nil {
				hd.Value = stream.ViewOf([]byte(*h[1]))
			}
			rec.Headers = append(rec.Headers, hd)
		}
		next = line.Offset + 1
		run := &runs[len(runs)-1]
		run.Recs = append(run.Recs, rec)
	}
}
