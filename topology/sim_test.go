package topology_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"sluice/topology"
	"sluice/topology/stream"
)

var (
	histories = flag.Int("histories", 2000, "how many simulated histories TestSimulation runs")
	only      = flag.Uint64("seed", 0, "run this history only")
)

// TestSimulation runs the real engine through seeded histories of crashes,
// zombies, lost replies, moving lanes and growing logs, two processes and two
// stores, in virtual time. Every data record has to be in every store exactly
// once and in order, every refused one in the dead letters exactly once, and
// the ledgers have to be contiguous. // D1 D2 D3 D5 D6
func TestSimulation(t *testing.T) {
	if *only != 0 {
		simulate(t, *only)
		return
	}
	n := *histories
	if testing.Short() {
		n = min(n, 200)
	}
	for seed := range uint64(n) {
		simulate(t, seed+1)
		if t.Failed() {
			t.Fatalf("reproduce: go test ./topology -run TestSimulation -seed %d", seed+1)
		}
	}
	t.Logf("%d histories: every record once, in order", n)
}

const simFile = `
id: sim
source: {sim: {}}
stages: [{reject: {}}, {pass: {}}]
sinks:
- {name: a, commit: {every: 700ms}, sim: {store: 0}}
- {name: b, commit: {every: 1s}, sim: {store: 1}}
dead_letters: {home: b, key: "env:K"}
engine: {workers: %d, budget: 16MiB, drain: 10s}
`

func simulate(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := &world{rng: rand.New(rand.NewPCG(seed, 2)), lanes: map[stream.Lane]*simLane{}, owner: map[stream.Lane]*member{}}
		w.faults.Store(true)
		stores := []*simStore{newSimStore(w), newSimStore(w)}
		var lanes []stream.Lane
		for p := range int32(1 + rng.IntN(4)) {
			l := stream.Lane{Topic: "t", Partition: p}
			lanes = append(lanes, l)
			w.lanes[l] = &simLane{id: "t1"}
		}
		boot := func(n int) *member {
			m := &member{w: w, name: fmt.Sprint("m", n), next: map[stream.Lane]int64{}, gone: map[stream.Lane]int{}, done: make(chan error, 1)}
			p := simPipeline(t, w, m, stores, 1+rng.IntN(3), rng.Uint64())
			ctx, cancel := context.WithCancel(context.Background())
			m.cancel, m.p = cancel, p
			w.all = append(w.all, m)
			go func() { m.done <- p.Run(ctx); close(m.done) }()
			return m
		}
		live := []*member{boot(0), boot(1)}
		w.move(lanes, live[0], false)
		for step := range 6 + rng.IntN(14) {
			w.grow(rng)
			time.Sleep(time.Duration(rng.IntN(1200)) * time.Millisecond)
			i := rng.IntN(2)
			some := lanes[:1+rng.IntN(len(lanes))]
			switch rng.IntN(6) {
			case 0: // kill -9, and a successor
				live[i].mu.Lock()
				live[i].dead = true
				live[i].mu.Unlock()
				live[i].cancel()
				owned := w.owned(live[i], lanes)
				live[i] = boot(step + 2)
				w.move(owned, live[i], false)
			case 1: // a zombie: paused longer than its session, its lanes go to the other
				live[i].mu.Lock()
				live[i].hold = time.Now().Add(time.Duration(1+rng.IntN(8)) * time.Second)
				live[i].mu.Unlock()
				w.move(w.held(live[i], lanes), live[1-i], false)
			case 2: // a clean rebalance
				w.move(some, live[i], true)
			case 3: // a rebalance without asking
				w.move(some, live[i], false)
			case 4: // a clean stop and a restart
				owned := w.owned(live[i], lanes)
				live[i].cancel()
				if err := <-live[i].done; err != nil && !errors.Is(err, errDead) && !drainOver(err) {
					t.Errorf("seed %d: clean stop: %v", seed, err)
				}
				live[i] = boot(step + 2)
				w.move(owned, live[i], false)
			}
		}
		w.faults.Store(false)
		w.settle(t, seed, lanes, stores)
		for _, m := range w.all {
			m.cancel()
			if err := <-m.done; err != nil && !errors.Is(err, errDead) && !drainOver(err) {
				t.Errorf("seed %d: %s: %v", seed, m.name, err)
			}
		}
		verify(t, seed, w, stores)
	})
}

func drainOver(err error) bool { return errors.Is(err, topology.ErrDrain) }

// grow appends data and control records to random lanes.
func (w *world) grow(rng *rand.Rand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range stream.SortedLanes(w.lanes) {
		for range rng.IntN(25) {
			w.lanes[l].recs = append(w.lanes[l].recs, rng.IntN(7) != 0)
		}
	}
}

func (w *world) owned(m *member, lanes []stream.Lane) (ls []stream.Lane) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range lanes {
		if w.owner[l] == m {
			ls = append(ls, l)
			delete(w.owner, l)
		}
	}
	return ls
}

// held lists the lanes of m.
func (w *world) held(m *member, lanes []stream.Lane) (ls []stream.Lane) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range lanes {
		if w.owner[l] == m {
			ls = append(ls, l)
		}
	}
	return ls
}

// settle waits until both stores are at the end of every lane.
func (w *world) settle(t *testing.T, seed uint64, lanes []stream.Lane, stores []*simStore) {
	for range 600 {
		done := true
		w.mu.Lock()
		for _, l := range lanes {
			for _, s := range stores {
				done = done && s.lanes[l].Next.Offset == int64(len(w.lanes[l].recs))
			}
		}
		w.mu.Unlock()
		if done {
			return
		}
		time.Sleep(time.Second)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range lanes {
		if o := w.owner[l]; o != nil {
			o.mu.Lock()
			t.Logf("%v belongs to %s: dead %v, reads at %d of %d lanes, %d orders, positions %+v", l, o.name, o.dead, o.next[l], len(o.next), len(o.cmds), o.p.Positions())
			o.mu.Unlock()
		}
		t.Errorf("seed %d: %v stands at %d and %d of %d", seed, l, stores[0].lanes[l].Next.Offset, stores[1].lanes[l].Next.Offset, len(w.lanes[l].recs))
	}
}

func verify(t *testing.T, seed uint64, w *world, stores []*simStore) {
	for i, s := range stores {
		if s.broken != "" {
			t.Errorf("seed %d: store %d: %s", seed, i, s.broken)
		}
		last, seen := map[string]int64{}, map[string]int{}
		for _, r := range s.rows {
			var lane string
			var off int64
			at := len(r) - 1
			for r[at] != '@' {
				at--
			}
			lane = r[:at]
			fmt.Sscan(r[at+1:], &off)
			if prev, ok := last[lane]; ok && off <= prev { // D1
				t.Errorf("seed %d: store %d: %s after %d", seed, i, r, prev)
			}
			last[lane] = off
			seen[r]++
		}
		dead := map[string]int{}
		for _, d := range s.dead {
			dead[d]++
		}
		for l, x := range w.lanes {
			for o, data := range x.recs {
				id := fmt.Sprintf("%s@%d", l, o)
				want, letters := 0, 0
				switch {
				case data && o%13 == 12:
					letters = i // store 1 is the home
				case data:
					want = 1
				}
				if seen[id] != want || dead[id] != letters {
					t.Errorf("seed %d: store %d has %s %d times and %d dead letters of it, want %d and %d", seed, i, id, seen[id], dead[id], want, letters)
				}
			}
			next := int64(0)
			for _, sp := range s.ledger[l] { // D3
				if sp.From.Offset != next {
					t.Errorf("seed %d: store %d: ledger of %v: span from %d after %d", seed, i, l, sp.From.Offset, next)
				}
				next = sp.To.Offset
			}
		}
	}
}

// simPipeline builds the real engine over simulated parts.
func simPipeline(t *testing.T, w *world, m *member, stores []*simStore, workers int, seed uint64) *topology.Pipeline {
	t.Helper()
	type none struct{}
	type store struct {
		Store int `yaml:"store"`
	}
	r := topology.Registry{
		Sources: []topology.Factory[stream.Source]{topology.New("sim", none{}, func(none, topology.Env) (stream.Source, error) { return m, nil })},
		Raw:     []topology.Factory[stream.Raw]{topology.New("reject", none{}, func(none, topology.Env) (stream.Raw, error) { return reject{}, nil })},
		Gates:   []topology.Factory[stream.Gate]{topology.New("pass", none{}, func(none, topology.Env) (stream.Gate, error) { return pass{}, nil })},
		Sinks:   []topology.Factory[stream.Sink]{topology.New("sim", store{}, func(c store, _ topology.Env) (stream.Sink, error) { return &simSink{stores[c.Store], m}, nil })},
	}
	s, err := topology.Parse(fmt.Appendf(nil, simFile, workers), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Build(s, topology.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Rand: rand.New(rand.NewPCG(seed, 3)),
		Secret: func(string) (string, error) { return "0123456789abcdef0123456789abcdef", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
