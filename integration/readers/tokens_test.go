package readers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/iceberg-go"
	icecat "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/emulator/catalog"
	"sluice/connectors/iceberg/column"
	"sluice/schemas"
)

// tokenColumns are texts that the encoder writes as frames of its own: all of
// one length and alike in how they begin.
var tokenColumns = []struct {
	name         string
	prefix, base int // characters
	every        int // a null comes every so often
}{
	{"token", 3, 32, 0},
	{"nulls", 3, 32, 7},
	{"short", 1, 16, 0},
	{"long", 60, 32, 0},
	{"fresh", 0, 64, 0},
}

// tokenLake is a table of one file: n and half of it in packed row groups, more rows
// behind them, and the form that every engine must print.
func tokenLake(t *testing.T, n, more int) (Source, []string) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	c, err := catalog.New(catalog.Options{Dir: dir, Warehouse: "file://" + dir + "/warehouse", Token: "secret", WarehouseName: "dev"})
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
	cols := []column.Field{{Name: "id", ID: 1, Type: schemas.Type{Kind: schemas.Int64}, Bounds: true}}
	want := []iceberg.NestedField{{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.Int64}}
	for i, x := range tokenColumns {
		cols = append(cols, column.Field{Name: x.name, ID: 2 + i, Type: schemas.Type{Kind: schemas.String}})
		want = append(want, iceberg.NestedField{ID: 2 + i, Name: x.name, Type: iceberg.PrimitiveTypes.String})
	}
	x, err := cli.CreateTable(ctx, table.Identifier{"shop", "tokens"}, iceberg.NewSchema(0, want...), icecat.WithProperties(iceberg.Properties{"format-version": "2"}))
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, 0, n+more)
	r := rand.New(rand.NewPCG(1, 2))
	fill := func(b *column.Buffer, n int) {
		for range n {
			row := map[string]any{"id": len(lines)}
			b.AppendInt64(0, int64(len(lines)))
			for i, k := range tokenColumns {
				row[k.name] = nil
				if k.every > 0 && len(lines)%k.every == 0 {
					continue
				}
				v := []byte(fmt.Sprintf("k%d_%0*d", 1+len(lines)/(n*2/3+1), max(k.prefix, 3)-3, 0))[:k.prefix]
				for range 26 {
					v = append(v, "abcdefghijklmnopqrstuvwxyz234567ABCDEFGHIJKLMNOPQRSTUVWXYZ018-_9"[r.IntN(k.base)])
				}
				b.AppendBytes(i+1, v)
				row[k.name] = string(v)
			}
			if err := b.EndRow(); err != nil {
				t.Fatal(err)
			}
			l, err := line(row)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, l)
		}
	}
	enc, err := column.NewEncoder(column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var f column.File
	for _, n := range []int{n, n / 2} {
		b := column.NewBuffer(cols)
		fill(b, n)
		g, err := enc.Pack(b)
		if err != nil {
			t.Fatal(err)
		}
		f.Packed = append(f.Packed, g)
	}
	b := column.NewBuffer(cols)
	fill(b, more)
	f.Buffers = append(f.Buffers, b)
	var ps column.Pieces
	st, err := enc.Flush(&ps, f)
	if err != nil {
		t.Fatal(err)
	}
	p := ps.Bytes()
	if got := ownFrames(p); got < 2*len(tokenColumns) {
		t.Fatalf("the encoder wrote %d frames of its own: this test is of those", got)
	}
	path := filepath.Join(dir, "warehouse", "tokens.parquet")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := iceberg.NewDataFileBuilder(x.Spec(), iceberg.EntryContentData, "file://"+path, iceberg.ParquetFile, nil, nil, nil, st.Records, st.FileSize)
	if err != nil {
		t.Fatal(err)
	}
	tx := x.NewTransaction()
	if err := tx.AddDataFiles(ctx, []iceberg.DataFile{d.Build()}, nil, table.WithoutDuplicateCheck(), table.WithoutAutoNameMapping()); err != nil {
		t.Fatal(err)
	}
	if x, err = tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	dumped(t, ctx, x, lines)
	return Source{URI: srv.URL, Warehouse: "dev", Token: "secret", Table: "shop.tokens"}, lines
}

// ownFrames counts Zstandard frames of more than 32 KiB that begin with a small
// block as it is, which a compressor does not write of texts.
func ownFrames(p []byte) (n int) {
	head := []byte{0x28, 0xB5, 0x2F, 0xFD, 2<<6 | 1<<5}
	for {
		i := bytes.Index(p, head)
		if i < 0 || len(p) < i+12 {
			return n
		}
		p = p[i+len(head):]
		block := uint32(p[4]) | uint32(p[5])<<8 | uint32(p[6])<<16
		if binary.LittleEndian.Uint32(p) >= 32<<10 && block>>1&3 == 0 && block>>3 < 64<<10 {
			n++
		}
	}
}

func dumped(t *testing.T, ctx context.Context, x *table.Table, want []string) {
	t.Helper()
	got, err := Dump(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "iceberg-go", got, want)
}

// same is compare of many rows: it shows the first that differ.
func same(t *testing.T, engine string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", engine, len(got), len(want))
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: row %d of %d is\n%s, want\n%s", engine, i, len(got), got[i], want[i])
			return
		}
	}
}

// TestTokens: what the encoder compresses itself, outside engines read.
func TestTokens(t *testing.T) {
	src, want := tokenLake(t, 40_000, 9_000)
	home := os.Getenv("SLUICE_READERS")
	if home == "" {
		t.Skip(`set SLUICE_READERS="$(sh integration/readers/install.sh)" to read the table with DuckDB and PyIceberg`)
	}
	script, err := filepath.Abs("read.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range Engines {
		got, err := Read(t.Context(), home, script, engine, src)
		if err != nil {
			t.Fatal(err)
		}
		same(t, engine, got, want)
	}
}
