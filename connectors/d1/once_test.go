package d1

import (
	"errors"
	"net/http"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/topology/stream"
)

// TestStartTwiceIsOneLedgerRow: a span without length is at its From when it
// is applied, so that positions alone do not tell that it was.
func TestStartTwiceIsOneLedgerRow(t *testing.T) {
	b := newBench(t)
	l := lane{Topic: items.Topic}
	at := stream.Position{Offset: 5}
	st := []stream.Staged{{Format: 1, Epoch: stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: "start",
		Spans: []stream.LedgerSpan{{Span: stream.Span{Lane: l, From: at, To: at}}}}}}
	_, err := b.s.Recover(t.Context(), []lane{l})
	b.ok(err)
	b.ok(b.s.Commit(t.Context(), st))
	b.ok(b.s.Commit(t.Context(), st)) // the reply was lost
	b.is(`SELECT count(*), max(seq) FROM _sluice_ledger`, `[[1,1]]`)
}

// TestLedgerOfAnOlderVersion: a database without the newest of our tables is
// read, and gets it with the next commit.
func TestLedgerOfAnOlderVersion(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null"))))
	b.is(`DROP TABLE _sluice_masked`, `[]`)
	b.is(`DROP TABLE _sluice_under`, `[]`)
	rows := 0
	for r, err := range b.s.Ledger(t.Context()) {
		b.ok(err)
		if rows++; r.Masked != "" || r.Count.Written != 1 {
			t.Errorf("%+v", r)
		}
	}
	if rows != 1 {
		t.Errorf("%d rows", rows)
	}
}

// TestOffsetsOfAnOlderVersion: lanes that no plan was written down for are where
// they are, and get it with the next commit.
func TestOffsetsOfAnOlderVersion(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null"))))
	b.is(`DROP TABLE _sluice_under`, `[]`)
	p, err := b.s.Inspect(t.Context())
	b.ok(err)
	for l, at := range p.Lanes {
		if at.Next.Offset != 1 || at.Under != "" {
			t.Errorf("%v stands at %+v", l, at)
		}
	}
	if len(p.Lanes) != 1 {
		t.Errorf("%d lanes", len(p.Lanes))
	}
	b.ok(b.commit(b.clean(items, 1, ins("2", "null", "null"))))
	b.is(`SELECT count(*) FROM _sluice_under`, `[[1]]`)
}

// TestLostReplyIsReadBack: one call finds out by itself that it was applied.
func TestLostReplyIsReadBack(t *testing.T) {
	for _, k := range []emulator.Kind{emulator.LoseReply, emulator.LoseReply502} {
		b := newBench(t)
		b.a.emu.Fail(emulator.Fault{Kind: k, Match: func(r *http.Request) bool { return r.Header.Get("X-Commit") != "" }})
		b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null"))))
		b.is(`SELECT count(*) FROM _sluice_ledger`, `[[1]]`)
	}
}

// TestOlderVersionMovesALane (its rows were taken for those of the plan that had
// claimed the lane): what an older version commits behind a claim is of the
// older version's plan, which it writes to the ledger alone.
func TestOlderVersionMovesALane(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null"))))
	l, at := lane{Topic: items.Topic}, stream.Position{Offset: 1}
	swap := func(commit, plan string, from, to stream.Position) error {
		return b.s.SwapProgress(t.Context(), stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: commit, Plan: plan,
			PositionsOnly: from == to, Spans: []stream.LedgerSpan{{Span: stream.Span{Lane: l, From: from, To: to}}}})
	}
	b.ok(swap("claim", "new", at, at))
	b.is(`DELETE FROM _sluice_ledger WHERE "commit" <> 'claim'`, `[]`)
	b.is(`UPDATE _sluice_ledger SET seq = 9, "commit" = 'older', plan = 'old', next = 2`, `[]`)
	b.is(`UPDATE _sluice_offsets SET seq = 9, "commit" = 'older', next = 2`, `[]`)
	b.is(`UPDATE _sluice_progress SET seq = 9, "commit" = 'older', plan = 'old'`, `[]`)
	p, err := b.s.Recover(t.Context(), []lane{l})
	b.ok(err)
	if got := p.Lanes[l]; got.Under != "old" || got.Next.Offset != 2 {
		t.Errorf("the lane stands at %+v, want 2 under old", got)
	}
	two, three := stream.Position{Offset: 2}, stream.Position{Offset: 3}
	if err := swap("rows", "new", two, three); !errors.Is(err, stream.ErrFenced) {
		t.Errorf("rows of the other plan: %v, want ErrFenced", err)
	}
	b.ok(swap("more", "old", two, three)) // or it would be fenced for ever
}
