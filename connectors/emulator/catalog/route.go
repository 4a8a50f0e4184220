package catalog

import (
	"net/http"
	"strings"
)

// endpoint is an operation: how it is asked for, what limit it counts
// against and what answers it. args are the path's placeholders.
type endpoint struct {
	method, path string
	write        kind // "" reads
	do           func(c *Catalog, r *call, args []string) (reply, error)
}

// endpoints are all operations but config and tokens, as /v1/config lists them.
var endpoints []endpoint = []endpoint{
	{"GET", "namespaces", "", (*Catalog).listNamespaces},
	{"POST", "namespaces", otherWrite + "createNamespace", (*Catalog).createNamespace},
	{"GET", "namespaces/{namespace}", "", (*Catalog).loadNamespace},
	{"HEAD", "namespaces/{namespace}", "", (*Catalog).namespaceExists},
	{"DELETE", "namespaces/{namespace}", otherWrite + "dropNamespace", (*Catalog).dropNamespace},
	{"POST", "namespaces/{namespace}/properties", otherWrite + "updateNamespace", (*Catalog).updateNamespace},
	{"GET", "namespaces/{namespace}/tables", "", (*Catalog).listTables},
	{"POST", "namespaces/{namespace}/tables", createTable, (*Catalog).createTable},
	{"GET", "namespaces/{namespace}/tables/{table}", "", (*Catalog).loadTable},
	{"HEAD", "namespaces/{namespace}/tables/{table}", "", (*Catalog).tableExists},
	{"POST", "namespaces/{namespace}/tables/{table}", updateTable, (*Catalog).updateTable},
	{"DELETE", "namespaces/{namespace}/tables/{table}", otherWrite + "dropTable", (*Catalog).dropTable},
	{"GET", "namespaces/{namespace}/tables/{table}/credentials", "", (*Catalog).credentials},
	{"POST", "namespaces/{namespace}/tables/{table}/metrics", "", (*Catalog).metrics},
	{"POST", "namespaces/{namespace}/register", register, (*Catalog).registerTable},
	{"POST", "tables/rename", otherWrite + "renameTable", (*Catalog).renameTable},
	{"POST", "transactions/commit", transaction, (*Catalog).commitTransaction},
	{"GET", "namespaces/{namespace}/views", "", (*Catalog).listViews},
}

// match tells whether r asks for e, and the placeholders' values.
func (e endpoint) match(r *call) (args []string, ok bool) {
	if e.method != r.Method {
		return nil, false
	}
	parts := strings.Split(e.path, "/")
	if len(parts) != len(r.seg) {
		return nil, false
	}
	for i, p := range parts {
		switch {
		case strings.HasPrefix(p, "{"):
			if r.seg[i] == "" {
				return nil, false
			}
			args = append(args, r.seg[i])
		case p != r.seg[i]:
			return nil, false
		}
	}
	return args, true
}

// object is what a limit is counted for.
func (e endpoint) object(r *call) string {
	if e.write == updateTable {
		return strings.Join(r.seg, "/")
	}
	return ""
}

func (c *Catalog) metrics(*call, []string) (reply, error) { return noContent, nil }

func (c *Catalog) listViews(_ *call, args []string) (reply, error) {
	if _, err := c.db.namespace(args[0]); err != nil {
		return reply{}, namespaceError(args[0], err)
	}
	return ok(map[string]any{"identifiers": []any{}})
}

// credentials vends again, for clients whose credentials ran out.
func (c *Catalog) credentials(_ *call, args []string) (reply, error) {
	n := name{args[0], args[1]}
	if _, err := c.db.location(n); err != nil {
		return reply{}, tableError(n, err)
	}
	return ok(map[string]any{"storage-credentials": c.vended()})
}

func (c *Catalog) vended() []any {
	if c.o.Vend == nil {
		return []any{}
	}
	return []any{map[string]any{"prefix": c.o.Warehouse, "config": c.o.Vend}}
}

func wantsCredentials(h http.Header) bool {
	return strings.Contains(h.Get("X-Iceberg-Access-Delegation"), "vended-credentials")
}
