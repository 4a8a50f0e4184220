package strategy_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// spelled is a value of a type as a source writes it.
type spelled struct {
	typ  schemas.Type
	wire schemas.Wire
	enc  schemas.Encoding
	text string
}

func str(s string) spelled {
	return spelled{schemas.Type{Kind: schemas.String}, 0, schemas.EncText, s}
}
func whole(s string) spelled {
	return spelled{schemas.Type{Kind: schemas.Int64}, 0, schemas.EncInt, s}
}
func of(k schemas.Kind, w schemas.Wire, e schemas.Encoding, s string) spelled {
	return spelled{schemas.Type{Kind: k}, w, e, s}
}
func dec(p, s uint8, text string) spelled {
	return spelled{schemas.Type{Kind: schemas.Decimal, Precision: p, Scale: s}, 0, schemas.EncText, text}
}

// acting is the gate of a policy that has one action for column v.
func acting(t testing.TB, action string) stream.Gate {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte("key: env:KEY\nrules:\n- columns:\n    v: "+action), &n); err != nil {
		t.Fatal(err)
	}
	g, err := mask.Factory.Open(n.Content[0], topology.Env{Secret: func(string) (string, error) { return strings.Repeat("k", 32), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// through passes one value of column v through a gate, which reads it, asks
// whether the strategy fits, and writes: its text behind the gate, "null",
// "REJECTED", or the error that stops the lane.
func through(g stream.Gate, v spelled) string {
	lane := stream.Lane{Topic: "shop.customers", Partition: 1}
	s := schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 1, Fields: []schemas.Field{{Name: "v", Type: v.typ, Wire: v.wire, Nullable: true}}})
	b := stream.NewBatch(lane, stream.Position{}, nil)
	b.Records = []stream.Record{{Schema: s, Full: true, Value: stream.ViewOf([]byte(v.text)),
		After: []schemas.Cell{{Len: uint32(len(v.text)), Enc: v.enc, Flags: schemas.Present}}}}
	b.To.Offset, b.In = 1, 1
	x, err := g.Pass(b)
	switch {
	case err != nil:
		return err.Error()
	case len(x.Rows()) == 0:
		return "REJECTED"
	}
	r := &x.Rows()[0]
	c := r.After[0]
	if c.IsNull() {
		return "null"
	}
	out, code := schemas.AppendJSON(nil, r.Table.Columns[0].Type, r.Table.Columns[0].Wire, c, r.Bytes(c))
	if code != "" {
		return "a cell that is no " + r.Table.Columns[0].Type.String() + ": " + code
	}
	return strings.Trim(string(out), `"`)
}
