// Package catalog is an Iceberg REST catalog in one process, over SQLite and a
// folder: `sluice dev` and the tests of the Iceberg sink talk to it with the
// product's real client, and DuckDB, Spark or PyIceberg can attach to it.
//
// It speaks the Iceberg REST catalog API v1 (apache/iceberg
// open-api/rest-catalog-open-api.yaml): config, namespaces, tables, commits, and
// transactions/commit, which is atomic: all requirements are checked, all
// metadata files written, then one SQLite transaction swings every pointer.
// Requirements and updates are those of iceberg-go's table package.
//
// It enforces R2 Data Catalog's write limits and answers its errors if told so,
// and fails on request. Not there: views, staged creation, remote signing.
package catalog

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver
)

// Options of a catalog.
type Options struct {
	Dir           string // holds catalog.sqlite
	Warehouse     string // file:///absolute/folder
	WarehouseName string // the name clients give; "" takes any
	Token         string // bearer token; "" takes any
	Now           func() time.Time
	Limits        Limits
	R2Conflicts   bool // a lost race is HTTP 400 ConcurrentUpdateError, as R2 answers, not 409
}

// Limits of writes a minute; R2's are 10, 20 and 120. Zero is none.
type Limits struct {
	Transactions    int // transactions/commit and createTable, each
	UpdatesPerTable int
	Writes          int
}

// Catalog answers requests. Safe for concurrent use; writes are one at a time.
type Catalog struct {
	opt Options
	db  *sql.DB

	mu     sync.Mutex
	spaces map[string]map[string]string // namespace (levels joined by .) to properties
	tables map[string]*pointer          // namespace.table
	rules  []*Rule
	writes map[string][]time.Time
}

// pointer is a table's current metadata.
type pointer struct {
	location string // of the metadata file
	meta     table.Metadata
}

const schema = `
CREATE TABLE IF NOT EXISTS namespaces (name TEXT PRIMARY KEY, properties TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tables (name TEXT PRIMARY KEY, metadata_location TEXT NOT NULL) STRICT;`

// New opens what Dir holds, or starts empty.
func New(o Options) (*Catalog, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if !strings.HasPrefix(o.Warehouse, "file:///") {
		return nil, fmt.Errorf("warehouse %q: want file:///absolute/folder", o.Warehouse)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(o.Dir, "catalog.sqlite")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_pragma=synchronous(NORMAL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	c := &Catalog{opt: o, db: db, writes: map[string][]time.Time{}}
	if _, err = db.Exec(schema); err == nil {
		err = c.read()
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return c, nil
}

// Close closes the files.
func (c *Catalog) Close() error { return c.db.Close() }

// read fills memory from SQLite and the metadata files.
func (c *Catalog) read() error {
	c.spaces, c.tables = map[string]map[string]string{}, map[string]*pointer{}
	rows, err := c.db.Query("SELECT name, properties FROM namespaces")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, props string
		if err := rows.Scan(&name, &props); err != nil {
			return err
		}
		m := map[string]string{}
		if err := json.Unmarshal([]byte(props), &m); err != nil {
			return err
		}
		c.spaces[name] = m
	}
	if err := rows.Err(); err != nil {
		return err
	}
	locations := map[string]string{}
	trows, err := c.db.Query("SELECT name, metadata_location FROM tables")
	if err != nil {
		return err
	}
	defer trows.Close()
	for trows.Next() {
		var name, location string
		if err := trows.Scan(&name, &location); err != nil {
			return err
		}
		locations[name] = location
	}
	for name, location := range locations {
		p, err := os.ReadFile(strings.TrimPrefix(location, "file://"))
		if err != nil {
			return err
		}
		m, err := table.ParseMetadataBytes(p)
		if err != nil {
			return fmt.Errorf("%s: %w", location, err)
		}
		c.tables[name] = &pointer{location, m}
	}
	return trows.Err()
}

// store writes the metadata files of changed tables, then swings all pointers
// in one transaction. c.mu is held.
func (c *Catalog) store(changed map[string]*pointer) error {
	for _, p := range changed {
		text, err := json.Marshal(p.meta)
		if err != nil {
			return err
		}
		file := strings.TrimPrefix(p.location, "file://")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	tx, err := c.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for name, p := range changed {
		if _, err := tx.Exec("INSERT INTO tables VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET metadata_location = ?2", name, p.location); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	maps.Copy(c.tables, changed)
	return nil
}

// State is the catalog's pointers at a moment: a backup.
type State struct{ tables map[string]*pointer }

// Snapshot remembers the pointers; the files stay where they are.
func (c *Catalog) Snapshot() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{maps.Clone(c.tables)}
}

// Restore takes the catalog back to s, as an operator who restores a backup.
func (c *Catalog) Restore(s State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.db.Exec("DELETE FROM tables"); err != nil {
		return err
	}
	c.tables = map[string]*pointer{}
	return c.store(maps.Clone(s.tables))
}

// Wipe forgets all namespaces and tables.
func (c *Catalog) Wipe() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.db.Exec("DELETE FROM tables; DELETE FROM namespaces")
	c.tables, c.spaces = map[string]*pointer{}, map[string]map[string]string{}
	return err
}

// apiError is an error in the API's own form.
type apiError struct {
	status int
	kind   string
	text   string
	retry  string
}

func (e *apiError) Error() string { return e.text }

func refuse(status int, kind, format string, a ...any) error {
	return &apiError{status: status, kind: kind, text: fmt.Sprintf(format, a...)}
}

func answer(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/json")
	var e *apiError
	switch {
	case err == nil && out == nil:
		w.WriteHeader(http.StatusNoContent)
	case err == nil:
		json.NewEncoder(w).Encode(out)
	case !errors.As(err, &e):
		e = &apiError{status: 500, kind: "InternalServerError", text: err.Error()}
		fallthrough
	default:
		if e.retry != "" {
			w.Header().Set("Retry-After", e.retry)
		}
		w.WriteHeader(e.status)
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": e.text, "type": e.kind, "code": e.status}})
	}
}

// levels is a namespace as it stands in a path: levels joined by the unit
// separator, percent-encoded.
func levels(segment string) []string {
	s, err := url.PathUnescape(segment)
	if err != nil {
		s = segment
	}
	return strings.Split(s, "\x1f")
}

func join(ns []string) string { return strings.Join(ns, ".") }

// limited takes one from a budget of n a minute, or refuses as R2 does. c.mu is held.
func (c *Catalog) limited(what string, n int) error {
	if n == 0 {
		return nil
	}
	now := c.opt.Now()
	recent := c.writes[what][:0]
	for _, t := range c.writes[what] {
		if now.Sub(t) < time.Minute {
			recent = append(recent, t)
		}
	}
	if len(recent) >= n {
		c.writes[what] = recent
		return &apiError{status: http.StatusTooManyRequests, kind: "TooManyRequestsException", text: what + ": " + fmt.Sprint(n) + " a minute", retry: "60"}
	}
	c.writes[what] = append(recent, now)
	return nil
}

// metadataFile is the next metadata file of a table, named as the Iceberg spec has it.
func metadataFile(m table.Metadata, version int) string {
	return fmt.Sprintf("%s/metadata/%05d-%s.metadata.json", strings.TrimSuffix(m.Location(), "/"), version, uuid.NewString())
}

// versionOf reads the number a metadata file begins with.
func versionOf(location string) (n int) {
	fmt.Sscanf(location[strings.LastIndexByte(location, '/')+1:], "%d-", &n)
	return n
}
