package iceberg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"sluice/topology/stream"
)

// verdict is how a request to commit ended.
type verdict uint8

const (
	landed  verdict = iota // it is in the catalog
	lost                   // a race was lost: nothing changed, look again
	unclear                // it may or may not be in the catalog: read it back
)

// races is how often a lost race is run again before the engine waits.
const races = 12

// Commit is part of stream.Sink.
func (s *Sink) Commit(ctx context.Context, staged []stream.Staged) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(ctx, staged)
}

// SwapProgress is part of stream.ProgressStore: a commit of another sink of
// the pipeline that has no rows here.
func (s *Sink) SwapProgress(ctx context.Context, e stream.Epoch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(ctx, []stream.Staged{{Format: 1, Epoch: e}})
}

// LoadProgress is part of stream.ProgressStore.
func (s *Sink) LoadProgress(ctx context.Context, sink string, lanes []stream.Lane) (stream.Progress, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recover(ctx, sink)
}

// commit tries until the store says yes or no. After an unclear outcome it
// reads back once; what still is not known is the engine's to try again: the
// ledger's head fences whatever may be under way.
func (s *Sink) commit(ctx context.Context, staged []stream.Staged) error {
	if len(staged) == 0 {
		return nil
	}
	for try := 0; ; try++ {
		v, err := s.attempt(ctx, staged)
		switch {
		case err != nil && v != unclear:
			return err
		case v == landed:
			return nil
		case v == unclear:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if done, rerr := s.done(ctx, staged); rerr != nil || done {
				return rerr
			}
			return stream.Retry("commit_unclear", 0, err)
		case try == races:
			return stream.Retry("commit_conflict", time.Second, errors.New("other writers keep changing the tables"))
		}
		if err := s.pause(ctx, try); err != nil {
			return err
		}
	}
}

// done reports whether the store holds all of staged.
func (s *Sink) done(ctx context.Context, staged []stream.Staged) (bool, error) {
	led, rec, err := s.readLedger(ctx, staged[0].Sink)
	if err != nil || led == nil {
		return false, err
	}
	todo, err := s.compare(rec, staged)
	if err != nil || len(todo) > 0 {
		return false, err
	}
	if rec.Intent != nil {
		if err := s.finish(ctx, rec.Intent); err != nil {
			return false, err
		}
	}
	s.saw(staged[0].Sink, rec)
	return true, nil
}

// attempt reads the ledger, compares, and posts one transaction.
func (s *Sink) attempt(ctx context.Context, staged []stream.Staged) (verdict, error) {
	sink := staged[0].Sink
	led, rec, err := s.openLedger(ctx, sink)
	if err != nil {
		return lost, err
	}
	if rec.Intent != nil && rec.Intent.Commit != s.applied { // nothing new before the last one is whole
		if err := s.finish(ctx, rec.Intent); err != nil {
			return lost, err
		}
	}
	todo, err := s.compare(rec, staged)
	if err != nil || len(todo) == 0 {
		s.saw(sink, rec)
		return landed, err
	}
	if wait := s.client.limit.take(s.env.Now()); wait > 0 {
		return lost, stream.Retry("catalog_rate", wait, errors.New("the catalog's commits per minute are used up"))
	}
	next, adds, err := s.plan(rec, todo)
	if err != nil {
		return lost, err
	}
	b, err := s.build(ctx, led, rec, &next, todo, adds)
	if err != nil || b == nil {
		return lost, err
	}
	v, err := s.post(ctx, b.commits)
	switch v {
	case landed:
		s.landed(ctx, sink, next, b)
		if next.Intent != nil {
			if err := s.finish(ctx, next.Intent); err != nil {
				return lost, err
			}
		}
	case lost:
		b.discard(ctx)
	}
	return v, err
}

// compare takes each of staged in order against the progress: done already, or
// next, or of another time. // D2 D3
func (s *Sink) compare(rec record, staged []stream.Staged) (todo []stream.Staged, err error) {
	at := rec.clone().Progress.Lanes
	for _, st := range staged {
		if st.Sink != staged[0].Sink || st.Pipeline != s.env.Pipeline {
			return nil, fmt.Errorf("staged for pipeline %q sink %q, this is %q sink %q", st.Pipeline, st.Sink, s.env.Pipeline, staged[0].Sink)
		}
		ours := slices.Contains(rec.Recent, st.Commit)
		atTo, atFrom := true, true
		for _, sp := range st.Spans {
			l, ok := at[sp.Lane]
			atTo = atTo && ok && l.Next.Offset == sp.To.Offset
			// Absence is a position too: it must be what was last seen.
			atFrom = atFrom && (ok && st.Follows(l, sp) || !ok && !s.seen[st.Sink][sp.Lane])
		}
		switch {
		case ours && (atTo || len(todo) == 0 && s.reached(rec, staged, st)):
			continue // the reply was lost
		case ours || !atFrom:
			return nil, fmt.Errorf("commit %s: %w", st.Commit, stream.ErrFenced)
		}
		for _, sp := range st.Spans {
			at[sp.Lane] = st.Move(at[sp.Lane], sp)
		}
		todo = append(todo, st)
	}
	return todo, nil
}

// reached reports whether st is done and only later ones of staged, done too,
// moved its lanes on.
func (s *Sink) reached(rec record, staged []stream.Staged, st stream.Staged) bool {
	end := map[stream.Lane]int64{}
	for _, x := range staged {
		if !slices.Contains(rec.Recent, x.Commit) {
			continue
		}
		for _, sp := range x.Spans {
			end[sp.Lane] = sp.To.Offset
		}
	}
	for _, sp := range st.Spans {
		if l, ok := rec.Progress.Lanes[sp.Lane]; !ok || l.Next.Offset != end[sp.Lane] {
			return false
		}
	}
	return true
}

// addition is what a commit adds to one table, of one or more epochs.
type addition struct {
	seq    int64
	staged []stagedTable
}

// plan is the record after todo, and what the tables get.
func (s *Sink) plan(rec record, todo []stream.Staged) (record, map[string]*addition, error) {
	next := rec.clone()
	next.Intent = nil
	adds := map[string]*addition{}
	for _, st := range todo {
		p, err := decodePayload(st.Payload)
		if err != nil {
			return next, nil, err
		}
		next.Progress.Seq++
		next.Progress.Cluster, next.Progress.Commit = st.Cluster, st.Commit
		if !st.PositionsOnly || next.Progress.Plan == "" {
			next.Progress.Plan = st.Plan
		}
		for _, sp := range st.Spans {
			next.Progress.Lanes[sp.Lane] = st.Move(next.Progress.Lanes[sp.Lane], sp)
		}
		next.did(st.Commit)
		for _, t := range p.Tables {
			if len(t.Files) == 0 {
				continue
			}
			a := adds[t.Table]
			if a == nil {
				a = &addition{}
				adds[t.Table] = a
			}
			a.seq, a.staged = next.Progress.Seq, append(a.staged, t)
			next.Tables[t.Table] = a.seq
		}
	}
	return next, adds, nil
}

// post sends the transaction.
func (s *Sink) post(ctx context.Context, commits []table.TableCommit) (verdict, error) {
	a, err := s.client.call(ctx, func(ctx context.Context, cat *rest.Catalog) error {
		if len(commits) == 1 { // the same promise, from every catalog
			_, _, err := cat.CommitTable(ctx, commits[0].Identifier, commits[0].Requirements, commits[0].Updates)
			return err
		}
		return cat.CommitTransaction(ctx, commits)
	})
	switch {
	case err == nil || a.status == 200 || a.status == 204: // what cannot be parsed is committed all the same
		return landed, nil
	case a.conflict():
		return lost, nil
	case errors.Is(err, rest.ErrEndpointNotSupported):
		return lost, &stream.StateError{State: stream.StateParked, Why: "the catalog has no transactions/commit", Todo: "set intent: true for this sink"}
	case a.status == 404:
		return lost, nil // a table went away: the next look tells which
	case a.definite():
		return lost, passing(a, "commit", err)
	}
	return unclear, err
}

// landed is what follows a commit that is in the catalog.
func (s *Sink) landed(ctx context.Context, sink string, next record, b *built) {
	s.suspect = 0
	s.saw(sink, next)
	s.forget(b.changed...)
	b.sweep(ctx)
	if next.Progress.Seq%joinEvery == 0 {
		s.joinLedger(ctx)
	}
}
