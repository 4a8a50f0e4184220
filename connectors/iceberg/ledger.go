package iceberg

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
	"sluice/topology/stream"
)

func field(id int, name string, k schemas.Kind) column.Field {
	return column.Field{ID: id, Name: name, Type: schemas.Type{Kind: k}, Bounds: true}
}

// ledgerColumns are the columns of the ledger: one row a lane and commit.
var ledgerColumns = []column.Field{
	field(1, "seq", schemas.Int64), field(2, "sink", schemas.String), field(3, "commit", schemas.String), field(4, "plan", schemas.String),
	field(5, "cluster", schemas.String), field(6, "topic", schemas.String), field(7, "partition", schemas.Int32), field(8, "topic_id", schemas.String),
	field(9, "from_offset", schemas.Int64), field(10, "from_epoch", schemas.Int32), field(11, "to_offset", schemas.Int64), field(12, "to_epoch", schemas.Int32),
	field(13, "records", schemas.Int64), field(14, "written", schemas.Int64), field(15, "folded", schemas.Int64), field(16, "filtered", schemas.Int64),
	field(17, "rejected", schemas.Int64), field(18, "lost", schemas.Int64), field(19, "time", schemas.Instant),
	field(20, "masked", schemas.String), // null in rows of older versions
}

// appendLedger adds the rows of one commit.
func appendLedger(b *column.Buffer, seq int64, e stream.Epoch) error {
	for _, s := range e.Spans {
		b.AppendInt64(0, seq)
		for i, v := range []string{e.Sink, e.Commit, e.Plan, e.Cluster, s.Lane.Topic} {
			b.AppendString(1+i, v)
		}
		b.AppendInt32(6, s.Lane.Partition)
		b.AppendString(7, s.TopicID)
		b.AppendInt64(8, s.From.Offset)
		b.AppendInt32(9, s.From.Epoch)
		b.AppendInt64(10, s.To.Offset)
		b.AppendInt32(11, s.To.Epoch)
		for i, v := range []int64{s.Count.In, s.Count.Written, s.Count.Folded, s.Count.Filtered, s.Count.Rejected, s.Count.Lost, e.Time} {
			b.AppendInt64(12+i, v)
		}
		if s.Masked != "" {
			b.AppendString(19, s.Masked)
		}
		if err := b.EndRow(); err != nil {
			return err
		}
	}
	return nil
}

// Ledger is part of stream.Auditor.
func (s *Sink) Ledger(ctx context.Context) iter.Seq2[stream.LedgerRow, error] {
	return s.ProgressLedger(ctx, s.env.Name)
}

// ledgerFiles is how many files are read at once.
const ledgerFiles = 64

// ProgressLedger is part of stream.ProgressStore: rows in order of seq. It
// holds about as many rows as ledgerFiles commits have.
func (s *Sink) ProgressLedger(ctx context.Context, sink string) iter.Seq2[stream.LedgerRow, error] {
	return func(yield func(stream.LedgerRow, error) bool) {
		t, err := s.client.load(ctx, ledgerName(s.env.Pipeline))
		if err != nil {
			yield(stream.LedgerRow{}, err)
			return
		}
		if t == nil {
			return
		}
		if err := scanLedger(ctx, t, sink, func(r stream.LedgerRow) bool { return yield(r, nil) }); err != nil {
			yield(stream.LedgerRow{}, fmt.Errorf("ledger: %w", err))
		}
	}
}

// scanLedger reads files in order of their least seq, a few at a time, and
// gives rows up to the least seq of what comes next.
func scanLedger(ctx context.Context, t *table.Table, sink string, yield func(stream.LedgerRow) bool) error {
	scan := t.Scan()
	defer scan.Close()
	tasks, err := scan.PlanFiles(ctx)
	if err != nil {
		return err
	}
	seqID := 0
	if f, ok := t.Schema().FindFieldByName("seq"); ok {
		seqID = f.ID
	}
	least := func(x table.FileScanTask) int64 {
		if lit, err := iceberg.LiteralFromBytes(iceberg.PrimitiveTypes.Int64, x.File.LowerBoundValues()[seqID]); err == nil {
			if v, ok := lit.(iceberg.Int64Literal); ok {
				return int64(v)
			}
		}
		return 0
	}
	slices.SortStableFunc(tasks, func(a, b table.FileScanTask) int { return int(min(1, max(-1, least(a)-least(b)))) })
	var held []stream.LedgerRow
	for len(tasks) > 0 {
		n := min(ledgerFiles, len(tasks))
		err := readRows(ctx, scan, tasks[:n], func(r row) {
			if x := ledgerRow(r); x.Sink == sink {
				held = append(held, x)
			}
		})
		if err != nil {
			return err
		}
		tasks = tasks[n:]
		slices.SortStableFunc(held, func(a, b stream.LedgerRow) int {
			if a.Seq != b.Seq {
				return int(min(1, max(-1, a.Seq-b.Seq)))
			}
			return a.Lane.Compare(b.Lane)
		})
		ready := len(held)
		if len(tasks) > 0 {
			next := least(tasks[0])
			ready, _ = slices.BinarySearchFunc(held, next, func(r stream.LedgerRow, seq int64) int { return int(min(1, max(-1, r.Seq-seq))) })
		}
		for _, r := range held[:ready] {
			if !yield(r) {
				return nil
			}
		}
		held = append(held[:0], held[ready:]...)
	}
	return nil
}

func ledgerRow(r row) stream.LedgerRow {
	x := stream.LedgerRow{Seq: r.int("seq"), Sink: r.text("sink"), Commit: r.text("commit"), Plan: r.text("plan"), Time: r.int("time")}
	x.Lane = stream.Lane{Topic: r.text("topic"), Partition: int32(r.int("partition"))}
	x.TopicID, x.Masked = r.text("topic_id"), r.text("masked")
	x.From = stream.Position{Offset: r.int("from_offset"), Epoch: int32(r.int("from_epoch"))}
	x.To = stream.Position{Offset: r.int("to_offset"), Epoch: int32(r.int("to_epoch"))}
	x.Count = stream.Count{In: r.int("records"), Written: r.int("written"), Folded: r.int("folded"), Filtered: r.int("filtered"),
		Rejected: r.int("rejected"), Lost: r.int("lost")}
	return x
}

// Rows is part of stream.Auditor: what the manifests of the data tables say
// they hold, without what was there before. -1 where others write too, or rows
// were deleted.
func (s *Sink) Rows(ctx context.Context) (int64, error) {
	led, err := s.client.load(ctx, ledgerName(s.env.Pipeline))
	if err != nil || led == nil {
		return 0, err
	}
	rec, err := decodeRecord(led.Properties()[progressKey(s.env.Name)], s.env.Pipeline, s.env.Name)
	if err != nil {
		return 0, err
	}
	names := make([]string, 0, len(rec.Tables))
	for n := range rec.Tables {
		if n != deadName(s.env.Pipeline) {
			names = append(names, n)
		}
	}
	counts := make([]int64, len(names))
	err = s.each(len(names), func(_, i int) (err error) { counts[i], err = s.rowsOf(ctx, names[i]); return err })
	var sum int64
	for _, n := range counts {
		if n < 0 {
			return -1, err
		}
		sum += n
	}
	return sum, err
}

func (s *Sink) rowsOf(ctx context.Context, name string) (int64, error) {
	t, err := s.client.load(ctx, name)
	if err != nil || t == nil || t.CurrentSnapshot() == nil {
		return 0, err
	}
	if s.foreign(t) != "" {
		return -1, nil
	}
	fsys, err := t.FS(ctx)
	if err != nil {
		return 0, err
	}
	ms, err := t.CurrentSnapshot().Manifests(fsys)
	if err != nil {
		return 0, err
	}
	n := -number(t.Properties()[baseKey(s.env.Pipeline, s.env.Name)])
	for _, m := range ms {
		if m.ManifestContent() == iceberg.ManifestContentDeletes {
			return -1, nil
		}
		n += m.AddedRows() + m.ExistingRows()
	}
	return n, nil
}
