package iceberg

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/connectors/emulator/catalog"
)

// lake is the catalog emulator over a folder, and faults between it and the
// client that it does not have itself.
type lake struct {
	*catalog.Catalog
	dir string

	mu     sync.Mutex
	rules  []rule
	counts map[string]int // of requests: load, create, update, transaction

	noTransactions bool
}

// rule is a fault of the next n commits.
type rule struct {
	n      int
	status int    // 0: cut
	kind   string // of the error body
	after  bool   // apply first
	retry  string // Retry-After
	match  string // part of the path; "" all commits
}

func newLake(t testing.TB, o catalog.Options) *lake {
	t.Helper()
	l := &lake{dir: t.TempDir(), counts: map[string]int{}}
	o.Dir = l.dir
	if o.Warehouse == "" {
		o.Warehouse = "file://" + l.dir
	}
	c, err := catalog.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l.Catalog = c
	t.Cleanup(func() { c.Close() })
	return l
}

func (l *lake) fail(r rule) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rules = append(l.rules, r)
}

func (l *lake) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rules = nil
}

// RoundTrip is part of http.RoundTripper.
func (l *lake) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	kind := ""
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/transactions/commit"):
		kind = "transaction"
	case r.Method == http.MethodPost && strings.Contains(path, "/tables/"):
		kind = "update"
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/tables"):
		l.counts["create"]++
	case r.Method == http.MethodGet && strings.Contains(path, "/tables/"):
		l.counts["load"]++
	}
	var f *rule
	if kind != "" {
		l.counts[kind]++
		for i := range l.rules {
			if x := &l.rules[i]; x.n > 0 && strings.Contains(r.URL.Path, x.match) {
				x.n--
				y := *x
				f = &y
				break
			}
		}
	}
	l.mu.Unlock()
	var rsp *http.Response
	var err error
	if f == nil || f.after {
		rsp, err = l.Transport().RoundTrip(r)
	}
	switch {
	case f == nil && l.noTransactions && strings.HasSuffix(r.URL.Path, "/config"):
		b, _ := io.ReadAll(rsp.Body)
		s := strings.Replace(string(b), "transactions/commit", "transactions/none", 1)
		rsp.Body, rsp.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s))
		return rsp, nil
	case f == nil:
		return rsp, err
	case f.status == 0:
		return nil, io.ErrUnexpectedEOF
	}
	body := fmt.Sprintf(`{"error":{"message":"fault","type":%q,"code":%d}}`, f.kind, f.status)
	return &http.Response{StatusCode: f.status, Header: http.Header{"Retry-After": {f.retry}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), ProtoMajor: 1}, nil
}

// objects lets the catalog keep its metadata files in S3.
type objects struct{ s s3IO }

func (o objects) Read(_ context.Context, location string) ([]byte, error) {
	return o.s.ReadFile(location)
}
func (o objects) Write(_ context.Context, location string, p []byte) error {
	return o.s.WriteFile(location, p)
}
func (o objects) Remove(_ context.Context, location string) error { return o.s.Remove(location) }

// byHost sends storage's requests to the bucket, and all others on.
type byHost struct {
	*bucket
	next http.RoundTripper
}

func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Host, "r2.cloudflarestorage.com") {
		return b.bucket.RoundTrip(r)
	}
	return b.next.RoundTrip(r)
}

// slowly answers the next n commits late.
type slowly struct {
	*lake
	n *int
}

func (s slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && *s.n > 0 {
		*s.n--
		timer := time.NewTimer(20 * time.Millisecond)
		<-timer.C
	}
	return s.lake.RoundTrip(r)
}

// files counts the data files on disk.
func (l *lake) files(t testing.TB, tab string) (n int) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(l.dir, "shop", tab, "data"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, f := range list {
		if strings.HasSuffix(f.Name(), ".parquet") {
			n++
		}
	}
	return n
}

// drop removes a table from the catalog.
func (l *lake) drop(t testing.TB, tab string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodDelete, "http://lake/v1/namespaces/shop/tables/"+tab, nil)
	if err != nil {
		t.Fatal(err)
	}
	if rsp, err := l.Transport().RoundTrip(r); err != nil || rsp.StatusCode >= 300 {
		t.Fatalf("drop of %s: %v", tab, err)
	}
}
