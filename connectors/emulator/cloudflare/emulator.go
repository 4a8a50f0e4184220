// Package cloudflare is a Cloudflare account in one process: an HTTP server
// that answers for D1, Queues and KV as the REST API does, keeps what it is
// told, enforces production's limits, and fails on request. `sluice dev` and
// the tests of the sinks talk to it with the product's real client.
//
// D1 is real SQLite (modernc.org/sqlite), one file a database under Dir/d1
// that `sqlite3 -readonly` can open while it runs; queues live in
// Dir/queues.sqlite, KV in Dir/kv.sqlite. Without Dir all is in memory.
//
// Not imitated: replication and its delays, KV's eventual consistency, exact
// rows_read and rows_written (the rows returned and the rows changed stand in),
// import, export and time travel, Workers.
//
// Sources: the paths, bodies and answers that cloudflare-go v7.9.0 uses
// (contract_test.go runs it against this), Cloudflare's limits pages, and what
// the local Workers runtime answers. Error codes marked "assumed" were not seen.
package cloudflare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Options says what the account is like.
type Options struct {
	// Dir keeps everything across restarts; "" keeps it in memory.
	Dir string
	// Account is the account id; "" takes any.
	Account string
	// Token is the API token; "" takes any that is not empty.
	Token string
	// Requests is how many requests are answered in five minutes: 0 means
	// 1,200 as in production, below 0 no limit (dev).
	Requests int
	// Now is the clock of leases, expiry and rate limits; nil is the system's.
	Now func() time.Time
	// Sleep delays the answers of Slow faults; nil is a timer.
	Sleep func(context.Context, time.Duration) error
}

// Emulator is the account. Safe for concurrent use.
type Emulator struct {
	o      Options
	faults faults
	rate   rateLimit

	mu        sync.Mutex
	databases map[string]*database // by id
	queues    *queueStore
	kv        *kvStore
	servers   []*http.Server
}

// New opens what Dir holds, or starts empty.
func New(o Options) (*Emulator, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = timer
	}
	if o.Requests == 0 {
		o.Requests = 1200
	}
	e := &Emulator{o: o, databases: map[string]*database{}, rate: rateLimit{quota: o.Requests}}
	if err := e.open(); err != nil {
		e.Close()
		return nil, fmt.Errorf("cloudflare emulator: %w", err)
	}
	return e, nil
}

func (e *Emulator) open() (err error) {
	if e.o.Dir != "" {
		if err := os.MkdirAll(filepath.Join(e.o.Dir, "d1"), 0o755); err != nil {
			return err
		}
	}
	if e.queues, err = openQueues(e.file("queues.sqlite"), e.o.Now); err != nil {
		return err
	}
	if e.kv, err = openKV(e.file("kv.sqlite"), e.o.Now); err != nil {
		return err
	}
	if e.o.Dir == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(e.o.Dir, "d1", "*.sqlite"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := e.CreateDatabase(strings.TrimSuffix(filepath.Base(f), ".sqlite")); err != nil {
			return err
		}
	}
	return nil
}

// file is a path under Dir, "" in memory.
func (e *Emulator) file(parts ...string) string {
	if e.o.Dir == "" {
		return ""
	}
	return filepath.Join(append([]string{e.o.Dir}, parts...)...)
}

var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

func checkName(what, name string) error {
	if !goodName.MatchString(name) {
		return fmt.Errorf("%s name %q: 1 to 63 letters, digits, - and _", what, name)
	}
	return nil
}

// identity is 32 hexadecimal digits that depend on kind and name alone, so
// that a config written for one run fits the next.
func identity(kind, name string) string {
	h := sha256.Sum256([]byte("sluice " + kind + "\x00" + name))
	return hex.EncodeToString(h[:16])
}

// CreateDatabase makes a D1 database, or finds the one of that name, and
// returns its id, a UUID. Its file is Dir/d1/name.sqlite.
func (e *Emulator) CreateDatabase(name string) (id string, err error) {
	if err := checkName("database", name); err != nil {
		return "", err
	}
	x := identity("d1", name)
	id = strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.databases[id] != nil {
		return id, nil
	}
	d, err := openDatabase(id, name, e.file("d1", name+".sqlite"), e.o.Now)
	if err != nil {
		return "", err
	}
	e.databases[id] = d
	return id, nil
}

// DatabaseFile is the SQLite file of a database, "" in memory or without one.
func (e *Emulator) DatabaseFile(id string) string {
	if d := e.database(id); d != nil {
		return d.path
	}
	return ""
}

func (e *Emulator) database(id string) *database {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.databases[id]
}

// CreateQueue makes a queue, or finds the one of that name, and returns its id.
func (e *Emulator) CreateQueue(name string) (id string, err error) {
	if err := checkName("queue", name); err != nil {
		return "", err
	}
	id = identity("queue", name)
	return id, e.queues.create(id, name)
}

// CreateKV makes a KV namespace, or finds the one of that title, and returns its id.
func (e *Emulator) CreateKV(title string) (id string, err error) {
	if err := checkName("namespace", title); err != nil {
		return "", err
	}
	id = identity("kv", title)
	return id, e.kv.create(id, title)
}

// Serve answers on l until Close. It returns nil after Close.
func (e *Emulator) Serve(l net.Listener) error {
	s := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	e.mu.Lock()
	e.servers = append(e.servers, s)
	e.mu.Unlock()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends servers and closes the files. What was answered is on disk.
func (e *Emulator) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, s := range e.servers {
		errs = append(errs, s.Close())
	}
	for _, d := range e.databases {
		errs = append(errs, d.close())
	}
	if e.queues != nil {
		errs = append(errs, e.queues.db.close())
	}
	if e.kv != nil {
		errs = append(errs, e.kv.db.close())
	}
	return errors.Join(errs...)
}

func timer(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
