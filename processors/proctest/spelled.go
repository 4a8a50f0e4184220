package proctest

import (
	"strings"

	"sluice/schemas"
	"sluice/topology/stream"
)

// Spelled is one value of a type as a source writes it.
type Spelled struct {
	Type schemas.Type
	Wire schemas.Wire
	Enc  schemas.Encoding
	Text string
}

// Str is a text.
func Str(s string) Spelled { return Of(schemas.String, 0, schemas.EncText, s) }

// Whole is an int64 in digits.
func Whole(s string) Spelled { return Of(schemas.Int64, 0, schemas.EncInt, s) }

// Doc is the document of a JSON column.
func Doc(s string) Spelled { return Of(schemas.JSON, 0, schemas.EncJSON, s) }

// Dec is a decimal of that precision and scale.
func Dec(precision, scale uint8, s string) Spelled {
	return Spelled{schemas.Type{Kind: schemas.Decimal, Precision: precision, Scale: scale}, 0, schemas.EncText, s}
}

// Of is a value of a kind without parameters.
func Of(k schemas.Kind, w schemas.Wire, e schemas.Encoding, s string) Spelled {
	return Spelled{schemas.Type{Kind: k}, w, e, s}
}

// Cell is where the value lies in its own text.
func (v Spelled) Cell() schemas.Cell {
	return schemas.Cell{Len: uint32(len(v.Text)), Enc: v.Enc, Flags: schemas.Present}
}

// Through passes v as the column name of a row through a gate: its text behind
// it, "null", "dropped", "REJECTED", or the error that stops the lane.
func Through(g stream.Gate, name string, v Spelled) string {
	lane := stream.Lane{Topic: "shop.customers", Partition: 1}
	s := schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 1, Fields: []schemas.Field{{Name: name, Type: v.Type, Wire: v.Wire, Nullable: true}}})
	b := stream.NewBatch(lane, stream.Position{}, nil)
	b.Records = []stream.Record{{Schema: s, Full: true, Value: stream.ViewOf([]byte(v.Text)), After: []schemas.Cell{v.Cell()}}}
	b.To.Offset, b.In = 1, 1
	x, err := g.Pass(b)
	switch {
	case err != nil:
		return err.Error()
	case len(x.Rows()) == 0:
		return "REJECTED"
	}
	r := &x.Rows()[0]
	if len(r.Table.Columns) == 0 {
		return "dropped"
	}
	c, col := r.After[0], r.Table.Columns[0]
	if c.IsNull() {
		return "null"
	}
	out, code := schemas.AppendJSON(nil, col.Type, col.Wire, c, r.Bytes(c))
	if code != "" {
		return "a cell that is no " + col.Type.String() + ": " + code
	}
	return strings.Trim(string(out), `"`)
}
