package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/topology/stream"
)

// lockID is the transactional id of every claim of this sink.
func (s *Sink) lockID() string { return "sluice-" + s.env.Pipeline + "-" + s.env.Name + "-claims" }

// claim makes this process the writer of the spans' lanes, if the store still
// is where this process last saw it.
//
// A claim is written under the lock id. From its InitProducerID to its commit
// no other claim was committed, or the commit fails: who claims later takes
// the lock id, which refuses ours. So what was read in between still holds
// when the claim is in the log, and a claim that is in the log says that the
// writer before it is fenced. Without that, a claim could put back the
// position of a third process that claimed and committed in between (was
// doubled). // D2 D5
func (s *Sink) claim(ctx context.Context, cl *kgo.Client, spans []stream.LedgerSpan) error {
	var lanes []stream.Lane
	for _, sp := range spans {
		if s.lanes[sp.Lane].Writer != s.txid {
			lanes = append(lanes, sp.Lane)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	if err := s.topics(ctx, cl, s.progressTopic(), s.ledgerTopic()); err != nil {
		return err
	}
	lock, err := s.producer(s.lockID())
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, _, err := lock.ProducerID(ctx); err != nil {
		return contended(fmt.Errorf("the lock of claims: %w", err))
	}
	last, err := s.progress(ctx)
	if err == nil {
		err = s.same(last, lanes) // a zombie must not fence who took its lanes
	}
	if err == nil {
		err = s.fenceWriters(ctx, last, lanes)
	}
	if err == nil {
		last, err = s.progress(ctx) // with what they committed before they were fenced
	}
	if err == nil {
		err = s.same(last, lanes)
	}
	if err != nil {
		return err
	}
	var claims []*kgo.Record
	for _, l := range lanes {
		x, ok := last[l]
		if !ok {
			x = laneRecord{Format: 1, Sink: s.env.Name, None: true}
		}
		x.Writer = s.txid
		last[l] = x
		claims = append(claims, s.record(l, x))
	}
	if err := s.transact(ctx, lock, claims); err != nil {
		// It may be in the log all the same. Then the writer it names is this
		// process, which finds it so when it tries again.
		return contended(err)
	}
	s.seen(last, lanes)
	return nil
}

// same compares the store with what this process last saw, absence and writer
// included. // D2
func (s *Sink) same(last map[stream.Lane]laneRecord, lanes []stream.Lane) error {
	for _, l := range lanes {
		x, ok := last[l]
		saw, knew := s.lanes[l]
		known, was := ok && !x.None, knew && !saw.None
		switch {
		case known != was, s.knew[l] && !known, known && (x.Next != saw.Next || x.TopicID != saw.TopicID):
			return stream.ErrFenced
		case x.Writer != saw.Writer && !s.mine[x.Writer]:
			return stream.ErrFenced // claimed since, by another
		}
	}
	return nil
}

// fenceWriters takes the right to write from the last writers of lanes.
func (s *Sink) fenceWriters(ctx context.Context, records map[stream.Lane]laneRecord, lanes []stream.Lane) error {
	fenced := map[string]bool{"": true, s.txid: true}
	for _, l := range lanes {
		w := records[l].Writer
		if fenced[w] {
			continue
		}
		if err := s.fence(ctx, w); err != nil {
			return fmt.Errorf("fencing the last writer of %v: %w", l, err)
		}
		fenced[w] = true
	}
	return nil
}

// fence aborts what writer has open and refuses what it sends from now on. It
// holds because a process never takes an id of its own a second time: that
// would give it the right to write back (was doubled).
func (s *Sink) fence(ctx context.Context, writer string) error {
	cl, err := s.producer(writer)
	if err != nil {
		return err
	}
	defer cl.Close()
	_, _, err = cl.ProducerID(ctx)
	return contended(err)
}

// contended marks the errors that mean another process took an id that is not
// this process's own: they pass. The wait differs by process, so that they do
// not meet again.
func contended(err error) error {
	if !fencedByBroker(err) {
		return err
	}
	var b [1]byte
	rand.Read(b[:])
	return stream.Retry("kafka_claim", time.Duration(b[0])*4*time.Millisecond, err)
}

// fencedByBroker reports whether the broker refuses a producer's epoch.
func fencedByBroker(err error) bool {
	for _, e := range []error{kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidProducerIDMapping, kerr.UnknownProducerID} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// settle ends what earlier producers of this process left open. After it no
// request of theirs can have an effect.
func (s *Sink) settle(ctx context.Context) error {
	for len(s.left) > 0 {
		if err := s.fence(ctx, s.left[0]); err != nil {
			return err
		}
		s.left = s.left[1:]
	}
	return nil
}
