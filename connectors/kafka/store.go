package kafka

import (
	"context"
	"fmt"
	"iter"

	"sluice/topology/stream"
)

// keeper is the progress of another sink of the pipeline, whose own store
// cannot keep it: a sink without rows, with lanes, claims and a ledger under
// the other's name.
func (s *Sink) keeper(sink string) (*Sink, error) {
	if sink == s.env.Name {
		return nil, fmt.Errorf("kafka: sink %s keeps its own progress", sink)
	}
	s.kept.Lock()
	defer s.kept.Unlock()
	if k := s.keepers[sink]; k != nil {
		return k, nil
	}
	env := s.env
	env.Name = sink
	k := newSink(s.cfg, env, s.opts)
	if s.keepers == nil {
		s.keepers = map[string]*Sink{}
	}
	s.keepers[sink] = k
	return k, nil
}

// LoadProgress is part of stream.ProgressStore.
func (s *Sink) LoadProgress(ctx context.Context, sink string, lanes []stream.Lane) (stream.Progress, error) {
	k, err := s.keeper(sink)
	if err != nil {
		return stream.Progress{}, err
	}
	return k.Recover(ctx, lanes)
}

// SwapProgress is part of stream.ProgressStore.
func (s *Sink) SwapProgress(ctx context.Context, e stream.Epoch) error {
	k, err := s.keeper(e.Sink)
	if err != nil {
		return err
	}
	return k.Commit(ctx, []stream.Staged{{Format: 1, Epoch: e, Payload: []byte{1}}})
}

// ProgressLedger is part of stream.ProgressStore.
func (s *Sink) ProgressLedger(ctx context.Context, sink string) iter.Seq2[stream.LedgerRow, error] {
	k, err := s.keeper(sink)
	if err != nil {
		return func(yield func(stream.LedgerRow, error) bool) { yield(stream.LedgerRow{}, err) }
	}
	return k.Ledger(ctx)
}

// closeKeepers is part of Close.
func (s *Sink) closeKeepers() {
	s.kept.Lock()
	defer s.kept.Unlock()
	for _, k := range s.keepers {
		k.Close()
	}
}
