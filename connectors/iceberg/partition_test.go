package iceberg

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/iceberg-go"

	"sluice/schemas"
	"sluice/topology/stream"
)

// TestPartitions writes rows under every transform and type and checks each
// file's partition against the library's own transform of each row it holds.
func TestPartitions(t *testing.T) {
	fields := []schemas.Field{col("*id", schemas.Int64), col("i", schemas.Int32), col("s", schemas.String), col("b", schemas.Bool), col("bin", schemas.Binary),
		{Name: "d", Type: schemas.Type{Kind: schemas.Date}, Wire: schemas.WireDays, Nullable: true},
		{Name: "ts", Type: schemas.Type{Kind: schemas.Timestamp}, Wire: schemas.WireMicros, Nullable: true},
		{Name: "at", Type: schemas.Type{Kind: schemas.Instant}, Wire: schemas.WireMillis, Nullable: true}, decimal("dec", 9, 2)}
	for _, spec := range []string{
		"identity(id)", "i", "identity(s)", "identity(b)", "identity(d)", "identity(ts)", "identity(at)", "identity(dec)", "identity(bin)",
		"bucket(16, id)", "bucket(5, i)", "bucket(7, s)", "bucket(4, d)", "bucket(4, ts)", "bucket(4, at)", "bucket(3, dec)", "bucket(3, bin)",
		"truncate(10, i)", "truncate(10, id)", "truncate(2, s)", "truncate(50, dec)", "truncate(1, bin)",
		"year(d)", "month(d)", "day(d)", "year(ts)", "month(ts)", "day(at)", "hour(at)", "day(_ts)", "bucket(2, _offset)", "identity(_partition)",
	} {
		for _, version := range []int{2, 3} {
			t.Run(fmt.Sprintf("%s v%d", spec, version), func(t *testing.T) {
				s := newStore(t, func(c *Config) { c.Partition = map[string][]string{"p*": {spec}}; c.FormatVersion = version })
				k := s.open(t)
				recovered(t, k)
				sc := schemaOf("t", "parts", fields...)
				lane := stream.Lane{Topic: "t", Partition: 2}
				var rs []record1
				for i := range int64(12) {
					at := (i - 5) * 2_777_777_777_777 // micros, some before 1970
					v := map[string]any{"id": i*37 - 100, "i": i*13 - 40, "s": strings.Repeat("aé😀", int(i%4)) + "x", "b": i%2 == 0, "bin": []byte{byte(i), 0xFF},
						"d": at / 86_400_000_000, "ts": at, "at": at / 1000, "dec": fmt.Sprintf("%d.%02d", i*7-20, i)}
					if i == 11 {
						v = map[string]any{"id": nil}
					}
					rs = append(rs, record1{offset: i, time: at, values: v})
				}
				w, e := k.Writer(), newEpoch(k.env.Name)
				e.write(t, w, batchOf(lane, 0, 6, sc, rs[:6]...))
				e.write(t, w, batchOf(lane, 6, 12, sc, rs[6:]...))
				e.seal(t, w)
				commit(t, k, e.upload(t, k))
				checkPartitions(t, k, 12)
				commit(t, k, stage(t, k, batchOf(lane, 12, 13, sc, record1{offset: 12, values: map[string]any{"id": 1}})))
				checkPartitions(t, k, 13)
			})
		}
	}
}

// checkPartitions compares each file's partition with its rows.
func checkPartitions(t *testing.T, k *Sink, rows int) {
	t.Helper()
	ctx := context.Background()
	tab, err := k.client.load(ctx, "parts")
	if err != nil {
		t.Fatal(err)
	}
	spec := tab.Spec()
	f := spec.Field(0)
	src, _ := tab.Schema().FindFieldByID(f.SourceID())
	scan := tab.Scan()
	tasks, err := scan.PlanFiles(ctx)
	if err != nil {
		t.Fatal(err)
	}
	seen, parts := 0, map[string]int{}
	for i := range tasks {
		got, ok := tasks[i].File.Partition()[f.FieldID]
		if !ok {
			t.Fatal("a file without its partition value")
		}
		parts[fmt.Sprint(got)]++
		err := readRows(ctx, scan, tasks[i:i+1], func(r row) {
			seen++
			want := applied(t, f.Transform, src.Type, arrowValue(t, r.batch.Column(r.at[src.Name]), r.i))
			if g := plainText(got); g != want {
				t.Errorf("%v of a row is %s, its file says %s (%T)", f.Transform, want, g, got)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen != rows {
		t.Errorf("%d rows, want %d", seen, rows)
	}
	if rows == 12 {
		for p, n := range parts {
			if n != 1 {
				t.Errorf("partition %s has %d files of one epoch", p, n)
			}
		}
	}
}

// applied is the library's transform of a value as the scanner read it.
func applied(t *testing.T, tr iceberg.Transform, typ iceberg.Type, v any) string {
	t.Helper()
	if v == nil {
		return "<nil>"
	}
	var lit iceberg.Literal
	switch v := v.(type) {
	case int64:
		lit = iceberg.Int64Literal(v)
	case int32:
		lit = iceberg.Int32Literal(v)
	case string:
		lit = iceberg.StringLiteral(v)
	case bool:
		lit = iceberg.BoolLiteral(v)
	case []byte:
		lit = iceberg.BinaryLiteral(v)
	case arrow.Date32:
		lit = iceberg.DateLiteral(v)
	case arrow.Timestamp:
		lit = iceberg.TimestampLiteral(v)
	case decimalText:
		n, err := decimal128.FromString(string(v), 9, 2)
		if err != nil {
			t.Fatal(err)
		}
		lit = iceberg.DecimalLiteral{Val: n, Scale: 2}
	default:
		t.Fatalf("no literal of %T", v)
	}
	out := tr.Apply(iceberg.Optional[iceberg.Literal]{Valid: true, Val: lit})
	if !out.Valid {
		return "<nil>"
	}
	return plainText(out.Val.Any())
}

func plainText(v any) string {
	switch v := v.(type) {
	case iceberg.Decimal:
		return v.Val.ToString(int32(v.Scale))
	case iceberg.Date:
		return fmt.Sprint(int32(v))
	case iceberg.Timestamp:
		return fmt.Sprint(int64(v))
	case []byte:
		return fmt.Sprintf("%x", v)
	}
	return fmt.Sprint(v)
}

// TestPartitionWidens: the column that partitions a table becomes wider.
func TestPartitionWidens(t *testing.T) {
	for _, spec := range []string{"identity(i)", "truncate(10, i)", "bucket(4, i)", "identity(d)"} {
		t.Run(spec, func(t *testing.T) {
			s := newStore(t, func(c *Config) { c.Partition = map[string][]string{"*": {spec}} })
			k := s.open(t)
			recovered(t, k)
			lane := stream.Lane{Topic: "t"}
			narrow := schemaOf("t", "parts", col("*i", schemas.Int32), decimal("d", 5, 2))
			wide := schemaOf("t", "parts", col("*i", schemas.Int64), decimal("d", 12, 2))
			row := func(o int64, i int64) record1 {
				return record1{offset: o, values: map[string]any{"i": i, "d": fmt.Sprint(i%100, ".50")}}
			}
			commit(t, k, stage(t, k, batchOf(lane, 0, 1, narrow, row(0, 7))))
			commit(t, k, stage(t, k, batchOf(lane, 1, 2, wide, row(1, 1<<40)), batchOf(lane, 2, 3, narrow, row(2, 7))))
			commit(t, k, stage(t, k, batchOf(lane, 3, 4, narrow, row(3, 8))))
			got := byOffset(t, k, "parts")
			for o, want := range []string{"7 7.50", "1099511627776 76.50", "7 7.50", "8 8.50"} {
				if g := fmt.Sprint(got[int64(o)]["i"], " ", got[int64(o)]["d"]); g != want {
					t.Errorf("offset %d: %s, want %s", o, g, want)
				}
			}
		})
	}
}

// TestPartitionMismatch: config and table disagree.
func TestPartitionMismatch(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	commit(t, k, stage(t, k, some(lane0, 0, 1)))
	s.cfg.Partition = map[string][]string{"*": {"bucket(4, id)"}}
	k2 := s.open(t)
	recovered(t, k2)
	w, e := k2.Writer(), newEpoch(k2.env.Name)
	e.write(t, w, some(lane0, 1, 1))
	e.seal(t, w)
	_, err := k2.Upload(context.Background(), e.Epoch, e.parts)
	wantState(t, err, stream.StateParked, "partitioned by")
	s.cfg.Partition = map[string][]string{"*": {"day(nope)"}}
	wantState(t, s.open(t).Writer().Write(clean(t, some(lane0, 1, 1))), stream.StateParked, `there is no column "nope"`)
	s.cfg.Partition = map[string][]string{"*": {"day(note)"}}
	wantState(t, s.open(t).Writer().Write(clean(t, some(lane0, 1, 1))), stream.StateParked, "cannot be applied")
}

func TestParseTransform(t *testing.T) {
	for in, want := range map[string]string{
		"day(_ts)": "day _ts", " bucket( 16 , id ) ": "bucket[16] id", "identity(a b)": "identity a b", "plain": "identity plain",
		"truncate(4, x)": "truncate[4] x", "year(d)": "year d", "bucket(id)": "", "day(3, x)": "", "bucket(0, x)": "", "bucket(99999999999, x)": "",
		"": "", "foo(x)": "", "a,b": "", "day()": "",
	} {
		tr, err := parseTransform(in)
		got := ""
		if err == nil {
			got = tr.Transform.String() + " " + tr.column
		}
		if got != want {
			t.Errorf("%q: %q (%v), want %q", in, got, err, want)
		}
	}
}

func FuzzParseTransform(f *testing.F) {
	for _, s := range []string{"day(_ts)", "bucket(16, id)", "x", "truncate(2,y)", "(", "bucket(-1,x)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tr, err := parseTransform(s)
		if err != nil {
			return
		}
		if tr.column == "" {
			t.Fatalf("%q has no column", s)
		}
		if lib, name := tr.iceberg(); lib == nil || name == "" {
			t.Fatalf("%q has no library transform", s)
		}
	})
}
