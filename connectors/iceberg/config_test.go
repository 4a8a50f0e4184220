package iceberg

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/topology/stream"
)

const goodConfig = `
catalog: {uri: "https://catalog.cloudflarestorage.com/acc/bucket", warehouse: acc_bucket, token: "env:T"}
storage: {kind: s3, endpoint: "https://acc.r2.cloudflarestorage.com", access_key: "env:A", secret_key: "env:S"}
namespace: shop
partition: {"orders": ["day(_ts)"]}
`

// TestConfig is what a person sees of a mistake.
func TestConfig(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"good", "", "", ""},
		{"unknown field", "namespace:", "namespce:", `did you mean "namespace"?`},
		{"no uri", `uri: "https://catalog.cloudflarestorage.com/acc/bucket", `, "", "catalog.uri"},
		{"two ways in", `token: "env:T"`, `token: "env:T", credential: "env:C"`, "not both"},
		{"half a key", `, secret_key: "env:S"`, "", "go together"},
		{"bad kind", "kind: s3", "kind: gcs", "not local or s3"},
		{"bad namespace", "namespace: shop", "namespace: a/b", `namespace: "a/b"`},
		{"no namespace", "namespace: shop", "", "namespace"},
		{"bad template", "namespace: shop", "namespace: shop\ntable: \"{schema}\"", "{topic}, {database}"},
		{"bad version", "namespace: shop", "namespace: shop\nformat_version: 1", "want 2 or 3"},
		{"bad transform", "day(_ts)", "week(_ts)", `"orders"`},
		{"bad meta", "namespace: shop", "namespace: shop\nmeta: [ofset]", `did you mean "offset"?`},
		{"bad codec", "namespace: shop", "namespace: shop\ncompression: lz4", "zstd, snappy or none"},
		{"bad level", "namespace: shop", "namespace: shop\nlevel: 0", "1 (fast) to 22"},
		{"bad size", "namespace: shop", "namespace: shop\ntarget_file_bytes: 1", "at least 65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n yaml.Node
			if err := yaml.Unmarshal([]byte(strings.Replace(goodConfig, c.old, c.new, 1)), &n); err != nil {
				t.Fatal(err)
			}
			err := Factory().Check(n.Content[0])
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTableName(t *testing.T) {
	for _, c := range []struct {
		template string
		t        stream.Table
		want     string
	}{
		{"{namespace}_{table}", stream.Table{Topic: "s.public.orders", Database: "db", Namespace: "public", Table: "orders"}, "public_orders"},
		{"{namespace}_{table}", stream.Table{Topic: "s.db.orders", Database: "db", Table: "orders"}, "orders"},
		{"{namespace}_{table}", stream.Table{Topic: "click.events"}, "click_events"},
		{"{database}_{namespace}_{table}", stream.Table{Topic: "x", Namespace: "n", Table: "t"}, "n_t"},
		{"{database}_{namespace}_{table}", stream.Table{Topic: "x", Database: "d", Table: "t"}, "d_t"},
		{"raw_{topic}", stream.Table{Topic: "s.public.orders", Table: "orders"}, "raw_s_public_orders"},
		{"{database}", stream.Table{Topic: "a.b"}, "a_b"},
		{"{table}", stream.Table{Topic: "x", Table: `or"der s`}, "or_der_s"},
	} {
		cfg := Config{Table: c.template}
		if got := cfg.tableName(&c.t); got != c.want {
			t.Errorf("%s of %+v: %q, want %q", c.template, c.t, got, c.want)
		}
	}
}

func TestPartitionOf(t *testing.T) {
	c := Config{Partition: map[string][]string{"*": {"a"}, "orders*": {"b"}, "orders_eu": {"c"}}}
	for name, want := range map[string]string{"x": "a", "orders_us": "b", "orders_eu": "c"} {
		if got := c.partitionOf(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	if got := (&Config{}).partitionOf("x"); got != nil {
		t.Errorf("no partitions: %v", got)
	}
}
