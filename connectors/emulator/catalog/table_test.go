package catalog

import (
	"bytes"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
)

func TestSnapshotsOfRefs(t *testing.T) {
	w := newWorld(t, nil)
	w.create(t, "a")
	for i := range int64(3) {
		if _, err := stage(t.Context(), t, w.load(t, "a"), i, 1).Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cli, err := rest.NewCatalog(t.Context(), "r2", w.url, rest.WithOAuthToken("secret"), rest.WithWarehouseLocation("acct_bucket"),
		rest.WithAdditionalProps(iceberg.Properties{"snapshot-loading-mode": "refs"}))
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	x, err := cli.LoadTable(t.Context(), table.Identifier{"ns", "a"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(w.load(t, "a").Metadata().Snapshots()); n != 3 {
		t.Fatalf("%d snapshots", n)
	}
	if c := x.CurrentSnapshot(); c == nil || c.SequenceNumber != 3 {
		t.Fatal("the head is not there")
	}
}

func TestOldMetadataFiles(t *testing.T) {
	w := newWorld(t, nil)
	w.namespace(t)
	_, err := w.cli.CreateTable(t.Context(), table.Identifier{"ns", "a"}, shape, icecat.WithProperties(iceberg.Properties{
		"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "2"}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(5) {
		if _, err := stage(t.Context(), t, w.load(t, "a"), i, 1).Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(w.dir, "warehouse/ns/a/metadata/*.metadata.json"))
	if len(files) != 3 || len(ids(t, w.load(t, "a"))) != 5 {
		t.Errorf("%d metadata files, want the current and 2 before", len(files))
	}
}

func TestVended(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Vend = map[string]string{"s3.access-key-id": "k"} })
	w.create(t, "a")
	for _, c := range []struct {
		path, delegation string
		want             bool
	}{{"", "vended-credentials", true}, {"", "", false}, {"/credentials", "", true}} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", w.url+"/v1/acct_bucket/namespaces/ns/tables/a"+c.path, nil)
		r.Header.Set("Authorization", "Bearer secret")
		r.Header.Set("X-Iceberg-Access-Delegation", c.delegation)
		rsp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		b.ReadFrom(rsp.Body)
		rsp.Body.Close()
		if got := bytes.Contains(b.Bytes(), []byte(`"s3.access-key-id":"k"`)); got != c.want {
			t.Errorf("%+v: vended %v", c, got)
		}
	}
}

// FuzzRequest asks anything of a catalog with one table: it answers, and the
// table can still be loaded.
func FuzzRequest(f *testing.F) {
	for _, s := range []struct{ method, path, body string }{
		{"POST", "/v1/namespaces", `{"namespace":["x"],"properties":{"a":"b"}}`},
		{"POST", "/v1/namespaces/ns/tables", `{"name":"t","schema":{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","type":"long","required":false}]},"partition-spec":{"spec-id":0,"fields":[{"source-id":1,"field-id":1000,"name":"x","transform":"bucket[4]"}]}}`},
		{"POST", "/v1/namespaces/ns/tables/a", `{"requirements":[{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":null}],"updates":[{"action":"set-properties","updates":{"k":"v"}}]}`},
		{"POST", "/v1/namespaces/ns/tables/a", `{"updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":1,"sequence-number":1,"timestamp-ms":1,"manifest-list":"x","summary":{"operation":"append"}}},{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":1}]}`},
		{"POST", "/v1/transactions/commit", `{"table-changes":[{"identifier":{"namespace":["ns"],"name":"a"},"requirements":[],"updates":[{"action":"add-spec","spec":{"spec-id":1,"fields":[]}}]}]}`},
		{"POST", "/v1/tables/rename", `{"source":{"namespace":["ns"],"name":"b"},"destination":{"namespace":["ns"],"name":"c"}}`},
		{"GET", "/v1/namespaces?parent=ns%1Fx", ""}, {"GET", "/v1/config", ""}, {"HEAD", "/v1/namespaces/ns/tables/a", ""},
	} {
		f.Add(s.method, s.path, s.body)
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		r, err := http.NewRequest(method, "http://catalog/", bytes.NewReader([]byte(body)))
		if err != nil || len(path) == 0 || path[0] != '/' {
			t.Skip()
		}
		if r.URL, err = r.URL.Parse("http://catalog" + path); err != nil {
			t.Skip()
		}
		w := newBubble(t, t.TempDir(), Options{})
		w.create(t, "a")
		rsp, err := w.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if rsp.StatusCode == 500 {
			t.Errorf("%s %s: an internal error", method, path)
		}
		if rsp.StatusCode < 300 && method == "DELETE" {
			return
		}
		if ok, err := w.cli.CheckTableExists(t.Context(), table.Identifier{"ns", "a"}); err == nil && ok {
			w.load(t, "a")
		}
	})
}
