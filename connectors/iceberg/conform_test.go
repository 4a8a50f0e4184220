package iceberg

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/emulator/catalog"
	"sluice/connectors/sinktest"
	"sluice/topology"
	"sluice/topology/stream"
)

// store is a lake that outlives the sinks under test.
type store struct {
	*lake
	cfg  Config
	slow int
	s3   *bucket // nil: local files
}

func newStore(t testing.TB, edit ...func(*Config)) *store {
	s := &store{lake: newLake(t, catalog.Options{}), cfg: Default()}
	s.cfg.Catalog.URI, s.cfg.Catalog.Warehouse = "http://lake", "lake"
	s.cfg.Namespace = "shop"
	s.cfg.Table = "{table}"
	for _, e := range edit {
		e(&s.cfg)
	}
	return s
}

// newR2 is a lake as R2 has it: S3 storage, a token, a prefix, its own way to
// tell a lost race.
func newR2(t testing.TB) *store {
	fs, b := newS3(t)
	o := catalog.Options{Warehouse: "s3://lake/wh", WarehouseName: "acc_bucket", Token: "secret", Files: objects{fs}, ConflictStyle: catalog.R2}
	s := &store{lake: newLake(t, o), cfg: Default(), s3: b}
	s.cfg.Catalog.URI, s.cfg.Catalog.Warehouse, s.cfg.Catalog.Token = "https://catalog", "acc_bucket", "env:T"
	s.cfg.Storage = StorageConfig{Kind: "s3", Endpoint: "https://acc.r2.cloudflarestorage.com", AccessKey: "env:A", SecretKey: "env:S", PathStyle: true}
	s.cfg.Namespace, s.cfg.Table = "shop", "{table}"
	return s
}

// testEnv is what a sink knows of the outside.
func testEnv(t testing.TB) topology.Env {
	return topology.Env{Pipeline: sinktest.Pipeline, Name: sinktest.Sink, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Rand: rand.New(rand.NewPCG(1, 2)), HTTP: http.DefaultTransport, Spawn: func(f func()) { go f() }, Dir: t.TempDir(),
		Secret: func(string) (string, error) { return "secret", nil }}
}

func (s *store) open(t testing.TB) *Sink {
	t.Helper()
	env := testEnv(t)
	env.HTTP = slowly{s.lake, &s.slow}
	if s.s3 != nil {
		env.HTTP = byHost{s.s3, env.HTTP}
	}
	k, err := Open(s.cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func (s *store) Open(t testing.TB) stream.Sink { return s.open(t) }

func (s *store) LoseReply(n int) { s.fail(rule{n: n, after: true}) }
func (s *store) Refuse(status, n int) {
	s.fail(rule{n: n, status: status, kind: "Refused", retry: "1"})
}
func (s *store) Cut(n int) { s.fail(rule{n: n}) }

func (s *store) Slow(n int) { s.slow = n }

func (s *store) Wipe() {
	if err := s.lake.Wipe(); err != nil {
		panic(err)
	}
}

func (s *store) Snapshot(t testing.TB) any {
	st, err := s.lake.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func (s *store) Restore(t testing.TB, snap any) {
	if err := s.lake.Restore(snap.(catalog.State)); err != nil {
		t.Fatal(err)
	}
}

// Rows reads every data table with the library's scanner.
func (s *store) Rows(t testing.TB) []sinktest.Row {
	t.Helper()
	k := s.open(t)
	names := s.tables(t)
	var rows []sinktest.Row
	for _, n := range names {
		for _, m := range scanTable(t, k, n) {
			r := sinktest.Row{Topic: "events", Columns: map[string]string{}}
			for c, v := range m {
				switch c {
				case "_op":
					r.Op = v.(string)
				case "_topic":
					r.Topic = v.(string)
				case "_partition":
					r.Partition = int32(v.(int32))
				case "_offset":
					r.Offset = v.(int64)
				case "_seq":
					r.Seq = int32(v.(int32))
				default:
					r.Columns[c] = canonical(t, c, v)
				}
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// tables lists the data tables.
func (s *store) tables(t testing.TB) (names []string) {
	t.Helper()
	k := s.open(t)
	_, err := k.client.call(context.Background(), func(ctx context.Context, cat *rest.Catalog) error {
		for id, err := range cat.ListTables(ctx, table.Identifier{"shop"}) {
			if errors.Is(err, icecat.ErrNoSuchNamespace) {
				return nil
			}
			if err != nil {
				return err
			}
			if n := id[len(id)-1]; n != ledgerName(sinktest.Pipeline) && n != deadName(sinktest.Pipeline) {
				names = append(names, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// scanTable reads a table's rows; null columns are left out.
func scanTable(t testing.TB, k *Sink, name string) []map[string]any {
	t.Helper()
	ctx := context.Background()
	tab, err := k.client.load(ctx, name)
	if err != nil || tab == nil {
		t.Fatalf("load of %s: %v", name, err)
	}
	_, batches, err := tab.Scan().ToArrowRecords(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	for b, err := range batches {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(b.NumRows()) {
			m := map[string]any{}
			for c, f := range b.Schema().Fields() {
				if v := arrowValue(t, b.Column(c), i); v != nil {
					m[f.Name] = v
				}
			}
			out = append(out, m)
		}
		b.Release()
	}
	return out
}

type decimalText string

func arrowValue(t testing.TB, col arrow.Array, i int) any {
	if col.IsNull(i) {
		return nil
	}
	switch c := col.(type) {
	case *array.Int64:
		return c.Value(i)
	case *array.Int32:
		return c.Value(i)
	case *array.Boolean:
		return c.Value(i)
	case *array.Float32:
		return c.Value(i)
	case *array.Float64:
		return c.Value(i)
	case *array.String:
		return string([]byte(c.Value(i)))
	case *array.LargeString:
		return string([]byte(c.Value(i)))
	case *array.Binary:
		return append([]byte{}, c.Value(i)...)
	case *array.LargeBinary:
		return append([]byte{}, c.Value(i)...)
	case *array.Date32:
		return c.Value(i)
	case *array.Timestamp:
		return c.Value(i)
	case *array.Decimal128:
		return decimalText(c.Value(i).ToString(c.DataType().(*arrow.Decimal128Type).Scale))
	}
	t.Fatalf("no reading of %T", col)
	return nil
}

// canonical spells a value as sinktest.Row wants it.
func canonical(t testing.TB, column string, v any) string {
	js := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	kind := sinktest.KindOf(column)
	switch v := v.(type) {
	case int32:
		return strconv.Itoa(int(v))
	case int64:
		if kind.String() == "time" {
			return js(timeText(v))
		}
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 64)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return js(v)
	case decimalText:
		return js(string(v))
	case []byte:
		return js(base64.StdEncoding.EncodeToString(v))
	case arrow.Date32:
		return js(v.ToTime().Format("2006-01-02"))
	case arrow.Timestamp:
		s := time.UnixMicro(int64(v)).UTC().Format("2006-01-02T15:04:05.000000")
		if kind.String() == "instant" {
			s += "Z"
		}
		return js(s)
	}
	t.Fatalf("no spelling of %T", v)
	return ""
}

func timeText(us int64) string {
	s := us / 1_000_000
	return fmt.Sprintf("%02d:%02d:%02d.%06d", s/3600, s/60%60, s%60, us%1_000_000)
}

// TestConformance is the contract of a sink, in every way this one commits.
func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Config)
	}{
		{"v2", func(*Config) {}},
		{"v3", func(c *Config) { c.FormatVersion = 3 }},
		{"intent", func(c *Config) { c.Intent = true }},
		{"partitioned", func(c *Config) { c.Partition = map[string][]string{"*": {"bucket(3, id)", "day(_ts)"}} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			sinktest.Run(t, func(t testing.TB) sinktest.Store { return newStore(t, c.edit) })
		})
	}
	t.Run("r2", func(t *testing.T) {
		sinktest.Run(t, func(t testing.TB) sinktest.Store { return newR2(t) })
	})
}
