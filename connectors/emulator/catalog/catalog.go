// Package catalog is an Iceberg REST catalog in one process: namespaces and
// table pointers in SQLite (Dir/catalog.sqlite, readable while it runs),
// metadata files in the warehouse, and R2 Data Catalog's limits, refusals and
// failures on request. `sluice dev` and the tests of the Iceberg sink talk to
// it with the product's real client; PyIceberg, DuckDB and Spark attach too.
//
// A commit validates all requirements and writes all metadata files first, then
// swings all pointers in ONE SQLite transaction that compares each with what
// was read. A table name may stand in a transaction once. Updates and
// requirements are iceberg-go's; where Java's TableMetadata is stricter, so is
// check.go, since real catalogs run Java's rules.
//
// Not imitated: views, functions, scan planning, remote signing, ETags, paging
// (everything is one page), purge (it drops the table and leaves the files).
//
// Sources: the Iceberg REST catalog OpenAPI 1.11, iceberg-core's
// CatalogHandlers, Cloudflare's basin-catalog limits page.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Style is how a lost race is told.
type Style uint8

// The styles.
const (
	Standard Style = iota // 409 CommitFailedException
	R2                    // 400 ConcurrentUpdateError
)

// Limits are writes per 60 s; 0 is no limit. What exceeds them is answered 429
// with Retry-After: 60 and not applied.
type Limits struct {
	TransactionsPerMinute    int // of each of createTable, registerTable, commitTransaction
	UpdatesPerTablePerMinute int // of updateTable a table; and of each of the other writes
	WritesPerMinute          int // of all writes
}

// R2Limits are those of R2 Data Catalog.
func R2Limits() Limits { return Limits{10, 20, 120} }

// Files reads and writes metadata files by location. It is safe for concurrent use.
type Files interface {
	Read(ctx context.Context, location string) ([]byte, error)
	// Write makes a new file, whole or not at all.
	Write(ctx context.Context, location string, data []byte) error
	Remove(ctx context.Context, location string) error
}

// Options says what the catalog is like.
type Options struct {
	// Dir holds catalog.sqlite; "" keeps it in memory.
	Dir string
	// Warehouse is where tables go: file:///... or, with Files, s3://bucket/...
	Warehouse string
	// Files reaches the warehouse; nil is the local file system.
	Files Files
	// Token is the bearer token; "" takes any request.
	Token string
	// WarehouseName is what clients must ask /v1/config for, and the prefix of
	// all paths; "" takes any name and has no prefix.
	WarehouseName string
	// TableConfig is the `config` of loadTable and createTable, such as s3.endpoint.
	TableConfig map[string]string
	// Vend answers clients that ask for vended credentials with these, as
	// `storage-credentials` of the warehouse; nil vends none.
	Vend map[string]string

	Limits        Limits
	ConflictStyle Style
	// Now is the clock of limits; nil is the system's.
	Now func() time.Time
}

// Catalog is the catalog; an http.Handler. It is safe for concurrent use.
type Catalog struct {
	o      Options
	files  Files
	db     *store
	faults faults
	limits limiter

	mu      sync.Mutex
	servers []*http.Server
}

// New opens what Dir holds, or starts empty.
func New(o Options) (*Catalog, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	u, err := url.Parse(o.Warehouse)
	if err != nil || u.Scheme == "" || u.Host+u.Path == "" {
		return nil, fmt.Errorf("catalog emulator: warehouse %q: want file:///folder or s3://bucket/path", o.Warehouse)
	}
	o.Warehouse = strings.TrimRight(o.Warehouse, "/")
	c := &Catalog{o: o, files: o.Files}
	if c.files == nil {
		if u.Scheme != "file" {
			return nil, fmt.Errorf("catalog emulator: warehouse %q is not a local folder: Options.Files must reach it", o.Warehouse)
		}
		c.files = localFiles{}
	}
	path := ""
	if o.Dir != "" {
		path = filepath.Join(o.Dir, "catalog.sqlite")
	}
	if c.db, err = openStore(path); err != nil {
		return nil, fmt.Errorf("catalog emulator: %w", err)
	}
	return c, nil
}

// Serve answers on l until Close. It returns nil after Close.
func (c *Catalog) Serve(l net.Listener) error {
	s := &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	c.mu.Lock()
	c.servers = append(c.servers, s)
	c.mu.Unlock()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close releases slow requests, ends servers and closes the database. What was
// answered is on disk.
func (c *Catalog) Close() error {
	c.Heal()
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, s := range c.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.db.close())...)
}

// Snapshot is the state of the catalog now: namespaces and table pointers.
// Metadata files are never changed, so it stays good while they are there.
func (c *Catalog) Snapshot() (State, error) { return c.db.snapshot() }

// Restore puts the catalog back to s, as a store restored from a backup.
func (c *Catalog) Restore(s State) error { return c.db.restore(s) }

// Wipe forgets every namespace and table. Files stay.
func (c *Catalog) Wipe() error { return c.db.restore(State{}) }
