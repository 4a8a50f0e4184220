package catalog

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// ServeHTTP answers one request.
func (c *Catalog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.opt.Token != "" && r.Header.Get("Authorization") != "Bearer "+c.opt.Token {
		answer(w, nil, refuse(http.StatusUnauthorized, "NotAuthorizedException", "the bearer token is wrong or missing"))
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		answer(w, nil, refuse(400, "BadRequestException", "the body did not arrive whole"))
		return
	}
	p := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	if len(p) < 2 || p[0] != "v1" {
		answer(w, nil, refuse(404, "NotFoundException", "no endpoint %s", r.URL.Path))
		return
	}
	c.faulty(w, r, body, func() (any, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.route(r, p[1:], body)
	})
}

// Transport answers requests without a socket.
func (c *Catalog) Transport() http.RoundTripper { return transport{c} }

type transport struct{ c *Catalog }

func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil { // http.ErrAbortHandler: the connection was cut
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	t.c.ServeHTTP(w, r)
	return w.Result(), nil
}

// endpoints is what the config endpoint advertises.
var endpoints = []string{
	"GET /v1/{prefix}/namespaces", "POST /v1/{prefix}/namespaces", "GET /v1/{prefix}/namespaces/{namespace}", "HEAD /v1/{prefix}/namespaces/{namespace}",
	"DELETE /v1/{prefix}/namespaces/{namespace}", "POST /v1/{prefix}/namespaces/{namespace}/properties",
	"GET /v1/{prefix}/namespaces/{namespace}/tables", "POST /v1/{prefix}/namespaces/{namespace}/tables",
	"GET /v1/{prefix}/namespaces/{namespace}/tables/{table}", "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
	"POST /v1/{prefix}/namespaces/{namespace}/tables/{table}", "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
	"POST /v1/{prefix}/namespaces/{namespace}/register", "POST /v1/{prefix}/tables/rename", "POST /v1/{prefix}/transactions/commit",
	"POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics",
}

// route finds the endpoint. c.mu is held.
func (c *Catalog) route(r *http.Request, p []string, body []byte) (any, error) {
	switch key := r.Method + " " + p[0]; {
	case key == "GET config":
		if n := r.URL.Query().Get("warehouse"); c.opt.WarehouseName != "" && n != "" && n != c.opt.WarehouseName {
			return nil, refuse(404, "NotFoundException", "no warehouse %q", n)
		}
		return map[string]any{"defaults": map[string]string{}, "overrides": map[string]string{}, "endpoints": endpoints}, nil
	case p[0] == "namespaces":
		return c.namespace(r, p[1:], body)
	case key == "POST transactions" && len(p) == 2 && p[1] == "commit":
		return nil, c.transaction(body, false)
	case key == "POST tables" && len(p) == 2 && p[1] == "rename":
		return nil, c.rename(body)
	}
	return nil, refuse(404, "NotFoundException", "no endpoint %s", r.URL.Path)
}

func (c *Catalog) namespace(r *http.Request, p []string, body []byte) (any, error) {
	if len(p) == 0 {
		return c.namespaces(r, body)
	}
	ns := levels(p[0])
	props, ok := c.spaces[join(ns)]
	if !ok {
		return nil, refuse(404, "NoSuchNamespaceException", "namespace %s does not exist", join(ns))
	}
	switch {
	case len(p) == 1 && r.Method == http.MethodGet:
		return map[string]any{"namespace": ns, "properties": props}, nil
	case len(p) == 1 && r.Method == http.MethodHead:
		return nil, nil
	case len(p) == 1 && r.Method == http.MethodDelete:
		return nil, c.dropNamespace(join(ns))
	case len(p) == 2 && p[1] == "properties":
		return c.setProperties(join(ns), body)
	case len(p) == 2 && p[1] == "tables" && r.Method == http.MethodGet:
		return c.list(ns), nil
	case len(p) == 2 && p[1] == "tables" && r.Method == http.MethodPost:
		return c.create(ns, body)
	case len(p) == 2 && p[1] == "register":
		return c.register(ns, body)
	case len(p) == 2 && p[1] == "views":
		return map[string]any{"identifiers": []string{}}, nil
	case len(p) >= 3 && p[1] == "tables":
		return c.table(r, ns, p[2:], body)
	}
	return nil, refuse(404, "NotFoundException", "no endpoint %s", r.URL.Path)
}

func (c *Catalog) namespaces(r *http.Request, body []byte) (any, error) {
	if r.Method == http.MethodGet {
		parent := r.URL.Query().Get("parent")
		all := [][]string{}
		for _, n := range slices.Sorted(maps.Keys(c.spaces)) {
			l := strings.Split(n, ".")
			if parent == "" && len(l) == 1 || parent != "" && join(l[:len(l)-1]) == join(levels(parent)) {
				all = append(all, l)
			}
		}
		return map[string]any{"namespaces": all}, nil
	}
	var x struct {
		Namespace  []string          `json:"namespace"`
		Properties map[string]string `json:"properties"`
	}
	if err := json.Unmarshal(body, &x); err != nil || len(x.Namespace) == 0 {
		return nil, refuse(400, "BadRequestException", "want a namespace")
	}
	n := join(x.Namespace)
	if _, ok := c.spaces[n]; ok {
		return nil, refuse(409, "AlreadyExistsException", "namespace %s exists", n)
	}
	if x.Properties == nil {
		x.Properties = map[string]string{}
	}
	if err := c.saveNamespace(n, x.Properties); err != nil {
		return nil, err
	}
	return x, nil
}

func (c *Catalog) saveNamespace(n string, props map[string]string) error {
	p, err := json.Marshal(props)
	if err == nil {
		_, err = c.db.Exec("INSERT INTO namespaces VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET properties = ?2", n, string(p))
	}
	if err == nil {
		c.spaces[n] = props
	}
	return err
}

func (c *Catalog) dropNamespace(n string) error {
	for t := range c.tables {
		if strings.HasPrefix(t, n+".") {
			return refuse(409, "NamespaceNotEmptyException", "namespace %s holds tables", n)
		}
	}
	_, err := c.db.Exec("DELETE FROM namespaces WHERE name = ?1", n)
	delete(c.spaces, n)
	return err
}

func (c *Catalog) setProperties(n string, body []byte) (any, error) {
	var x struct {
		Removals []string          `json:"removals"`
		Updates  map[string]string `json:"updates"`
	}
	if err := json.Unmarshal(body, &x); err != nil {
		return nil, refuse(400, "BadRequestException", "the body is not what updateProperties takes")
	}
	props := maps.Clone(c.spaces[n])
	removed, missing := []string{}, []string{}
	for _, k := range x.Removals {
		if _, ok := props[k]; ok {
			removed = append(removed, k)
		} else {
			missing = append(missing, k)
		}
		delete(props, k)
	}
	maps.Copy(props, x.Updates)
	return map[string]any{"updated": slices.Sorted(maps.Keys(x.Updates)), "removed": removed, "missing": missing}, c.saveNamespace(n, props)
}

func (c *Catalog) list(ns []string) any {
	ids := []any{}
	for _, t := range slices.Sorted(maps.Keys(c.tables)) {
		if name, ok := strings.CutPrefix(t, join(ns)+"."); ok && !strings.Contains(name, ".") {
			ids = append(ids, map[string]any{"namespace": ns, "name": name})
		}
	}
	return map[string]any{"identifiers": ids}
}

func loaded(p *pointer) any {
	return map[string]any{"metadata-location": p.location, "metadata": p.meta, "config": map[string]string{}}
}

func (c *Catalog) create(ns []string, body []byte) (any, error) {
	var x struct {
		Name       string                 `json:"name"`
		Location   string                 `json:"location"`
		Schema     *iceberg.Schema        `json:"schema"`
		Spec       *iceberg.PartitionSpec `json:"partition-spec"`
		Order      *table.SortOrder       `json:"write-order"`
		Stage      bool                   `json:"stage-create"`
		Properties iceberg.Properties     `json:"properties"`
	}
	if err := json.Unmarshal(body, &x); err != nil || x.Name == "" || x.Schema == nil {
		return nil, refuse(400, "BadRequestException", "the body is not what createTable takes")
	}
	if x.Stage {
		return nil, refuse(406, "UnsupportedOperationException", "this catalog has no staged creation: create the table, then commit")
	}
	if err := c.limited("createTable", c.opt.Limits.Transactions); err != nil {
		return nil, err
	}
	id := join(ns) + "." + x.Name
	if c.tables[id] != nil {
		return nil, refuse(409, "AlreadyExistsException", "table %s exists", id)
	}
	order := table.UnsortedSortOrder
	if x.Order != nil {
		order = *x.Order
	}
	if x.Location == "" {
		x.Location = strings.TrimSuffix(c.opt.Warehouse, "/") + "/" + strings.Join(ns, "/") + "/" + x.Name
	}
	m, err := table.NewMetadata(x.Schema, x.Spec, order, x.Location, x.Properties)
	if err != nil {
		return nil, refuse(400, "BadRequestException", "%v", err)
	}
	p := &pointer{metadataFile(m, 0), m}
	if err := c.store(map[string]*pointer{id: p}); err != nil {
		return nil, err
	}
	return loaded(p), nil
}

func (c *Catalog) register(ns []string, body []byte) (any, error) {
	var x struct {
		Name     string `json:"name"`
		Location string `json:"metadata-location"`
	}
	if err := json.Unmarshal(body, &x); err != nil {
		return nil, refuse(400, "BadRequestException", "the body is not what registerTable takes")
	}
	id := join(ns) + "." + x.Name
	if c.tables[id] != nil {
		return nil, refuse(409, "AlreadyExistsException", "table %s exists", id)
	}
	m, err := readMetadata(x.Location)
	if err != nil {
		return nil, refuse(400, "BadRequestException", "metadata-location cannot be read")
	}
	p := &pointer{x.Location, m}
	if err := c.store(map[string]*pointer{id: p}); err != nil {
		return nil, err
	}
	return loaded(p), nil
}

func (c *Catalog) table(r *http.Request, ns, p []string, body []byte) (any, error) {
	id := join(ns) + "." + p[0]
	t := c.tables[id]
	switch {
	case t == nil:
		return nil, refuse(404, "NoSuchTableException", "table %s does not exist", id)
	case len(p) == 2 && p[1] == "metrics":
		return nil, nil
	case len(p) == 2 && p[1] == "credentials":
		return map[string]any{"storage-credentials": []any{}}, nil
	case len(p) > 1:
	case r.Method == http.MethodGet:
		return loaded(t), nil
	case r.Method == http.MethodHead:
		return nil, nil
	case r.Method == http.MethodDelete:
		_, err := c.db.Exec("DELETE FROM tables WHERE name = ?1", id)
		delete(c.tables, id)
		return nil, err
	case r.Method == http.MethodPost:
		var x change
		if err := json.Unmarshal(body, &x); err != nil {
			return nil, refuse(400, "BadRequestException", "the body is not what updateTable takes: %v", err)
		}
		if err := c.limited("updateTable "+id, c.opt.Limits.UpdatesPerTable); err != nil {
			return nil, err
		}
		x.Identifier.Namespace, x.Identifier.Name = ns, p[0]
		if err := c.apply([]change{x}); err != nil {
			return nil, err
		}
		return loaded(c.tables[id]), nil
	}
	return nil, refuse(404, "NotFoundException", "no endpoint %s", r.URL.Path)
}

func (c *Catalog) rename(body []byte) error {
	type name struct {
		Namespace []string `json:"namespace"`
		Name      string   `json:"name"`
	}
	var x struct {
		Source      name `json:"source"`
		Destination name `json:"destination"`
	}
	if err := json.Unmarshal(body, &x); err != nil {
		return refuse(400, "BadRequestException", "the body is not what renameTable takes")
	}
	from, to := join(x.Source.Namespace)+"."+x.Source.Name, join(x.Destination.Namespace)+"."+x.Destination.Name
	switch {
	case c.tables[from] == nil:
		return refuse(404, "NoSuchTableException", "table %s does not exist", from)
	case c.tables[to] != nil:
		return refuse(409, "AlreadyExistsException", "table %s exists", to)
	}
	if _, err := c.db.Exec("UPDATE tables SET name = ?2 WHERE name = ?1", from, to); err != nil {
		return err
	}
	c.tables[to] = c.tables[from]
	delete(c.tables, from)
	return nil
}
