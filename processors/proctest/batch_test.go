package proctest

import (
	"bytes"
	"testing"

	"sluice/topology/stream"
)

func TestNewBatch(t *testing.T) {
	lane := stream.Lane{Topic: "t", Partition: 3}
	recs := []Rec{JSON(`{"id":1}`, `{"a":1}`), {Value: []byte{}, Gap: 2}, JSON("", "")}
	b := NewBatch(t, lane, 10, recs...)
	if b.From.Offset != 10 || b.To.Offset != 15 || b.In != 3 || b.Lane != lane {
		t.Fatalf("batch %v in %d", b.Span(), b.In)
	}
	if r := b.Records[1]; r.Offset != 13 || !r.Key.IsNil() || r.Value.IsNil() || r.Value.Len() != 0 {
		t.Fatalf("record %v", r)
	}
	if !b.Records[2].Value.IsNil() {
		t.Fatal("a tombstone has a value")
	}
	kept := b.Records[0].Value.Bytes()
	b.Release()
	if bytes.Equal(kept, recs[0].Value) || string(recs[0].Value) != `{"a":1}` {
		t.Fatalf("kept view reads %q, the test's own bytes %q", kept, recs[0].Value)
	}
}
