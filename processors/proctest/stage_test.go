package proctest_test

import (
	"testing"

	"sluice/processors/decode"
	"sluice/processors/mask"
	"sluice/processors/proctest"
	"sluice/topology/stream"
)

// updates drops what is not an update: the smallest stage with an effect.
type updates struct{}

func (updates) Process(c stream.Clean) (stream.Clean, error) {
	var kept []stream.CleanRow
	for _, r := range c.Rows() {
		if r.Op == stream.Update {
			kept = append(kept, r)
		}
	}
	return c.With(kept), nil
}

func TestStage(t *testing.T) {
	d, err := decode.New(decode.Default)
	if err != nil {
		t.Fatal(err)
	}
	proctest.Stage(t, func() stream.Stage { return updates{} }, d, mask.KeepAll(), func(t testing.TB) (out []*stream.Batch) {
		for i := range int64(3) {
			out = append(out, proctest.NewBatch(t, stream.Lane{Topic: "t"}, i*3,
				proctest.JSON(`{"id":1}`, `{"op":"c","before":null,"after":{"id":1,"v":"a"},"source":{"table":"t"}}`),
				proctest.JSON(`{"id":1}`, `{"op":"u","before":null,"after":{"id":1,"v":"b"},"source":{"table":"t"}}`),
				proctest.JSON(`{"id":1}`, "")))
		}
		return out
	})
}
