package cloudflare

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// file is a SQLite database with one connection: callers hold mu.
type file struct {
	mu   sync.Mutex
	pool *sql.DB
	conn *sql.Conn
}

// openFile opens or makes path; "" is in memory. Commits survive a kill of
// the process (WAL, synchronous NORMAL), as those of the local Workers runtime.
func openFile(path string) (*file, error) {
	dsn := ":memory:"
	if path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		dsn = "file:" + (&url.URL{Path: filepath.ToSlash(abs)}).EscapedPath()
	}
	pool, err := sql.Open("sqlite", dsn+"?_busy_timeout=5000&_journal_mode=WAL&_synchronous=NORMAL&_foreign_keys=1&_defensive=1&_dqs=0")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(context.Background())
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &file{pool: pool, conn: conn}, nil
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn.Close()
	return f.pool.Close()
}

// write runs do in a transaction.
func (f *file) write(do func(tx *sql.Tx) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	tx, err := f.conn.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		tx.Rollback()
		return err
	}
	return tx.Commit()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
