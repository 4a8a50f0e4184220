package iceberg

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/emulator/catalog"
	"sluice/schemas"
	"sluice/topology/stream"
)

// edit changes a table behind the sink's back.
func (s *store) edit(t testing.TB, k *Sink, name string, f func(tx *table.Transaction) error) {
	t.Helper()
	err := k.update(context.Background(), name, func(_ *table.Table, tx *table.Transaction) error { return f(tx) })
	if err != nil {
		t.Fatal(err)
	}
}

// TestTorn: a table that is ahead of the ledger means that the catalog's
// transaction was not atomic.
func TestTorn(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	commit(t, k, stage(t, k, some(lane0, 0, 3)))
	s.Fail(catalog.Rule{Method: "POST", PathContains: "transactions/commit", Kind: catalog.Torn})
	st := stage(t, k, some(lane0, 3, 3))
	err := k.Commit(context.Background(), []stream.Staged{st})
	if stream.KindOf(err) != stream.KindRetry {
		t.Fatalf("a commit that was applied in part: %v", err)
	}
	wantState(t, again(func() error { return k.Commit(context.Background(), []stream.Staged{st}) }), stream.StateTorn, "orders")
	k2 := s.open(t) // another process sees it too
	recovered(t, k2)
	st = stage(t, k2, some(lane0, 3, 3))
	wantState(t, again(func() error { return k2.Commit(context.Background(), []stream.Staged{st}) }), stream.StateTorn, "intent: true")
}

// TestRewound: a table that went back below what the ledger says.
func TestRewound(t *testing.T) {
	for name, back := range map[string]func(t *testing.T, s *store, k *Sink){
		"rolled back": func(t *testing.T, s *store, k *Sink) { // the properties stay, the branch moves
			tab, _ := k.client.load(context.Background(), "orders")
			first := *tab.CurrentSnapshot().ParentSnapshotID
			s.edit(t, k, "orders", func(tx *table.Transaction) error { return tx.RollbackToSnapshot(first) })
		},
		"stamp gone": func(t *testing.T, s *store, k *Sink) {
			s.edit(t, k, "orders", func(tx *table.Transaction) error {
				return tx.RemoveProperties([]string{stampKey(k.env.Pipeline, k.env.Name)})
			})
		},
		"dropped": func(t *testing.T, s *store, k *Sink) {
			s.drop(t, "orders")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			k := s.open(t)
			recovered(t, k)
			commit(t, k, stage(t, k, some(lane0, 0, 2)))
			commit(t, k, stage(t, k, some(lane0, 2, 2)))
			st := stage(t, k, some(lane0, 4, 2))
			back(t, s, k)
			wantState(t, again(func() error { return k.Commit(context.Background(), []stream.Staged{st}) }), stream.StateRewound, "orders")
			if p := recovered(t, k); p.Lanes[lane0].Next != pos(4) {
				t.Fatalf("progress moved to %+v", p.Lanes[lane0])
			}
		})
	}
}

// TestRewindAccepted: a person takes the table as it is.
func TestRewindAccepted(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	commit(t, k, stage(t, k, some(lane0, 0, 2)))
	commit(t, k, stage(t, k, some(lane0, 2, 2)))
	tab, _ := k.client.load(context.Background(), "orders")
	first := *tab.CurrentSnapshot().ParentSnapshotID
	s.edit(t, k, "orders", func(tx *table.Transaction) error { return tx.RollbackToSnapshot(first) })
	st := stage(t, k, some(lane0, 4, 2))
	wantState(t, again(func() error { return k.Commit(context.Background(), []stream.Staged{st}) }), stream.StateRewound, acceptKey(k.env.Pipeline, k.env.Name))
	s.edit(t, k, "orders", func(tx *table.Transaction) error {
		return tx.SetProperties(iceberg.Properties{acceptKey(k.env.Pipeline, k.env.Name): fmt.Sprint(first)})
	})
	commit(t, k, st)
	if got := offsets(t, k, "orders"); len(got) != 4 {
		t.Fatalf("the table holds %v", got)
	}
	commit(t, k, stage(t, k, some(lane0, 6, 1))) // and goes on
}

// TestForeignWriters: appends and expiry of others do not look like a rewind.
func TestForeignWriters(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	for i := range int64(3) {
		commit(t, k, stage(t, k, some(lane0, 2*i, 2)))
	}
	s.edit(t, k, "orders", func(tx *table.Transaction) error {
		return tx.ExpireSnapshots(table.WithRetainLast(1), table.WithOlderThan(0), table.WithPostCommit(false))
	})
	commit(t, k, stage(t, k, some(lane0, 6, 2)))
	wantOffsets(t, k, "orders", 8, 0)
}

// TestOtherPipelinesTable: two pipelines that do not know of each other.
func TestOtherPipelinesTable(t *testing.T) {
	s := newStore(t)
	a := s.open(t)
	recovered(t, a)
	commit(t, a, stage(t, a, some(lane0, 0, 2)))
	b := s.open(t)
	b.env.Pipeline = "second"
	recovered(t, b)
	e, w := newEpoch(b.env.Name), b.Writer()
	e.Pipeline = "second"
	e.write(t, w, some(lane0, 0, 3))
	e.seal(t, w)
	st := e.upload(t, b)
	wantState(t, again(func() error { return b.Commit(context.Background(), []stream.Staged{st}) }), stream.StateParked, "adopt: true")
	b.cfg.Adopt = true
	commit(t, b, st)
	if n := len(offsets(t, b, "orders")); n != 5 {
		t.Fatalf("%d rows, want 5", n)
	}
	if n, err := b.Rows(context.Background()); err != nil || n != -1 {
		t.Fatalf("Rows of a shared table: %d, %v; want -1", n, err)
	}
}

// TestRowsOfAnOlderTable: what was there before is not ours.
func TestRowsOfAnOlderTable(t *testing.T) {
	s := newStore(t)
	a := s.open(t)
	recovered(t, a)
	commit(t, a, stage(t, a, some(lane0, 0, 5)))
	s.edit(t, a, "orders", func(tx *table.Transaction) error {
		return tx.RemoveProperties([]string{stampKey(a.env.Pipeline, a.env.Name)})
	})
	s.drop(t, ledgerName(a.env.Pipeline))
	b := s.open(t)
	recovered(t, b)
	commit(t, b, stage(t, b, some(lane0, 0, 3)))
	commit(t, b, stage(t, b, some(lane0, 3, 1)))
	if n, err := b.Rows(context.Background()); err != nil || n != 4 {
		t.Fatalf("Rows: %d, %v; want 4", n, err)
	}
}

// TestInstancesOnTheirOwnLanes: two processes commit at the same time, each
// its own lane; a lost race is run again.
func TestInstancesOnTheirOwnLanes(t *testing.T) {
	for _, intent := range []bool{false, true} {
		t.Run(fmt.Sprint("intent ", intent), func(t *testing.T) {
			s := newStore(t, func(c *Config) { c.Intent = intent })
			const epochs, rows = 6, 3
			var wg sync.WaitGroup
			errs := make(chan error, 2)
			var sinks []*Sink
			var staged [2][]stream.Staged
			for i, l := range []stream.Lane{lane0, lane1} {
				k := s.open(t)
				recovered(t, k)
				sinks = append(sinks, k)
				for e := range int64(epochs) {
					staged[i] = append(staged[i], stage(t, k, some(l, e*rows, rows)))
				}
			}
			for i, k := range sinks {
				wg.Go(func() {
					for _, st := range staged[i] {
						if err := again(func() error { return k.Commit(context.Background(), []stream.Staged{st}) }); err != nil {
							errs <- err
							return
						}
					}
				})
			}
			wg.Wait()
			close(errs)
			for err := range errs {
				t.Fatal(err)
			}
			wantOffsets(t, sinks[0], "orders", epochs*rows, epochs*rows)
			n, seq := 0, map[int64]bool{}
			for r, err := range sinks[0].Ledger(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
				n++
				seq[r.Seq] = true
			}
			if n != 2*epochs || len(seq) != 2*epochs {
				t.Fatalf("%d ledger rows with %d seqs, want %d", n, len(seq), 2*epochs)
			}
		})
	}
}

// TestConflicts: what a lost race looks like, and what does not.
func TestConflicts(t *testing.T) {
	for _, c := range []struct {
		name string
		rule rule
		kind stream.ErrorKind
		wait time.Duration
	}{
		{"409", rule{n: 2, status: 409, kind: "CommitFailedException"}, stream.KindNone, 0},
		{"R2 400", rule{n: 2, status: 400, kind: "ConcurrentUpdateError"}, stream.KindNone, 0},
		{"bad request", rule{n: 1, status: 400, kind: "BadRequestException"}, stream.KindFatal, 0},
		{"429", rule{n: 1, status: 429, kind: "TooManyRequestsException", retry: "60"}, stream.KindRetry, time.Minute},
		{"401", rule{n: 1, status: 401, kind: "NotAuthorizedException"}, stream.KindState, 0},
		{"502", rule{n: 1, status: 502}, stream.KindRetry, 0},
		{"502 and done", rule{n: 1, status: 502, after: true}, stream.KindNone, 0},
		{"cut", rule{n: 1}, stream.KindRetry, 0},
		{"cut and done", rule{n: 1, after: true}, stream.KindNone, 0},
		{"endless race", rule{n: 1000, status: 409}, stream.KindRetry, time.Second},
	} {
		// In virtual time: lost races are run again after a pause.
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStore(t, func(c *Config) { c.Compression = "none" }) // the reader's zstd pool lives outside of the bubble
				k := s.open(t)
				recovered(t, k)
				commit(t, k, stage(t, k, some(lane0, 0, 1)))
				s.fail(c.rule)
				st := stage(t, k, some(lane0, 1, 2))
				err := k.Commit(context.Background(), []stream.Staged{st})
				if stream.KindOf(err) != c.kind {
					t.Fatalf("Commit: %v, want %v", err, c.kind)
				}
				var re *stream.RetryError
				if errors.As(err, &re) && re.After < c.wait {
					t.Fatalf("wait %v, want %v", re.After, c.wait)
				}
				s.heal()
				commit(t, k, st)
				wantOffsets(t, k, "orders", 3, 0)
			})
		})
	}
}

// TestLimiter: never more commits in a minute than the catalog takes.
func TestLimiter(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Catalog.CommitsPerMinute = 2 })
	k := s.open(t)
	now := time.Unix(1000, 0)
	k.env.Now = func() time.Time { return now }
	recovered(t, k)
	for i := range int64(2) {
		if err := k.Commit(context.Background(), []stream.Staged{stage(t, k, some(lane0, i, 1))}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(10 * time.Second)
	}
	st := stage(t, k, some(lane0, 2, 1))
	var re *stream.RetryError
	if err := k.Commit(context.Background(), []stream.Staged{st}); !errors.As(err, &re) || re.After != 40*time.Second {
		t.Fatalf("third commit: %v, want a wait of 40 s", err)
	}
	now = now.Add(re.After)
	if err := k.Commit(context.Background(), []stream.Staged{st}); err != nil {
		t.Fatal(err)
	}
	r2 := newStore(t).cfg
	r2.Catalog.URI = "https://catalog.cloudflarestorage.com/acc/bucket"
	c, err := newClient(&r2, testEnv(t))
	if err != nil || c.limit.perMinute != 10 {
		t.Fatalf("R2: %d a minute, %v", c.limit.perMinute, err)
	}
}

// TestNoTransactions: a catalog that cannot is told apart from one that failed.
func TestNoTransactions(t *testing.T) {
	s := newStore(t)
	s.noTransactions = true
	k := s.open(t)
	recovered(t, k)
	st := stage(t, k, some(lane0, 0, 2))
	wantState(t, k.Commit(context.Background(), []stream.Staged{st}), stream.StateParked, "intent: true")
	k.cfg.Intent = true
	commit(t, k, st)
	wantOffsets(t, k, "orders", 2, 0)
}

// TestIntentFinished: a process dies between the intent and the tables; the
// next one finishes it, the dead one's come-back adds nothing.
func TestIntentFinished(t *testing.T) {
	items := schemaOf("shop.public.items", "items", col("*id", schemas.Int64))
	ilane := stream.Lane{Topic: "shop.public.items"}
	two := func(from int64) []*stream.Batch {
		return []*stream.Batch{some(lane0, from, 2), batchOf(ilane, from, from+1, items, record1{offset: from, values: map[string]any{"id": from}})}
	}
	for _, fault := range []rule{{n: 100, status: 503, match: "/orders"}, {n: 100, status: 503, match: "/items"}, {n: 1, after: true, match: "/orders"}, {n: 1, status: 409, match: "/items"}} {
		t.Run(fmt.Sprintf("%+v", fault), func(t *testing.T) {
			s := newStore(t, func(c *Config) { c.Intent = true })
			k := s.open(t)
			recovered(t, k)
			commit(t, k, stage(t, k, two(0)...))
			s.fail(fault)
			st := stage(t, k, two(2)[0], batchOf(ilane, 1, 2, items, record1{offset: 1, values: map[string]any{"id": 1}}))
			err := k.Commit(context.Background(), []stream.Staged{st})
			if err != nil && stream.KindOf(err) != stream.KindRetry {
				t.Fatal(err)
			}
			s.heal()
			k2 := s.open(t) // Recover finishes
			if p := recovered(t, k2); p.Lanes[lane0].Next != pos(4) || p.Lanes[ilane].Next != pos(2) {
				t.Fatalf("recovered %+v", p.Lanes)
			}
			wantOffsets(t, k2, "orders", 4, 0)
			wantOffsets(t, k2, "items", 2, 0)
			if err := again(func() error { return k.Commit(context.Background(), []stream.Staged{st}) }); err != nil {
				t.Fatalf("the first one's come-back: %v", err)
			}
			commit(t, k2, stage(t, k2, some(lane0, 4, 1)))
			wantOffsets(t, k2, "orders", 5, 0)
			wantOffsets(t, k2, "items", 2, 0)
		})
	}
}

// TestCrashBeforeCommit: files that were uploaded and never committed are in
// no table.
func TestCrashBeforeCommit(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	stage(t, k, some(lane0, 0, 5))
	k2 := s.open(t)
	if p := recovered(t, k2); len(p.Lanes) != 0 {
		t.Fatalf("recovered %+v", p.Lanes)
	}
	commit(t, k2, stage(t, k2, some(lane0, 0, 3)))
	wantOffsets(t, k2, "orders", 3, 0)
	if n := s.files(t, "orders"); n != 2 {
		t.Fatalf("%d files on disk, want the orphan and the live one", n)
	}
}

// TestLedgerOfAnOlderVersion: a ledger table without the newest columns gets
// them with the next commit, and its rows are read.
func TestLedgerOfAnOlderVersion(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	if err := k.create(t.Context(), ledgerName(k.env.Pipeline), ledgerColumns[:19]); err != nil {
		t.Fatal(err)
	}
	recovered(t, k)
	const text = `{"policy":"p","rows":1,"values":{"keep":1}}`
	for i := range int64(2) {
		x := newEpoch(k.env.Name)
		x.Spans = []stream.LedgerSpan{{Span: stream.Span{Lane: lane0, From: pos(i), To: pos(i + 1)}, Count: stream.Count{In: 1, Filtered: 1}}}
		if i == 1 {
			x.Spans[0].Masked = text
		}
		commit(t, k, stream.Staged{Format: 1, Epoch: x.Epoch})
	}
	var got []string
	for r, err := range k.Ledger(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Masked)
	}
	if len(got) != 2 || got[0] != "" || got[1] != text {
		t.Errorf("%q", got)
	}
}

// TestMetadataStaysSmall: the ledger does not grow a snapshot a commit for ever.
func TestMetadataStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("100 commits")
	}
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	e := func(i int64) stream.Staged {
		x := newEpoch(k.env.Name)
		x.Spans = []stream.LedgerSpan{{Span: stream.Span{Lane: lane0, From: pos(i), To: pos(i + 1)}, Count: stream.Count{In: 1, Filtered: 1}}}
		return stream.Staged{Format: 1, Epoch: x.Epoch}
	}
	for i := range int64(110) {
		commit(t, k, e(i))
	}
	led, _ := k.client.load(context.Background(), ledgerName(k.env.Pipeline))
	if n := len(led.Metadata().Snapshots()); n > 100 {
		t.Fatalf("%d snapshots", n)
	}
	if err := k.tryJoin(context.Background()); err != nil {
		t.Fatal(err)
	}
	led, _ = k.client.load(context.Background(), ledgerName(k.env.Pipeline))
	if tasks, err := led.Scan().PlanFiles(context.Background()); err != nil || len(tasks) != 1 {
		t.Fatalf("%d files after joining, %v", len(tasks), err)
	}
	commit(t, k, e(110)) // and goes on
	next := int64(0)
	for r, err := range k.Ledger(context.Background()) {
		if err != nil || r.From.Offset != next || r.Seq != next+1 {
			t.Fatalf("row %+v, %v; want from %d", r, err, next)
		}
		next = r.To.Offset
	}
	if next != 111 {
		t.Fatalf("the ledger ends at %d", next)
	}
}

// TestSnapshotsExpire: a data table keeps the last snapshots and all rows, and
// is not taken for one that was rolled back.
func TestSnapshotsExpire(t *testing.T) {
	for _, edit := range []func(*Config){func(*Config) {}, func(c *Config) { c.Intent = true }, func(c *Config) { c.FormatVersion = 3 }} {
		s := newStore(t, edit, func(c *Config) { c.KeepSnapshots = 10 })
		k := s.open(t)
		recovered(t, k)
		for i := range int64(25) {
			commit(t, k, stage(t, k, some(lane0, i, 1)))
		}
		tab, _ := k.client.load(context.Background(), "orders")
		if n := len(tab.Metadata().Snapshots()); n > 12 {
			t.Fatalf("%d snapshots", n)
		}
		wantOffsets(t, k, "orders", 25, 0)
	}
}

// TestRefusedAtTheDoor: what a person sees of a wrong address or token.
func TestRefusedAtTheDoor(t *testing.T) {
	s := newR2(t)
	s.cfg.Catalog.Warehouse = "other"
	_, err := s.open(t).Recover(context.Background(), nil)
	wantState(t, err, stream.StateParked, "catalog.uri, warehouse")
	s = newR2(t)
	s.cfg.Catalog.Token = ""
	_, err = s.open(t).Recover(context.Background(), nil)
	wantState(t, err, stream.StateParked, "catalog.token")
	s = newStore(t)
	env := testEnv(t)
	env.Secret = func(string) (string, error) { return "", errors.New("T is not set") }
	s.cfg.Catalog.Token = "env:T"
	if _, err := Open(s.cfg, env); err == nil || stream.KindOf(err) != stream.KindFatal || err.Error() != "catalog: T is not set" {
		t.Fatalf("a missing secret: %v", err)
	}
}

// TestVanishedLane: a lane this process saw and the ledger does not know any
// more is not new: starting anew would write everything twice.
func TestVanishedLane(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	commit(t, k, stage(t, k, some(lane0, 0, 3)))
	text, err := newRecord(k.env.Pipeline, k.env.Name).encode()
	if err != nil {
		t.Fatal(err)
	}
	s.edit(t, k, ledgerName(k.env.Pipeline), func(tx *table.Transaction) error {
		return tx.SetProperties(iceberg.Properties{progressKey(k.env.Name): text})
	})
	s.edit(t, k, "orders", func(tx *table.Transaction) error { // not what is tested
		return tx.RemoveProperties([]string{stampKey(k.env.Pipeline, k.env.Name)})
	})
	for range 2 {
		st := stage(t, k, some(lane0, 0, 3))
		if err := again(func() error { return k.Commit(context.Background(), []stream.Staged{st}) }); !errors.Is(err, stream.ErrFenced) {
			t.Fatalf("Commit: %v, want ErrFenced", err)
		}
		recovered(t, k)
	}
	wantOffsets(t, k, "orders", 3, 0)
}

// TestRebasedLane: a commit that was done does not count as new because a
// person took the lane back to where it began.
func TestRebasedLane(t *testing.T) {
	s := newStore(t)
	k := s.open(t)
	recovered(t, k)
	st := stage(t, k, some(lane0, 0, 3))
	commit(t, k, st)
	back := newEpoch(k.env.Name)
	back.Spans, back.PositionsOnly = []stream.LedgerSpan{{Span: stream.Span{Lane: lane0, From: pos(3), To: pos(0)}, TopicID: "made anew"}}, true
	commit(t, k, stream.Staged{Format: 1, Epoch: back.Epoch})
	old := st
	old.Spans = []stream.LedgerSpan{st.Spans[0]}
	old.Spans[0].TopicID = ""
	if err := k.Commit(context.Background(), []stream.Staged{old}); !errors.Is(err, stream.ErrFenced) {
		t.Fatalf("the old commit again: %v, want ErrFenced", err)
	}
	fresh := stage(t, k, some(lane0, 0, 2)) // of the old topic: a process that does not know yet
	if err := k.Commit(context.Background(), []stream.Staged{fresh}); !errors.Is(err, stream.ErrFenced) {
		t.Fatalf("an epoch of the old topic: %v, want ErrFenced", err)
	}
	fresh.Spans[0].TopicID = "made anew"
	commit(t, k, fresh)
	if n := len(offsets(t, k, "orders")); n != 5 {
		t.Fatalf("%d rows, want 5", n)
	}
}
