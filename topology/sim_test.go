package topology_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/topology"
	"sluice/topology/stream"
)

var (
	histories = flag.Int("histories", 2000, "how many simulated histories TestSimulation runs")
	firstSeed = flag.Uint64("first", 1, "the first of them")
	only      = flag.Uint64("seed", 0, "run this history only")
)

// TestSimulation runs the real engine through seeded histories of everything
// that goes wrong, two processes and two or three stores, in virtual time:
// crashes, zombies, lost replies, moving and growing lanes, retention, topics
// made anew, stores wiped, restored, slow and refusing, stages that refuse,
// plans that change. Every offset has to be settled once in every store, rows
// exactly as the ledger says and in order, and the last lane to its end. // D1 D2 D3 D5 D6
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
		simulate(t, *firstSeed+seed)
		if t.Failed() {
			t.Fatalf("reproduce: go test ./topology -run TestSimulation -seed %d", *firstSeed+seed)
		}
	}
	t.Logf("%d histories", n)
}

const simFile = `
id: sim
source: {sim: {}}
stages: [{reject: {}}, {pass: {}}]
sinks:
- {name: a, commit: {every: 700ms}, sim: {store: 0}}
- {name: b, commit: {every: 1s}, sim: {store: 1}}
dead_letters: {home: b, key: "env:K"}
engine: {budget: 16MiB, drain: 10s}
`

// history is one simulated run.
type history struct {
	t      *testing.T
	rng    *rand.Rand
	w      *world
	stores []*simStore
	live   []*member
	boots  int
	plans  int
	before string            // the file of the plan before
	files  map[string]string // by plan
	moved  bool              // a store went back: two sinks may know an offset under two plans
	stuck  bool              // something happened that only a restart mends
}

func simulate(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		defer func() { // a Fatal too
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		}()
		rng := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(rand.New(rand.NewPCG(seed, 2)))
		w.faults.Store(true)
		w.weight = []int64{20, 20, 300 << 10, 3 << 20}[rng.IntN(4)]
		w.slow = []int{0, 0, 40, 400}[rng.IntN(4)]
		h := &history{t: t, rng: rng, w: w, files: map[string]string{}, stores: []*simStore{newSimStore(w), newSimStore(w), newSimStore(w)}, live: make([]*member, 2)}
		w.file = strings.Replace(simFile, "name: b,", []string{"name: b,", "name: b, start: like a,", "name: b, start: latest,"}[rng.IntN(3)], 1)
		if rng.IntN(2) == 0 {
			w.file = strings.Replace(w.file, "id: sim", "id: sim\nscale: group", 1)
		} else {
			h.stores[rng.IntN(3)].pieces = seed%2 == 0
		}
		for p := range int32(1 + rng.IntN(4)) {
			w.lanes[stream.Lane{Topic: "t", Partition: p}] = newSimLane("t1")
		}
		if rng.IntN(2) == 0 {
			h.grow()
		}
		h.boot(0)
		h.boot(1)
		w.move(h.lanes(), h.live[0], false)
		for range 6 + rng.IntN(14) {
			h.grow()
			time.Sleep(time.Duration(rng.IntN(1200)) * time.Millisecond)
			h.revive()
			h.step(rng.IntN(22))
		}
		h.settle()
		for _, m := range w.all {
			m.cancel()
			select {
			case <-m.ended:
			case <-time.After(time.Hour):
				t.Fatalf("%s does not end", m.name)
			}
			h.expect(m)
		}
		h.verify()
	})
}

func (h *history) lanes() []stream.Lane {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	return stream.SortedLanes(h.w.lanes)
}

func (h *history) boot(i int) {
	h.boots++
	m := newMember(h.w, fmt.Sprint("m", h.boots))
	m.p = simPipeline(h.t, h.w, m, h.stores, 1+h.rng.IntN(3), h.rng.Uint64())
	h.live[i] = m
	h.files[m.p.Plan()] = h.w.file
	if l := h.w.leader; l == nil || l.isDead() || l.isEnded() || h.rng.IntN(3) == 0 {
		h.w.lead(m, time.Duration(h.rng.IntN(3))*time.Second)
	}
	m.start()
}

func (h *history) restart(i int, kill bool) {
	m := h.live[i]
	if kill {
		m.mu.Lock()
		m.dead = true
		m.mu.Unlock()
	}
	owned := h.w.owned(m, h.lanes())
	m.cancel()
	if !kill {
		select {
		case <-m.ended:
		case <-time.After(time.Hour):
			h.t.Fatalf("%s does not end", m.name)
		}
	}
	h.boot(i)
	h.w.move(owned, h.live[i], false)
}

// revive restarts processes that ended.
func (h *history) revive() {
	for i, m := range h.live {
		select {
		case <-m.ended:
			h.expect(m)
			if m.err != nil && strings.Contains(m.err.Error(), "sluice align") {
				h.alignBefore(m.err)
				return
			}
			h.restart(i, false)
		default:
		}
	}
}

func (m *member) isDead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

func (m *member) isEnded() bool {
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

// expect checks why a process ended.
func (h *history) expect(m *member) {
	if *only != 0 {
		h.t.Logf("%s ended: %v", m.name, m.err)
	}
	if err := m.err; err != nil && !errors.Is(err, errDead) && !errors.Is(err, topology.ErrDrain) && !strings.Contains(err.Error(), "moved by an instance") && !strings.Contains(err.Error(), errFatal.Error()) && !strings.Contains(err.Error(), "a table refuses rows of it") && !strings.Contains(err.Error(), "sluice align") {
		h.t.Errorf("%s: %v", m.name, err)
	}
}

// mend is a person who runs both repairs over everything, beside the processes.
func (h *history) mend() {
	p := simPipeline(h.t, h.w, newMember(h.w, "fixer"), h.stores, 1, h.rng.Uint64())
	all := func(stream.Lane) bool { return true }
	for _, do := range []func(context.Context, func(stream.Lane) bool) ([]topology.Repaired, error){p.Rebase, p.AcceptLoss} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		_, err := do(ctx, all)
		for err != nil && (stream.KindOf(err) == stream.KindRetry || errors.Is(err, stream.ErrFenced)) {
			_, err = do(ctx, all) // says so, and the person tries again
		}
		if err != nil && !errors.Is(err, errFatal) && stream.KindOf(err) != stream.KindState && ctx.Err() == nil {
			h.t.Errorf("repair: %v", err)
		}
		cancel()
	}
}

// grow appends data and control records to random lanes.
func (h *history) grow() {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	for _, l := range stream.SortedLanes(h.w.lanes) {
		for range h.rng.IntN(25) {
			h.w.lanes[l].recs = append(h.w.lanes[l].recs, h.rng.IntN(7) != 0)
		}
	}
}

// owned takes the lanes of m out of the group.
func (w *world) owned(m *member, lanes []stream.Lane) []stream.Lane {
	ls := w.held(m, lanes)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range ls {
		delete(w.owner, l)
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

// settle mends what is broken and waits until every store is at the end of
// every lane.
func (h *history) settle() {
	w := h.w
	w.faults.Store(false)
	w.fatal.Store(0)
	w.mu.Lock()
	clear(w.refused)
	for _, s := range h.stores {
		s.stated = time.Time{}
		clear(s.apart)
	}
	w.mu.Unlock()
	h.revive()
	if h.stuck {
		h.restart(0, h.rng.IntN(2) == 0)
		h.restart(1, h.rng.IntN(2) == 0)
	}
	lanes := h.lanes()
	w.move(w.owned(nil, lanes), h.live[0], false)
	for range 40 {
		for range 15 {
			if h.atEnd(lanes) {
				return
			}
			time.Sleep(time.Second)
		}
		h.revive()
		h.mend()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range lanes {
		h.t.Errorf("%v stands at %d, %d and %d of %d", l, h.stores[0].lanes[l].Next.Offset, h.stores[1].lanes[l].Next.Offset, h.stores[2].lanes[l].Next.Offset, len(w.lanes[l].recs))
		if o := w.owner[l]; o != nil {
			o.mu.Lock()
			h.t.Logf("it belongs to %s: dead %v, reads at %d (%v), %d orders, positions %+v, %v", o.name, o.dead, o.next[l], o.next, len(o.orders), o.p.Positions(), o.err)
			o.mu.Unlock()
		}
	}
}

func (h *history) atEnd(lanes []stream.Lane) bool {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	for _, l := range lanes {
		for i, s := range h.stores {
			x := h.w.lanes[l]
			if (i < 2 || strings.Contains(h.w.file, "name: c")) && (s.lanes[l].TopicID != x.id || s.lanes[l].Next.Offset != int64(len(x.recs))) {
				return false
			}
		}
	}
	return true
}

type noop struct{}

func (noop) Process(c stream.Clean) (stream.Clean, error) { return c, nil }

// simPipeline builds the real engine over simulated parts.
func simPipeline(t *testing.T, w *world, m *member, stores []*simStore, workers int, seed uint64) *topology.Pipeline {
	t.Helper()
	type none struct{}
	type store struct {
		Store int `yaml:"store"`
	}
	r := topology.Registry{
		Sources: []topology.Factory[stream.Source]{topology.New("sim", none{}, func(none, topology.Env) (stream.Source, error) { return m, nil })},
		Raw:     []topology.Factory[stream.Raw]{topology.New("reject", none{}, func(none, topology.Env) (stream.Raw, error) { return reject{w}, nil })},
		Gates:   []topology.Factory[stream.Gate]{topology.New("pass", none{}, func(none, topology.Env) (stream.Gate, error) { return pass{}, nil })},
		Stages:  []topology.Factory[stream.Stage]{topology.New("noop", none{}, func(none, topology.Env) (stream.Stage, error) { return noop{}, nil })},
		Sinks: []topology.Factory[stream.Sink]{topology.New("sim", store{}, func(c store, _ topology.Env) (stream.Sink, error) {
			k := &simSink{s: stores[c.Store], m: m, known: map[stream.Lane]bool{}}
			if w.forget {
				return forgetful{k}, nil
			}
			if w.before != nil {
				return late{k}, nil
			}
			return k, nil
		})},
	}
	file := strings.Replace(w.file, "engine: {", fmt.Sprintf("engine: {workers: %d, ", workers), 1)
	s, err := topology.Parse([]byte(file), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if *only != 0 {
		log = slog.New(slog.NewTextHandler(t.Output(), nil)).With("process", m.name)
	}
	p, err := r.Build(s, topology.Env{
		Log: log, Now: time.Now, Rand: rand.New(rand.NewPCG(seed, 3)),
		Secret: func(string) (string, error) { return "0123456789abcdef0123456789abcdef", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
