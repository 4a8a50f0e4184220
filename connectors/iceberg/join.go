package iceberg

import (
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
)

// Every commit leaves a small file in the ledger. Now and then they are joined
// into one, so that audit reads few. Files of joinRows rows stay as they are.
const (
	joinEvery = 512
	joinFiles = 64
	joinRows  = 100_000
)

// joinLedger replaces the ledger's small files by one, in a commit of its own
// that requires the head it read. It changes no row and no progress: if it
// fails or loses a race, the next one does it.
func (s *Sink) joinLedger(ctx context.Context) {
	if err := s.tryJoin(ctx); err != nil && s.env.Log != nil {
		s.env.Log.Warn("the ledger's small files were not joined; this will be tried again", "pipeline", s.env.Pipeline, "error", err)
	}
}

func (s *Sink) tryJoin(ctx context.Context) error {
	name := ledgerName(s.env.Pipeline)
	t, err := s.client.load(ctx, name)
	if err != nil || t == nil {
		return err
	}
	scan := t.Scan()
	defer scan.Close()
	tasks, err := scan.PlanFiles(ctx)
	if err != nil {
		return err
	}
	var small []table.FileScanTask
	var old []iceberg.DataFile
	var rows int64
	for _, x := range tasks {
		if n := x.File.Count(); n < joinRows && rows+n <= 2*joinRows {
			small, old, rows = append(small, x), append(old, x.File), rows+n
		}
	}
	if len(small) < joinFiles {
		return nil
	}
	fields, changes, err := fit(name, t.Schema(), t.Metadata().LastColumnID(), ledgerColumns)
	if err != nil || len(changes) > 0 { // the next commit brings the columns
		return err
	}
	buf := column.NewBuffer(fields)
	err = readRows(ctx, scan, small, func(r row) {
		for i, f := range fields {
			switch {
			case r.col(f.Name) == nil:
			case f.Type.Kind == schemas.String:
				buf.AppendBytes(i, r.bytes(f.Name))
			case f.Type.Kind == schemas.Int32:
				buf.AppendInt32(i, int32(r.int(f.Name)))
			default:
				buf.AppendInt64(i, r.int(f.Name))
			}
		}
		err := buf.EndRow()
		if err != nil { // then the count below differs
			buf.Rollback()
		}
	})
	if err != nil {
		return err
	}
	if int64(buf.Len()) != rows { // D3
		return fmt.Errorf("read %d rows of %d: nothing is replaced", buf.Len(), rows)
	}
	return s.replace(ctx, t, name, old, buf)
}

// replace commits one file in the place of old ones that hold the same rows.
func (s *Sink) replace(ctx context.Context, t *table.Table, name string, old []iceberg.DataFile, buf *column.Buffer) error {
	enc, err := column.NewEncoder(s.files)
	if err != nil {
		return err
	}
	df, err := writeFile(ctx, t, t.Spec(), fmt.Sprintf("joined-%d-%d", len(old), s.rand.Uint64()), enc, oneFile(buf))
	if err != nil {
		return err
	}
	b := &built{wrote: []written{{t, []string{df.FilePath()}}}}
	tx := t.NewTransaction()
	if err := tx.AssertRefSnapshotID(""); err != nil {
		return err
	}
	if err := tx.ReplaceDataFilesWithDataFiles(ctx, old, []iceberg.DataFile{df}, nil, table.WithoutDuplicateCheck(), table.WithoutAutoNameMapping()); err != nil {
		return err
	}
	c, err := tx.TableCommit()
	if err != nil {
		return err
	}
	v, err := s.post(ctx, []table.TableCommit{c})
	if v == lost {
		b.discard(ctx)
	}
	return err
}
