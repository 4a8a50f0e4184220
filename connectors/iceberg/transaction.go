package iceberg

import (
	"context"
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/topology/stream"
)

// built is a transaction that can be posted, and what it wrote to storage.
type built struct {
	commits []table.TableCommit
	wrote   []written
	expired []written // manifest lists of snapshots that this removes
	changed []string  // data tables
}

// written is files that only this transaction knows.
type written struct {
	t     *table.Table
	paths []string
}

// discard deletes what a refused transaction wrote. The data files stay: the
// next try, maybe of another process, commits them.
func (b *built) discard(ctx context.Context) {
	for _, w := range b.wrote {
		remove(ctx, w.t, w.paths)
	}
}

// sweep deletes what nothing refers to any more since the commit landed.
func (b *built) sweep(ctx context.Context) {
	for _, w := range b.expired {
		remove(ctx, w.t, w.paths)
	}
}

// build makes the changes of all tables. Nil means that the store moved while
// it was read.
func (s *Sink) build(ctx context.Context, led *table.Table, rec record, next *record, todo []stream.Staged, adds map[string]*addition) (*built, error) {
	b := &built{}
	names, tabs, err := s.touched(ctx, led, rec, adds)
	if err != nil || tabs == nil {
		return nil, err
	}
	if s.cfg.Intent {
		if err := s.intend(next, tabs, names, adds); err != nil {
			return nil, err
		}
	} else {
		made := make([]built, len(names))
		err = s.each(len(names), func(_, i int) error {
			return s.change(ctx, tabs[i], names[i], adds[names[i]], &made[i])
		})
		for _, m := range made {
			b.commits, b.wrote, b.expired = append(b.commits, m.commits...), append(b.wrote, m.wrote...), append(b.expired, m.expired...)
		}
		if err != nil {
			b.discard(ctx)
			return nil, err
		}
		b.changed = names
	}
	if err := s.changeLedger(ctx, led, rec, *next, todo, b); err != nil {
		b.discard(ctx)
		return nil, err
	}
	return b, nil
}

// change makes the transaction of one data table: schema, files and stamp.
func (s *Sink) change(ctx context.Context, t *table.Table, name string, a *addition, b *built) error {
	tx := t.NewTransaction()
	var files []iceberg.DataFile
	for i := range a.staged {
		st := &a.staged[i]
		if err := evolve(tx, name, st.fields()); err != nil {
			return err
		}
		fs, err := st.files(t)
		if err != nil {
			return err
		}
		files = append(files, fs...)
	}
	props := iceberg.Properties{stampKey(s.env.Pipeline, s.env.Name): strconv.FormatInt(a.seq, 10)}
	if _, stamped := t.Properties()[stampKey(s.env.Pipeline, s.env.Name)]; !stamped && t.CurrentSnapshot() != nil {
		props[baseKey(s.env.Pipeline, s.env.Name)] = t.CurrentSnapshot().Summary.Properties["total-records"]
	}
	if err := tx.SetProperties(props); err != nil {
		return err
	}
	if keep := s.cfg.KeepSnapshots; keep > 0 {
		if err := b.expire(tx, t, keep, keep+keep/10); err != nil {
			return err
		}
	}
	sum := iceberg.Properties{stampKey(s.env.Pipeline, s.env.Name): strconv.FormatInt(a.seq, 10)}
	return s.finishTx(ctx, t, tx, files, sum, name, b)
}

// finishTx appends files to tx and takes its request.
func (s *Sink) finishTx(ctx context.Context, t *table.Table, tx *table.Transaction, files []iceberg.DataFile, sum iceberg.Properties, name string, b *built) error {
	var err error
	if t.Metadata().Version() >= 3 { // row ids are inherited
		err = tx.NewRowDelta(sum).AddRows(files...).Commit(ctx)
	} else {
		err = tx.AddDataFiles(ctx, files, sum, table.WithoutDuplicateCheck(), table.WithoutAutoNameMapping())
	}
	if err != nil {
		return s.storageError(ctx, name, err)
	}
	c, err := tx.TableCommit()
	if err != nil {
		return err
	}
	b.commits = append(b.commits, c)
	b.wrote = append(b.wrote, written{t, newManifests(tx, t)})
	return nil
}

// newManifests lists what tx wrote to storage for its snapshot.
func newManifests(tx *table.Transaction, t *table.Table) []string {
	st, err := tx.StagedTable()
	if err != nil || st.CurrentSnapshot() == nil {
		return nil
	}
	snap := st.CurrentSnapshot()
	paths := []string{snap.ManifestList}
	fsys, err := t.FS(context.Background())
	if err != nil {
		return nil
	}
	ms, err := snap.Manifests(fsys)
	if err != nil {
		return nil // without the list nobody knows: they stay as orphans
	}
	for _, m := range ms {
		if m.SnapshotID() == snap.SnapshotID {
			paths = append(paths, m.FilePath())
		}
	}
	return paths
}

// keepSnapshots is how many snapshots of the ledger stay, and moreSnapshots
// how many there may be before the rest goes: metadata is read at every commit.
const keepSnapshots, moreSnapshots = 20, 90

// expire removes the oldest snapshots from t's metadata if there are more than
// most. Branches and tags keep theirs. Only manifest lists, which a snapshot
// has for itself, are deleted, once the commit has landed.
func (b *built) expire(tx *table.Transaction, t *table.Table, keep, most int) error {
	snaps := t.Metadata().Snapshots()
	if len(snaps) <= most {
		return nil
	}
	if err := tx.ExpireSnapshots(table.WithRetainLast(keep), table.WithOlderThan(0), table.WithPostCommit(false)); err != nil {
		return err
	}
	st, err := tx.StagedTable()
	if err != nil {
		return err
	}
	w := written{t: t}
	for _, sn := range snaps {
		if st.Metadata().SnapshotByID(sn.SnapshotID) == nil {
			w.paths = append(w.paths, sn.ManifestList)
		}
	}
	b.expired = append(b.expired, w)
	return nil
}

// changeLedger makes the ledger's transaction: rows, progress, and its head as
// the fence of everything.
func (s *Sink) changeLedger(ctx context.Context, led *table.Table, rec, next record, todo []stream.Staged, b *built) error {
	name := ledgerName(s.env.Pipeline)
	tx := led.NewTransaction()
	if err := tx.AssertRefSnapshotID(""); err != nil { // D2
		return err
	}
	if err := b.expire(tx, led, keepSnapshots, moreSnapshots); err != nil {
		return err
	}
	fields, changes, err := fit(name, led.Schema(), led.Metadata().LastColumnID(), ledgerColumns)
	if err != nil {
		return err
	}
	if len(changes) > 0 { // an older version made it
		if err := evolve(tx, name, fields); err != nil {
			return err
		}
	}
	buf := column.NewBuffer(fields)
	for i, st := range todo {
		if err := appendLedger(buf, rec.Progress.Seq+1+int64(i), st.Epoch); err != nil {
			return err
		}
	}
	enc, err := column.NewEncoder(s.files)
	if err != nil {
		return err
	}
	file := fmt.Sprintf("ledger-%d-%s-%d", next.Progress.Seq, next.Progress.Commit, s.rand.Uint64())
	df, err := writeFile(ctx, led, led.Spec(), file, enc, oneFile(buf))
	if err != nil {
		return s.storageError(ctx, name, err)
	}
	b.wrote = append(b.wrote, written{led, []string{df.FilePath()}})
	text, err := next.encode()
	if err != nil {
		return err
	}
	if err := tx.SetProperties(iceberg.Properties{progressKey(next.Progress.Sink): text}); err != nil {
		return err
	}
	return s.finishTx(ctx, led, tx, []iceberg.DataFile{df}, iceberg.Properties{"sluice.commit": next.Progress.Commit}, name, b)
}
