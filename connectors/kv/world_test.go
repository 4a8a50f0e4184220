package kv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// world is a namespace of the emulator, or of a bridge on the Workers runtime
// (connectors/d1 says how to start one), and the progress beside it.
type world struct {
	testing.TB
	emu       *emulator.Emulator // nil on the Workers runtime
	line      *emulator.Line
	url       string
	namespace string
	truth     *sinktest.Truth
	keys      map[string]bool // that a bridge was sent: it lists none
	prefix    string          // of them
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, truth: sinktest.NewTruth(), keys: map[string]bool{}}
	if w.url = os.Getenv("SLUICE_EDGE"); w.url != "" {
		w.namespace = "KV"
		w.line = &emulator.Line{Next: http.DefaultTransport, Match: writes}
		w.prefix = fmt.Sprintf("%x/", rand.Uint64()) // what tests leave behind is nobody's
		return w
	}
	emu, err := emulator.New(emulator.Options{Account: "acc", Token: "tok", Requests: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { emu.Close() })
	w.emu = emu
	if w.namespace, err = emu.CreateKV("rows"); err != nil {
		t.Fatal(err)
	}
	return w
}

// writes reports requests that put or delete: those of the bridge that get say so.
func writes(r *http.Request) bool { return r.Header.Get("X-Writes") != "" }

// RoundTrip notes the keys that a bridge is sent.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.emu != nil {
		return w.emu.Transport().RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var head struct{ Ops []struct{ Key string } }
	line, _, _ := bytes.Cut(body, []byte("\n"))
	if json.Unmarshal(line, &head) == nil && len(head.Ops) > 0 {
		r.Header.Set("X-Writes", "1")
		for _, o := range head.Ops {
			w.keys[o.Key] = true
		}
	}
	return w.line.RoundTrip(r)
}

func (w *world) config() Config {
	c := Default()
	c.Namespace, c.Progress = w.namespace, "d1"
	if w.emu == nil {
		c.Via, c.Bridge, c.Key, c.Pair = "bridge", w.url, "env:KEY", w.prefix+c.Pair
		return c
	}
	c.Account, c.Token, c.Requests = "acc", "env:T", 0
	return c
}

func (w *world) env() topology.Env {
	return topology.Env{Pipeline: sinktest.Pipeline, Name: sinktest.Sink, Log: slog.New(slog.DiscardHandler), Now: time.Now, HTTP: w,
		Secret: func(ref string) (string, error) {
			if ref == "env:KEY" {
				return os.Getenv("SLUICE_EDGE_KEY"), nil
			}
			return "tok", nil
		},
		Progress: func(string) (stream.ProgressStore, error) { return w.truth.Open(), nil }}
}

func (w *world) Open(t testing.TB) stream.Sink {
	c := w.config()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	k, err := open(c, w.env())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pairs are the namespace's, by key.
func (w *world) pairs() map[string]string {
	w.Helper()
	out := map[string]string{}
	if w.emu != nil {
		ps, err := w.emu.Pairs(w.namespace)
		if err != nil {
			w.Fatal(err)
		}
		for _, p := range ps {
			out[p.Key] = string(p.Value)
		}
		return out
	}
	client := w.Open(w.TB).(*sink).client
	for some := range slices.Chunk(slices.Collect(maps.Keys(w.keys)), cloudflare.MaxKeysGet) {
		found, err := client.KVGet(w.Context(), w.namespace, some)
		if err != nil {
			w.Fatal(err)
		}
		maps.Copy(out, found)
	}
	return out
}

func (w *world) clear() {
	if w.emu != nil {
		if err := w.emu.ClearKV(w.namespace); err != nil {
			w.Fatal(err)
		}
		return
	}
	s := w.Open(w.TB).(*sink)
	keys := slices.Collect(maps.Keys(w.keys))
	for some := range slices.Chunk(keys, s.client.KVBatch()) {
		if err := s.client.KVDelete(w.Context(), w.namespace, some); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) fail(k emulator.Kind, n int) {
	if w.emu == nil {
		w.line.Fail(k, n)
		return
	}
	w.emu.Fail(emulator.Fault{Path: "storage/kv/namespaces/*/bulk*", Kind: k, Count: n})
}

// Rows is part of sinktest.Store.
func (w *world) Rows(t testing.TB) (out []sinktest.Row) {
	for k, v := range w.pairs() {
		var cells map[string]json.RawMessage
		if err := json.Unmarshal([]byte(v), &cells); err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		topic, _, _ := strings.Cut(strings.TrimPrefix(k, w.prefix), "/")
		r := sinktest.Row{Topic: topic, Columns: map[string]string{}}
		for c, x := range cells {
			r.Columns[c] = sinktest.Canonical(t, c, string(x))
		}
		out = append(out, r)
	}
	return out
}

func (w *world) LoseReply(n int) { w.truth.Lose += n }

func (w *world) Refuse(status, n int) {
	w.fail(map[int]emulator.Kind{429: emulator.Status429, 500: emulator.Status500, 503: emulator.Status503}[status], n)
}

func (w *world) Cut(n int)  { w.fail(emulator.Cut, n) }
func (w *world) Slow(n int) { w.fail(emulator.Slow, n) }

func (w *world) Wipe() {
	w.truth.Put(&sinktest.Truth{})
	w.clear()
}

type copied struct {
	truth *sinktest.Truth
	pairs map[string]string
}

func (w *world) Snapshot(testing.TB) any { return copied{w.truth.Copy(), w.pairs()} }

func (w *world) Restore(t testing.TB, snapshot any) {
	c := snapshot.(copied)
	w.Wipe()
	w.truth.Put(c.truth)
	var ps []cloudflare.Pair
	for k, v := range c.pairs {
		ps = append(ps, cloudflare.Pair{Key: k, Value: []byte(v)})
	}
	if err := w.Open(t).(*sink).client.KVPut(t.Context(), w.namespace, ps); err != nil {
		t.Fatal(err)
	}
}

// TestContract: a namespace keeps the contract of replicas. A commit is the
// swap of the progress: faults before it hit the bulk requests, a lost reply
// hits the swap (TestApplyFails loses those of bulk requests).
func TestContract(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store { return newWorld(t) }, sinktest.Replica(), sinktest.WholeRows())
}

var lane = stream.Lane{Topic: "shop.orders", Partition: 3}

// table is a keyed table of two key columns.
var table = schemas.NewSchema(schemas.Schema{Topic: "shop.orders", Version: 1, Database: "shop", Namespace: "public", Table: "orders", Fields: []schemas.Field{
	{Name: "region", Type: schemas.Type{Kind: schemas.String}, Key: true},
	{Name: "id", Type: schemas.Type{Kind: schemas.Int64}, Key: true},
	{Name: "note", Type: schemas.Type{Kind: schemas.String}, Nullable: true},
}})

// record is a change of a row; note "" is unavailable.
func record(o int64, op stream.Op, region string, id int64, note string) stream.Record {
	value := fmt.Appendf(nil, `%s%d%s`, region, id, note)
	digits := uint32(len(fmt.Sprint(id)))
	r := uint32(len(region))
	row := []schemas.Cell{{Len: r, Enc: schemas.EncText, Flags: schemas.Present}, {Off: r, Len: digits, Enc: schemas.EncInt, Flags: schemas.Present},
		{Off: r + digits, Len: uint32(len(note)), Enc: schemas.EncText, Flags: schemas.Present}}
	if note == "" {
		row[2].Flags |= schemas.Unavailable
	}
	key := []schemas.Cell{row[0], row[1], {}}
	for i := range key {
		if key[i].Has() {
			key[i].Flags |= schemas.InKey
		}
	}
	x := stream.Record{Offset: o, Op: op, Time: 1_700_000_000_000_000 + o, Schema: table, Key: stream.ViewOf(value), Value: stream.ViewOf(value), KeyRow: key}
	if op == stream.Insert || op == stream.Update {
		x.After = row
	}
	if op == stream.Truncate {
		x.KeyRow = nil
	}
	return x
}
