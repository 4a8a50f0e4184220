// Package iceberg is the sink that appends changelog rows to Apache Iceberg
// tables behind a REST catalog, exactly once and atomically over all tables.
//
//   - Writers keep rows as typed columns, one buffer a table and partition.
//   - Upload joins the buffers of all workers, writes one Parquet file a table
//     (and partition), and stages what describes them: invisible, plain data.
//   - Commit makes one catalog transaction of the ledger table and every
//     touched table. The ledger's head is the fence; its property is the
//     progress that is compared and set, lane by lane. // D2 D6
//
// The ledger table is _sluice_PIPELINE: a row for each lane and commit. Data
// tables carry a stamp, the ledger seq that wrote them last: a stamp ahead of
// the ledger is a transaction that was not atomic (TORN), one behind it a
// table that was rolled back (REWOUND).
//
// Sources: Iceberg spec v2 and v3, Iceberg REST catalog spec, Cloudflare's
// limits of R2 Data Catalog. Errors name tables, columns and codes, never
// values. // P1
package iceberg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/topology"
	"sluice/topology/stream"
)

// Factory makes the sink from YAML.
func Factory() topology.Factory[stream.Sink] { return topology.New("iceberg", Default(), open) }

func open(cfg Config, env topology.Env) (stream.Sink, error) { return Open(cfg, env) }

// Sink writes one pipeline's rows. The methods of stream.Sink follow its rules;
// those of the optional interfaces may be called by anybody at any time.
type Sink struct {
	cfg    Config
	env    topology.Env
	client *client
	files  column.Options
	rand   *rand.Rand // under mu

	mu      sync.Mutex // what goes to the ledger is one at a time
	ledger  string     // uuid of the ledger table that was seen, or ""
	seen    map[string]map[stream.Lane]bool
	applied string // commit id of the last intent this process saw applied whole
	suspect int    // commits in a row that found a table torn or rewound

	known   sync.Mutex // tables
	tables  map[string]knownTable
	uploads int64
}

// knownTable is a table as it was when it was loaded last.
type knownTable struct {
	t  *table.Table
	at time.Time
}

// knownFor is how long a loaded table serves for where files go: the
// credentials that a catalog vends live longer. Commits always load anew.
const knownFor = 5 * time.Minute

var (
	_ stream.Sink          = (*Sink)(nil)
	_ stream.Auditor       = (*Sink)(nil)
	_ stream.DeadLetters   = (*Sink)(nil)
	_ stream.PlanKeeper    = (*Sink)(nil)
	_ stream.ProgressStore = (*Sink)(nil)
	_ stream.Inspector     = (*Sink)(nil)
	_ stream.OneCommitter  = (*Sink)(nil)
)

// Open checks cfg; the catalog is first asked by Recover.
func Open(cfg Config, env topology.Env) (*Sink, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	files, err := cfg.encoding()
	if err != nil {
		return nil, err
	}
	c, err := newClient(&cfg, env)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(1, 1))
	if env.Rand != nil {
		r = rand.New(rand.NewPCG(env.Rand.Uint64(), env.Rand.Uint64())) // env's is not ours alone
	}
	return &Sink{cfg: cfg, env: env, client: c, files: files, rand: r, seen: map[string]map[stream.Lane]bool{}, tables: map[string]knownTable{}}, nil
}

// OneCommitter is part of stream.OneCommitter: catalogs bear few commits a
// minute (R2 Data Catalog: ten), whoever makes them.
func (s *Sink) OneCommitter() {}

// Close is part of stream.Sink.
func (s *Sink) Close() error { return s.client.close() }

// Recover is part of stream.Sink. A commit that another process began table by
// table is finished first. The answer has every lane the store knows.
func (s *Sink) Recover(ctx context.Context, lanes []stream.Lane) (stream.Progress, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known.Lock()
	clear(s.tables) // another's column may be why lanes are read again
	s.known.Unlock()
	return s.recover(ctx, s.env.Name)
}

func (s *Sink) recover(ctx context.Context, sink string) (stream.Progress, error) {
	led, rec, err := s.readLedger(ctx, sink)
	if err != nil || led == nil {
		return rec.Progress, err
	}
	if rec.Intent != nil {
		if err := s.finish(ctx, rec.Intent); err != nil {
			return rec.Progress, err
		}
	}
	s.saw(sink, rec)
	return rec.Progress, nil
}

// Inspect is part of stream.Inspector.
func (s *Sink) Inspect(ctx context.Context) (stream.Progress, error) {
	t, err := s.client.load(ctx, ledgerName(s.env.Pipeline))
	if err != nil || t == nil {
		return newRecord(s.env.Pipeline, s.env.Name).Progress, err
	}
	rec, err := decodeRecord(t.Properties()[progressKey(s.env.Name)], s.env.Pipeline, s.env.Name)
	return rec.Progress, err
}

// saw remembers which lanes the store has: one that vanishes later is not new.
func (s *Sink) saw(sink string, rec record) {
	if s.seen[sink] == nil {
		s.seen[sink] = map[stream.Lane]bool{}
	}
	for l := range rec.Progress.Lanes {
		s.seen[sink][l] = true
	}
}

// readLedger loads the ledger table and a sink's record. No ledger at all is a
// pipeline that never ran, unless this process saw one: then the store was
// wiped, and going on would write everything twice (was lost). // D2
func (s *Sink) readLedger(ctx context.Context, sink string) (*table.Table, record, error) {
	none := newRecord(s.env.Pipeline, sink)
	name := ledgerName(s.env.Pipeline)
	t, err := s.client.load(ctx, name)
	if err != nil {
		return nil, none, err
	}
	switch {
	case t == nil && s.ledger == "":
		return nil, none, nil
	case t == nil || s.ledger != "" && t.Metadata().TableUUID().String() != s.ledger:
		return nil, none, &stream.StateError{State: stream.StateParked, Why: "the ledger table " + name + " that this process wrote is gone or was made anew",
			Todo: "restore the catalog; or, to begin anew, drop the data tables too and restart"}
	}
	rec, err := decodeRecord(t.Properties()[progressKey(sink)], s.env.Pipeline, sink)
	if err != nil {
		return nil, none, &stream.StateError{State: stream.StateParked, Why: "table " + name + ": " + err.Error(), Todo: "use the version of Sluice that wrote it"}
	}
	s.ledger = t.Metadata().TableUUID().String()
	return t, rec, nil
}

// openLedger is readLedger, and makes the table if there never was one.
func (s *Sink) openLedger(ctx context.Context, sink string) (*table.Table, record, error) {
	t, rec, err := s.readLedger(ctx, sink)
	if err != nil || t != nil {
		return t, rec, err
	}
	if err := s.create(ctx, ledgerName(s.env.Pipeline), ledgerColumns); err != nil {
		return nil, rec, err
	}
	return s.readLedger(ctx, sink)
}

// create makes one of the sink's own tables.
func (s *Sink) create(ctx context.Context, name string, fields []column.Field) error {
	_, err := s.client.create(ctx, name, newSchema(fields), iceberg.UnpartitionedSpec, iceberg.Properties{
		table.PropertyFormatVersion:               "2",
		table.ManifestMergeEnabledKey:             "true",
		table.MetadataDeleteAfterCommitEnabledKey: "true",
		table.MetadataPreviousVersionsMaxKey:      "20",
		"comment":                                 "kept by sluice pipeline " + s.env.Pipeline + ": do not write",
	})
	return err
}

// table is a data table as it was loaded not long ago, or nil if it is not there.
func (s *Sink) table(ctx context.Context, name string) (*table.Table, error) {
	s.known.Lock()
	k := s.tables[name]
	s.known.Unlock()
	if k.t != nil && s.env.Now().Sub(k.at) < knownFor {
		return k.t, nil
	}
	return s.reload(ctx, name)
}

// reload asks the catalog.
func (s *Sink) reload(ctx context.Context, name string) (*table.Table, error) {
	t, err := s.client.load(ctx, name)
	if err != nil {
		return nil, err
	}
	s.known.Lock()
	defer s.known.Unlock()
	if t == nil {
		delete(s.tables, name)
		return nil, nil
	}
	s.tables[name] = knownTable{t, s.env.Now()}
	return t, nil
}

// forget drops what is known of tables.
func (s *Sink) forget(names ...string) {
	s.known.Lock()
	defer s.known.Unlock()
	for _, n := range names {
		delete(s.tables, n)
	}
}

// each calls f for 0 to n-1, up to cfg.Parallel at once, and waits for all.
// worker tells the calls apart that run at the same time. The error is the
// first that is no passing one, else the first.
func (s *Sink) each(n int, f func(worker, i int) error) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		next int
		errs []error
	)
	work := func(worker int) {
		defer wg.Done()
		for {
			mu.Lock()
			i := next
			next++
			stop := len(errs) > 0
			mu.Unlock()
			if i >= n || stop {
				return
			}
			if err := f(worker, i); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		}
	}
	workers := min(n, s.cfg.Parallel)
	if s.env.Spawn == nil {
		workers = min(n, 1)
	}
	wg.Add(workers)
	for w := 1; w < workers; w++ {
		s.env.Spawn(func() { work(w) })
	}
	if workers > 0 {
		work(0)
	}
	wg.Wait()
	for _, err := range errs {
		if stream.KindOf(err) != stream.KindRetry {
			return err
		}
	}
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// pause waits a little, with jitter, before a lost race is run again.
func (s *Sink) pause(ctx context.Context, try int) error {
	most := min(2*time.Second, 20*time.Millisecond<<min(try, 7))
	t := time.NewTimer(most/4 + time.Duration(s.rand.Int64N(int64(most))))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// letterID is the stable id of a refused row.
func letterID(pipeline string, l stream.Lane, offset int64, seq int32) string {
	return fmt.Sprintf("%s/%s/%d/%d", pipeline, l, offset, seq)
}

var errGone = errors.New("not found")
