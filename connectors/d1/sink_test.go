package d1

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/connectors/sinktest"
	"sluice/processors/mask"
	"sluice/schemas"
	"sluice/topology/stream"
)

// rec is a change in a test: v holds one JSON value a column, "" is absent and
// "?" unavailable.
type rec struct {
	op  stream.Op
	src uint64
	v   []string
}

// bench is a sink with a gate that keeps all.
type bench struct {
	t    testing.TB
	a    *account
	s    *Sink
	gate stream.Gate
	n    int
	at   map[lane]int64
}

func newBench(t testing.TB, change ...func(*Config)) *bench {
	a := newAccount(t)
	for _, f := range change {
		f(&a.config)
	}
	return a.bench(t)
}

func (a *account) bench(t testing.TB) *bench {
	return &bench{t: t, a: a, s: a.sink(t), gate: mask.KeepAll(), at: map[lane]int64{}}
}

func schema(table string, fields ...schemas.Field) *schemas.Schema {
	return schemas.NewSchema(schemas.Schema{Topic: "shop.public." + table, Version: 1, Closed: true, Database: "shop", Namespace: "public", Table: table, Fields: fields})
}

func key(name string, k schemas.Kind) schemas.Field {
	return schemas.Field{Name: name, Type: schemas.Type{Kind: k}, Key: true}
}

func col(name string, k schemas.Kind) schemas.Field {
	return schemas.Field{Name: name, Type: schemas.Type{Kind: k}, Nullable: true}
}

// clean makes rows of part of s's topic.
func (b *bench) clean(s *schemas.Schema, part int32, rs ...rec) stream.Clean {
	b.t.Helper()
	l := lane{Topic: s.Topic, Partition: part}
	x := stream.NewBatch(l, stream.Position{Offset: b.at[l]}, nil)
	for _, r := range rs {
		m := stream.Record{Offset: b.at[l], Op: r.op, Src: stream.SourcePos{Hi: r.src}, Time: 1, Schema: s}
		var value []byte
		cells, keys := make([]schemas.Cell, len(r.v)), make([]schemas.Cell, len(s.Fields))
		keyed := false
		for i, v := range r.v {
			cells[i] = cellOf(&value, v)
			if s.Fields[i].Key {
				keys[i], keyed = cells[i], true
			}
		}
		if r.op == stream.Insert || r.op == stream.Update {
			m.After = cells
		}
		if keyed && r.op != stream.Truncate {
			m.KeyRow = keys
		}
		m.Value = stream.ViewOf(value)
		x.Records = append(x.Records, m)
		x.In++
		b.at[l]++
	}
	x.To = stream.Position{Offset: b.at[l]}
	c, err := b.gate.Pass(x)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func cellOf(value *[]byte, v string) schemas.Cell {
	c := schemas.Cell{Off: uint32(len(*value)), Flags: schemas.Present}
	switch {
	case v == "":
		return schemas.Cell{}
	case v == "null":
		c.Flags |= schemas.Null
	case v == "?":
		c.Flags |= schemas.Unavailable
	case v == "true":
		c.Enc = schemas.EncTrue
	case v[0] == '"' && strings.Contains(v, `\`):
		c.Enc, v = schemas.EncJSONString, v[1:len(v)-1]
	case v[0] == '"':
		c.Enc, v = schemas.EncText, v[1:len(v)-1]
	case v[0] == '{' || v[0] == '[':
		c.Enc = schemas.EncJSON
	case strings.ContainsAny(v, ".eE"):
		c.Enc = schemas.EncFloat
	default:
		c.Enc = schemas.EncInt
	}
	*value = append(*value, v...)
	c.Len = uint32(len(v))
	return c
}

// write gives c to a writer.
func (b *bench) write(w stream.Writer, c stream.Clean) {
	b.t.Helper()
	if err := w.Write(c); err != nil {
		b.t.Fatal(err)
	}
}

// seal ends the epoch of writers: the ledger of every lane must add up.
func (b *bench) seal(cs []stream.Clean, ws ...stream.Writer) (stream.Epoch, []stream.Part) {
	b.t.Helper()
	b.n++
	e := stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: fmt.Sprintf("c%d-%p", b.n, b), Plan: "p", Cluster: "k", Time: 1_700_000_000_000_000}
	spans := map[lane]*stream.LedgerSpan{}
	for _, c := range cs {
		if sp := spans[c.Lane()]; sp == nil {
			spans[c.Lane()] = &stream.LedgerSpan{Span: c.Span(), Count: c.Count()}
		} else {
			sp.To, sp.Count = c.Span().To, sp.Count.Add(c.Count())
		}
	}
	var parts []stream.Part
	for _, w := range ws {
		p, err := w.Seal()
		if err != nil {
			b.t.Fatal(err)
		}
		for l, n := range p.Counts {
			spans[l].Count = spans[l].Count.Add(n)
		}
		e.Rejects = append(e.Rejects, p.Rejects...)
		parts = append(parts, p)
	}
	for _, l := range stream.SortedLanes(spans) {
		if !spans[l].Count.Balanced() {
			b.t.Errorf("the ledger of %v does not add up: %+v", l, spans[l].Count)
		}
		e.Spans = append(e.Spans, *spans[l])
	}
	return e, parts
}

// commit writes cs with one writer and commits.
func (b *bench) commit(cs ...stream.Clean) error {
	b.t.Helper()
	w := b.s.Writer()
	for _, c := range cs {
		b.write(w, c)
	}
	err := b.finish(b.seal(cs, w))
	if err != nil { // the lanes are read again
		for _, c := range cs {
			b.at[c.Lane()] -= int64(len(c.Rows()))
		}
	}
	return err
}

func (b *bench) finish(e stream.Epoch, parts []stream.Part) error {
	b.t.Helper()
	var lanes []lane
	for _, sp := range e.Spans {
		lanes = append(lanes, sp.Lane)
	}
	if _, err := b.s.Recover(b.t.Context(), lanes); err != nil {
		return err
	}
	st, err := b.s.Upload(b.t.Context(), e, parts)
	if err != nil {
		return err
	}
	return b.s.Commit(b.t.Context(), []stream.Staged{st})
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// parked wants a StateError that says part.
func (b *bench) parked(err error, part string) {
	b.t.Helper()
	var e *stream.StateError
	if !errors.As(err, &e) || !strings.Contains(e.Why, part) || e.Todo == "" {
		b.t.Errorf("%v, want a StateError that says %q", err, part)
	}
}

// is compares what SQL returns, as JSON rows.
func (b *bench) is(sql, want string) {
	b.t.Helper()
	got, _ := json.Marshal(b.a.query(b.t, sql)[0].Rows)
	if string(got) != want {
		b.t.Errorf("%s:\n%s, want\n%s", sql, got, want)
	}
}

func ins(v ...string) rec { return rec{op: stream.Insert, v: v} }
func upd(v ...string) rec { return rec{op: stream.Update, v: v} }
func del(v ...string) rec { return rec{op: stream.Delete, v: v} }

var items = schema("items", key("id", schemas.Int64), col("a", schemas.String), col("b", schemas.String))

func TestFoldWithinAWriter(t *testing.T) {
	b := newBench(t)
	w := b.s.Writer()
	c := b.clean(items, 0, ins("1", `"x"`, `"y"`), upd("1", `"x2"`, `"y2"`), ins("2", `"z"`, "null"), del("2"), ins("3", `"q"`, "null"), del("3"), ins("3", `"again"`, "null"))
	b.write(w, c)
	e, parts := b.seal([]stream.Clean{c}, w)
	if n := e.Spans[0].Count; n.Written != 3 || n.Folded != 4 {
		t.Errorf("counts %+v, want 3 written and 4 folded", n)
	}
	b.ok(b.finish(e, parts))
	b.is(`SELECT id, a, b FROM items ORDER BY id`, `[[1,"x2","y2"],[3,"again",null]]`)
}

// TestFoldAcrossWriters: a key that is on two lanes goes by the source's position.
func TestFoldAcrossWriters(t *testing.T) {
	for _, turn := range []bool{false, true} {
		b := newBench(t)
		late := b.clean(items, 1, rec{stream.Update, 20, []string{"1", `"late"`, "?"}}, rec{stream.Delete, 21, []string{"2"}})
		early := b.clean(items, 0, rec{stream.Insert, 10, []string{"1", `"early"`, `"kept"`}}, rec{stream.Insert, 11, []string{"2", `"gone"`, "null"}}, rec{stream.Insert, 30, []string{"3", `"new"`, "null"}})
		ws := []stream.Writer{b.s.Writer(), b.s.Writer()}
		cs := []stream.Clean{late, early}
		if turn {
			slices.Reverse(cs)
		}
		b.write(ws[0], cs[0])
		b.write(ws[1], cs[1])
		b.ok(b.finish(b.seal(cs, ws...)))
		b.is(`SELECT id, a, b FROM items ORDER BY id`, `[[1,"late","kept"],[3,"new",null]]`)
	}
}

// TestLaneOrderIsTheOffset: a source whose positions went back (fail-over) is
// still read in the order of its log. // D1
func TestLaneOrderIsTheOffset(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, rec{stream.Insert, 900, []string{"1", `"old"`, "null"}}, rec{stream.Update, 5, []string{"1", `"new"`, "null"}})))
	b.is(`SELECT a FROM items`, `[["new"]]`)
}

func TestUnavailable(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, ins("1", `"a1"`, `"b1"`), ins("2", `"a2"`, `"b\"2\\"`))))
	b.ok(b.commit(b.clean(items, 0,
		upd("1", "?", `"b3"`), upd("1", `"a4"`, "?"), // together a whole row
		upd("2", `"a5"`, "?"),           // the store's b stays
		del("3"), upd("3", `"a6"`, "?"), // nothing is there
	)))
	b.is(`SELECT id, a, b FROM items ORDER BY id`, `[[1,"a4","b3"],[2,"a5","b\"2\\"],[3,"a6",null]]`)
}

func TestTruncate(t *testing.T) {
	tr := func(src uint64) rec { return rec{op: stream.Truncate, src: src} }
	row := func(src uint64, id string) rec { return rec{stream.Insert, src, []string{id, `"r"`, "null"}} }
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, row(1, "1"), row(2, "2"))))
	w, v := b.s.Writer(), b.s.Writer()
	cs := []stream.Clean{b.clean(items, 0, row(10, "3"), tr(20), row(30, "4")), b.clean(items, 1, row(15, "5"), row(25, "6"))}
	b.write(w, cs[0])
	b.write(v, cs[1])
	b.ok(b.finish(b.seal(cs, w, v)))
	b.is(`SELECT id FROM items ORDER BY id`, `[[4],[6]]`)

	b = newBench(t) // one worker has both lanes, the truncate comes last
	cs = []stream.Clean{b.clean(items, 1, row(15, "5"), row(25, "6")), b.clean(items, 0, tr(20))}
	w = b.s.Writer()
	b.write(w, cs[0])
	b.write(w, cs[1])
	e, parts := b.seal(cs, w)
	if n := e.Spans[1].Count; n.Written != 1 || n.Folded != 1 {
		t.Errorf("counts %+v", n)
	}
	b.ok(b.finish(e, parts))
	b.is(`SELECT id FROM items ORDER BY id`, `[[6]]`)
	b.ok(b.commit(b.clean(items, 0, tr(40))))
	b.is(`SELECT count(*) FROM items`, `[[0]]`)

	b = newBench(t, func(c *Config) { c.Truncate = "ignore" })
	cs = []stream.Clean{b.clean(items, 0, row(1, "1"), tr(2))}
	w = b.s.Writer()
	b.write(w, cs[0])
	e, parts = b.seal(cs, w)
	if n := e.Spans[0].Count; n.Filtered != 1 {
		t.Errorf("counts %+v, want the truncate filtered", n)
	}
	b.ok(b.finish(e, parts))
	b.is(`SELECT id FROM items`, `[[1]]`)
}

func TestTruncateOfATableThatNeverWas(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, rec{op: stream.Truncate})))
	b.ok(b.commit(b.clean(items, 0, ins("1", `"a"`, "null"))))
	b.is(`SELECT id FROM items`, `[[1]]`)
}

// TestTruncateOfAnotherTopic (it emptied the table that was there): one of a topic
// whose table would have the same name as another topic's stops its own lane,
// whichever of the two is known first.
func TestTruncateOfAnotherTopic(t *testing.T) {
	other := schemas.NewSchema(schemas.Schema{Topic: "shop.other.items", Version: 1, Closed: true, Database: "shop", Namespace: "other", Table: "items"})
	for _, first := range []rec{ins("1", `"a"`, "null"), {op: stream.Truncate}} {
		b := newBench(t)
		b.ok(b.commit(b.clean(items, 0, ins("1", `"a"`, "null"))))
		b.s = b.a.sink(t) // a process that has seen nothing
		w := b.s.Writer()
		from := items
		if first.op == stream.Truncate {
			from = schema("items")
		}
		b.write(w, b.clean(from, 0, first))
		b.parked(w.Write(b.clean(other, 0, rec{op: stream.Truncate})), "both go to table")
		b.s.cfg.Truncate = "ignore"
		b.write(b.s.Writer(), b.clean(other, 0, rec{op: stream.Truncate}))
	}
}

// TestTruncateBeforeAnyRow (rows of another partition that are older outlived it): one
// that a process reads before any row orders itself to rows of its epoch like others.
func TestTruncateBeforeAnyRow(t *testing.T) {
	row := func(src uint64, id string) rec { return rec{stream.Insert, src, []string{id, `"r"`, "null"}} }
	for _, writers := range []int{1, 2} {
		b := newBench(t)
		w := b.s.Writer()
		v := w
		if writers == 2 {
			v = b.s.Writer()
		}
		cs := []stream.Clean{b.clean(schema("items"), 0, rec{op: stream.Truncate, src: 20}), b.clean(items, 0, row(30, "4")),
			b.clean(items, 1, row(15, "5"), row(25, "6"), rec{stream.Delete, 35, []string{"4"}})}
		b.write(w, cs[0])
		b.write(w, cs[1])
		b.write(v, cs[2])
		b.ok(b.finish(b.seal(cs, []stream.Writer{w, v}[:writers]...)))
		b.is(`SELECT id FROM items ORDER BY id`, `[[6]]`)
	}
}

func TestNewColumn(t *testing.T) {
	b := newBench(t)
	wide := schema("items", key("id", schemas.Int64), col("a", schemas.String), col("b", schemas.String), col("c", schemas.Decimal), col("unknown", schemas.Unknown))
	b.ok(b.commit(b.clean(items, 0, ins("1", `"a"`, `"b"`))))
	b.ok(b.commit(b.clean(wide, 0, ins("2", `"a"`, "null", "1.50", "null"), upd("1", `"a2"`, `"b2"`, "null", "null"))))
	b.is(`SELECT id, a, b, c FROM items ORDER BY id`, `[[1,"a2","b2",null],[2,"a",null,"1.50"]]`)
	b.is(`SELECT name, type FROM pragma_table_info('items')`, `[["id","INTEGER"],["a","TEXT"],["b","TEXT"],["c","TEXT"]]`) // no column without a value
	b.ok(b.commit(b.clean(items, 0, upd("2", `"a3"`, "null"))))                                                            // a row of before the column keeps it
	b.ok(b.commit(b.clean(wide, 0, ins("3", "null", "null", "null", `{"x":1}`), ins("4", "null", "null", "null", "7"), ins("5", "null", "null", "null", "null"))))
	b.is(`SELECT id, c, unknown FROM items ORDER BY id`, `[[1,null,null],[2,"1.50",null],[3,null,"{\"x\":1}"],[4,null,7],[5,null,null]]`)
}

// TestTwoInstancesChangeTables: both make the table, both add the column.
func TestTwoInstancesChangeTables(t *testing.T) {
	x := newBench(t)
	y := x.a.bench(t)
	y.at[lane{Topic: items.Topic, Partition: 1}] = 0
	wide := schema("items", key("id", schemas.Int64), col("a", schemas.String), col("b", schemas.String), col("c", schemas.String))
	learn := func(b *bench) { b.ok(b.s.learn(t.Context(), []tablePlan{{Name: "items"}})) }
	learn(x)
	learn(y) // both know that there is none
	x.ok(x.commit(x.clean(items, 0, ins("1", `"x"`, "null"))))
	y.ok(y.commit(y.clean(items, 1, ins("2", `"y"`, "null"))))
	learn(x)
	learn(y)
	x.ok(x.commit(x.clean(wide, 0, ins("3", `"x"`, "null", `"c"`))))
	y.ok(y.commit(y.clean(wide, 1, ins("4", `"y"`, "null", `"d"`))))
	x.is(`SELECT id, a, c FROM items ORDER BY id`, `[[1,"x",null],[2,"y",null],[3,"x","c"],[4,"y","d"]]`)
}

func TestKeys(t *testing.T) {
	b := newBench(t)
	two := schema("two", key("n", schemas.Int64), key("s", schemas.String), schemas.Field{Name: "bin", Type: schemas.Type{Kind: schemas.Binary}, Wire: schemas.WireBase64, Key: true}, col("v", schemas.String))
	b.ok(b.commit(b.clean(two, 0, ins("1", `"a"`, `"AP8="`, `"v1"`), ins("1", `"b"`, `"AP8="`, `"v2"`), ins("1", `"a"`, `"AA=="`, `"v3"`), ins("2", `"1"`, `""`, `"v4"`))))
	b.ok(b.commit(b.clean(two, 0, del("1", `"a"`, `"AP8="`), upd("1", `"b"`, `"AP8="`, `"v5"`), del("2", `"1"`, `""`))))
	b.is(`SELECT n, s, hex(bin), v FROM two ORDER BY v`, `[[1,"a","00","v3"],[1,"b","00FF","v5"]]`)
	b.is(`SELECT sql FROM sqlite_master WHERE name = 'two'`, `[["CREATE TABLE \"two\" (\"n\" INTEGER NOT NULL, \"s\" TEXT NOT NULL, \"bin\" BLOB NOT NULL, \"v\" TEXT, PRIMARY KEY (\"n\", \"s\", \"bin\")) STRICT, WITHOUT ROWID"]]`)
	only := schema("only", key("id", schemas.UUID))
	b.ok(b.commit(b.clean(only, 0, ins(`"u1"`), ins(`"u2"`), upd(`"u1"`), del(`"u2"`))))
	b.is(`SELECT id FROM only`, `[["u1"]]`)
}

// TestDeleteSeeks: json_each drives a delete, the table is never scanned.
func TestDeleteSeeks(t *testing.T) {
	b := newBench(t)
	two := schema("two", key("n", schemas.Int64), key("s", schemas.String))
	b.ok(b.commit(b.clean(two, 0, ins("1", `"a"`)), b.clean(items, 0, ins("1", "null", "null"))))
	for _, sql := range []string{`DELETE FROM "two" WHERE ("n","s") IN (SELECT j.value->>0,j.value->>1 FROM json_each(?1) j WHERE true)`,
		`DELETE FROM "items" WHERE ("id") IN (SELECT j.value->>0 FROM json_each(?1) j WHERE true)`} {
		plan, _ := json.Marshal(b.a.query(t, "EXPLAIN QUERY PLAN "+sql, "[]")[0].Rows)
		if !strings.Contains(string(plan), "SEARCH two") && !strings.Contains(string(plan), "SEARCH items") {
			t.Errorf("%s: %s", sql, plan)
		}
	}
}

func TestNamesThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name, part string
		config     func(*Config)
		schemas    []*schemas.Schema
	}{
		{"columns that differ by case", `columns "Id" and "ID"`, nil, []*schemas.Schema{schema("x", key("Id", schemas.Int64), col("ID", schemas.String))}},
		{"tables that differ by case", `both go to table "orders"`, nil, []*schemas.Schema{schema("orders", key("id", schemas.Int64)), schema("ORDERS", key("id", schemas.Int64))}},
		{"reserved", "reserved", nil, []*schemas.Schema{schema("_sluice_x", key("id", schemas.Int64))}},
		{"a log's own column", `"_offset" and "_OFFSET"`, nil, []*schemas.Schema{schema("x", col("_OFFSET", schemas.Int64))}},
		{"another key", "rows with a key and rows without", nil, []*schemas.Schema{schema("x", key("id", schemas.Int64)), schema("x", col("id", schemas.Int64))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			var err error
			for _, s := range c.schemas {
				v := slices.Repeat([]string{"1"}, len(s.Fields))
				if err == nil {
					err = b.s.Writer().Write(b.clean(s, 0, ins(v...)))
				}
			}
			b.parked(err, c.part)
		})
	}
}

// TestQuoting: any name of a source is a name here.
func TestQuoting(t *testing.T) {
	b := newBench(t)
	odd := schema(`we"ird; DROP TABLE x --`, key("select", schemas.Int64), col(`a"b'c`, schemas.String), col("grüße ☃", schemas.String))
	b.ok(b.commit(b.clean(odd, 0, ins("1", `"v"`, `"w"`), ins("2", `"v"`, `"w"`), del("2"))))
	b.is(`SELECT * FROM "we""ird; DROP TABLE x --"`, `[[1,"v","w"]]`)
}

func TestTableTemplate(t *testing.T) {
	for _, c := range []struct {
		template string
		t        stream.Table
		want     string
	}{
		{"{table}", stream.Table{Topic: "a.b.c", Table: "c"}, "c"},
		{"{table}", stream.Table{Topic: "events"}, "events"},
		{"{database}_{namespace}_{table}", stream.Table{Topic: "t", Database: "d", Table: "c"}, "d_c"},
		{"{database}_{namespace}_{table}", stream.Table{Topic: "t"}, "t"},
		{"r_{topic}", stream.Table{Topic: "a.b"}, "r_a.b"},
	} {
		if got := tableName(c.template, &c.t); got != c.want {
			t.Errorf("%s: %q, want %q", c.template, got, c.want)
		}
	}
}
