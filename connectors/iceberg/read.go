package iceberg

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"

	"sluice/topology/stream"
)

// ReadTable is part of stream.TableReader. It reads every data file of the
// current snapshot and no delete file: what lies in a file can be read by others.
func (s *Sink) ReadTable(ctx context.Context, name string, limit int64, f func(row int64, column string, value []byte)) (rows int64, topic string, err error) {
	t, err := s.client.load(ctx, name)
	if err != nil {
		return 0, "", err
	}
	if t == nil {
		return 0, "", stream.ErrNoTable
	}
	if t.CurrentSnapshot() == nil {
		return 0, "", nil
	}
	scan := t.Scan()
	defer scan.Close()
	tasks, err := scan.PlanFiles(ctx)
	if err != nil {
		return 0, "", err
	}
	for i := range tasks {
		tasks[i].DeleteFiles, tasks[i].EqualityDeleteFiles = nil, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, batches, err := scan.ReadTasks(ctx, tasks)
	if err != nil {
		return 0, "", err
	}
	for b, err := range batches {
		if err != nil {
			return rows, "", err
		}
		n := b.NumRows()
		if limit > 0 {
			n = min(n, limit-rows)
		}
		fields := b.Schema().Fields()
		for at := range int(n) {
			for i := range fields {
				col := b.Column(i)
				if col.IsNull(at) {
					continue
				}
				if bin, ok := col.(*array.Binary); ok {
					f(rows+int64(at), fields[i].Name, bin.Value(at))
				} else {
					f(rows+int64(at), fields[i].Name, []byte(col.ValueStr(at)))
				}
			}
		}
		b.Release()
		if rows += n; rows == limit {
			break
		}
	}
	return rows, "", nil
}
