package iceberg

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// restCatalog is a REST catalog in memory: the subset the sink speaks, with
// all-or-nothing transactions, and faults on requests that commit.
type restCatalog struct {
	*httptest.Server
	dir string

	mu     sync.Mutex
	spaces map[string]bool
	tables map[string]table.Metadata
	rules  []rule
	counts map[string]int // of requests, by METHOD and kind
	onPost func(kind string, apply func())

	noTransactions bool
	torn           bool // applies tables one by one and stops after the first
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

func newCatalog(t testing.TB) *restCatalog {
	c := &restCatalog{dir: t.TempDir(), spaces: map[string]bool{}, tables: map[string]table.Metadata{}, counts: map[string]int{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *restCatalog) fail(r rule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules = append(c.rules, r)
}

// ServeHTTP routes by the shape of the path.
func (c *restCatalog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := strings.Split(strings.Trim(r.URL.Path, "/"), "/")[1:]
	body, _ := io.ReadAll(r.Body)
	var err error
	var out any
	switch {
	case p[0] == "config":
		conf := map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{}}
		if c.noTransactions {
			conf["endpoints"] = []string{"GET /v1/{prefix}/namespaces/{namespace}", "HEAD /v1/{prefix}/namespaces/{namespace}", "POST /v1/{prefix}/namespaces",
				"GET /v1/{prefix}/namespaces/{namespace}/tables/{table}", "POST /v1/{prefix}/namespaces/{namespace}/tables", "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}"}
		}
		out = conf
	case p[0] == "namespaces":
		out, err = c.namespaces(w, r, p, body)
	case p[0] == "transactions":
		c.commit(w, r, "transaction", func() error { return c.transaction(body) })
		return
	default:
		err = fail(404, "NoSuchEndpoint", r.URL.Path)
	}
	answerWith(w, out, err)
}

func (c *restCatalog) namespaces(w http.ResponseWriter, r *http.Request, p []string, body []byte) (any, error) {
	c.mu.Lock()
	unlock := sync.OnceFunc(c.mu.Unlock)
	defer unlock()
	ns := ""
	if len(p) > 1 {
		ns = strings.ReplaceAll(p[1], "\x1f", ".")
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodPost:
		var x struct {
			Namespace []string `json:"namespace"`
		}
		json.Unmarshal(body, &x)
		c.spaces[strings.Join(x.Namespace, ".")] = true
		return map[string]any{"namespace": x.Namespace, "properties": map[string]string{}}, nil
	case len(p) == 2:
		if !c.spaces[ns] {
			return nil, fail(404, "NoSuchNamespaceException", ns)
		}
		return map[string]any{"namespace": []string{ns}}, nil
	case len(p) == 3 && r.Method == http.MethodPost:
		c.counts["create"]++
		return c.create(ns, body)
	case len(p) == 4 && r.Method == http.MethodGet:
		c.counts["load"]++
		m, ok := c.tables[ns+"."+p[3]]
		if !ok {
			return nil, fail(404, "NoSuchTableException", p[3])
		}
		return loaded(m), nil
	case len(p) == 4 && r.Method == http.MethodPost:
		unlock()
		var x tableChange
		if err := json.Unmarshal(body, &x); err != nil {
			return nil, err
		}
		x.Identifier.Namespace, x.Identifier.Name = []string{ns}, p[3]
		c.commit(w, r, "update", func() error { return c.apply([]tableChange{x}) })
		return nil, errAnswered
	}
	return nil, fail(404, "NoSuchEndpoint", r.URL.Path)
}

var errAnswered = errors.New("answered already")

func loaded(m table.Metadata) map[string]any {
	return map[string]any{"metadata-location": m.Location() + "/metadata/v.metadata.json", "metadata": m, "config": map[string]string{}}
}

func (c *restCatalog) create(ns string, body []byte) (any, error) {
	var x struct {
		Name   string                `json:"name"`
		Schema *iceberg.Schema       `json:"schema"`
		Spec   iceberg.PartitionSpec `json:"partition-spec"`
		Props  iceberg.Properties    `json:"properties"`
	}
	if err := json.Unmarshal(body, &x); err != nil {
		return nil, err
	}
	if !c.spaces[ns] {
		return nil, fail(404, "NoSuchNamespaceException", ns)
	}
	if _, ok := c.tables[ns+"."+x.Name]; ok {
		return nil, fail(409, "AlreadyExistsException", x.Name)
	}
	m, err := table.NewMetadata(x.Schema, &x.Spec, table.UnsortedSortOrder, "file://"+filepath.Join(c.dir, ns, x.Name), x.Props)
	if err != nil {
		return nil, fail(400, "BadRequestException", err.Error())
	}
	c.tables[ns+"."+x.Name] = m
	return loaded(m), nil
}

type tableChange struct {
	Identifier struct {
		Namespace []string `json:"namespace"`
		Name      string   `json:"name"`
	} `json:"identifier"`
	Requirements table.Requirements `json:"requirements"`
	Updates      table.Updates      `json:"updates"`
}

func (c *restCatalog) transaction(body []byte) error {
	var x struct {
		Changes []tableChange `json:"table-changes"`
	}
	if err := json.Unmarshal(body, &x); err != nil {
		return fail(400, "BadRequestException", err.Error())
	}
	if c.torn && len(x.Changes) > 1 {
		c.apply(x.Changes[:1])
		return fail(500, "Torn", "applied in part")
	}
	return c.apply(x.Changes)
}

// apply validates all changes, then applies all.
func (c *restCatalog) apply(changes []tableChange) error {
	next := maps.Clone(c.tables)
	for _, x := range changes {
		key := strings.Join(x.Identifier.Namespace, ".") + "." + x.Identifier.Name
		m, ok := next[key]
		if !ok {
			return fail(404, "NoSuchTableException", key)
		}
		for _, r := range x.Requirements {
			if err := r.Validate(m); err != nil {
				return fail(409, "CommitFailedException", err.Error())
			}
		}
		b, err := table.MetadataBuilderFromBase(m, m.Location()+"/metadata/v.metadata.json")
		if err != nil {
			return err
		}
		for _, u := range x.Updates {
			if err := u.Apply(b); err != nil {
				return fail(400, "BadRequestException", err.Error())
			}
		}
		if next[key], err = b.Build(); err != nil {
			return fail(400, "BadRequestException", err.Error())
		}
	}
	c.tables = next
	return nil
}

// commit runs apply under the faults that were asked for.
func (c *restCatalog) commit(w http.ResponseWriter, r *http.Request, kind string, apply func() error) {
	c.mu.Lock()
	c.counts[kind]++
	var f *rule
	for i := range c.rules {
		if c.rules[i].n > 0 && strings.Contains(r.URL.Path, c.rules[i].match) {
			c.rules[i].n--
			x := c.rules[i]
			f = &x
			break
		}
	}
	if hook := c.onPost; hook != nil {
		c.onPost = nil
		c.mu.Unlock()
		hook(kind, nil)
		c.mu.Lock()
	}
	var err error
	if f == nil || f.after {
		err = apply()
	}
	var out any
	if err == nil && kind == "update" {
		p := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		if m, ok := c.tables[strings.ReplaceAll(p[2], "\x1f", ".")+"."+p[4]]; ok {
			out = loaded(m)
		}
	}
	c.mu.Unlock()
	switch {
	case f != nil && f.status == 0:
		panic(http.ErrAbortHandler)
	case f != nil:
		w.Header().Set("Retry-After", f.retry)
		err = fail(f.status, f.kind, "fault")
	case err == nil && out == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answerWith(w, out, err)
}

type statusError struct {
	status int
	kind   string
	text   string
}

func (e *statusError) Error() string { return e.text }

func fail(status int, kind, text string) error { return &statusError{status, kind, text} }

func answerWith(w http.ResponseWriter, out any, err error) {
	if errors.Is(err, errAnswered) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err == nil {
		json.NewEncoder(w).Encode(out)
		return
	}
	var s *statusError
	if !errors.As(err, &s) {
		s = &statusError{500, "Internal", err.Error()}
	}
	w.WriteHeader(s.status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": s.text, "type": s.kind, "code": s.status}})
}

// files counts the data files on disk.
func (c *restCatalog) files(t testing.TB, tab string) (n int) {
	list, err := os.ReadDir(filepath.Join(c.dir, "shop", tab, "data"))
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

var _ = net.ErrClosed
var _ = fmt.Sprint
