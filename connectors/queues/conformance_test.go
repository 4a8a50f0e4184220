package queues

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// A queue keeps the contract of sinks, at least once. A commit is the swap of
// the progress: faults before it hit the push, a lost reply hits the swap
// (TestPushFails loses those of pushes).
func TestConformance(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store { return store{newWorld(t)} }, sinktest.AtLeastOnce())
}

type store struct{ w *world }

const pushes = "queues/*/messages/batch"

func (s store) Open(t testing.TB) stream.Sink {
	c := Default()
	c.Account, c.Token, c.Queue, c.Progress, c.Requests = "acc", "env:T", s.w.queue, "d1", 0
	k, err := open(c, s.w.env(sinktest.Sink))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s store) Rows(t testing.TB) (out []sinktest.Row) {
	ms, err := s.w.e.Messages(s.w.queue)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ms {
		var x struct {
			Topic, Op string
			Partition int32
			Offset    int64
			ID        string
			After     map[string]json.RawMessage
		}
		if err := json.Unmarshal(m.Body, &x); err != nil {
			t.Fatalf("%s: %v", m.Body, err)
		}
		r := sinktest.Row{Topic: x.Topic, Partition: x.Partition, Offset: x.Offset, Seq: int32(x.ID[len(x.ID)-1] - '0'), Op: x.Op, Columns: map[string]string{}}
		for k, v := range x.After {
			r.Columns[k] = canonical(t, k, v)
		}
		out = append(out, r)
	}
	return out
}

// canonical says a value as sinktest.Row does: escapes and the spelling of
// floats are the message's own.
func canonical(t testing.TB, column string, v json.RawMessage) string {
	var err error
	switch kind := sinktest.KindOf(column); {
	case v[0] == '"':
		var x string
		if err = json.Unmarshal(v, &x); err == nil {
			return quote(x)
		}
	case kind == schemas.JSON && string(v) != "null":
		return quote(string(v))
	case kind == schemas.Float32 || kind == schemas.Float64:
		var f float64
		if err = json.Unmarshal(v, &f); err == nil && string(v) != "null" {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", v, err)
	}
	return string(v)
}

func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

func (s store) LoseReply(n int) { s.w.truth.lose += n }

func (s store) Refuse(status, n int) {
	kind := map[int]emulator.Kind{429: emulator.Status429, 500: emulator.Status500, 503: emulator.Status503}[status]
	s.w.e.Fail(emulator.Fault{Path: pushes, Kind: kind, Count: n})
}

func (s store) Cut(n int)  { s.w.e.Fail(emulator.Fault{Path: pushes, Kind: emulator.Cut, Count: n}) }
func (s store) Slow(n int) { s.w.e.Fail(emulator.Fault{Path: pushes, Kind: emulator.Slow, Count: n}) }

func (s store) Wipe() {
	s.w.truth.p = stream.Progress{Lanes: map[stream.Lane]stream.LanePos{}}
	s.w.truth.ledger = nil
	if err := s.w.e.Purge(s.w.queue); err != nil {
		s.w.Fatal(err)
	}
}

type copied struct {
	p      stream.Progress
	ledger []stream.LedgerRow
	bodies []cloudflare.Message
}

func (s store) Snapshot(t testing.TB) any {
	c := copied{p: s.w.truth.p, ledger: s.w.truth.ledger}
	c.p.Lanes = maps.Clone(c.p.Lanes)
	ms, err := s.w.e.Messages(s.w.queue)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ms {
		c.bodies = append(c.bodies, cloudflare.Message{Body: m.Body})
	}
	return c
}

func (s store) Restore(t testing.TB, snapshot any) {
	c := snapshot.(copied)
	s.Wipe()
	s.w.truth.p, s.w.truth.ledger = c.p, c.ledger
	if err := s.w.open().client.QueuePush(context.Background(), s.w.queue, c.bodies); err != nil {
		t.Fatal(err)
	}
}
