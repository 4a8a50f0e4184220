// Package d1 keeps SQLite replicas in Cloudflare D1: one table a topic, one
// row a key, exactly once.
//
// A commit is ONE request with ONE batch, which D1 runs as one transaction: a
// fence that compares every lane's position with what this process last saw,
// the missing tables and columns, deletes and upserts (rows in JSON texts that
// json_each unfolds), dead letters, ledger rows, positions. A lost fence
// aborts all of it; an unknown outcome is read back. // D2 D6
// D1 takes 1,000 statements in a batch: an epoch with rows for more tables is
// several commits, each with all lanes of some of its topics; see split.
//
// Rows of a topic with a key are folded to one change a key and epoch and are
// upserted or deleted. Rows without a key are appended with their place in the
// log (_partition, _offset, _seq, _op).
//
// Values: booleans and integers are INTEGER, floats REAL, bytes BLOB, all else
// TEXT: decimals with their digits (also unsigned 64-bit integers), dates,
// times and timestamps as ISO 8601, JSON as its text. A type nobody knows yet
// gets no column until a value is seen, then ANY. Tables are STRICT, so that
// SQLite converts nothing, and WITHOUT ROWID unless the key is one integer.
//
// An epoch larger than batch_bytes is brought to _sluice_staged in several
// requests, where nobody reads it, and applied from there by the one batch.
//
// A truncate deletes the table's rows at its place in the log. Its order to
// rows of OTHER lanes is known within one epoch only: a truncate that lags
// behind rows of another partition deletes them. Topics of tables that are
// truncated should have one partition; `truncate: ignore` keeps the rows.
//
// Sources: Cloudflare's d1/platform/limits, SQLite's documentation of STRICT
// tables and json_each.
package d1

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology"
	"sluice/topology/stream"
)

// Config is the sink's YAML.
type Config struct {
	cloudflare.Connection `yaml:",inline"`

	Database string `yaml:"database"` // database id; by a bridge, the name of its binding
	Table    string `yaml:"table"`    // name of a topic's table, of {topic}, {database}, {namespace}, {table}
	Truncate string `yaml:"truncate"` // apply or ignore

	// Evolve is auto, strict or freeze: what happens when the rows' columns are not
	// the table's. auto adds columns, and lets one whose type the table's does not
	// take go on as NAME__TYPE; strict stops there; freeze stops at every change.
	Evolve string `yaml:"evolve" plan:"-"`

	Columns map[string]string `yaml:"columns"` // "table.column": TEXT or ANY, instead of the type's own

	MaxRequestBytes int `yaml:"max_request_bytes" plan:"-"` // of the rows in one statement, at most 1,900,000
	MaxRows         int `yaml:"max_rows" plan:"-"`          // in one statement
	BatchBytes      int `yaml:"batch_bytes" plan:"-"`       // of the rows in one request; larger epochs are brought in parts
}

// Default are the values of fields that are left out.
func Default() Config {
	return Config{Connection: cloudflare.DefaultConnection(), Table: "{table}", Truncate: "apply", Evolve: "auto",
		MaxRequestBytes: 1_800_000, MaxRows: 5_000, BatchBytes: 16_000_000}
}

// Factory makes D1 sinks.
func Factory() topology.Factory[stream.Sink] {
	return topology.New("d1", Default(), Open)
}

// Validate finds mistakes that need no I/O.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf("d1: "+format, a...)) }
	for _, err := range c.Check("D1") {
		bad("%w", err)
	}
	if c.Database == "" {
		bad("database is missing: give the database's id (not its name), as `wrangler d1 list` shows it; by a bridge, the name of its binding")
	}
	if err := checkTemplate(c.Table); err != nil {
		errs = append(errs, err)
	}
	if known := []string{"auto", "strict", "freeze"}; !slices.Contains(known, c.Evolve) {
		bad("evolve: %q is unknown%s", c.Evolve, topology.Suggest(c.Evolve, known))
	}
	if known := []string{"apply", "ignore"}; !slices.Contains(known, c.Truncate) {
		bad("truncate: %q is unknown%s", c.Truncate, topology.Suggest(c.Truncate, known))
	}
	for name, t := range c.Columns {
		if i := strings.LastIndexByte(name, '.'); i <= 0 || i == len(name)-1 {
			bad("columns: %q is not table.column", name)
		}
		if t != sqlText && t != sqlAny {
			bad("columns: %s: %q: only TEXT and ANY can take every value", name, t)
		}
	}
	for _, n := range [...]struct {
		name             string
		value, low, high int
	}{{"max_request_bytes", c.MaxRequestBytes, 1_000, 1_900_000}, {"max_rows", c.MaxRows, 1, 100_000},
		{"batch_bytes", c.BatchBytes, 1_000, 64_000_000}} {
		if n.value < n.low || n.value > n.high {
			bad("%s is %d: %d to %d", n.name, n.value, n.low, n.high)
		}
	}
	return errors.Join(errs...)
}

// Sink is one database. The methods of stream.Sink are called by one
// goroutine; as a ProgressStore, home of dead letters and keeper of plans it
// is called by others as well.
type Sink struct {
	cfg    Config
	env    topology.Env
	client cloudflare.API
	seed   maphash.Seed

	mu      sync.Mutex
	targets map[string]*target       // by the lower case of their name
	bare    map[string]*target       // of truncates that came before any row
	tables  map[string]*stored       // what the database has, by the same
	ready   bool                     // our own tables are there
	ledgers map[string]map[lane]bool // by sink: is the lane in the store, as this process saw it
	tidied  map[string]*tidying      // by sink
	detail  int                      // ledgerDetail
	most    int                      // rowStatements
	partly  map[string]partly        // by sink
}

type lane = stream.Lane

var (
	_ stream.Sink          = (*Sink)(nil)
	_ stream.Auditor       = (*Sink)(nil)
	_ stream.Inspector     = (*Sink)(nil)
	_ stream.DeadLetters   = (*Sink)(nil)
	_ stream.PlanKeeper    = (*Sink)(nil)
	_ stream.ProgressStore = (*Sink)(nil)
	_ stream.Maintainer    = (*Sink)(nil)
)

// Open makes the sink without any request.
func Open(c Config, env topology.Env) (stream.Sink, error) {
	client, err := c.Connection.Open(env)
	if err != nil {
		return nil, fmt.Errorf("d1: %w", err)
	}
	return &Sink{cfg: c, env: env, client: client, seed: maphash.MakeSeed(), targets: map[string]*target{}, bare: map[string]*target{},
		tables: map[string]*stored{}, ledgers: map[string]map[lane]bool{}, tidied: map[string]*tidying{}, detail: ledgerDetail, most: rowStatements, partly: map[string]partly{}}, nil
}

// Close is part of stream.Sink: there is nothing open.
func (s *Sink) Close() error { return nil }
