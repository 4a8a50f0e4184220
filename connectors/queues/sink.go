package queues

import (
	"context"
	"errors"
	"fmt"

	"sluice/connectors/internal/beside"
	"sluice/connectors/internal/cloudflare"
	"sluice/topology"
	"sluice/topology/stream"
)

// sink is one queue. Recover, Upload, Commit and Close are called by one goroutine.
type sink struct {
	*beside.Keeper // Ledger, Inspect
	cfg            Config
	env            topology.Env
	include        opSet
	client         cloudflare.API

	pushed map[string]int // by commit id: messages that are in the queue for certain
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
	keeper, err := beside.Open(env, c.Progress)
	if err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	client, err := c.Connection.Open(env)
	if err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	return &sink{Keeper: keeper, cfg: c, env: env, include: include, client: client, pushed: map[string]int{}}, nil
}

// Recover is part of stream.Sink.
func (s *sink) Recover(ctx context.Context, lanes []stream.Lane) (stream.Progress, error) {
	p, err := s.Keeper.Recover(ctx, lanes)
	if err == nil {
		clear(s.pushed) // what was staged before is dropped
	}
	return p, err
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
	err := s.Keeper.Commit(ctx, staged, func(ctx context.Context, st *stream.Staged) error {
		messages, err := frames(st.Payload)
		if err != nil {
			return err
		}
		return s.push(ctx, st.Commit, messages)
	}, func(commit string) { delete(s.pushed, commit) })
	if errors.Is(err, stream.ErrFenced) {
		clear(s.pushed)
		return fmt.Errorf("queues: %w", err)
	}
	return err
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
	return beside.Classify("queue", err, "check account, token and queue id of sink "+s.env.Name+": the token needs Queues edit rights; by a bridge, check key, key_id and the binding")
}

// Close is part of stream.Sink.
func (s *sink) Close() error { return nil }

// Rows is part of stream.Auditor: consumers take messages away.
func (s *sink) Rows(context.Context) (int64, error) { return -1, nil }
