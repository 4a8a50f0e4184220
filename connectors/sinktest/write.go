package sinktest

import (
	"fmt"
	"slices"
	"strings"

	"sluice/schemas"
	"sluice/topology/stream"
)

// keepsNoView: every batch of these tests is overwritten and released right
// after Write; here the memory is used again for other rows as well.
func keepsNoView(w *world) {
	p := w.open()
	c := w.newCut()
	for i := range int64(5) {
		b := w.run(laneA, 3*i, 3*i+3)
		c.write(w, p.wr, w.build(b))
		c.changes = append(c.changes, b.changes...)
		w.build(w.run(laneB, 0, 100)).Release()
	}
	c.seal(w, p.wr)
	p.commit(p.upload(c))
	w.check()
}

// manyWriters: each worker has a writer of its own; one epoch joins them.
func manyWriters(w *world) {
	var lanes []stream.Lane
	for i := range int32(8) {
		lanes = append(lanes, stream.Lane{Topic: w.topic, Partition: i})
	}
	p := w.open(lanes...)
	writers := []stream.Writer{p.wr, p.sink.Writer(), p.sink.Writer()}
	for epoch := range int64(3) {
		c := w.newCut()
		for i, l := range lanes {
			if int64(i)%3 == epoch { // idle
				c.span(stream.Span{Lane: l, From: at(10 * epoch), To: at(10*epoch + 10)}, stream.Count{})
				continue
			}
			b := w.run(l, 10*epoch, 10*epoch+10)
			c.write(w, writers[i%len(writers)], w.build(b))
			c.changes = append(c.changes, b.changes...)
		}
		for _, wr := range writers {
			c.seal(w, wr)
		}
		for _, s := range c.epoch.Spans {
			if !s.Count.Balanced() {
				w.Errorf("epoch %d: the ledger of %v does not add up: %+v", epoch, s.Lane, s.Count)
			}
		}
		p.commit(p.upload(c))
		w.check()
	}
	prog := w.open(lanes...).recover(lanes...)
	for _, l := range lanes {
		if prog.Lanes[l].Next != at(30) {
			w.Errorf("%v stands at %+v, want 30", l, prog.Lanes[l].Next)
		}
	}
}

func manyRows(w *world) {
	p := w.open()
	b := batch{lane: laneA, from: 0, to: 12_000}
	pad := strings.Repeat("x", 300)
	for o := range b.to {
		b.changes = append(b.changes, change{lane: laneA, offset: o, src: uint64(o), values: map[string]value{"id": num(o), "note": text(fmt.Sprint(o, pad))}})
	}
	p.commit(p.stage(b))
	w.check()
}

// splitRecords: several records of one offset are told apart by seq.
func splitRecords(w *world) {
	p := w.open()
	b := batch{lane: laneA, from: 0, to: 2}
	for i := range int32(6) {
		b.changes = append(b.changes, change{lane: laneA, offset: int64(i / 3), seq: i % 3, values: map[string]value{"id": num(int64(i)), "note": text("s")}})
	}
	p.commit(p.stage(b))
	w.check()
}

// field is a column of the Values case.
type field struct {
	name string
	typ  schemas.Type
	wire schemas.Wire
}

func quoted(s string) string { return `"` + s + `"` }

var fields = []field{
	{name: "bool", typ: schemas.Type{Kind: schemas.Bool}},
	{name: "int32", typ: schemas.Type{Kind: schemas.Int32}},
	{name: "int64", typ: schemas.Type{Kind: schemas.Int64}},
	{name: "float32", typ: schemas.Type{Kind: schemas.Float32}},
	{name: "float64", typ: schemas.Type{Kind: schemas.Float64}},
	{name: "decimal", typ: schemas.Type{Kind: schemas.Decimal, Precision: 24, Scale: 2}},
	{name: "decimal2", typ: schemas.Type{Kind: schemas.Decimal, Precision: 20}, wire: schemas.WireBase64},
	{name: "string", typ: schemas.Type{Kind: schemas.String}},
	{name: "binary", typ: schemas.Type{Kind: schemas.Binary}, wire: schemas.WireBase64},
	{name: "uuid", typ: schemas.Type{Kind: schemas.UUID}},
	{name: "date", typ: schemas.Type{Kind: schemas.Date}, wire: schemas.WireDays},
	{name: "time", typ: schemas.Type{Kind: schemas.Time}, wire: schemas.WireMicros},
	{name: "timestamp", typ: schemas.Type{Kind: schemas.Timestamp}, wire: schemas.WireMillis},
	{name: "instant", typ: schemas.Type{Kind: schemas.Instant}, wire: schemas.WireMicros},
	{name: "json", typ: schemas.Type{Kind: schemas.JSON}},
}

func typed(enc schemas.Encoding, raw, want string) value {
	return value{enc: enc, raw: raw, want: want}
}

var samples = []map[string]value{
	{
		"bool": typed(schemas.EncTrue, "true", "true"), "int32": num(-2147483648), "int64": num(9223372036854775807),
		"float32": typed(schemas.EncFloat, "1.5", "1.5"), "float64": typed(schemas.EncFloat, "0.1", "0.1"),
		"decimal": typed(schemas.EncText, "1234567890123456789012.10", quoted("1234567890123456789012.10")), "decimal2": typed(schemas.EncText, "AP//////////", quoted("18446744073709551615")),
		"string": typed(schemas.EncJSONString, `a\"b\\c\nd\u00e9\ud83d\ude00`, `"a\"b\\c\nd`+"é😀"+`"`), "binary": typed(schemas.EncText, "AP8QgA==", quoted("AP8QgA==")),
		"uuid": text("123e4567-e89b-12d3-a456-426614174000"), "date": typed(schemas.EncInt, "19723", quoted("2024-01-01")),
		"time": typed(schemas.EncInt, "86399999999", quoted("23:59:59.999999")), "timestamp": typed(schemas.EncInt, "1704067200123", quoted("2024-01-01T00:00:00.123000")),
		"instant": typed(schemas.EncInt, "1704067200000001", quoted("2024-01-01T00:00:00.000001Z")), "json": typed(schemas.EncJSON, `{"a":[1,null]}`, `"{\"a\":[1,null]}"`),
	},
	{
		"bool": typed(schemas.EncFalse, "false", "false"), "int32": num(0), "int64": num(-9223372036854775808),
		"float32": typed(schemas.EncInt, "-3", "-3"), "float64": typed(schemas.EncFloat, "1.7976931348623157e308", "1.7976931348623157e+308"),
		"decimal": typed(schemas.EncFloat, "-0.05", quoted("-0.05")), "decimal2": typed(schemas.EncText, "/w==", quoted("-1")),
		"string": typed(schemas.EncText, "", `""`), "binary": typed(schemas.EncText, "", `""`),
		"uuid": text("00000000-0000-0000-0000-000000000000"), "date": typed(schemas.EncInt, "-1", quoted("1969-12-31")),
		"time": typed(schemas.EncInt, "0", quoted("00:00:00.000000")), "timestamp": typed(schemas.EncInt, "-1", quoted("1969-12-31T23:59:59.999000")),
		"instant": typed(schemas.EncInt, "-62135596800000000", quoted("0001-01-01T00:00:00.000000Z")), "json": typed(schemas.EncJSON, `[]`, `"[]"`),
	},
	{
		"int64": num(9007199254740993), "string": typed(schemas.EncText, "日本語 'quoted' \U0001F600 null", `"日本語 'quoted' `+"\U0001F600"+` null"`),
		"float64": typed(schemas.EncFloat, "5e-324", "5e-324"), "decimal": typed(schemas.EncInt, "7", quoted("7.00")), "bool": null, "json": null,
	},
	{"int64": null, "string": null, "date": null},
}

// values: what a reader sees is what the source wrote, exactly.
func values(w *world) {
	s := schemas.Schema{Topic: w.topic, Version: 1, Closed: true, Database: "shop", Namespace: "public", Table: "events",
		Fields: []schemas.Field{{Name: "id", Type: schemas.Type{Kind: schemas.Int64}, Key: w.o.replica}}}
	for _, f := range fields {
		s.Fields = append(s.Fields, schemas.Field{Name: f.name, Type: f.typ, Wire: f.wire, Nullable: true})
	}
	b := batch{lane: laneA, from: 0, to: int64(len(samples)), schema: schemas.NewSchema(s)}
	for i, v := range samples {
		m := map[string]value{"id": num(int64(i))}
		for k, x := range v {
			m[k] = x
		}
		b.changes = append(b.changes, change{lane: laneA, offset: int64(i), values: m})
	}
	p := w.open()
	p.commit(p.stage(b))
	w.check()
}

// unavailable: the placeholder is "keep what is there", never data.
func unavailable(w *world) {
	if !w.o.replica || w.o.wholeRows {
		w.Skip("only a replica can keep what is there, and this sink cannot")
	}
	p := w.open()
	big := schemas.Schema{Topic: w.topic, Version: 1, Closed: true, Database: "shop", Namespace: "public", Table: "events", Fields: append(slices.Clone(w.plain().Fields),
		schemas.Field{Name: "big", Type: schemas.Type{Kind: schemas.String}, Nullable: true})}
	schema := schemas.NewSchema(big)
	gone := value{enc: schemas.EncText, raw: "__debezium_unavailable_value", flags: schemas.Unavailable}
	row := func(o, id int64, op stream.Op, note string, v value) change {
		return change{lane: laneA, offset: o, src: uint64(o + 1), op: op, values: map[string]value{"id": num(id), "note": text(note), "big": v}}
	}
	p.commit(p.stage(batch{lane: laneA, from: 0, to: 3, schema: schema, changes: []change{
		row(0, 1, stream.Insert, "a", text("first")), row(1, 2, stream.Insert, "b", text("second")), row(2, 1, stream.Update, "c", gone)}})) // within an epoch
	w.check()
	p.commit(p.stage(batch{lane: laneA, from: 3, to: 6, schema: schema, changes: []change{
		row(3, 2, stream.Update, "d", gone), row(4, 1, stream.Update, "e", text("third")), row(5, 1, stream.Update, "f", gone)}})) // over epochs
	w.check()
}
