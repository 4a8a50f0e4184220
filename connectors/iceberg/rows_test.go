package iceberg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"sluice/schemas"
	"sluice/topology/stream"
)

// byOffset reads a table's rows by offset.
func byOffset(t testing.TB, k *Sink, name string) map[int64]map[string]any {
	t.Helper()
	out := map[int64]map[string]any{}
	for _, m := range scanTable(t, k, name) {
		o := m["_offset"].(int64)
		if out[o] != nil {
			t.Fatalf("offset %d is there twice", o)
		}
		out[o] = m
	}
	return out
}

// TestChangelog: what becomes of each operation, and the changelog columns.
func TestChangelog(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Meta = metaNames })
	k := s.open(t)
	recovered(t, k)
	sc := schemaOf("shop.public.users", "users", col("*id", schemas.Int64), col("name", schemas.String), col("big", schemas.String))
	lane := stream.Lane{Topic: "shop.public.users", Partition: 3}
	src := stream.SourcePos{Hi: 1, Lo: 0x2f, Row: 7}
	commit(t, k, stage(t, k, batchOf(lane, 10, 20, sc,
		record1{offset: 10, snapshot: true, time: 5, values: map[string]any{"id": 1, "name": "a", "big": "x"}},
		record1{offset: 12, seq: 1, op: stream.Update, time: 6, src: src, values: map[string]any{"id": 1, "name": nil, "big": unavailableValue{}}},
		record1{offset: 13, op: stream.Delete, time: 7, values: map[string]any{"id": 1}},
		record1{offset: 15, op: stream.Truncate, time: 8},
	)))
	meta := func(op string, offset int64, seq int32, snap bool, ts int64, more map[string]any) map[string]any {
		m := map[string]any{"_op": op, "_offset": offset, "_seq": seq, "_snapshot": snap, "_ts": arrow.Timestamp(ts), "_topic": lane.Topic, "_partition": int32(3)}
		maps.Copy(m, more)
		return m
	}
	want := map[int64]map[string]any{
		10: meta("insert", 10, 0, true, 5, map[string]any{"id": int64(1), "name": "a", "big": "x"}),
		12: meta("update", 12, 1, false, 6, map[string]any{"id": int64(1), "_unavailable": "big", "_source_pos": "0000000000000001000000000000002f00000007"}),
		13: meta("delete", 13, 0, false, 7, map[string]any{"id": int64(1)}),
		15: meta("truncate", 15, 0, false, 8, nil),
	}
	got := byOffset(t, k, "users")
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	if p := recovered(t, k); p.Lanes[lane].Next != pos(20) {
		t.Fatalf("progress %+v", p.Lanes)
	}
}

// TestRefusedRow: a value that does not fit is this store's dead letter, and
// the rest of the epoch is not held up.
func TestRefusedRow(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	sc := schemaOf("shop.public.orders", "orders", col("*id", schemas.Int32), col("note", schemas.String))
	st := stage(t, k, batchOf(lane0, 0, 3, sc,
		record1{offset: 0, values: map[string]any{"id": 1}},
		record1{offset: 1, values: map[string]any{"id": "SECRET-not-a-number"}},
		record1{offset: 2, values: map[string]any{"id": int64(1) << 40}},
	))
	if c := st.Spans[0].Count; c != (stream.Count{In: 3, Written: 1, Rejected: 2}) {
		t.Fatalf("counts %+v", c)
	}
	commit(t, k, st)
	letters, err := k.ListDead(context.Background(), 10)
	if err != nil || len(letters) != 2 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	for i, want := range []string{"syntax", "range"} {
		if d := letters[i]; d.Code != want || d.Field != "id" || d.Sink != k.env.Name || d.Offset != int64(i+1) || d.ID != fmt.Sprintf("conformance/%v/%d/0", lane0, i+1) {
			t.Errorf("letter %+v, want code %s", d, want)
		}
	}
	if strings.Contains(fmt.Sprintf("%+v", letters), "SECRET") { // P1
		t.Error("a letter quotes the value")
	}
	if err := k.MarkRedriven(context.Background(), letters[0].ID, 9); err != nil {
		t.Fatal(err)
	}
	if left, _ := k.ListDead(context.Background(), 10); len(left) != 1 || left[0].ID != letters[1].ID {
		t.Fatalf("after redrive: %+v", left)
	}
}

// TestFullBufferFails: a full buffer that cannot be packed fails the Write, and no
// row goes into it unmarked. // D6
func TestFullBufferFails(t *testing.T) {
	k := newStore(t).open(t)
	w := k.Writer().(*writer)
	sc := schemaOf("shop.public.orders", "orders", col("*id", schemas.Int64))
	rows := clean(t, batchOf(lane0, 0, 2, sc, record1{offset: 0, values: map[string]any{"id": 1}}, record1{offset: 1, values: map[string]any{"id": 2}}))
	if err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	full := w.touched[0]
	full.size = fullBytes
	k.files.Level = 99
	for range 2 {
		if err := w.Write(rows); err == nil || full.buf.Len() != 2 {
			t.Fatalf("%v, %d rows", err, full.buf.Len())
		}
	}
	if n := w.counts[lane0].Written; n != 2 {
		t.Fatalf("%d written", n)
	}
}

// TestWriteAllOrNothing: a row that cannot go anywhere takes its batch back.
func TestWriteAllOrNothing(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	w := k.Writer()
	unknown := schemaOf("shop.public.orders", "orders", col("*id", schemas.Int64), col("x", schemas.Unknown))
	if err := w.Write(clean(t, batchOf(lane0, 0, 2, unknown, record1{offset: 0, values: map[string]any{"id": 1}}, record1{offset: 1, values: map[string]any{"id": 2, "x": nil}}))); err != nil {
		t.Fatal(err)
	}
	size := w.Size()
	err := w.Write(clean(t, batchOf(lane0, 2, 4, unknown, record1{offset: 2, values: map[string]any{"id": 3}}, record1{offset: 3, values: map[string]any{"id": 4, "x": "v"}})))
	wantState(t, err, stream.StateParked, "x has a value and no type")
	var se *stream.StateError
	if errors.As(err, &se); !slices.Equal(se.Lanes, []stream.Lane{lane0}) {
		t.Fatalf("lanes %v", se.Lanes)
	}
	if w.Size() < size {
		t.Fatalf("size %d, was %d", w.Size(), size)
	}
	p, err := w.Seal()
	if err != nil || p.Counts[lane0].Written != 2 {
		t.Fatalf("counts %+v, %v", p.Counts, err)
	}
	for _, r := range p.Data.(tableParts)[0].rows {
		if r.buf.Len() != 2 {
			t.Fatalf("%d rows, want 2", r.buf.Len())
		}
	}
	if w.Size() != 0 {
		t.Fatalf("size %d after Seal", w.Size())
	}
	dec := clean(t, batchOf(lane0, 0, 1, schemaOf("t", "orders", col("_op", schemas.String)), record1{values: map[string]any{"_op": "x"}}))
	wantState(t, w.Write(dec), stream.StateParked, "meta_prefix")
}

func decimal(name string, p, sc uint8) schemas.Field {
	return schemas.Field{Name: name, Type: schemas.Type{Kind: schemas.Decimal, Precision: p, Scale: sc}, Nullable: true}
}

// TestSchemaChangesWithRows: columns come and widen in the commit of the first
// rows that need it; files written before read the same.
func TestSchemaChangesWithRows(t *testing.T) {
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			s := newStore(t, func(c *Config) { c.FormatVersion = version })
			k := s.open(t)
			recovered(t, k)
			one := schemaOf("t", "orders", col("*id", schemas.Int32), col("f", schemas.Float32), decimal("d", 5, 2), col("u", schemas.Unknown))
			two := schemaOf("t", "orders", col("*id", schemas.Int64), col("f", schemas.Float64), decimal("d", 20, 2), col("u", schemas.String), col("new", schemas.Date))
			lane := stream.Lane{Topic: "t"}
			commit(t, k, stage(t, k, batchOf(lane, 0, 1, one, record1{offset: 0, values: map[string]any{"id": 7, "f": 1.5, "d": "12.25", "u": nil}})))
			before, _ := k.client.load(context.Background(), "orders")
			if _, ok := before.Schema().FindFieldByName("u"); ok {
				t.Fatal("a column without a type is in the table")
			}
			st := stage(t, k, batchOf(lane, 1, 3, two,
				record1{offset: 1, values: map[string]any{"id": int64(1) << 40, "f": 0.1, "d": "123456789012345678.05", "u": "x", "new": "2024-02-29"}},
				record1{offset: 2, values: map[string]any{"id": 8}}))
			unchanged, _ := k.client.load(context.Background(), "orders")
			if len(unchanged.Metadata().Schemas()) != 1 {
				t.Fatal("the schema changed before the rows")
			}
			commit(t, k, st)
			after, _ := k.client.load(context.Background(), "orders")
			if got := after.CurrentSnapshot().SchemaID; got == nil || *got != after.Schema().ID {
				t.Fatalf("the snapshot has schema %v, the table %d", got, after.Schema().ID) // lake.md rule 4
			}
			// An older worker goes on with the old schema, beside the new one.
			commit(t, k, stage(t, k, batchOf(lane, 3, 4, one, record1{offset: 3, values: map[string]any{"id": 9, "d": "1.00"}}),
				batchOf(lane, 4, 5, two, record1{offset: 4, values: map[string]any{"id": 10, "new": "2024-03-01"}})))
			want := map[int64]string{
				0: "7 1.5 12.25 <nil> <nil>", 1: "1099511627776 0.1 123456789012345678.05 x 2024-02-29", 2: "8 <nil> <nil> <nil> <nil>",
				3: "9 <nil> 1.00 <nil> <nil>", 4: "10 <nil> <nil> <nil> 2024-03-01"}
			for o, m := range byOffset(t, k, "orders") {
				day := m["new"]
				if d, ok := day.(arrow.Date32); ok {
					day = d.ToTime().Format("2006-01-02")
				}
				if got := fmt.Sprint(m["id"], " ", m["f"], " ", m["d"], " ", m["u"], " ", day); got != strings.ReplaceAll(want[o], "  ", " ") {
					t.Errorf("offset %d: %q, want %q", o, got, want[o])
				}
			}
			if n := s.files(t, "orders"); n != 3 {
				t.Errorf("%d files, want 3: old and new rows of an epoch are joined", n)
			}
		})
	}
}

// TestManyRowsOfTwoSchemas: rows that were packed with narrower and fewer
// columns than the table has by then stand in files of their own.
func TestManyRowsOfTwoSchemas(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	one := schemaOf("t", "orders", col("*id", schemas.Int32), decimal("d", 5, 2))
	two := schemaOf("t", "orders", col("*id", schemas.Int64), decimal("d", 20, 2), col("new", schemas.String))
	lane := stream.Lane{Topic: "t"}
	rows := func(from, n int64, more map[string]any) (rs []record1) {
		for i := range n {
			m := map[string]any{"id": from + i, "d": "1.50"}
			maps.Copy(m, more)
			rs = append(rs, record1{offset: from + i, values: m})
		}
		return rs
	}
	commit(t, k, stage(t, k,
		batchOf(lane, 0, fullRows+1, one, rows(0, fullRows+1, nil)...), // one more than full
		batchOf(lane, fullRows+1, fullRows+11, one, rows(fullRows+1, 10, nil)...),
		batchOf(lane, fullRows+11, fullRows+smallGroup+11, two, rows(fullRows+11, smallGroup, map[string]any{"new": "x"})...)))
	got := byOffset(t, k, "orders")
	if len(got) != fullRows+smallGroup+11 {
		t.Fatalf("%d rows", len(got))
	}
	for o, m := range got {
		if want := fmt.Sprint(o, " 1.50 ", map[bool]any{false: nil, true: "x"}[o >= fullRows+11]); fmt.Sprint(m["id"], " ", m["d"], " ", m["new"]) != want {
			t.Fatalf("offset %d: %v, want %q", o, m, want)
		}
	}
	if n := s.files(t, "orders"); n != 3 {
		t.Errorf("%d files, want 3: one of each schema, and the ten rows", n)
	}
}

// TestRetypedColumn: a column that comes with another type goes on beside the
// old one, whichever of the two the decoder met first. // D3
func TestRetypedColumn(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	text := func(name, of string, kind schemas.Kind) schemas.Field {
		f := col(name, kind)
		f.Of = of
		return f
	}
	score := func(at int64, sc *schemas.Schema, values map[string]any) {
		commit(t, k, stage(t, k, batchOf(lane0, at, at+1, sc, record1{offset: at, values: values})))
	}
	old := schemaOf("t", "orders", col("*id", schemas.Int64), col("score", schemas.Float64))
	score(0, old, map[string]any{"id": 1, "score": 1.5})
	both := schemaOf("t", "orders", col("*id", schemas.Int64), col("score", schemas.Float64), text("score__string", "score", schemas.String))
	score(1, both, map[string]any{"id": 2, "score": nil, "score__string": "2.50"})
	anew := schemaOf("t", "orders", col("*id", schemas.Int64), col("score", schemas.String), text("score__float64", "score", schemas.Float64)) // after a restart
	score(2, anew, map[string]any{"id": 3, "score": "3.50", "score__float64": nil})
	score(3, anew, map[string]any{"id": 4, "score": nil, "score__float64": 4.5})
	for o, m := range byOffset(t, k, "orders") {
		want := []string{"1.5 <nil>", "<nil> 2.50", "<nil> 3.50", "4.5 <nil>"}[o]
		if got := fmt.Sprint(m["score"], " ", m["score__string"]); got != want {
			t.Errorf("offset %d: %s, want %s", o, got, want)
		}
		if _, there := m["score__float64"]; there {
			t.Error("a third column")
		}
	}
}

// TestFreeze: no column is added.
func TestFreeze(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Evolve = "freeze" })
	k := s.open(t)
	recovered(t, k)
	commit(t, k, stage(t, k, some(lane0, 0, 1)))
	more := schemaOf("t", "orders", col("*id", schemas.Int64), col("new", schemas.String))
	e, w := newEpoch(k.env.Name), k.Writer()
	e.write(t, w, batchOf(lane0, 1, 2, more, record1{offset: 1, values: map[string]any{"id": 1, "new": "x"}}))
	e.seal(t, w)
	_, err := k.Upload(context.Background(), e.Epoch, e.parts)
	wantState(t, err, stream.StateParked, `column "new" would be added or widened`)
}

// TestIncompatibleChange parks under evolve: strict, names table and column,
// and goes on once a person renamed the column.
func TestIncompatibleChange(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Evolve = "strict" })
	k := s.open(t)
	recovered(t, k)
	commit(t, k, stage(t, k, some(lane0, 0, 1)))
	text := schemaOf("t", "orders", col("*id", schemas.String))
	e, w := newEpoch(k.env.Name), k.Writer()
	e.write(t, w, batchOf(lane0, 1, 2, text, record1{offset: 1, values: map[string]any{"id": "abc"}}))
	e.seal(t, w)
	_, err := k.Upload(context.Background(), e.Epoch, e.parts)
	wantState(t, err, stream.StateParked, `table orders: column "id" is long in the table and now string`)
	s.edit(t, k, "orders", func(tx *table.Transaction) error {
		return tx.UpdateSchema(true, false).RenameColumn([]string{"id"}, "old_id").Commit()
	})
	commit(t, k, e.upload(t, k))
	if m := byOffset(t, k, "orders"); m[0]["old_id"] != int64(0) || m[1]["id"] != "abc" {
		t.Fatalf("%v", m)
	}
}

// TestSchemaRace: another process adds a column between Upload and Commit: the
// files carry an id that is taken. The epoch is void, not wrong.
func TestSchemaRace(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	commit(t, k, stage(t, k, some(lane0, 0, 1)))
	more := schemaOf("t", "orders", col("*id", schemas.Int64), col("mine", schemas.String))
	rows := batchOf(lane0, 1, 2, more, record1{offset: 1, values: map[string]any{"id": 5, "mine": "m"}})
	st := stage(t, k, rows)
	s.edit(t, k, "orders", func(tx *table.Transaction) error {
		return tx.UpdateSchema(true, false).AddColumn([]string{"theirs"}, iceberg.PrimitiveTypes.String, "", false, nil).Commit()
	})
	if err := again(func() error { return k.Commit(context.Background(), []stream.Staged{st}) }); !errors.Is(err, stream.ErrFenced) {
		t.Fatalf("Commit: %v, want ErrFenced", err)
	}
	recovered(t, k)
	commit(t, k, stage(t, k, batchOf(lane0, 1, 2, more, record1{offset: 1, values: map[string]any{"id": 5, "mine": "m"}})))
	if m := byOffset(t, k, "orders"); m[1]["mine"] != "m" || m[1]["theirs"] != nil {
		t.Fatalf("%v", m)
	}
}

// TestBounds: statistics only of columns whose values may be seen. // P1
func TestBounds(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	c := clean(t, some(lane0, 0, 3))
	hidden := *c.Rows()[0].Table
	hidden.Columns = slices.Clone(hidden.Columns)
	hidden.Columns[1].Bounds = false
	for i := range c.Rows() {
		c.Rows()[i].Table = &hidden
	}
	e, w := newEpoch(k.env.Name), k.Writer()
	if err := w.Write(c); err != nil {
		t.Fatal(err)
	}
	e.Spans = []stream.LedgerSpan{{Span: c.Span(), Count: c.Count()}}
	e.seal(t, w)
	w2 := k.Writer() // another worker, whose policy still lets the column be seen
	e.write(t, w2, some(lane1, 0, 3))
	e.seal(t, w2)
	commit(t, k, e.upload(t, k))
	tab, _ := k.client.load(context.Background(), "orders")
	tasks, err := tab.Scan().PlanFiles(context.Background())
	if err != nil || len(tasks) != 1 {
		t.Fatal(len(tasks), err)
	}
	f := tasks[0].File
	id, _ := tab.Schema().FindFieldByName("id")
	note, _ := tab.Schema().FindFieldByName("note")
	if f.LowerBoundValues()[id.ID] == nil || f.UpperBoundValues()[id.ID] == nil {
		t.Error("no bounds of a kept column")
	}
	if f.LowerBoundValues()[note.ID] != nil || f.UpperBoundValues()[note.ID] != nil {
		t.Error("bounds of a masked column")
	}
}
