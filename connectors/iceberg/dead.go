package iceberg

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/schemas"
	"sluice/topology/stream"
)

// deadColumns are the columns of the dead letters' table. A row with a
// redriven time marks the letter of its id; it is none itself.
var deadColumns = []column.Field{
	field(1, "id", schemas.String), field(2, "topic", schemas.String), field(3, "partition", schemas.Int32), field(4, "offset", schemas.Int64),
	field(5, "seq", schemas.Int32), field(6, "time", schemas.Instant), field(7, "stage", schemas.String), field(8, "code", schemas.String),
	field(9, "field", schemas.String), field(10, "sink", schemas.String), field(11, "key_id", schemas.String),
	{ID: 12, Name: "sealed", Type: schemas.Type{Kind: schemas.Binary}}, // no bounds of sealed bytes // P1
	field(13, "commit", schemas.String), field(14, "redriven", schemas.Instant),
}

// deadJob is the file of an epoch's dead letters: it goes with the epoch's rows.
func (s *Sink) deadJob(ctx context.Context, e stream.Epoch) (*job, error) {
	name := deadName(s.env.Pipeline)
	t, fields, err := s.deadTable(ctx)
	if err != nil {
		return nil, err
	}
	buf := column.NewBuffer(fields)
	for _, d := range e.Rejects {
		for i, v := range []string{d.ID, d.Lane.Topic} {
			buf.AppendString(i, v)
		}
		buf.AppendInt32(2, d.Lane.Partition)
		buf.AppendInt64(3, d.Offset)
		buf.AppendInt32(4, d.Seq)
		buf.AppendInt64(5, d.Time)
		for i, v := range []string{d.Stage, d.Code, d.Field, d.Sink, d.KeyID} {
			buf.AppendString(6+i, v)
		}
		if d.Sealed != nil {
			buf.AppendBytes(11, d.Sealed)
		}
		buf.AppendString(12, e.Commit)
		if err := buf.EndRow(); err != nil {
			return nil, err
		}
	}
	spec := t.Spec()
	return &job{t: t, spec: spec, files: []jobFile{oneFile(buf)}, staged: stagedTable{Table: name, UUID: t.Metadata().TableUUID().String(),
		Spec: spec.ID(), Version: t.Metadata().Version(), Columns: stagedColumns(fields)}}, nil
}

func (s *Sink) deadTable(ctx context.Context) (*table.Table, []column.Field, error) {
	name := deadName(s.env.Pipeline)
	t, err := s.table(ctx, name)
	if err == nil && t == nil {
		if err = s.create(ctx, name, deadColumns); err == nil {
			t, err = s.reload(ctx, name)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if t == nil {
		return nil, nil, stream.Retry("catalog_unavailable", time.Second, fmt.Errorf("table %s: %w", name, errGone))
	}
	fields, _, err := fit(name, t.Schema(), t.Metadata().LastColumnID(), deadColumns)
	return t, fields, err
}

// letters reads all dead letters, redriven ones marked.
func (s *Sink) letters(ctx context.Context) (all []stream.DeadLetter, redriven map[string]int64, err error) {
	redriven = map[string]int64{}
	t, err := s.client.load(ctx, deadName(s.env.Pipeline))
	if err != nil || t == nil {
		return nil, redriven, err
	}
	scan := t.Scan()
	defer scan.Close()
	tasks, err := scan.PlanFiles(ctx)
	if err != nil {
		return nil, nil, err
	}
	err = readRows(ctx, scan, tasks, func(r row) {
		if r.col("redriven") != nil {
			redriven[r.text("id")] = r.int("redriven")
			return
		}
		all = append(all, stream.DeadLetter{ID: r.text("id"), Lane: stream.Lane{Topic: r.text("topic"), Partition: int32(r.int("partition"))},
			Offset: r.int("offset"), Seq: int32(r.int("seq")), Time: r.int("time"), Stage: r.text("stage"), Code: r.text("code"),
			Field: r.text("field"), Sink: r.text("sink"), KeyID: r.text("key_id"), Sealed: r.bytes("sealed")})
	})
	slices.SortFunc(all, func(a, b stream.DeadLetter) int {
		if c := a.Lane.Compare(b.Lane); c != 0 {
			return c
		}
		return int(min(1, max(-1, a.Offset-b.Offset)))
	})
	return all, redriven, err
}

// ListDead is part of stream.DeadLetters: letters that were not sent again, in
// order of lane and offset.
func (s *Sink) ListDead(ctx context.Context, limit int) ([]stream.DeadLetter, error) {
	all, redriven, err := s.letters(ctx)
	all = slices.DeleteFunc(all, func(d stream.DeadLetter) bool { _, sent := redriven[d.ID]; return sent })
	return all[:min(len(all), max(0, limit))], err
}

// GetDead is part of stream.DeadLetters.
func (s *Sink) GetDead(ctx context.Context, id string) (stream.DeadLetter, error) {
	all, redriven, err := s.letters(ctx)
	if err != nil {
		return stream.DeadLetter{}, err
	}
	for _, d := range all {
		if d.ID == id {
			d.Redriven = redriven[id]
			return d, nil
		}
	}
	return stream.DeadLetter{}, fmt.Errorf("dead letter %s: %w in table %s", id, errGone, deadName(s.env.Pipeline))
}

// MarkRedriven is part of stream.DeadLetters. Marking twice is harmless.
func (s *Sink) MarkRedriven(ctx context.Context, id string, at int64) error {
	if _, err := s.GetDead(ctx, id); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := deadName(s.env.Pipeline)
	for try := range races {
		t, err := s.reload(ctx, name)
		if err != nil || t == nil {
			return err
		}
		b, err := s.mark(ctx, t, id, at)
		if err != nil {
			return err
		}
		v, err := s.post(ctx, b.commits)
		switch {
		case err != nil && v != unclear:
			return err
		case v == landed:
			return nil
		case v == unclear: // a second mark does no harm
			return stream.Retry("commit_unclear", 0, err)
		}
		b.discard(ctx)
		if err := s.pause(ctx, try); err != nil {
			return err
		}
	}
	return stream.Retry("commit_conflict", time.Second, fmt.Errorf("table %s: %w", name, errAgain))
}

func (s *Sink) mark(ctx context.Context, t *table.Table, id string, at int64) (*built, error) {
	name := deadName(s.env.Pipeline)
	fields, _, err := fit(name, t.Schema(), t.Metadata().LastColumnID(), deadColumns)
	if err != nil {
		return nil, err
	}
	buf := column.NewBuffer(fields)
	buf.AppendString(0, id)
	buf.AppendInt64(13, at)
	if err := buf.EndRow(); err != nil {
		return nil, err
	}
	enc, err := column.NewEncoder(s.files)
	if err != nil {
		return nil, err
	}
	df, err := writeFile(ctx, t, t.Spec(), fmt.Sprintf("redriven-%d-%d", at, s.rand.Uint64()), enc, oneFile(buf))
	if err != nil {
		return nil, s.storageError(ctx, name, err)
	}
	b := &built{wrote: []written{{t, []string{df.FilePath()}}}}
	tx := t.NewTransaction()
	if err := evolve(tx, name, fields); err != nil {
		return nil, err
	}
	return b, s.finishTx(ctx, t, tx, []iceberg.DataFile{df}, nil, name, b)
}

// update changes properties of a table, as long as it takes.
func (s *Sink) update(ctx context.Context, name string, edit func(*table.Table, *table.Transaction) error) error {
	for try := range races {
		t, err := s.reload(ctx, name)
		if err != nil || t == nil {
			return err
		}
		tx := t.NewTransaction()
		if err := edit(t, tx); err != nil {
			return err
		}
		c, err := tx.TableCommit()
		if err != nil || len(c.Updates) == 0 {
			return err
		}
		a, err := s.client.call(ctx, func(ctx context.Context, cat *rest.Catalog) error {
			_, _, err := cat.CommitTable(ctx, c.Identifier, c.Requirements, c.Updates)
			return err
		})
		s.forget(name)
		switch {
		case err == nil:
			return nil
		case !a.conflict():
			return passing(a, "change of table "+name, err)
		}
		if err := s.pause(ctx, try); err != nil {
			return err
		}
	}
	return stream.Retry("commit_conflict", time.Second, fmt.Errorf("table %s: %w", name, errAgain))
}
