// Package readers compares what outside engines read from an Iceberg table,
// through its REST catalog, with what is in it: every row and every column,
// never a count alone. read.py asks the engines and tells the form of values;
// Dump gives the same form by iceberg-go. The engines are installed by
// install.sh, whose folder SLUICE_READERS names; without it the tests of the
// engines are skipped.
package readers

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/extensions"
	"github.com/apache/iceberg-go/table"
)

// Engines are those that read.py knows.
var Engines = []string{"duckdb", "pyiceberg"}

// Source says where a table is.
type Source struct {
	URI, Warehouse, Token string
	Table                 string   // namespace.table
	Properties            []string // s3.endpoint=... and so on
}

// Read returns the rows of a table as an engine reads them. home is the folder
// that install.sh printed, script the path of read.py.
func Read(ctx context.Context, home, script, engine string, s Source) ([]string, error) {
	args := []string{script, "--uri", s.URI, "--warehouse", s.Warehouse, "--engine", engine, s.Table}
	if len(s.Properties) > 0 {
		args = append(append(args, "--property"), s.Properties...)
	}
	c := exec.CommandContext(ctx, filepath.Join(home, "bin", "python"), args...)
	c.Env = append(os.Environ(), "SLUICE_CATALOG_TOKEN="+s.Token)
	var out, say bytes.Buffer
	c.Stdout, c.Stderr = &out, &say
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", engine, err, strings.TrimSpace(say.String()))
	}
	rows := strings.Split(out.String(), "\n")
	return rows[:len(rows)-1], nil
}

// Dump returns the live rows of t in the form of read.py, sorted.
func Dump(ctx context.Context, t *table.Table) ([]string, error) {
	_, records, err := t.Scan().ToArrowRecords(ctx)
	if err != nil {
		return nil, err
	}
	var rows []string
	for r, err := range records {
		if err != nil {
			return nil, err
		}
		for i := range int(r.NumRows()) {
			row := map[string]any{}
			for k, c := range r.Columns() {
				if row[r.ColumnName(k)], err = cell(c, i); err != nil {
					return nil, fmt.Errorf("column %s: %w", r.ColumnName(k), err)
				}
			}
			line, err := line(row)
			if err != nil {
				return nil, err
			}
			rows = append(rows, line)
		}
		r.Release()
	}
	slices.Sort(rows)
	return rows, nil
}

// line is v as JSON with sorted keys and no escapes but JSON's own.
func line(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	// Python leaves these two as they are, Go escapes them for JavaScript.
	s := strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029", `\u007f`, "\u007f").Replace(b.String())
	return strings.TrimSuffix(s, "\n"), nil
}

func float(v float64) string { return fmt.Sprintf("f64:%016x", math.Float64bits(v)) }

func moment(us int64, zone string) string {
	return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000") + zone
}

// cell is the form of one cell.
func cell(c arrow.Array, i int) (any, error) {
	if c.IsNull(i) {
		return nil, nil
	}
	switch c := c.(type) {
	case *array.Boolean:
		return c.Value(i), nil
	case *array.Int32:
		return c.Value(i), nil
	case *array.Int64:
		return c.Value(i), nil
	case *array.Float32:
		return float(float64(c.Value(i))), nil
	case *array.Float64:
		return float(c.Value(i)), nil
	case *array.String:
		return c.Value(i), nil
	case *array.LargeString:
		return c.Value(i), nil
	case *array.Binary:
		return "0x" + hex.EncodeToString(c.Value(i)), nil
	case *array.LargeBinary:
		return "0x" + hex.EncodeToString(c.Value(i)), nil
	case *array.FixedSizeBinary:
		return "0x" + hex.EncodeToString(c.Value(i)), nil
	case *array.Decimal128:
		return c.Value(i).ToString(c.DataType().(*arrow.Decimal128Type).Scale), nil
	case *array.Date32:
		return c.Value(i).ToTime().Format(time.DateOnly), nil
	case *array.Time64:
		return c.Value(i).ToTime(c.DataType().(*arrow.Time64Type).Unit).Format("15:04:05.000000"), nil
	case *array.Timestamp:
		t := c.DataType().(*arrow.TimestampType)
		us, zone := c.Value(i).ToTime(t.Unit).UnixMicro(), ""
		if t.TimeZone != "" {
			zone = "Z"
		}
		return moment(us, zone), nil
	case *extensions.UUIDArray:
		return c.Value(i).String(), nil
	case *array.Struct:
		out := map[string]any{}
		for k, f := range c.DataType().(*arrow.StructType).Fields() {
			v, err := cell(c.Field(k), i)
			if err != nil {
				return nil, err
			}
			out[f.Name] = v
		}
		return out, nil
	case *array.Map:
		from, to := c.ValueOffsets(i)
		return pairs(c, int(from), int(to))
	case array.ListLike:
		from, to := c.ValueOffsets(i)
		out := []any{}
		for k := from; k < to; k++ {
			v, err := cell(c.ListValues(), int(k))
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	return nil, fmt.Errorf("a cell of type %s has no form yet", c.DataType())
}

// pairs are a map's entries, sorted.
func pairs(c *array.Map, from, to int) (any, error) {
	type pair struct {
		text string
		kv   [2]any
	}
	var list []pair
	for i := from; i < to; i++ {
		k, err := cell(c.Keys(), i)
		if err != nil {
			return nil, err
		}
		v, err := cell(c.Items(), i)
		if err != nil {
			return nil, err
		}
		text, err := line([2]any{k, v})
		if err != nil {
			return nil, err
		}
		list = append(list, pair{text, [2]any{k, v}})
	}
	slices.SortFunc(list, func(a, b pair) int { return strings.Compare(a.text, b.text) })
	out := []any{}
	for _, p := range list {
		out = append(out, p.kv)
	}
	return out, nil
}
