package d1

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/topology"
	"sluice/topology/stream"
)

const day = int64(24 * 60 * 60 * 1_000_000)

// ledgers writes a ledger of n commits to lanes 0 and 1, one of them to lane 2: of
// three days and two plans, with a loss that a person accepted.
func ledgers(t *testing.T, n int) *bench {
	b := newBench(t)
	at := map[int32]int64{}
	for i := range n {
		e := stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: fmt.Sprint("c", i), Plan: "p", Cluster: "k", Time: 100*day + int64(i)*3*day/int64(n)}
		if i >= n/2 {
			e.Plan = "q"
		}
		for part := range int32(3) {
			if part == 2 && i != 1 {
				continue
			}
			sp := stream.LedgerSpan{Span: stream.Span{Lane: lane{Topic: "t", Partition: part}, From: stream.Position{Offset: at[part], Epoch: int32(i)}, To: stream.Position{Offset: at[part] + 3, Epoch: int32(i + 1)}},
				TopicID: "id", Count: stream.Count{In: 3, Written: 1, Folded: 1, Rejected: 1}, Masked: `{"policy":"x","rows":2,"values":{"hash":2,"keep":4}}`}
			if i == n/3 && part == 1 {
				sp.Count, sp.Masked = stream.Count{In: 3, Lost: 3}, ""
			}
			at[part] += 3
			e.Spans = append(e.Spans, sp)
		}
		if i == n/2 { // the new plan claims its lanes first
			claim := e
			claim.PositionsOnly, claim.Commit, claim.Spans = true, "claim", slices.Clone(e.Spans)
			for j := range claim.Spans {
				claim.Spans[j].To, claim.Spans[j].Count, claim.Spans[j].Masked = claim.Spans[j].From, stream.Count{}, ""
			}
			b.ok(b.finish(claim, nil))
		}
		b.ok(b.finish(e, nil))
	}
	return b
}

// join joins all that is old enough, and returns behind what the next time begins.
func (b *bench) join() (to int64, err error) {
	b.t.Helper()
	x, err := b.s.beginJoining(b.t.Context(), sinktest.Sink, -1)
	for done := false; !done && err == nil; {
		done, err = b.s.joinPage(b.t.Context(), sinktest.Sink, x)
	}
	if err != nil {
		return -1, err
	}
	return x.to, nil
}

// proof is the audit without what joining changes: how many rows the ledger has.
func (b *bench) proof() string {
	b.t.Helper()
	a, err := topology.RunAudit(b.t.Context(), sinktest.Pipeline, []string{sinktest.Sink}, []stream.Sink{b.s})
	b.ok(err)
	for i := range a.Sinks {
		a.Sinks[i].Commits = 0
		for j := range a.Sinks[i].Lanes {
			a.Sinks[i].Lanes[j].Spans = 0
		}
	}
	p, _ := json.Marshal(a)
	if !a.OK {
		b.t.Errorf("%s", p)
	}
	return string(p)
}

// TestLedgerIsJoined (grew without end, to the 10 GB of a database): old rows become
// few, and prove what they proved before. // D3
func TestLedgerIsJoined(t *testing.T) {
	b := ledgers(t, 40)
	want := b.proof()
	var lanes []lane
	for p := range int32(3) {
		lanes = append(lanes, lane{Topic: "t", Partition: p})
	}
	before, err := b.s.Recover(t.Context(), lanes)
	b.ok(err)
	newest := `SELECT json_group_array(json_array(seq, part, start, next, "commit")) FROM (SELECT * FROM _sluice_ledger ORDER BY seq DESC, part LIMIT 10)`
	detail, _ := json.Marshal(b.a.query(t, newest)[0].Rows)
	b.s.detail = 10
	for range 2 { // again changes nothing
		if _, err := b.join(); err != nil {
			t.Fatal(err)
		}
		if got := b.proof(); got != want {
			t.Errorf("the audit says\n%s, it said\n%s", got, want)
		}
		b.is(newest, string(detail))
		// Of lane 0: three days, one of which has a change of plans in it. Lane 1 has a
		// loss besides, lane 2 one row.
		b.is(`SELECT part, count(*) FROM _sluice_ledger WHERE seq < (SELECT max(seq) - 5 FROM _sluice_ledger) GROUP BY part`, `[[0,4],[1,5],[2,1]]`)
		b.is(`SELECT count(*) FROM _sluice_masked m WHERE NOT EXISTS (SELECT 1 FROM _sluice_ledger g WHERE g.seq = m.seq AND g.part = m.part)`, `[[0]]`)
	}
	if after, err := b.s.Recover(t.Context(), lanes); err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%v, %v, it was %v", after, err, before)
	}
}

// TestLedgerIsJoinedOnce: of two processes that join the same rows one changes
// nothing, and so does one that gets no answer.
func TestLedgerIsJoinedOnce(t *testing.T) {
	b := ledgers(t, 30)
	want := b.proof()
	b.s.detail = 4
	late := joiner{at: map[lane]*joinedRow{}}
	rows, err := b.s.pageOf(t.Context(), sinktest.Sink, stream.LedgerRow{Seq: -1}, 20, tidyRows)
	b.ok(err)
	for _, r := range rows {
		late.take(r)
	}
	if b.a.emu != nil {
		for _, k := range []emulator.Kind{emulator.Cut, emulator.LoseReply} {
			b.a.emu.Fail(emulator.Fault{Kind: k, Skip: 2})
			if _, err := b.join(); err == nil {
				t.Errorf("fault %v met nothing", k)
			}
			if got := b.proof(); got != want {
				t.Errorf("the audit says\n%s, it said\n%s", got, want)
			}
		}
	}
	_, err = b.join()
	b.ok(err)
	if err := b.s.replace(t.Context(), sinktest.Sink, &late); err == nil || !strings.Contains(err.Error(), "sluice_joined_before") {
		t.Errorf("rows were joined twice: %v", err)
	}
	if got := b.proof(); got != want {
		t.Errorf("the audit says\n%s, it said\n%s", got, want)
	}
}

// TestJoiningUntoldRows (the audit failed for ever of rows joined on the day of
// an upgrade): rows that were stored before attestations were are not joined to ones
// with them, which would attest too few.
func TestJoiningUntoldRows(t *testing.T) {
	b := ledgers(t, 40)
	b.a.query(t, `DELETE FROM _sluice_masked WHERE seq < 9 OR seq = 12`)
	want := b.proof()
	b.s.detail = 4
	_, err := b.join()
	b.ok(err)
	if got := b.proof(); got != want {
		t.Errorf("the audit says\n%s, it said\n%s", got, want)
	}
	b.is(`SELECT count(*) < 16 FROM _sluice_ledger WHERE part = 0`, `[[1]]`) // of 41
}

// TestJoiningPastAWrongClock (behind one commit of the year to come nothing was ever
// done with, and once that was 20 pages nothing behind them was joined): a day that is
// over is one that another follows, whichever it is.
func TestJoiningPastAWrongClock(t *testing.T) {
	b := ledgers(t, 40)
	b.a.query(t, `UPDATE _sluice_ledger SET time = time + 366 * 86400000000 WHERE seq = (SELECT min(seq) + 5 FROM _sluice_ledger)`)
	b.s.detail = 4
	to, err := b.join()
	b.ok(err)
	b.is(fmt.Sprintf(`SELECT count(*) FROM _sluice_ledger WHERE seq > %d AND time >= %d`, to, 103*day), `[[0]]`)
	b.is(fmt.Sprintf(`SELECT count(DISTINCT time / %d) FROM _sluice_ledger WHERE seq > %d`, day, to), `[[1]]`)
}

// TestJoiningHidesNothing (a span that stored more than went through the gate was told
// by the audit until its neighbour, which stored less, was joined to it): what the
// audit says is wrong it says behind the joining too. // D3 P1
func TestJoiningHidesNothing(t *testing.T) {
	for name, change := range map[string]string{
		"attestation": `UPDATE _sluice_masked SET text = replace(text, '"rows":2', '"rows":' || CASE seq % 2 WHEN 0 THEN 1 ELSE 3 END) WHERE seq IN (4, 5)`,
		"count":       `UPDATE _sluice_ledger SET written = written + CASE seq % 2 WHEN 0 THEN -1 ELSE 1 END WHERE seq IN (4, 5)`,
	} {
		t.Run(name, func(t *testing.T) {
			b := ledgers(t, 40)
			b.a.query(t, change)
			audit := func() bool {
				a, err := topology.RunAudit(t.Context(), sinktest.Pipeline, []string{sinktest.Sink}, []stream.Sink{b.s})
				b.ok(err)
				return a.OK
			}
			if audit() {
				t.Fatal("nothing is wrong")
			}
			b.s.detail = 4
			_, err := b.join()
			b.ok(err)
			if audit() {
				t.Error("what was wrong is no more")
			}
		})
	}
}

// joinedMeanwhile reads its ledger in small pages, and behind the second of them,
// once, another process joins old rows.
type joinedMeanwhile struct {
	*Sink
	join func()
}

func (s *joinedMeanwhile) Ledger(ctx context.Context) iter.Seq2[stream.LedgerRow, error] {
	return func(yield func(stream.LedgerRow, error) bool) {
		last := stream.LedgerRow{Seq: -1}
		for page := 0; ; page++ {
			if page == 2 && s.join != nil {
				s.join()
				s.join = nil
			}
			rows, err := s.pageOf(ctx, sinktest.Sink, last, 1<<40, 7)
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
				last = r
			}
			if err != nil || len(rows) < 7 {
				if err != nil {
					yield(last, err)
				}
				return
			}
		}
	}
}

// TestAuditMeetsJoining (it failed once, of a store in which nothing was wrong): rows
// that are joined between two pages of an audit are no overlap; one that is there is. // D3
func TestAuditMeetsJoining(t *testing.T) {
	b := ledgers(t, 40)
	b.s.detail = 4
	met := false
	s := &joinedMeanwhile{b.s, func() {
		_, err := b.join()
		b.ok(err)
		met = true
	}}
	audit := func() topology.Audit {
		a, err := topology.RunAudit(t.Context(), sinktest.Pipeline, []string{sinktest.Sink}, []stream.Sink{s})
		b.ok(err)
		return a
	}
	if a := audit(); !a.OK || !met {
		t.Errorf("met %v: %+v", met, a.Sinks)
	}
	b.a.query(t, `UPDATE _sluice_ledger SET start = start - 1, "in" = "in" + 1, written = written + 1 WHERE part = 0 AND seq = (SELECT max(seq) FROM _sluice_ledger)`)
	if a := audit(); a.OK {
		t.Error("a span that overlaps the one before is nothing to the audit")
	}
}

// TestTidyIsRare: it looks behind some commits of a process, and then behind many; no
// commit waits for it.
func TestTidyIsRare(t *testing.T) {
	b := ledgers(t, 0)
	l := lane{Topic: "t"}
	_, err := b.s.Recover(t.Context(), []lane{l})
	b.ok(err)
	calls := b.a.calls
	for i := range int64(ledgerFirst + 20) {
		e := stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: fmt.Sprint("c", i), Plan: "p", Time: day,
			Spans: []stream.LedgerSpan{{Span: stream.Span{Lane: l, From: stream.Position{Offset: i}, To: stream.Position{Offset: i + 1}}, Count: stream.Count{In: 1, Filtered: 1}}}}
		b.ok(b.s.Commit(t.Context(), []stream.Staged{{Format: 1, Epoch: e}}))
		if n := b.a.calls - calls; n != 1 {
			t.Errorf("commit %d takes %d requests", i, n)
		}
		calls = b.a.calls
		b.s.Maintain(t.Context())
		if n := b.a.calls - calls; n != 0 && i != ledgerFirst-1 || n > 1 {
			t.Errorf("%d requests behind commit %d", n, i)
		}
		calls = b.a.calls
	}
}

// TestTidyIsBounded (20 pages of the ledger were read and written behind one commit):
// it takes a page a time, or twice what is added, and comes to the end where more lanes
// than a page has rows have old rows.
func TestTidyIsBounded(t *testing.T) {
	b := newBench(t)
	const lanes, commits = 2*tidyRows + 100, 4
	var all []lane
	for p := range int32(lanes) {
		all = append(all, lane{Topic: "t", Partition: p})
	}
	_, err := b.s.Recover(t.Context(), all)
	b.ok(err)
	for i := range int64(commits) {
		e := stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: fmt.Sprint("c", i), Plan: "p", Time: day}
		for _, l := range all {
			e.Spans = append(e.Spans, stream.LedgerSpan{Span: stream.Span{Lane: l, From: stream.Position{Offset: i}, To: stream.Position{Offset: i + 1}}, Count: stream.Count{In: 1, Filtered: 1}})
		}
		b.ok(b.s.Commit(t.Context(), []stream.Staged{{Format: 1, Epoch: e}}))
	}
	want := b.proof()
	b.s.detail = 1
	x := b.s.tidied[sinktest.Sink]
	x.added, x.fresh = ledgerTidy, tidyRows
	pages, ends := 0, commits*lanes/tidyRows+1
	for ; pages == 0 || x.job != nil; pages++ {
		calls := b.a.calls
		b.ok(b.s.tidy(t.Context(), sinktest.Sink))
		if n := b.a.calls - calls; n > 2 && pages > 0 || n > 5 || pages > ends {
			t.Fatalf("%d requests at a time, the %d. time", n, pages+1)
		}
	}
	if got := b.proof(); got != want {
		t.Errorf("the audit says\n%s, it said\n%s", got, want)
	}
	b.is(`SELECT count(*), count(DISTINCT part) FROM _sluice_ledger WHERE seq < (SELECT max(seq) FROM _sluice_ledger)`, fmt.Sprintf(`[[%d,%d]]`, lanes, lanes))
}
