package readers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"
)

// writers are other writers on the catalog: what they ask of it must work too.
var writers = map[string]string{
	"pyiceberg": `
import sys, pyarrow as pa
from pyiceberg.catalog.rest import RestCatalog
uri = sys.argv[1]
c = RestCatalog("t", uri=uri, warehouse="dev", token="secret")
c.create_namespace("other")
data = pa.table({"id": pa.array([1, 2], pa.int64()), "name": ["a", None]})
t = c.create_table("other.made", schema=data.schema)
t.append(data)
with t.transaction() as tx:
    with tx.update_schema() as u:
        u.rename_column("name", "label")
    tx.append(pa.table({"id": pa.array([3], pa.int64()), "label": ["c"]}))
t.delete("id = 1")
c.create_table_transaction("other.staged", schema=data.schema).commit_transaction()
c.rename_table("other.staged", "other.renamed")
assert sorted(c.list_tables("other")) == [("other", "made"), ("other", "renamed")], c.list_tables("other")
c.drop_table("other.renamed")
assert not c.table_exists("other.renamed") and c.table_exists("other.made")
`,
	"duckdb": `
import sys
sys.path.insert(0, sys.argv[2])
import read
con = read.attached(sys.argv[1], "dev", "secret", dict(x.split("=", 1) for x in sys.argv[3:]))
con.execute("CREATE SCHEMA lake.other")
con.execute("BEGIN")
con.execute("CREATE TABLE lake.other.made (id BIGINT, label VARCHAR)")
con.execute("INSERT INTO lake.other.made VALUES (1, 'a'), (2, NULL)")
con.execute("COMMIT")
con.execute("INSERT INTO lake.other.made VALUES (3, 'c')")
rows = con.execute("SELECT * FROM lake.other.made ORDER BY id").fetchall()
assert rows == [(1, "a"), (2, None), (3, "c")], rows
con.execute("INSERT INTO lake.other.made VALUES (4, 'd')")
con.execute("DELETE FROM lake.other.made WHERE id IN (1, 4)")
rows = con.execute("SELECT * FROM lake.other.made ORDER BY id").fetchall()
assert rows == [(2, None), (3, "c")], rows
`,
}

// TestOtherWriters lets engines create, commit, rename and drop, and reads
// what they wrote by iceberg-go.
func TestOtherWriters(t *testing.T) {
	home := os.Getenv("SLUICE_READERS")
	if home == "" {
		t.Skip(`set SLUICE_READERS="$(sh integration/readers/install.sh)"`)
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for engine, script := range writers {
		t.Run(engine, func(t *testing.T) {
			src, _, _ := lake(t, "2", engine == "duckdb") // which makes no folders
			c := exec.CommandContext(t.Context(), filepath.Join(home, "bin", "python"), append([]string{"-c", script, src.URI, here}, src.Properties...)...)
			c.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := `{"id":2,"label":null}` + "\n" + `{"id":3,"label":"c"}`
			if engine == "duckdb" {
				// iceberg-go 0.7 does not take DuckDB's delete files (their format
				// is written in lower case): PyIceberg is the one to read them.
				src.Table = "other.made"
				got, err := Read(t.Context(), home, filepath.Join(here, "read.py"), "pyiceberg", src)
				if s := strings.Join(got, "\n"); err != nil || s != want {
					t.Errorf("%v: the table holds\n%s", err, s)
				}
				return
			}
			cli, err := rest.NewCatalog(t.Context(), "test", src.URI, rest.WithOAuthToken("secret"), rest.WithWarehouseLocation("dev"))
			if err != nil {
				t.Fatal(err)
			}
			defer cli.Close()
			x, err := cli.LoadTable(t.Context(), table.Identifier{"other", "made"})
			if err != nil {
				t.Fatal(err)
			}
			got, err := Dump(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(got, "\n"); s != want {
				t.Errorf("the table holds\n%s", s)
			}
		})
	}
}
