package proctest

import (
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// The suite must find what it looks for: processors that break one rule each.

type rawFunc func(b *stream.Batch) error

func (f rawFunc) Process(b *stream.Batch) error { return f(b) }

func batch(t testing.TB) *stream.Batch {
	return NewBatch(t, stream.Lane{Topic: "t"}, 0, JSON("", `{"a":1}`), JSON("", `{"a":2}`), JSON("", ""))
}

func TestAccountsFind(t *testing.T) {
	for name, c := range map[string]struct {
		p    rawFunc
		good bool
	}{
		"good":    {func(b *stream.Batch) error { b.Records = b.Records[1:]; b.Filtered++; return nil }, true},
		"loses":   {func(b *stream.Batch) error { b.Records = b.Records[1:]; return nil }, false},
		"doubles": {func(b *stream.Batch) error { b.Filtered++; return nil }, false},
		"reorders": {func(b *stream.Batch) error {
			b.Records[0], b.Records[1] = b.Records[1], b.Records[0]
			return nil
		}, false},
		"rejects without a code": {func(b *stream.Batch) error {
			b.Reject(b.Records[0], "x", "", "")
			b.Records = b.Records[1:]
			return nil
		}, false},
		"splits": {func(b *stream.Batch) error {
			r := b.Records[2]
			r.Seq++
			b.Records = append(b.Records, r)
			return nil
		}, true},
	} {
		b := batch(t)
		if err := c.p(b); err != nil {
			t.Fatal(err)
		}
		if err := accounts(b); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRawPasses runs the suite over the smallest honest processor.
func TestRawPasses(t *testing.T) {
	schema := schemas.NewSchema(schemas.Schema{Topic: "t", Fields: []schemas.Field{{Name: "raw", Type: schemas.Type{Kind: schemas.JSON}}}})
	Raw(t, func() stream.Raw {
		return rawFunc(func(b *stream.Batch) error {
			kept := b.Records[:0]
			for _, r := range b.Records {
				if r.Value.IsNil() {
					b.Filtered++
					continue
				}
				r.Schema = schema
				r.After = b.Cells(1)
				r.After[0] = schemas.Cell{Len: uint32(r.Value.Len()), Enc: schemas.EncJSON, Flags: schemas.Present}
				kept = append(kept, r)
			}
			b.Records = kept
			return nil
		})
	}, func(t testing.TB) []*stream.Batch { return []*stream.Batch{batch(t), batch(t)} })
}

// TestKeptViewShows: what a processor keeps of a released batch is rubbish, and
// shows in what it says later.
func TestKeptViewShows(t *testing.T) {
	b := batch(t)
	kept := b.Records[0].Value.Bytes()
	before := string(kept)
	b.Release()
	if string(kept) == before {
		t.Fatal("a released batch still reads as before")
	}
}
