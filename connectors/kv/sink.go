package kv

import (
	"context"
	"errors"
	"fmt"

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
	return &sink{keeper, c, env, client}, nil
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
