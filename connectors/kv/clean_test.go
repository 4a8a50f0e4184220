package kv

import (
	"testing"

	"sluice/processors/mask"
	"sluice/topology/stream"
)

// clean passes records through a gate that keeps all.
func clean(t testing.TB, rs ...stream.Record) stream.Clean {
	t.Helper()
	b := stream.NewBatch(lane, stream.Position{}, nil)
	b.Records, b.In, b.To = rs, int64(len(rs)), stream.Position{Offset: rs[len(rs)-1].Offset + 1}
	c, err := mask.KeepAll().Pass(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
