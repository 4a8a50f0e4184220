package d1

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// TestContractSplit runs the contract with a transaction for every topic of an epoch.
func TestContractSplit(t *testing.T) {
	split := func(t testing.TB) sinktest.Store { return splitAccount{newAccount(t)} }
	t.Run("Append", func(t *testing.T) { sinktest.Run(t, split) })
	t.Run("Replica", func(t *testing.T) { sinktest.Run(t, split, sinktest.Replica()) })
}

type splitAccount struct{ *account }

func (a splitAccount) Open(t testing.TB) stream.Sink {
	s := a.account.sink(t)
	s.most = 1
	return s
}

// failAfter arms a fault for the commit behind the next skip ones.
func (a *account) failAfter(k emulator.Kind, skip int) {
	if a.edge != nil {
		a.t.Skip("the line to the edge does not choose")
	}
	a.emu.Fail(emulator.Fault{Kind: k, Skip: skip, Match: func(r *http.Request) bool { return r.Header.Get("X-Commit") != "" }})
}

// tables are as many topics of a table each, and a commit of all of them: a row
// that comes and one that goes.
func (b *bench) tables(n int, id string) (stream.Epoch, []stream.Part) {
	w := b.s.Writer()
	var cs []stream.Clean
	for i := range n {
		t := schema(fmt.Sprintf("t%04d", i), key("id", schemas.Int64), col("a", schemas.String))
		c := b.clean(t, int32(i%3), ins(id, `"x"`), del("7", ""))
		b.write(w, c)
		cs = append(cs, c)
	}
	return b.seal(cs, w)
}

const allTables = `SELECT count(*), count(DISTINCT seq), sum(written + folded = "in"), (SELECT count(*) FROM _sluice_offsets WHERE next = 2), (SELECT count(*) FROM _sluice_staged), (SELECT count(*) FROM t0000) + (SELECT count(*) FROM t0599) FROM _sluice_ledger`

// TestSplit (it parked the sink for ever): a commit of more tables than one
// transaction has statements for is several, all of it once, from the payload and
// from what was brought.
func TestSplit(t *testing.T) {
	for _, brought := range []int{16_000_000, 1_000} {
		b := newBench(t, func(c *Config) { c.BatchBytes = brought })
		b.ok(b.finish(b.tables(600, "1")))
		b.is(allTables, `[[600,2,600,600,0,2]]`)
	}
}

// TestSplitHalfDone: what is done of a commit is found done by the next try of
// this process, and the rest follows, whichever of its requests failed, and how.
func TestSplitHalfDone(t *testing.T) {
	for _, brought := range []int{16_000_000, 1_000} {
		for _, k := range []emulator.Kind{emulator.LoseReply, emulator.Cut, emulator.Status503} {
			for first := range 2 {
				b := newBench(t, func(c *Config) { c.BatchBytes = brought })
				b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null")))) // our own tables are there
				e, parts := b.tables(600, "1")
				_, err := b.s.Recover(t.Context(), stream.SortedLanes(b.at))
				b.ok(err)
				st, err := b.s.Upload(t.Context(), e, parts)
				b.ok(err)
				b.a.failAfter(k, first)
				for try := 0; ; try++ {
					if err = b.s.Commit(t.Context(), []stream.Staged{st}); stream.KindOf(err) != stream.KindRetry || try == 5 {
						break
					}
				}
				b.ok(err)
				b.is(allTables, `[[601,3,601,600,0,2]]`)
			}
		}
	}
}

// TestSplitIsNotSentAgain (a database that was busy got more to do with each try): what
// is done of a commit is not sent again while the rest is tried.
func TestSplitIsNotSentAgain(t *testing.T) {
	b := newBench(t)
	e, parts := b.tables(600, "1")
	_, err := b.s.Recover(t.Context(), stream.SortedLanes(b.at))
	b.ok(err)
	st, err := b.s.Upload(t.Context(), e, parts)
	b.ok(err)
	b.a.failAfter(emulator.Status503, 1)
	if err := b.s.Commit(t.Context(), []stream.Staged{st}); stream.KindOf(err) != stream.KindRetry {
		t.Fatal(err)
	}
	for _, want := range []int{1, 2} { // the share that failed; then, of a commit that is done, both are looked at, and each is read back
		b.a.commits = 0
		b.ok(b.s.Commit(t.Context(), []stream.Staged{st}))
		if b.a.commits != want {
			t.Errorf("%d shares were sent, want %d", b.a.commits, want)
		}
	}
	b.is(allTables, `[[600,2,600,600,0,2]]`)
}

// TestSplitAnotherProcess: a process that reads the store after a crash between
// the requests of a commit finds each lane where its rows are.
func TestSplitAnotherProcess(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null"))))
	e, parts := b.tables(600, "1")
	_, err := b.s.Recover(t.Context(), stream.SortedLanes(b.at))
	b.ok(err)
	st, err := b.s.Upload(t.Context(), e, parts)
	b.ok(err)
	b.a.failAfter(emulator.Cut, 1)
	if err := b.s.Commit(t.Context(), []stream.Staged{st}); stream.KindOf(err) != stream.KindRetry {
		t.Fatal(err)
	}
	p, err := b.a.sink(t).Recover(t.Context(), stream.SortedLanes(b.at))
	b.ok(err)
	done := 0
	for _, sp := range e.Spans {
		at, ok := p.Lanes[sp.Lane]
		name, _ := cloudflare.Int(b.a.query(t, `SELECT count(*) FROM sqlite_master m JOIN _sluice_ledger g ON g.topic = 'shop.public.' || m.name WHERE g.topic = ?1`, sp.Lane.Topic)[0].Rows[0][0])
		if ok != (name == 1) || ok && at.Next != sp.To {
			t.Errorf("%v stands at %+v, its ledger has %d rows", sp.Lane, at, name)
		}
		if ok {
			done++
		}
	}
	if done != 450 {
		t.Errorf("%d lanes are done, want 450", done)
	}
}

// TestSplitRefused: a table that refuses its rows holds the lanes of its topic, and
// what was brought for a commit that is dropped half way goes.
func TestSplitRefused(t *testing.T) {
	b := newBench(t, func(c *Config) { c.BatchBytes = 1_000 })
	b.ok(b.finish(b.tables(600, "1")))
	b.is(`CREATE TRIGGER stop BEFORE INSERT ON t0599 BEGIN SELECT RAISE(ABORT, 'no'); END`, `[]`)
	e, parts := b.tables(600, "2")
	err := b.finish(e, parts)
	apart, is := errors.AsType[*stream.ApartError](err)
	if !is || len(apart.States) != 1 || len(apart.States[0].Lanes) != 1 || apart.States[0].Lanes[0].Topic != "shop.public.t0599" {
		t.Fatal(err)
	}
	b.is(`SELECT next, count(*) FROM _sluice_offsets GROUP BY next`, `[[2,150],[4,450]]`)
	b.is(`SELECT count(*) FROM _sluice_staged`, `[[0]]`)
}

// TestSplitOfOneTopic (all lanes of the sink stood): a topic whose rows alone are more
// than a transaction takes holds its own lanes.
func TestSplitOfOneTopic(t *testing.T) {
	for _, brought := range []int{16_000_000, 1_000} {
		b := newBench(t, func(c *Config) { c.BatchBytes, c.MaxRows = brought, 1 })
		big := schema("big", key("id", schemas.Int64), col("a", schemas.String))
		var rs []rec
		for i := range 1_100 {
			rs = append(rs, ins(fmt.Sprint(i), `"x"`))
		}
		cs := []stream.Clean{b.clean(big, 0, rs[:600]...), b.clean(big, 1, rs[600:]...), b.clean(items, 0, ins("1", "null", "null"))}
		err := b.commit(cs...)
		apart, is := errors.AsType[*stream.ApartError](err)
		if !is || len(apart.States) != 1 || len(apart.States[0].Lanes) != 2 || apart.States[0].Lanes[0].Topic != big.Topic {
			t.Fatal(err)
		}
		b.parked(err, "takes 1")
		b.is(`SELECT count(*) FROM _sluice_staged`, `[[0]]`)
		b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null"))))
	}
}
