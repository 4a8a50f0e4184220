package kv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"sluice/connectors/internal/beside"
	"sluice/connectors/internal/cloudflare"
	"sluice/topology"
	"sluice/topology/stream"
)

// sink is one namespace. Recover, Upload, Commit and Close are called by one goroutine.
type sink struct {
	*beside.Keeper // Recover, Ledger, Inspect
	cfg            Config
	env            topology.Env
	client         cloudflare.API

	mu     sync.Mutex
	claims map[string]string // by what pairs begin with: the topic
}

var (
	_ stream.Sink      = (*sink)(nil)
	_ stream.Auditor   = (*sink)(nil)
	_ stream.Inspector = (*sink)(nil)
)

func open(c Config, env topology.Env) (stream.Sink, error) {
	keeper, err := beside.Open(env, c.Progress)
	if err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	client, err := c.Connection.Open(env)
	if err != nil {
		return nil, fmt.Errorf("kv: %w", err)
	}
	return &sink{Keeper: keeper, cfg: c, env: env, client: client, claims: map[string]string{}}, nil
}

// claim takes all pairs that begin with prefix for a topic. Rows of two topics
// under one key would overwrite each other, and deletes of one take the other's.
func (s *sink) claim(prefix, topic string, at stream.Lane) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, t := range s.claims {
		if t != topic && (strings.HasPrefix(p, prefix) || strings.HasPrefix(prefix, p)) {
			return &stream.StateError{State: stream.StateParked, Lanes: []stream.Lane{at}, Why: fmt.Sprintf("kv: rows of topics %s and %s may get one key by pair: %q", t, topic, s.cfg.Pair),
				Todo: "keep them apart, as in pair: \"{topic}/{key}\", or give this sink its topics"}
		}
	}
	s.claims[prefix] = topic
	return nil
}

// Writer is part of stream.Sink.
func (s *sink) Writer() stream.Writer {
	w := &writer{s: s, enc: encoder{template: s.cfg.Pair, prefixes: map[*stream.Table]string{}}}
	w.Discard()
	return w
}

// Upload is part of stream.Sink. It folds what several workers have of one key.
// There is nowhere to put pairs that is durable and invisible: they travel in
// what is staged.
func (s *sink) Upload(_ context.Context, e stream.Epoch, parts []stream.Part) (stream.Staged, error) {
	var all folded
	for _, p := range parts {
		list, ok := p.Data.([]change)
		if !ok && p.Data != nil {
			return stream.Staged{}, errors.New("kv: a part of another sink")
		}
		for _, c := range list {
			all.put(c)
		}
	}
	payload := []byte{payloadV1}
	for i := range all.list {
		payload = appendChange(payload, &all.list[i])
	}
	return stream.Staged{Format: 1, Epoch: e, Payload: payload}, nil
}

// Commit is part of stream.Sink: fence, put and delete, then the progress.
func (s *sink) Commit(ctx context.Context, staged []stream.Staged) error {
	err := s.Keeper.Commit(ctx, staged, s.apply, func(string) {})
	if errors.Is(err, stream.ErrFenced) {
		return fmt.Errorf("kv: %w", err)
	}
	return err
}

// requestBytes is how many bytes of pairs one request carries, a single larger
// value apart: a part of what is allowed, because a request is held in memory.
const requestBytes = 8 << 20

// apply puts and deletes. A key is in one of the two lists, once, so that their
// order and a second time mean nothing. // D5
func (s *sink) apply(ctx context.Context, st *stream.Staged) error {
	puts, deletes, err := changes(st.Payload)
	if err != nil {
		return err
	}
	for i := range puts {
		puts[i].TTL = s.cfg.TTL
	}
	for most := s.client.KVBatch(); len(puts) > 0; {
		n, bytes := 0, 0
		for n < len(puts) && n < most {
			if bytes += len(puts[n].Key) + len(puts[n].Metadata) + len(puts[n].Value); bytes > requestBytes && n > 0 {
				break
			}
			n++
		}
		err := s.client.KVPut(ctx, s.cfg.Namespace, puts[:n])
		switch {
		case err == nil:
			puts = puts[n:]
		case cloudflare.TooLarge(err) && !cloudflare.Ambiguous(err) && n > 1:
			most = n / 2 // it counts in another way than we do
		default:
			return s.classify(err)
		}
	}
	for len(deletes) > 0 {
		n := min(len(deletes), s.client.KVBatch())
		if err := s.client.KVDelete(ctx, s.cfg.Namespace, deletes[:n]); err != nil {
			return s.classify(err)
		}
		deletes = deletes[n:]
	}
	return nil
}

// classify says what the engine does about a request that failed.
func (s *sink) classify(err error) error {
	return beside.Classify("kv", err, "check account, token and namespace id of sink "+s.env.Name+": the token needs Workers KV Storage edit rights; by a bridge, check key, key_id and the binding")
}

// Close is part of stream.Sink.
func (s *sink) Close() error { return nil }

// Rows is part of stream.Auditor: pairs are overwritten, deleted and expire.
func (s *sink) Rows(context.Context) (int64, error) { return -1, nil }
