package iceberg

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/iceberg-go/table"

	"sluice/topology/stream"
)

// Catalogs whose transactions/commit is not atomic, or not there, get a commit
// in steps: the ledger takes rows, progress and the intent in one commit of
// its own table, then each data table takes its files and its stamp. A table's
// stamp says whether it has them, so that any process can finish, twice too.
// Nothing new is written before the last intent is whole.

// intend puts the additions into the record. What cannot be applied must be
// found before it is promised.
func (s *Sink) intend(next *record, tabs []*table.Table, names []string, adds map[string]*addition) error {
	in := &intent{Seq: next.Progress.Seq, Commit: next.Progress.Commit}
	for i, name := range names {
		tx := tabs[i].NewTransaction() // one for all, as in change
		for k := range adds[name].staged {
			st := &adds[name].staged[k]
			if err := evolve(tx, name, st.fields()); err != nil {
				return err
			}
			if _, err := st.files(tabs[i]); err != nil {
				return err
			}
			in.Tables = append(in.Tables, *st)
		}
		next.Tables[name] = in.Seq // one stamp for all of the commit
	}
	if len(in.Tables) > 0 {
		next.Intent = in
	}
	return nil
}

// finish applies an intent to the tables that do not have it.
func (s *Sink) finish(ctx context.Context, in *intent) error {
	if in.Commit == s.applied {
		return nil
	}
	byTable := map[string]*addition{}
	var names []string
	for _, st := range in.Tables {
		a := byTable[st.Table]
		if a == nil {
			a = &addition{seq: in.Seq}
			byTable[st.Table] = a
			names = append(names, st.Table)
		}
		a.staged = append(a.staged, st)
	}
	err := s.each(len(names), func(_, i int) error { return s.apply(ctx, names[i], byTable[names[i]]) })
	if err != nil {
		return err
	}
	s.applied = in.Commit
	return nil
}

// apply commits one table's part of an intent, unless its stamp says that it
// has it. The stamp moves with the table's head, which is required.
func (s *Sink) apply(ctx context.Context, name string, a *addition) error {
	for range races {
		t, err := s.reload(ctx, name)
		if err != nil {
			return err
		}
		if t == nil {
			return s.rewound(name, fmt.Sprintf("it is gone, and commit %d is to be written to it", a.seq))
		}
		if number(t.Properties()[stampKey(s.env.Pipeline, s.env.Name)]) >= a.seq {
			return nil
		}
		var b built
		if err := s.change(ctx, t, name, a, &b); err != nil {
			if stream.KindOf(err) == stream.KindFenced { // promised, and the table changed since
				return parked(name, "its schema was changed by hand while a commit was under way: "+err.Error(), "undo the change of the schema")
			}
			return err
		}
		v, err := s.post(ctx, b.commits)
		s.forget(name)
		switch {
		case err != nil && v != unclear:
			return err
		case v == landed:
			b.sweep(ctx)
			return nil
		case v == unclear:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// Look at the stamp; what is under way is fenced by the head.
			if t, lerr := s.reload(ctx, name); lerr == nil && t != nil && number(t.Properties()[stampKey(s.env.Pipeline, s.env.Name)]) >= a.seq {
				return nil
			}
			return stream.Retry("commit_unclear", 0, err)
		}
		b.discard(ctx)
	}
	return stream.Retry("commit_conflict", time.Second, fmt.Errorf("table %s: %w", name, errAgain))
}
