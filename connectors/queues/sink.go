package queues

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology"
	"sluice/topology/stream"
)

// sink is one queue. Recover, Upload, Commit and Close are called by one goroutine.
type sink struct {
	cfg     Config
	env     topology.Env
	include opSet
	client  cloudflare.API
	store   stream.ProgressStore

	known  map[stream.Lane]bool // lanes whose progress this process has seen: it never vanishes again
	pushed map[string]int       // by commit id: messages that are in the queue for certain
}

var (
	_ stream.Sink      = (*sink)(nil)
	_ stream.Auditor   = (*sink)(nil)
	_ stream.Inspector = (*sink)(nil)
)

func open(c Config, env topology.Env) (stream.Sink, error) {
	include, err := operations(c.Include)
	if err != nil {
		return nil, err
	}
	if env.Progress == nil {
		return nil, errors.New("queues: progress: there is no other sink to keep it")
	}
	store, err := env.Progress(c.Progress)
	if err != nil {
		return nil, fmt.Errorf("queues: progress: %w", err)
	}
	client, err := c.Connection.Open(env)
	if err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	return &sink{cfg: c, env: env, include: include, client: client, store: store,
		known: map[stream.Lane]bool{}, pushed: map[string]int{}}, nil
}

// Recover is part of stream.Sink.
func (s *sink) Recover(ctx context.Context, lanes []stream.Lane) (stream.Progress, error) {
	p, err := s.store.LoadProgress(ctx, s.env.Name, lanes)
	if err != nil {
		return p, err
	}
	clear(s.pushed) // what was staged before is dropped
	for l := range p.Lanes {
		s.known[l] = true
	}
	return p, nil
}

// Writer is part of stream.Sink.
func (s *sink) Writer() stream.Writer {
	w := &writer{s: s, enc: newEncoder(s.env.Pipeline), include: s.include}
	w.reset(nil)
	return w
}

// Upload is part of stream.Sink. There is nowhere to put messages that is
// durable and invisible: they travel in what is staged.
func (s *sink) Upload(_ context.Context, e stream.Epoch, parts []stream.Part) (stream.Staged, error) {
	payload := []byte{payloadV1}
	for _, p := range parts {
		b, ok := p.Data.([]byte)
		if !ok && p.Data != nil {
			return stream.Staged{}, errors.New("queues: a part of another sink")
		}
		payload = append(payload, b...)
	}
	return stream.Staged{Format: 1, Epoch: e, Payload: payload}, nil
}

// Commit is part of stream.Sink: fence, push, then the progress. It is at
// least once; the order makes sure that nothing is lost.
func (s *sink) Commit(ctx context.Context, staged []stream.Staged) error {
	err := s.commit(ctx, staged)
	if errors.Is(err, stream.ErrFenced) {
		clear(s.pushed)
	}
	return err
}

func (s *sink) commit(ctx context.Context, staged []stream.Staged) error {
	first, at, err := s.done(ctx, staged)
	if err != nil {
		return err
	}
	for i := range staged[:first] {
		s.settled(&staged[i].Epoch)
	}
	for i := first; i < len(staged); i++ {
		st := &staged[i]
		messages, err := frames(st.Payload)
		if err != nil {
			return err
		}
		if i > 0 {
			if at, err = s.load(ctx, &st.Epoch); err != nil {
				return err
			}
		}
		if err := s.fence(&st.Epoch, at); err != nil {
			return err
		}
		if err := s.push(ctx, st.Commit, messages); err != nil {
			return err
		}
		if err := s.store.SwapProgress(ctx, st.Epoch); err != nil { // D2: it compares once more
			return err
		}
		s.settled(&st.Epoch)
	}
	return nil
}

// done is how many of staged the store has already, because a reply was lost:
// all up to the one whose id it names. p is where the first one's lanes stand.
func (s *sink) done(ctx context.Context, staged []stream.Staged) (n int, p stream.Progress, err error) {
	for i := len(staged) - 1; i >= 0; i-- {
		e := &staged[i].Epoch
		if p, err = s.load(ctx, e); err != nil {
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

func (s *sink) load(ctx context.Context, e *stream.Epoch) (stream.Progress, error) {
	lanes := make([]stream.Lane, len(e.Spans))
	for i, sp := range e.Spans {
		lanes[i] = sp.Lane
	}
	return s.store.LoadProgress(ctx, s.env.Name, lanes)
}

func all(e *stream.Epoch, ok func(stream.LedgerSpan) bool) bool {
	return !slices.ContainsFunc(e.Spans, func(sp stream.LedgerSpan) bool { return !ok(sp) })
}

// fence looks where the progress stands before anything is pushed, so that a
// zombie adds nothing to the queue. Offsets decide; the swap that follows is
// the judge of everything. // D2
func (s *sink) fence(e *stream.Epoch, p stream.Progress) error {
	if all(e, func(sp stream.LedgerSpan) bool {
		at, ok := p.Lanes[sp.Lane]
		if !ok {
			return !s.known[sp.Lane] // progress that was there and is gone: a wiped store
		}
		return at.Next.Offset == sp.From.Offset && e.SameLog(at, sp)
	}) {
		return nil
	}
	return fmt.Errorf("queues: progress in %s: %w", s.cfg.Progress, stream.ErrFenced)
}

func (s *sink) settled(e *stream.Epoch) {
	delete(s.pushed, e.Commit)
	for _, sp := range e.Spans {
		s.known[sp.Lane] = true
	}
}

// push sends what of a commit is not in the queue yet. What an error leaves
// open is sent again by the next call; what is known to be there is not.
func (s *sink) push(ctx context.Context, commit string, ms []cloudflare.Message) error {
	most := cloudflare.MaxMessages
	for i := s.pushed[commit]; i < len(ms); {
		n := batch(ms[i:], most)
		for j := range ms[i : i+n] {
			ms[i+j].Delay = s.cfg.Delay
		}
		err := s.client.QueuePush(ctx, s.cfg.Queue, ms[i:i+n])
		switch {
		case err == nil:
			i += n
			s.pushed[commit] = i
		case cloudflare.TooLarge(err) && !cloudflare.Ambiguous(err) && n > 1:
			most = n / 2 // it counts in another way than we do
		default:
			return s.classify(err)
		}
	}
	return nil
}

// batch is how many messages fit one request.
func batch(ms []cloudflare.Message, most int) (n int) {
	bytes := 0
	for n < len(ms) && n < most {
		if bytes += len(ms[n].Body) + cloudflare.MessageOverhead; bytes > cloudflare.MaxMessageBatch {
			break
		}
		n++
	}
	return max(n, 1)
}

// classify says what the engine does about a push that failed.
func (s *sink) classify(err error) error {
	class := cloudflare.ClassOf(err)
	switch {
	case cloudflare.Ambiguous(err), cloudflare.Passing(err):
		return stream.Retry("queue_"+string(class), cloudflare.RetryAfter(err), err)
	case class == cloudflare.ClassUnauthorized, class == cloudflare.ClassNotFound:
		return &stream.StateError{State: stream.StateParked, Why: err.Error(),
			Todo: "check account, token and queue id of sink " + s.env.Name + ": the token needs Queues edit rights; by a bridge, check key, key_id and the binding"}
	}
	return fmt.Errorf("queues: %w", err)
}

// Close is part of stream.Sink.
func (s *sink) Close() error { return nil }

// Ledger is part of stream.Auditor.
func (s *sink) Ledger(ctx context.Context) iter.Seq2[stream.LedgerRow, error] {
	return s.store.ProgressLedger(ctx, s.env.Name)
}

// Rows is part of stream.Auditor: consumers take messages away.
func (s *sink) Rows(context.Context) (int64, error) { return -1, nil }

// Inspect is part of stream.Inspector.
func (s *sink) Inspect(ctx context.Context) (stream.Progress, error) {
	lanes := map[stream.Lane]bool{}
	for r, err := range s.Ledger(ctx) {
		if err != nil {
			return stream.Progress{}, err
		}
		lanes[r.Lane] = true
	}
	return s.store.LoadProgress(ctx, s.env.Name, stream.SortedLanes(lanes))
}
