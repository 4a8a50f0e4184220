// Package beside commits for sinks whose own store cannot compare and set: a
// queue, a key-value store. Their progress lives in a transactional sink of the
// same pipeline. First what was staged is applied, then the progress is
// swapped: a crash or a lost reply between the two applies it again, and what
// was applied is never behind what the progress says.
package beside

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"sluice/topology"
	"sluice/topology/stream"
)

// Keeper is one sink's progress in the store of another. Its methods are called
// by one goroutine.
type Keeper struct {
	store stream.ProgressStore
	sink  string // whose progress it is
	in    string // the sink that keeps it

	known map[stream.Lane]bool // lanes whose progress this process has seen: it never vanishes again
}

// Open finds the sink that keeps the progress.
func Open(env topology.Env, in string) (*Keeper, error) {
	if env.Progress == nil {
		return nil, errors.New("progress: there is no other sink to keep it")
	}
	store, err := env.Progress(in)
	if err != nil {
		return nil, fmt.Errorf("progress: %w", err)
	}
	return &Keeper{store: store, sink: env.Name, in: in, known: map[stream.Lane]bool{}}, nil
}

// Recover is part of stream.Sink.
func (k *Keeper) Recover(ctx context.Context, lanes []stream.Lane) (stream.Progress, error) {
	p, err := k.store.LoadProgress(ctx, k.sink, lanes)
	for l := range p.Lanes {
		k.known[l] = true
	}
	return p, err
}

// Commit looks where the progress stands, applies each of staged that the store
// does not have yet, and swaps its progress. done is told every commit id that
// is settled.
func (k *Keeper) Commit(ctx context.Context, staged []stream.Staged, apply func(context.Context, *stream.Staged) error, done func(commit string)) error {
	first, at, err := k.have(ctx, staged)
	if err != nil {
		return err
	}
	settled := func(e *stream.Epoch) {
		done(e.Commit)
		for _, sp := range e.Spans {
			k.known[sp.Lane] = true
		}
	}
	for i := range staged[:first] {
		settled(&staged[i].Epoch)
	}
	for i := first; i < len(staged); i++ {
		st := &staged[i]
		if i > 0 {
			if at, err = k.load(ctx, &st.Epoch); err != nil {
				return err
			}
		}
		if err := k.fence(&st.Epoch, at); err != nil {
			return err
		}
		if err := apply(ctx, st); err != nil {
			return err
		}
		if err := k.store.SwapProgress(ctx, st.Epoch); err != nil { // D2: it compares once more
			return err
		}
		settled(&st.Epoch)
	}
	return nil
}

// have is how many of staged the store has already, because a reply was lost:
// all up to the one whose id it names. p is where the first one's lanes stand.
func (k *Keeper) have(ctx context.Context, staged []stream.Staged) (n int, p stream.Progress, err error) {
	for i := len(staged) - 1; i >= 0; i-- {
		e := &staged[i].Epoch
		if p, err = k.load(ctx, e); err != nil {
			return 0, p, err
		}
		if p.Commit == e.Commit && all(e, func(sp stream.LedgerSpan) bool {
			at, ok := p.Lanes[sp.Lane]
			return ok && at.Next.Offset == sp.To.Offset
		}) {
			return i + 1, p, nil
		}
	}
	return 0, p, nil
}

func (k *Keeper) load(ctx context.Context, e *stream.Epoch) (stream.Progress, error) {
	lanes := make([]stream.Lane, len(e.Spans))
	for i, sp := range e.Spans {
		lanes[i] = sp.Lane
	}
	return k.store.LoadProgress(ctx, k.sink, lanes)
}

func all(e *stream.Epoch, ok func(stream.LedgerSpan) bool) bool {
	return !slices.ContainsFunc(e.Spans, func(sp stream.LedgerSpan) bool { return !ok(sp) })
}

// fence looks where the progress stands before anything is applied, so that a
// zombie adds nothing. The swap that follows is the judge of
// everything. // D2
func (k *Keeper) fence(e *stream.Epoch, p stream.Progress) error {
	if all(e, func(sp stream.LedgerSpan) bool {
		at, ok := p.Lanes[sp.Lane]
		if !ok {
			return !k.known[sp.Lane] // progress that was there and is gone: a wiped store
		}
		return e.Follows(at, sp)
	}) {
		return nil
	}
	return fmt.Errorf("progress in %s: %w", k.in, stream.ErrFenced)
}

// Ledger is part of stream.Auditor.
func (k *Keeper) Ledger(ctx context.Context) iter.Seq2[stream.LedgerRow, error] {
	return k.store.ProgressLedger(ctx, k.sink)
}

// Inspect is part of stream.Inspector.
func (k *Keeper) Inspect(ctx context.Context) (stream.Progress, error) {
	lanes := map[stream.Lane]bool{}
	for r, err := range k.Ledger(ctx) {
		if err != nil {
			return stream.Progress{}, err
		}
		lanes[r.Lane] = true
	}
	return k.store.LoadProgress(ctx, k.sink, stream.SortedLanes(lanes))
}
