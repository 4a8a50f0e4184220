package sinktest

import (
	"errors"
	"slices"

	"sluice/topology/stream"
)

// ledger: the store alone proves that nothing was lost or doubled. // D3
func ledger(w *world) {
	p := w.open()
	aud, ok := p.sink.(stream.Auditor)
	if !ok {
		w.Skip("the sink is no stream.Auditor")
	}
	p.commit(p.stage(w.run(laneA, 0, 4)))
	q := w.open(laneB)
	st := q.stage(w.run(laneB, 0, 3))
	if h, ok := w.store.(LoseReply); ok {
		h.LoseReply(1)
	}
	q.commit(st)
	p.commit(p.stage(w.run(laneA, 4, 9), batch{lane: laneA, from: 9, to: 20}))
	q.commit(q.stage(w.run(laneB, 3, 5)))
	next, seq, written := map[stream.Lane]stream.Position{}, int64(0), int64(0)
	for row, err := range aud.Ledger(w.Context()) {
		if err != nil {
			w.Fatalf("Ledger: %v", err)
		}
		if !row.Count.Balanced() {
			w.Errorf("the ledger row of %v [%d,%d) does not add up: %+v", row.Lane, row.From.Offset, row.To.Offset, row.Count)
		}
		if row.Seq < seq {
			w.Errorf("seq %d after %d", row.Seq, seq)
		}
		if last, ok := next[row.Lane]; ok && last != row.From || !ok && row.From.Offset != 0 {
			w.Errorf("%v goes from %+v, the row before ended at %+v", row.Lane, row.From, last)
		}
		if row.Sink != Sink || row.Commit == "" || row.Plan != "plan-1" || row.Time != 1_700_000_000_000_000 || row.TopicID != "topic-id" {
			w.Errorf("ledger row %+v lacks something", row)
		}
		if n := row.Count.Written; n > 0 && row.Masked != attested(n) || n == 0 && row.Masked != "" {
			w.Errorf("the attestation of %d rows came back as %q", n, row.Masked)
		}
		next[row.Lane], seq = row.To, row.Seq
		written += row.Count.Written
	}
	if next[laneA] != at(20) || next[laneB] != at(5) {
		w.Errorf("the ledger ends at %v", next)
	}
	n, err := aud.Rows(w.Context())
	if err != nil || n >= 0 && n != written {
		w.Errorf("Rows: %d, %v; the ledger promises %d", n, err, written)
	}
	w.check()
}

// deadLetters: refused records are stored once, with the rows of their epoch.
func deadLetters(w *world) {
	p := w.open()
	home, ok := p.sink.(stream.DeadLetters)
	if !ok {
		w.Skip("the sink is no stream.DeadLetters")
	}
	letter := stream.DeadLetter{ID: "conformance/events/0/1/0", Lane: laneA, Offset: 1, Time: 1_700_000_000_000_001, Stage: "decode", Code: "bad_json",
		Field: "note", KeyID: "k1/2026-11-24", Sealed: []byte{0, 1, 0xFF, '"'}}
	second := letter
	second.ID, second.Offset, second.Sealed, second.Field = "conformance/events/0/3/0", 3, nil, ""
	c := p.cut(w.run(laneA, 0, 4))
	c.epoch.Rejects = append(c.epoch.Rejects, letter, second)
	st := p.upload(c)
	if list, err := home.ListDead(w.Context(), 10); err != nil || len(list) != 0 {
		w.Fatalf("before the commit: %d letters, %v", len(list), err)
	}
	if h, ok := w.store.(LoseReply); ok {
		h.LoseReply(1)
	}
	p.commit(st)
	p.commit(st)
	w.want = w.want[:len(st.changes)]
	w.check()
	list, err := home.ListDead(w.Context(), 10)
	if err != nil || len(list) != 2 {
		w.Fatalf("%d letters, %v; want 2", len(list), err)
	}
	if list, err := home.ListDead(w.Context(), 1); err != nil || len(list) != 1 {
		w.Errorf("limit 1: %d letters, %v", len(list), err)
	}
	for _, want := range []stream.DeadLetter{letter, second} {
		got, err := home.GetDead(w.Context(), want.ID)
		if err != nil || !slices.Equal(got.Sealed, want.Sealed) {
			w.Errorf("GetDead: %v; sealed %d bytes, want %d", err, len(got.Sealed), len(want.Sealed))
		}
		got.Sealed, want.Sealed = nil, nil
		if got.ID != want.ID || got.Lane != want.Lane || got.Offset != want.Offset || got.Time != want.Time || got.Code != want.Code || got.Field != want.Field || got.KeyID != want.KeyID || got.Stage != want.Stage {
			w.Errorf("letter %+v, want %+v", got, want)
		}
	}
	if err := home.MarkRedriven(w.Context(), letter.ID, 5); err != nil {
		w.Errorf("MarkRedriven: %v", err)
	}
	if got, err := home.GetDead(w.Context(), letter.ID); err != nil || got.Redriven != 5 || !slices.Equal(got.Sealed, letter.Sealed) {
		w.Errorf("a letter that was sent again: %+v, %v", got, err)
	}
	if got, err := home.GetDead(w.Context(), second.ID); err != nil || got.Redriven != 0 {
		w.Errorf("a letter that was not sent again: %+v, %v", got, err)
	}
	if list, err := home.ListDead(w.Context(), 10); err != nil || len(list) != 1 || list[0].ID != second.ID {
		w.Errorf("%+v, %v are left, want %s", list, err, second.ID)
	}
	if _, err := home.GetDead(w.Context(), "no such letter"); err == nil {
		w.Error("GetDead finds a letter that does not exist")
	}
	if err := home.MarkRedriven(w.Context(), "no such letter", 5); err == nil {
		w.Error("MarkRedriven marks a letter that does not exist")
	}
}

func plans(w *world) {
	p := w.open()
	k, ok := p.sink.(stream.PlanKeeper)
	if !ok {
		w.Skip("the sink is no stream.PlanKeeper")
	}
	text := []byte("sinks:\n- name: \"x\" # é\n")
	for range 2 {
		if err := k.SavePlan(w.Context(), "h1", text); err != nil {
			w.Fatalf("SavePlan: %v", err)
		}
	}
	if err := k.SavePlan(w.Context(), "h2", []byte("other")); err != nil {
		w.Fatalf("SavePlan: %v", err)
	}
	q, _ := w.open().sink.(stream.PlanKeeper)
	if got, err := q.LoadPlan(w.Context(), "h1"); err != nil || string(got) != string(text) {
		w.Errorf("LoadPlan: %q, %v", got, err)
	}
	if _, err := q.LoadPlan(w.Context(), "h3"); err == nil {
		w.Error("LoadPlan finds a plan that was never saved")
	}
	p.commit(p.stage(w.run(laneA, 0, 2)))
	w.check()
}

// progressStore: the progress of a sink whose own store cannot keep it.
func progressStore(w *world) {
	p := w.open()
	ps, ok := p.sink.(stream.ProgressStore)
	if !ok {
		w.Skip("the sink is no stream.ProgressStore")
	}
	load := func(ps stream.ProgressStore) stream.Progress {
		var prog stream.Progress
		if err := again(func() (err error) { prog, err = ps.LoadProgress(w.Context(), "queue", both); return err }); err != nil {
			w.Fatalf("LoadProgress: %v", err)
		}
		return prog
	}
	if prog := load(ps); len(prog.Lanes) != 0 {
		w.Errorf("an empty store has %v", prog.Lanes)
	}
	epoch := func(from, to int64) stream.Epoch {
		c := w.newCut()
		c.epoch.Sink = "queue"
		c.span(stream.Span{Lane: laneA, From: at(from), To: at(to)}, stream.Count{In: to - from, Written: to - from})
		return c.epoch
	}
	swap := func(ps stream.ProgressStore, e stream.Epoch) error {
		return again(func() error { return ps.SwapProgress(w.Context(), e) })
	}
	first := epoch(0, 3)
	if h, ok := w.store.(LoseReply); ok {
		h.LoseReply(1)
	}
	for range 2 {
		if err := swap(ps, first); err != nil {
			w.Fatalf("SwapProgress: %v", err)
		}
	}
	p.commit(p.stage(w.run(laneA, 0, 2))) // the store's own sink has its own progress
	other, _ := w.open().sink.(stream.ProgressStore)
	if n := load(other).Lanes[laneA]; n.Next != at(3) || n.TopicID != "topic-id" {
		w.Errorf("progress is %+v, want 3", n)
	}
	if err := swap(other, epoch(3, 7)); err != nil {
		w.Fatalf("SwapProgress: %v", err)
	}
	claim := epoch(7, 7)
	claim.Plan, claim.PositionsOnly = "plan-2", true
	if err := swap(other, claim); err != nil {
		w.Fatalf("SwapProgress of a claim: %v", err)
	}
	fresh, _ := w.open().sink.(stream.ProgressStore)
	if n := load(fresh).Lanes[laneA]; n.Next != at(7) || n.Under != "plan-2" {
		w.Errorf("progress is %+v, want 7 under plan-2", n)
	}
	if err := swap(fresh, epoch(7, 9)); !errors.Is(err, stream.ErrFenced) { // by plan-1
		w.Errorf("SwapProgress of another plan: %v, want ErrFenced", err)
	}
	for _, e := range []stream.Epoch{epoch(3, 5), epoch(0, 3), epoch(8, 9), epoch(3, 7)} {
		if err := swap(ps, e); !errors.Is(err, stream.ErrFenced) {
			w.Errorf("SwapProgress from %d: %v, want ErrFenced", e.Spans[0].From.Offset, err)
		}
	}
	end := int64(0)
	for row, err := range ps.ProgressLedger(w.Context(), "queue") {
		if err != nil || row.From != at(end) || row.Sink != "queue" || !row.Count.Balanced() {
			w.Fatalf("ledger row %+v, %v; want it from %d", row, err, end)
		}
		end = row.To.Offset
	}
	if end != 7 {
		w.Errorf("the ledger ends at %d, want 7", end)
	}
	w.wantAt(2, -1)
	w.check()
}
