package column

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// TestStatsAgreeWithIcebergGo compares what the encoder counted with what
// iceberg-go makes of the file's footer.
func TestStatsAgreeWithIcebergGo(t *testing.T) {
	fields := everyType()
	var nested []iceberg.NestedField
	for _, f := range fields {
		nested = append(nested, iceberg.NestedField{ID: f.ID, Name: f.Name, Type: icebergType(f.Type), Required: f.Required})
	}
	for _, opt := range []Options{{}, {RowGroupRows: 500}, {PageBytes: 300, Codec: Snappy}} {
		b := NewBuffer(fields)
		fill(t, b, rand.New(rand.NewPCG(1, 1)), 2000, 40)
		var w bytes.Buffer
		s, err := b.Flush(&w, opt)
		if err != nil {
			t.Fatal(err)
		}
		rd, err := file.NewParquetReader(bytes.NewReader(w.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		df, err := table.DataFileFromMetadata(table.DataFileArgs{Schema: iceberg.NewSchema(0, nested...), Spec: *iceberg.UnpartitionedSpec, Format: iceberg.ParquetFile,
			Metadata: rd.MetaData(), FilePath: "x", FileSize: int64(w.Len()), Content: iceberg.EntryContentData, FormatVersion: 2})
		if err != nil {
			t.Fatal(err)
		}
		if df.Count() != s.Records || !slices.Equal(df.SplitOffsets(), s.SplitOffsets) {
			t.Errorf("%d records, splits %v, want %d, %v", s.Records, s.SplitOffsets, df.Count(), df.SplitOffsets())
		}
		for _, f := range fields {
			if s.ColumnSizes[f.ID] != df.ColumnSizes()[f.ID] || s.ValueCounts[f.ID] != df.ValueCounts()[f.ID] || s.NullCounts[f.ID] != df.NullValueCounts()[f.ID] {
				t.Errorf("column %q: counts differ from iceberg-go's", f.Name)
			}
			if l, u := df.LowerBoundValues()[f.ID], df.UpperBoundValues()[f.ID]; !bytes.Equal(l, s.Lower[f.ID]) || !bytes.Equal(u, s.Upper[f.ID]) {
				t.Errorf("column %q: bounds %x %x, iceberg-go has %x %x", f.Name, s.Lower[f.ID], s.Upper[f.ID], l, u)
			}
		}
	}
}
