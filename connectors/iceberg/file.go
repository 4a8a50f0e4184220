package iceberg

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/codec"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
)

// writeFile encodes f as one Parquet file of t and puts it into storage. What
// was packed before is not copied: f must stay as it is until it returns.
func writeFile(ctx context.Context, t *table.Table, spec iceberg.PartitionSpec, name string, enc *column.Encoder, f jobFile) (iceberg.DataFile, error) {
	var out column.Pieces
	st, err := enc.Flush(&out, f.File)
	if err != nil {
		return nil, err
	}
	lp, err := t.LocationProvider()
	if err != nil {
		return nil, err
	}
	path := lp.NewDataLocation(name + ".parquet")
	if err := writePieces(ctx, t, path, &out); err != nil {
		for _, g := range f.Packed { // a request that was given up may still read it
			g.Keep()
		}
		return nil, err
	}
	out.Free()
	return dataFile(t, spec, path, st, f.values)
}

// dataFile describes a written file. Bounds are those the encoder gave: of
// columns whose values may be seen only. // P1
func dataFile(t *table.Table, spec iceberg.PartitionSpec, path string, st column.Stats, values map[int]any) (iceberg.DataFile, error) {
	logical := map[int]string{}
	for _, f := range spec.Fields() {
		src, ok := t.Schema().FindFieldByID(f.SourceID())
		if !ok {
			continue
		}
		switch f.Transform.ResultType(src.Type).(type) {
		case iceberg.DateType:
			logical[f.FieldID] = "date"
		case iceberg.TimestampType, iceberg.TimestampTzType:
			logical[f.FieldID] = "timestamp-micros"
		case iceberg.DecimalType:
			logical[f.FieldID] = "decimal"
		}
	}
	b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentData, path, iceberg.ParquetFile, values, logical, nil, st.Records, st.FileSize)
	if err != nil {
		return nil, err
	}
	b.ColumnSizes(st.ColumnSizes).ValueCounts(st.ValueCounts).NullValueCounts(st.NullCounts)
	if len(st.NaNCounts) > 0 {
		b.NaNValueCounts(st.NaNCounts)
	}
	if len(st.Lower) > 0 {
		b.LowerBoundValues(st.Lower)
	}
	if len(st.Upper) > 0 {
		b.UpperBoundValues(st.Upper)
	}
	if len(st.SplitOffsets) > 0 {
		b.SplitOffsets(st.SplitOffsets)
	}
	return b.Build(), nil
}

// stagedFormat is the version of what Upload hands to Commit.
const stagedFormat = 1

// payload is the sink's part of a stream.Staged: files that are in storage and
// in no table yet.
type payload struct {
	Format int           `json:"v"` // stagedFormat
	Tables []stagedTable `json:"tables,omitempty"`
}

// stagedTable is what a commit adds to one table. Columns are those of the
// files: whoever commits makes the table's schema fit, or refuses.
type stagedTable struct {
	Table   string         `json:"table"`
	UUID    string         `json:"uuid"`
	Spec    int            `json:"spec"`
	Version int            `json:"format_version"`
	Columns []stagedColumn `json:"columns"`
	Rows    int64          `json:"rows"`
	Files   [][]byte       `json:"files"` // as codec.EncodeDataFile writes them
}

type stagedColumn struct {
	Name string       `json:"name"`
	ID   int          `json:"id"`
	Type schemas.Type `json:"type"`
}

func stagedColumns(fields []column.Field) []stagedColumn {
	out := make([]stagedColumn, len(fields))
	for i, f := range fields {
		out[i] = stagedColumn{f.Name, f.ID, f.Type}
	}
	return out
}

func (s *stagedTable) fields() []column.Field {
	out := make([]column.Field, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = column.Field{Name: c.Name, ID: c.ID, Type: c.Type}
	}
	return out
}

// add encodes a file into what is staged.
func (s *stagedTable) add(t *table.Table, spec iceberg.PartitionSpec, df iceberg.DataFile) error {
	b, err := codec.EncodeDataFile(df, spec, t.Schema(), s.Version)
	if err != nil {
		return err
	}
	s.Files = append(s.Files, b)
	s.Rows += df.Count()
	return nil
}

// files decodes what add encoded.
func (s *stagedTable) files(t *table.Table) ([]iceberg.DataFile, error) {
	spec := t.Metadata().PartitionSpecByID(s.Spec)
	if spec == nil {
		return nil, fmt.Errorf("table %s has no partition spec %d any more", s.Table, s.Spec)
	}
	var out []iceberg.DataFile
	for _, b := range s.Files {
		df, err := codec.DecodeDataFile(b, *spec, t.Schema(), s.Version)
		if err != nil {
			return nil, err
		}
		out = append(out, df)
	}
	return out, nil
}

func (p *payload) encode() ([]byte, error) {
	p.Format = stagedFormat
	return json.Marshal(p)
}

// decodePayload reads what encode wrote; nothing is an epoch without rows.
func decodePayload(b []byte) (p payload, err error) {
	if len(b) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("what was staged cannot be read: %w", err)
	}
	if p.Format != stagedFormat {
		return p, fmt.Errorf("what was staged has format %d, this version reads %d: commit it with the version that wrote it", p.Format, stagedFormat)
	}
	return p, nil
}
