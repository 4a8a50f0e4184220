package readers

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/emulator/catalog"
)

var fields = []iceberg.NestedField{
	{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.Int64, Required: true},
	{ID: 2, Name: "small", Type: iceberg.PrimitiveTypes.Int32},
	{ID: 3, Name: "text", Type: iceberg.PrimitiveTypes.String},
	{ID: 4, Name: "price", Type: iceberg.DecimalTypeOf(12, 2)},
	{ID: 5, Name: "wide", Type: iceberg.DecimalTypeOf(20, 4)},
	{ID: 6, Name: "yes", Type: iceberg.PrimitiveTypes.Bool},
	{ID: 7, Name: "double", Type: iceberg.PrimitiveTypes.Float64},
	{ID: 8, Name: "float", Type: iceberg.PrimitiveTypes.Float32},
	{ID: 9, Name: "day", Type: iceberg.PrimitiveTypes.Date},
	{ID: 10, Name: "at", Type: iceberg.PrimitiveTypes.TimestampTz},
	{ID: 11, Name: "local", Type: iceberg.PrimitiveTypes.Timestamp},
	{ID: 12, Name: "raw", Type: iceberg.PrimitiveTypes.Binary},
	{ID: 13, Name: "key", Type: iceberg.PrimitiveTypes.UUID},
	{ID: 14, Name: "clock", Type: iceberg.PrimitiveTypes.Time},
	{ID: 15, Name: "tags", Type: &iceberg.ListType{ElementID: 16, Element: iceberg.PrimitiveTypes.String}},
	{ID: 17, Name: "place", Type: &iceberg.StructType{FieldList: []iceberg.NestedField{
		{ID: 18, Name: "lat", Type: iceberg.PrimitiveTypes.Float64}, {ID: 19, Name: "city", Type: iceberg.PrimitiveTypes.String}}}},
}

// rows is JSON that arrow-go reads, and the form that every engine must print.
var rows = []struct{ in, want string }{
	{`{"id":1,"small":-7,"text":"plain","price":"12.30","wide":"-1234567890123456.7891","yes":true,"double":0.1,"float":1.5,"day":"2026-01-31","at":"2026-01-31T13:05:00.000001Z","local":"1999-12-31T23:59:59.999999","raw":"AAH/","key":"2f0b0e0e-6b0e-4d33-8f4f-0123456789ab","clock":"13:05:00.000001","tags":["a",null,""],"place":{"lat":52.5,"city":"Köln"}}`,
		`{"at":"2026-01-31T13:05:00.000001Z","clock":"13:05:00.000001","day":"2026-01-31","double":"f64:3fb999999999999a","float":"f64:3ff8000000000000","id":1,"key":"2f0b0e0e-6b0e-4d33-8f4f-0123456789ab","local":"1999-12-31T23:59:59.999999","note":null,"place":{"city":"Köln","lat":"f64:404a400000000000"},"price":"12.30","raw":"0x0001ff","small":-7,"tags":["a",null,""],"text":"plain","wide":"-1234567890123456.7891","yes":true}`},
	{`{"id":9223372036854775807,"text":"","raw":"","tags":[],"price":"0.00","day":"1969-12-31","at":"1900-01-01T00:00:00Z"}`,
		`{"at":"1900-01-01T00:00:00.000000Z","clock":null,"day":"1969-12-31","double":null,"float":null,"id":9223372036854775807,"key":null,"local":null,"note":null,"place":null,"price":"0.00","raw":"0x","small":null,"tags":[],"text":"","wide":null,"yes":null}`},
	{`{"id":-3,"text":"日本 \"quoted\" <a&b> \\ \u2028 😀\n","double":-0.0}`,
		`{"at":null,"clock":null,"day":null,"double":"f64:8000000000000000","float":null,"id":-3,"key":null,"local":null,"note":null,"place":null,"price":null,"raw":null,"small":null,"tags":null,"text":"日本 \"quoted\" <a&b> \\ ` + "\u2028" + ` 😀\n","wide":null,"yes":null}`},
	// written after the column note was added
	{`{"id":4,"note":"new"}`,
		`{"at":null,"clock":null,"day":null,"double":null,"float":null,"id":4,"key":null,"local":null,"note":"new","place":null,"price":null,"raw":null,"small":null,"tags":null,"text":null,"wide":null,"yes":null}`},
}

// lake is a catalog with one table of every type, bucketed, whose schema grew
// between two appends.
func lake(t *testing.T, version string, inS3 bool) (Source, *table.Table, []string) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	o := catalog.Options{Dir: dir, Warehouse: "file://" + dir + "/warehouse", Token: "secret", WarehouseName: "dev"}
	var properties []string
	if inS3 {
		o.Warehouse = "s3://lake/warehouse"
		o.Files, properties = bucket(t)
	}
	c, err := catalog.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(c)
	t.Cleanup(func() { srv.Close(); c.Close() })
	cli, err := rest.NewCatalog(ctx, "test", srv.URL, rest.WithOAuthToken("secret"), rest.WithWarehouseLocation("dev"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	if err := cli.CreateNamespace(ctx, table.Identifier{"shop"}, nil); err != nil {
		t.Fatal(err)
	}
	spec := iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{1}, FieldID: 1000, Name: "id_bucket", Transform: iceberg.BucketTransform{NumBuckets: 4}})
	x, err := cli.CreateTable(ctx, table.Identifier{"shop", "all types"}, iceberg.NewSchema(0, fields...),
		icecat.WithPartitionSpec(&spec), icecat.WithProperties(iceberg.Properties{"format-version": version}))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	put := func(line string) {
		t.Helper()
		sc, err := table.SchemaToArrowSchema(x.Schema(), nil, false, false)
		if err != nil {
			t.Fatal(err)
		}
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, sc, strings.NewReader("["+line+"]"))
		if err != nil {
			t.Fatal(err)
		}
		tx := x.NewTransaction()
		if err := tx.AppendTable(ctx, array.NewTableFromRecords(sc, []arrow.RecordBatch{rec}), 64, nil); err != nil {
			t.Fatal(err)
		}
		if x, err = tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	grown := len(rows) - 1
	for _, r := range rows[:grown] {
		put(r.in)
	}
	tx := x.NewTransaction()
	if err := tx.UpdateSchema(true, false).AddColumn([]string{"note"}, iceberg.PrimitiveTypes.String, "", false, nil).Commit(); err != nil {
		t.Fatal(err)
	}
	if x, err = tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	put(rows[grown].in)
	for _, r := range rows {
		want = append(want, r.want)
	}
	slices.Sort(want)
	return Source{URI: srv.URL, Warehouse: "dev", Token: "secret", Table: "shop.all types", Properties: properties}, x, want
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	t.Errorf("%d rows, want %d\ngot\n%s\nwant\n%s", len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
}

func TestDump(t *testing.T) {
	for _, v := range []string{"2", "3"} {
		_, x, want := lake(t, v, v == "3")
		got, err := Dump(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, got, want)
	}
}

// TestEngines reads the table with every outside engine.
func TestEngines(t *testing.T) {
	home := os.Getenv("SLUICE_READERS")
	if home == "" {
		t.Skip(`set SLUICE_READERS="$(sh integration/readers/install.sh)" to read the table with DuckDB and PyIceberg`)
	}
	script, err := filepath.Abs("read.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, inS3 := range []bool{false, true} {
		for _, v := range []string{"2", "3"} {
			for _, engine := range Engines {
				t.Run(fmt.Sprintf("%s v%s s3=%v", engine, v, inS3), func(t *testing.T) {
					src, _, want := lake(t, v, inS3)
					got, err := Read(t.Context(), home, script, engine, src)
					if err != nil {
						t.Fatal(err)
					}
					compare(t, got, want)
				})
			}
		}
	}
}
