package iceberg

import (
	"context"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"
)

// row is one row of the sink's own tables, as the library's scanner reads it.
type row struct {
	batch arrow.RecordBatch
	at    map[string]int
	i     int
}

// readRows gives every row of the tasks to f; what f keeps it copies.
func readRows(ctx context.Context, scan *table.Scan, tasks []table.FileScanTask, f func(row)) error {
	_, batches, err := scan.ReadTasks(ctx, tasks)
	if err != nil {
		return err
	}
	for b, err := range batches {
		if err != nil {
			return err
		}
		at := map[string]int{}
		for i, f := range b.Schema().Fields() {
			at[f.Name] = i
		}
		for i := range int(b.NumRows()) {
			f(row{b, at, i})
		}
		b.Release()
	}
	return nil
}

// col is the column called name, or nil for null.
func (r row) col(name string) arrow.Array {
	i, ok := r.at[name]
	if !ok || r.batch.Column(i).IsNull(r.i) {
		return nil
	}
	return r.batch.Column(i)
}

func (r row) int(name string) int64 {
	switch c := r.col(name).(type) {
	case *array.Int64:
		return c.Value(r.i)
	case *array.Int32:
		return int64(c.Value(r.i))
	case *array.Timestamp:
		return int64(c.Value(r.i))
	}
	return 0
}

// text copies; array memory is given back.
func (r row) text(name string) string { return string(r.bytes(name)) }

func (r row) bytes(name string) []byte {
	switch c := r.col(name).(type) {
	case *array.String:
		return []byte(c.Value(r.i))
	case *array.LargeString:
		return []byte(c.Value(r.i))
	case *array.Binary:
		return append([]byte{}, c.Value(r.i)...)
	case *array.LargeBinary:
		return append([]byte{}, c.Value(r.i)...)
	}
	return nil
}

// number reads an integer property; what is not there or damaged is 0.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
