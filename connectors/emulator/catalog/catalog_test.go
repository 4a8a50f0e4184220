package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
)

// world is a catalog behind a socket with iceberg-go's client on it.
type world struct {
	*Catalog
	cli *rest.Catalog
	url string
	dir string
}

func newWorld(t *testing.T, edit func(*Options)) *world {
	t.Helper()
	dir := t.TempDir()
	o := Options{Dir: dir, Warehouse: "file://" + filepath.Join(dir, "warehouse"), Token: "secret", WarehouseName: "acct_bucket"}
	if edit != nil {
		edit(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(c)
	t.Cleanup(func() { c.Heal(); srv.Close(); c.Close() })
	w := &world{Catalog: c, url: srv.URL, dir: dir}
	w.cli, err = rest.NewCatalog(t.Context(), "r2", srv.URL, rest.WithOAuthToken("secret"), rest.WithWarehouseLocation("acct_bucket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.cli.Close() })
	return w
}

var shape = iceberg.NewSchema(0,
	iceberg.NestedField{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.Int64, Required: true},
	iceberg.NestedField{ID: 2, Name: "name", Type: iceberg.PrimitiveTypes.String})

func (w *world) namespace(t *testing.T) {
	t.Helper()
	if err := w.cli.CreateNamespace(t.Context(), table.Identifier{"ns"}, nil); err != nil {
		t.Fatal(err)
	}
}

// create makes tables. Their files are not compressed: arrow-go pools zstd
// encoders, with channels, over the bubbles of synctest.
func (w *world) create(t *testing.T, names ...string) {
	t.Helper()
	w.namespace(t)
	for _, n := range names {
		if _, err := w.cli.CreateTable(t.Context(), table.Identifier{"ns", n}, shape, icecat.WithProperties(iceberg.Properties{"format-version": "2", "write.parquet.compression-codec": "uncompressed"})); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) load(t *testing.T, name string) *table.Table {
	t.Helper()
	x, err := w.cli.LoadTable(t.Context(), table.Identifier{"ns", name})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// rows is n rows from id first.
func rows(first, n int64) arrow.Table {
	sc := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, sc)
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(first + i)
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("row ", first+i))
	}
	return array.NewTableFromRecords(sc, []arrow.RecordBatch{b.NewRecordBatch()})
}

// stage is a transaction that appends n rows, fenced on the head it read.
func stage(ctx context.Context, t *testing.T, x *table.Table, first, n int64) *table.Transaction {
	t.Helper()
	tx := x.NewTransaction()
	tx.AssertRefSnapshotID("")
	if err := tx.AppendTable(ctx, rows(first, n), n, nil); err != nil {
		t.Fatal(err)
	}
	return tx
}

func ids(t *testing.T, x *table.Table) []int64 {
	t.Helper()
	at, err := x.Scan().ToArrowTable(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	for _, ch := range at.Column(0).Data().Chunks() {
		out = append(out, ch.(*array.Int64).Int64Values()...)
	}
	slices.Sort(out)
	return out
}

func TestClientLife(t *testing.T) {
	w := newWorld(t, nil)
	w.create(t, "a", "b")
	ctx := t.Context()
	if _, err := stage(ctx, t, w.load(t, "a"), 0, 3).Commit(ctx); err != nil {
		t.Fatal(err)
	}
	tx := w.load(t, "a").NewTransaction()
	if err := tx.UpdateSchema(true, false).AddColumn([]string{"note"}, iceberg.PrimitiveTypes.String, "", false, nil).Commit(); err != nil {
		t.Fatal(err)
	}
	if err := tx.SetProperties(iceberg.Properties{"sluice.seq": "7"}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := stage(ctx, t, w.load(t, "a"), 3, 2).Commit(ctx); err != nil {
		t.Fatal(err)
	}
	a := w.load(t, "a")
	if got := ids(t, a); !slices.Equal(got, []int64{0, 1, 2, 3, 4}) || a.Properties()["sluice.seq"] != "7" || len(a.Schema().Fields()) != 3 {
		t.Fatalf("after append, schema and properties: %v %v", got, a.Properties())
	}
	tx = a.NewTransaction()
	if err := tx.ExpireSnapshots(table.WithRetainLast(1), table.WithOlderThan(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	a = w.load(t, "a")
	if n := len(a.Metadata().Snapshots()); n != 1 || len(ids(t, a)) != 5 {
		t.Fatalf("after expiry: %d snapshots", n)
	}
	// names
	if ok, err := w.cli.CheckTableExists(ctx, table.Identifier{"ns", "none"}); ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := w.cli.RenameTable(ctx, table.Identifier{"ns", "a"}, table.Identifier{"ns", "b"}); err == nil {
		t.Fatal("renamed over another table")
	}
	if _, err := w.cli.RenameTable(ctx, table.Identifier{"ns", "a"}, table.Identifier{"ns", "c"}); err != nil {
		t.Fatal(err)
	}
	if err := w.cli.DropNamespace(ctx, table.Identifier{"ns"}); err == nil {
		t.Fatal("dropped a namespace with tables")
	}
	if err := w.cli.DropTable(ctx, table.Identifier{"ns", "c"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.cli.LoadTable(ctx, table.Identifier{"ns", "c"}); !errors.Is(err, icecat.ErrNoSuchTable) {
		t.Fatal(err)
	}
	// a dropped table comes back by its metadata file
	if _, err := w.cli.RegisterTable(ctx, table.Identifier{"ns", "d"}, a.MetadataLocation()); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, w.load(t, "d")); len(got) != 5 {
		t.Fatalf("registered table has %d rows", len(got))
	}
	// a name used again gets a folder of its own
	x, err := w.cli.CreateTable(ctx, table.Identifier{"ns", "a"}, shape)
	if err != nil || x.Location() == a.Location() {
		t.Fatalf("%v: the new table lies in the old one's folder %s", err, a.Location())
	}
}

func TestNamespaces(t *testing.T) {
	w := newWorld(t, nil)
	ctx := t.Context()
	if err := w.cli.CreateNamespace(ctx, table.Identifier{"x", "y"}, nil); !errors.Is(err, icecat.ErrNoSuchNamespace) {
		t.Fatalf("nested below nothing: %v", err)
	}
	for _, ns := range []table.Identifier{{"x"}, {"x", "y"}, {"x%_"}} {
		if err := w.cli.CreateNamespace(ctx, ns, iceberg.Properties{"owner": "me"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.cli.CreateNamespace(ctx, table.Identifier{"x", "y"}, nil); !errors.Is(err, icecat.ErrNamespaceAlreadyExists) {
		t.Fatal(err)
	}
	top, err := w.cli.ListNamespaces(ctx, nil)
	if err != nil || len(top) != 2 {
		t.Fatal(top, err)
	}
	below, err := w.cli.ListNamespaces(ctx, table.Identifier{"x"})
	if err != nil || len(below) != 1 || !slices.Equal(below[0], table.Identifier{"x", "y"}) {
		t.Fatal(below, err)
	}
	sum, err := w.cli.UpdateNamespaceProperties(ctx, table.Identifier{"x", "y"}, []string{"owner", "none"}, iceberg.Properties{"k": "v"})
	if err != nil || !slices.Equal(sum.Removed, []string{"owner"}) || !slices.Equal(sum.Missing, []string{"none"}) || !slices.Equal(sum.Updated, []string{"k"}) {
		t.Fatal(sum, err)
	}
	props, err := w.cli.LoadNamespaceProperties(ctx, table.Identifier{"x", "y"})
	if err != nil || !maps.Equal(props, iceberg.Properties{"k": "v"}) {
		t.Fatal(props, err)
	}
	if err := w.cli.DropNamespace(ctx, table.Identifier{"x"}); err == nil {
		t.Fatal("dropped a namespace with one below it")
	}
	for _, ns := range []table.Identifier{{"x", "y"}, {"x"}} {
		if err := w.cli.DropNamespace(ctx, ns); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := w.cli.CheckNamespaceExists(ctx, table.Identifier{"x"}); ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestAccess(t *testing.T) {
	w := newWorld(t, nil)
	for _, o := range [][]rest.Option{
		{rest.WithOAuthToken("wrong"), rest.WithWarehouseLocation("acct_bucket")},
		{rest.WithWarehouseLocation("acct_bucket")},
		{rest.WithOAuthToken("secret"), rest.WithWarehouseLocation("other")},
	} {
		if _, err := rest.NewCatalog(t.Context(), "r2", w.url, o...); err == nil {
			t.Error("let in")
		}
	}
	cli, err := rest.NewCatalog(t.Context(), "r2", w.url, rest.WithCredential("id:secret"), rest.WithAuthURI(must(t, w.url+"/v1/oauth/tokens")), rest.WithWarehouseLocation("acct_bucket"))
	if err != nil {
		t.Fatalf("client credentials: %v", err)
	}
	cli.Close()
}

// TestStateSurvives opens what another catalog left, and goes back to a snapshot.
func TestStateSurvives(t *testing.T) {
	w := newWorld(t, nil)
	w.create(t, "a")
	ctx := t.Context()
	before, err := w.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stage(ctx, t, w.load(t, "a"), 0, 3).Commit(ctx); err != nil {
		t.Fatal(err)
	}
	want := w.load(t, "a").MetadataLocation()
	w.Catalog.Close()
	again, err := New(w.o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	cli, err := rest.NewCatalog(ctx, "r2", "http://catalog", rest.WithOAuthToken("secret"), rest.WithWarehouseLocation("acct_bucket"), rest.WithCustomTransport(again.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	x, err := cli.LoadTable(ctx, table.Identifier{"ns", "a"})
	if err != nil || x.MetadataLocation() != want {
		t.Fatalf("%v: %v", x, err)
	}
	if err := again.Restore(before); err != nil {
		t.Fatal(err)
	}
	if x, err = cli.LoadTable(ctx, table.Identifier{"ns", "a"}); err != nil || x.CurrentSnapshot() != nil {
		t.Fatalf("restored: %v", err)
	}
	if err := again.Wipe(); err != nil {
		t.Fatal(err)
	}
	if _, err = cli.LoadTable(ctx, table.Identifier{"ns", "a"}); !errors.Is(err, icecat.ErrNoSuchTable) {
		t.Fatalf("wiped: %v", err)
	}
}

func TestStagedCreate(t *testing.T) {
	w := newWorld(t, nil)
	w.namespace(t)
	for _, v := range []string{"2", "3"} {
		x, err := w.cli.CreateTable(t.Context(), table.Identifier{"ns", "s" + v}, shape, icecat.WithProperties(iceberg.Properties{"format-version": v}),
			icecat.WithStagedUpdates(table.NewSetPropertiesUpdate(iceberg.Properties{"p": "q"})))
		if err != nil {
			t.Fatal(err)
		}
		if x.Properties()["p"] != "q" || fmt.Sprint(x.Metadata().Version()) != v || x.Schema().NumFields() != 2 {
			t.Errorf("staged v%s: %v", v, x.Metadata())
		}
	}
}

// post asks by hand for what the client refuses to.
func (w *world) post(t *testing.T, path string, body any) (status int, kind string) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "POST", w.url+"/v1/acct_bucket/"+path, bytes.NewReader(b))
	r.Header.Set("Authorization", "Bearer secret")
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	out, _ := io.ReadAll(rsp.Body)
	var e struct{ Error struct{ Type string } }
	json.Unmarshal(out, &e)
	return rsp.StatusCode, e.Error.Type
}

func must(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestJavaRules asks for what real catalogs refuse.
func TestJavaRules(t *testing.T) {
	w := newWorld(t, nil)
	w.create(t, "a")
	ctx := t.Context()
	if _, err := stage(ctx, t, w.load(t, "a"), 0, 1).Commit(ctx); err != nil {
		t.Fatal(err)
	}
	head := w.load(t, "a").CurrentSnapshot()
	now := time.Now().UnixMilli()
	snapshot := func(edit map[string]any) map[string]any {
		s := map[string]any{"snapshot-id": 77, "parent-snapshot-id": head.SnapshotID, "sequence-number": 2, "timestamp-ms": now, "manifest-list": "file:///x", "schema-id": 0, "summary": map[string]string{"operation": "append"}}
		maps.Copy(s, edit)
		return map[string]any{"action": "add-snapshot", "snapshot": s}
	}
	ref := func(id int64, name, kind string) map[string]any {
		return map[string]any{"action": "set-snapshot-ref", "ref-name": name, "type": kind, "snapshot-id": id}
	}
	for _, c := range []struct {
		name    string
		updates []any
		status  int
		kind    string
	}{
		{"stale sequence", []any{snapshot(map[string]any{"sequence-number": 1})}, 409, "CommitFailedException"},
		{"stale sequence without parent", []any{snapshot(map[string]any{"sequence-number": 1, "parent-snapshot-id": nil})}, 409, "CommitFailedException"},
		{"snapshot again", []any{snapshot(map[string]any{"snapshot-id": head.SnapshotID})}, 400, "ValidationException"},
		{"unknown schema", []any{snapshot(map[string]any{"schema-id": 9})}, 400, "ValidationException"},
		{"no manifest list", []any{snapshot(map[string]any{"manifest-list": ""})}, 400, "ValidationException"},
		{"old time", []any{snapshot(map[string]any{"timestamp-ms": 1})}, 400, "ValidationException"},
		{"ref of nothing", []any{ref(5, "main", "branch")}, 400, "ValidationException"},
		{"main as tag", []any{ref(head.SnapshotID, "main", "tag")}, 400, "ValidationException"},
		{"another uuid", []any{map[string]any{"action": "assign-uuid", "uuid": "2f0b0e0e-6b0e-4d33-8f4f-0123456789ab"}}, 400, "ValidationException"},
		{"downgrade", []any{map[string]any{"action": "upgrade-format-version", "format-version": 1}}, 400, "ValidationException"},
		{"schema of nowhere", []any{map[string]any{"action": "set-current-schema", "schema-id": 9}}, 400, "ValidationException"},
		{"spec of nowhere", []any{map[string]any{"action": "set-default-spec", "spec-id": 9}}, 400, "ValidationException"},
		{"another place", []any{map[string]any{"action": "set-location", "location": "file:///tmp/elsewhere"}}, 400, "ValidationException"},
		{"out of the warehouse", []any{map[string]any{"action": "set-location", "location": w.o.Warehouse + "/../x"}}, 400, "ValidationException"},
		{"metadata elsewhere", []any{map[string]any{"action": "set-properties", "updates": map[string]string{"write.metadata.path": "file:///tmp/elsewhere"}}}, 400, "ValidationException"},
		{"no such action", []any{map[string]any{"action": "fly"}}, 400, "BadRequestException"},
		{"good", []any{snapshot(nil), ref(77, "main", "branch")}, 200, ""},
	} {
		was := w.load(t, "a").MetadataLocation()
		status, kind := w.post(t, "namespaces/ns/tables/a", map[string]any{"requirements": []any{}, "updates": c.updates})
		if status != c.status || kind != c.kind {
			t.Errorf("%s: %d %s, want %d %s", c.name, status, kind, c.status, c.kind)
		}
		if moved := w.load(t, "a").MetadataLocation() != was; moved != (status == 200) {
			t.Errorf("%s: pointer moved: %v", c.name, moved)
		}
	}
}

// TestReadWhileOpen: sqlite3 or a test may look into the file.
func TestReadWhileOpen(t *testing.T) {
	w := newWorld(t, nil)
	w.create(t, "a")
	s, err := openStore(filepath.Join(w.dir, "catalog.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	loc, err := s.location(name{"ns", "a"})
	if err != nil || !strings.HasPrefix(loc, "file://") {
		t.Fatal(loc, err)
	}
	if _, err := os.Stat(strings.TrimPrefix(loc, "file://")); err != nil {
		t.Fatal(err)
	}
}
