package queues

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/topology/stream"
)

// A queue keeps the contract of sinks, at least once. A commit is the swap of
// the progress: faults before it hit the push, a lost reply hits the swap
// (TestPushFails loses those of pushes).
func TestContract(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store {
		if url := os.Getenv("SLUICE_EDGE"); url != "" {
			return store{newEdgeWorld(t, url)}
		}
		return store{newWorld(t)}
	}, sinktest.AtLeastOnce())
}

type store struct{ w *world }

func (s store) Open(t testing.TB) stream.Sink {
	k, err := open(s.w.config(), s.w.env(sinktest.Sink))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s store) Rows(t testing.TB) (out []sinktest.Row) {
	for _, body := range s.w.bodies() {
		var x struct {
			Topic, Op string
			Partition int32
			Offset    int64
			ID        string
			After     map[string]json.RawMessage
		}
		if err := json.Unmarshal(body, &x); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		r := sinktest.Row{Topic: x.Topic, Partition: x.Partition, Offset: x.Offset, Seq: int32(x.ID[len(x.ID)-1] - '0'), Op: x.Op, Columns: map[string]string{}}
		for k, v := range x.After {
			r.Columns[k] = sinktest.Canonical(t, k, string(v))
		}
		out = append(out, r)
	}
	return out
}

func (s store) LoseReply(n int) { s.w.truth.Lose += n }

func (s store) Refuse(status, n int) {
	s.w.fail(map[int]emulator.Kind{429: emulator.Status429, 500: emulator.Status500, 503: emulator.Status503}[status], n)
}

func (s store) Cut(n int)  { s.w.fail(emulator.Cut, n) }
func (s store) Slow(n int) { s.w.fail(emulator.Slow, n) }

func (s store) Wipe() {
	s.w.truth.Put(&sinktest.Truth{})
	s.w.purge()
}

type copied struct {
	truth  *sinktest.Truth
	bodies []cloudflare.Message
}

func (s store) Snapshot(t testing.TB) any {
	c := copied{truth: s.w.truth.Copy()}
	for _, b := range s.w.bodies() {
		c.bodies = append(c.bodies, cloudflare.Message{Body: b})
	}
	return c
}

func (s store) Restore(t testing.TB, snapshot any) {
	c := snapshot.(copied)
	s.Wipe()
	s.w.truth.Put(c.truth)
	if err := s.w.open().client.QueuePush(context.Background(), s.w.queue, c.bodies); err != nil {
		t.Fatal(err)
	}
}
