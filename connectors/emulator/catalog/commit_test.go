package catalog

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
)

// both commits the same rows to tables a and b in one transaction.
func both(ctx context.Context, t *testing.T, w *world, first, n int64) error {
	t.Helper()
	m, err := icecat.NewMultiTableTransaction(w.cli)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if err := m.AddTransaction(stage(ctx, t, w.load(t, name), first, n)); err != nil {
			t.Fatal(err)
		}
	}
	return m.Commit(ctx)
}

func TestTransactionIsWhole(t *testing.T) {
	w := newWorld(t, nil)
	w.create(t, "a", "b")
	ctx := t.Context()
	if err := both(ctx, t, w, 0, 2); err != nil {
		t.Fatal(err)
	}
	// a stale base of the second table leaves the first alone, and no files
	m, _ := icecat.NewMultiTableTransaction(w.cli)
	m.AddTransaction(stage(ctx, t, w.load(t, "a"), 10, 1))
	m.AddTransaction(stage(ctx, t, w.load(t, "b"), 10, 1))
	if _, err := stage(ctx, t, w.load(t, "b"), 5, 1).Commit(ctx); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(w.dir, "warehouse/ns/*/metadata/*.metadata.json"))
	if err := m.Commit(ctx); !errors.Is(err, rest.ErrCommitFailed) {
		t.Fatalf("stale base: %v", err)
	}
	if a, b := ids(t, w.load(t, "a")), ids(t, w.load(t, "b")); !slices.Equal(a, []int64{0, 1}) || !slices.Equal(b, []int64{0, 1, 5}) {
		t.Fatal(a, b)
	}
	if after, _ := filepath.Glob(filepath.Join(w.dir, "warehouse/ns/*/metadata/*.metadata.json")); len(after) != len(files) {
		t.Errorf("%d metadata files before the refusal, %d after", len(files), len(after))
	}
	// a table that is not there
	st, kind := w.post(t, "transactions/commit", map[string]any{"table-changes": []any{
		map[string]any{"identifier": map[string]any{"namespace": []string{"ns"}, "name": "a"}, "requirements": []any{}, "updates": []any{map[string]any{"action": "set-properties", "updates": map[string]string{"k": "v"}}}},
		map[string]any{"identifier": map[string]any{"namespace": []string{"ns"}, "name": "none"}, "requirements": []any{}, "updates": []any{}}}})
	if st != 404 || kind != "NoSuchTableException" || w.load(t, "a").Properties()["k"] != "" {
		t.Fatal(st, kind)
	}
}

// TestTransactionCreates: assert-create in a transaction makes tables, with others or not at all.
func TestTransactionCreates(t *testing.T) {
	w := newWorld(t, nil)
	w.create(t, "a")
	creation := func(n string) map[string]any {
		return map[string]any{"identifier": map[string]any{"namespace": []string{"ns"}, "name": n}, "requirements": []any{map[string]any{"type": "assert-create"}},
			"updates": []any{
				map[string]any{"action": "assign-uuid", "uuid": "2f0b0e0e-6b0e-4d33-8f4f-0123456789ab"},
				map[string]any{"action": "upgrade-format-version", "format-version": 3},
				map[string]any{"action": "add-schema", "schema": shape},
				map[string]any{"action": "add-spec", "spec": map[string]any{"spec-id": 0, "fields": []any{}}}, map[string]any{"action": "set-default-spec", "spec-id": -1},
				map[string]any{"action": "set-current-schema", "schema-id": -1}, // behind the spec, as DuckDB sends it
				map[string]any{"action": "add-sort-order", "sort-order": map[string]any{"order-id": 0, "fields": []any{}}}, map[string]any{"action": "set-default-sort-order", "sort-order-id": -1},
				map[string]any{"action": "set-location", "location": w.o.Warehouse + "/made/" + n},
			}}
	}
	if st, kind := w.post(t, "transactions/commit", map[string]any{"table-changes": []any{creation("x"), creation("a")}}); st != 409 || kind != "CommitFailedException" {
		t.Fatal(st, kind)
	}
	if ok, _ := w.cli.CheckTableExists(t.Context(), table.Identifier{"ns", "x"}); ok {
		t.Fatal("half a transaction was applied")
	}
	if st, kind := w.post(t, "transactions/commit", map[string]any{"table-changes": []any{creation("x"), creation("x")}}); st != 400 {
		t.Fatal(st, kind)
	}
	if st, kind := w.post(t, "transactions/commit", map[string]any{"table-changes": []any{creation("x"), creation("y")}}); st != 204 {
		t.Fatal(st, kind)
	}
	ctx := t.Context()
	if _, err := stage(ctx, t, w.load(t, "y"), 0, 2).Commit(ctx); err != nil || w.load(t, "x").Metadata().Version() != 3 {
		t.Fatal(err)
	}
}

// TestConcurrent: what was acknowledged is there, once; nothing else is.
func TestConcurrent(t *testing.T) {
	w := newWorld(t, nil)
	w.create(t, "a", "b")
	ctx := t.Context()
	var wg sync.WaitGroup
	var lost atomic.Int64
	acked := make([][]int64, 4)
	for k := range acked {
		wg.Go(func() {
			for i := range int64(10) {
				id := int64(k)*100 + i
				for {
					err := both(ctx, t, w, id, 1)
					if err == nil {
						acked[k] = append(acked[k], id)
						break
					}
					if !errors.Is(err, rest.ErrCommitFailed) {
						t.Error(err)
						return
					}
					lost.Add(1)
				}
			}
		})
	}
	wg.Wait()
	want := slices.Sorted(slices.Values(slices.Concat(acked...)))
	for _, n := range []string{"a", "b"} {
		x := w.load(t, n)
		if got := ids(t, x); !slices.Equal(got, want) || len(x.Metadata().Snapshots()) != 40 {
			t.Errorf("%s: %d acknowledged, %d rows, %d snapshots", n, len(want), len(got), len(x.Metadata().Snapshots()))
		}
	}
	if lost.Load() == 0 {
		t.Error("no commit lost a race: the test shows nothing")
	}
	t.Logf("40 transactions, %d lost races", lost.Load())
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    Kind
		style   Style
		applied int // rows in a, rows in b is the same unless torn
		is, not error
		status  int
	}{
		{"LoseReply", LoseReply, Standard, 1, nil, rest.ErrCommitStateUnknown, 0},
		{"ApplyThen502", ApplyThen502, Standard, 1, rest.ErrCommitStateUnknown, nil, 502},
		{"Refuse429", Refuse429, Standard, 0, nil, rest.ErrCommitFailed, 429},
		{"Refuse500", Refuse500, Standard, 0, rest.ErrCommitStateUnknown, nil, 500},
		{"Refuse503", Refuse503, Standard, 0, rest.ErrCommitStateUnknown, nil, 503},
		{"Cut", Cut, Standard, 0, nil, rest.ErrCommitStateUnknown, 0},
		{"Conflict", Conflict, Standard, 0, rest.ErrCommitFailed, nil, 409},
		{"Conflict R2", Conflict, R2, 0, rest.ErrBadRequest, rest.ErrCommitFailed, 400},
		{"Torn", Torn, Standard, 1, rest.ErrCommitStateUnknown, nil, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, func(o *Options) { o.ConflictStyle = c.style })
			w.create(t, "a", "b")
			w.Fail(Rule{Method: http.MethodPost, PathContains: "transactions/commit", Kind: c.kind})
			err := both(t.Context(), t, w, 0, 1)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || c.not != nil && errors.Is(err, c.not) {
				t.Errorf("error: %v", err)
			}
			wantB := c.applied
			if c.kind == Torn {
				wantB = 0
			}
			if a, b := len(ids(t, w.load(t, "a"))), len(ids(t, w.load(t, "b"))); a != c.applied || b != wantB {
				t.Errorf("%d rows in a, %d in b", a, b)
			}
			if err := both(t.Context(), t, w, 5, 1); err != nil {
				t.Errorf("the rule was used twice: %v", err)
			}
		})
	}
}

// newBubble is a catalog without a socket, for virtual time.
func newBubble(t *testing.T, dir string, o Options) *world {
	t.Helper()
	o.Warehouse = "file://" + dir
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	cli, err := rest.NewCatalog(t.Context(), "r2", "http://catalog", rest.WithCustomTransport(c.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close(); c.Close() })
	return &world{Catalog: c, cli: cli}
}

// TestZombie: a commit whose client gave up is applied when it is released,
// unless another was faster.
func TestZombie(t *testing.T) {
	for _, overtaken := range []bool{false, true} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			w := newBubble(t, dir, Options{})
			w.create(t, "a")
			release := w.Fail(Rule{Method: http.MethodPost, PathContains: "tables/a", Kind: Slow})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := stage(ctx, t, w.load(t, "a"), 0, 1).Commit(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			want := []int64{0}
			if overtaken {
				want = []int64{99}
				if _, err := stage(t.Context(), t, w.load(t, "a"), 99, 1).Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else if got := ids(t, w.load(t, "a")); len(got) != 0 {
				t.Fatalf("applied before it was released: %v", got)
			}
			release()
			synctest.Wait()
			if got := ids(t, w.load(t, "a")); !slices.Equal(got, want) {
				t.Fatalf("overtaken %v: %v, want %v", overtaken, got, want)
			}
		})
	}
}

func TestLostRaceOfR2(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.ConflictStyle = R2 })
	w.create(t, "a")
	ctx := t.Context()
	late := stage(ctx, t, w.load(t, "a"), 1, 1)
	if _, err := stage(ctx, t, w.load(t, "a"), 2, 1).Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Commit(ctx); !errors.Is(err, rest.ErrBadRequest) || errors.Is(err, rest.ErrCommitFailed) {
		t.Fatalf("lost race: %v", err)
	}
}

// TestLimits runs in virtual time, without a socket.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, dir, Options{Limits: R2Limits()})
		w.create(t, "a")
		set := func(i int) error {
			tx := w.load(t, "a").NewTransaction()
			if err := tx.SetProperties(iceberg.Properties{"k": fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
			_, err := tx.Commit(t.Context())
			return err
		}
		for i := range 20 {
			if err := set(i); err != nil {
				t.Fatal(i, err)
			}
		}
		if err := set(20); err == nil || !errors.Is(err, rest.ErrRESTError) {
			t.Fatalf("21st update of a table in a minute: %v", err)
		}
		time.Sleep(time.Minute) // virtual
		if err := set(21); err != nil {
			t.Fatal(err)
		}
		for i := range 11 {
			_, err := w.cli.CreateTable(t.Context(), table.Identifier{"ns", fmt.Sprint("t", i)}, shape)
			if (err == nil) != (i < 10) {
				t.Fatal(i, err)
			}
		}
	})
}
