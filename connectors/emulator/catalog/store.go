package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// separator parts the levels of a namespace in the database, as %1F does in a path.
const separator = "\x1f"

var (
	errGone  = errors.New("not there")
	errTaken = errors.New("already there")
	errMoved = errors.New("moved by another commit")
)

// store is the SQLite file: one connection, callers take turns.
type store struct {
	mu   sync.Mutex
	pool *sql.DB
	conn *sql.Conn
}

// State is what a store holds.
type State struct {
	namespaces map[string]string // name to properties as JSON
	tables     map[name]string   // to metadata location
}

// name is a table's.
type name struct{ namespace, table string }

func (n name) String() string { return dotted(n.namespace) + "." + n.table }

func dotted(namespace string) string { return strings.ReplaceAll(namespace, separator, ".") }

// swing moves a table's pointer; an empty from creates the table.
type swing struct {
	name     name
	from, to string
	uuid     string
}

// openStore opens or makes path; "" is in memory. Commits survive a kill of
// the process (WAL, synchronous NORMAL).
func openStore(path string) (*store, error) {
	dsn := ":memory:"
	if path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		dsn = "file:" + (&url.URL{Path: filepath.ToSlash(abs)}).EscapedPath()
	}
	pool, err := sql.Open("sqlite", dsn+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(context.Background())
	if err != nil {
		pool.Close()
		return nil, err
	}
	s := &store{pool: pool, conn: conn}
	_, err = conn.ExecContext(context.Background(), `
		CREATE TABLE IF NOT EXISTS namespaces (namespace TEXT PRIMARY KEY, properties TEXT NOT NULL) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS tables (namespace TEXT NOT NULL, name TEXT NOT NULL, uuid TEXT NOT NULL,
			metadata_location TEXT NOT NULL, PRIMARY KEY (namespace, name)) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS locations (location TEXT PRIMARY KEY) WITHOUT ROWID`)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.Close()
	return s.pool.Close()
}

// write runs do in one transaction.
func (s *store) write(do func(tx *sql.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.conn.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		tx.Rollback()
		return err
	}
	return tx.Commit()
}

// text reads one value; errGone without a row.
func (s *store) text(query string, args ...any) (v string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.conn.QueryRowContext(context.Background(), query, args...).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		err = errGone
	}
	return v, err
}

// texts reads a column.
func (s *store) texts(query string, args ...any) (out []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, err := s.conn.QueryContext(context.Background(), query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func (s *store) location(n name) (string, error) {
	return s.text(`SELECT metadata_location FROM tables WHERE namespace = ? AND name = ?`, n.namespace, n.table)
}

// swing moves all pointers or none: each must still be where it was read. // D6
func (s *store) swing(all []swing) error {
	return s.write(func(tx *sql.Tx) error {
		for _, w := range all {
			var res sql.Result
			var err error
			if w.from == "" {
				res, err = tx.Exec(`INSERT OR IGNORE INTO tables SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM namespaces WHERE namespace = ?)`,
					w.name.namespace, w.name.table, w.uuid, w.to, w.name.namespace)
			} else {
				res, err = tx.Exec(`UPDATE tables SET metadata_location = ? WHERE namespace = ? AND name = ? AND metadata_location = ?`,
					w.to, w.name.namespace, w.name.table, w.from)
			}
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n != 1 {
				return errors.Join(err, errMoved)
			}
		}
		return nil
	})
}

// claim gives a new table a folder that none had before: location itself, or
// with a part of a UUID behind it. Restore and Wipe do not free folders.
func (s *store) claim(location string) (string, error) {
	free := location
	for {
		err := s.write(func(tx *sql.Tx) error { return one(tx.Exec(`INSERT OR IGNORE INTO locations VALUES (?)`, free)) })
		if !errors.Is(err, errGone) {
			return free, err
		}
		free = location + "-" + uuid.NewString()[:8]
	}
}

// rename gives a table another name, maybe in another namespace.
func (s *store) rename(from, to name) error {
	return s.write(func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRow(`SELECT count(*) FROM tables WHERE namespace = ? AND name = ?`, to.namespace, to.table).Scan(&n); err != nil || n > 0 {
			return errors.Join(err, errTaken)
		}
		return one(tx.Exec(`UPDATE tables SET namespace = ?, name = ? WHERE namespace = ? AND name = ?`, to.namespace, to.table, from.namespace, from.table))
	})
}

func (s *store) drop(n name) error {
	return s.write(func(tx *sql.Tx) error {
		return one(tx.Exec(`DELETE FROM tables WHERE namespace = ? AND name = ?`, n.namespace, n.table))
	})
}

// one asks that a statement changed a row.
func one(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errGone)
	}
	return nil
}

func (s *store) createNamespace(ns string, props map[string]string) error {
	b, err := json.Marshal(props)
	if err != nil {
		return err
	}
	return s.write(func(tx *sql.Tx) error {
		if err := one(tx.Exec(`INSERT OR IGNORE INTO namespaces VALUES (?, ?)`, ns, string(b))); err != nil {
			if errors.Is(err, errGone) {
				return errTaken
			}
			return err
		}
		return nil
	})
}

func (s *store) namespace(ns string) (props map[string]string, err error) {
	v, err := s.text(`SELECT properties FROM namespaces WHERE namespace = ?`, ns)
	if err != nil {
		return nil, err
	}
	return props, json.Unmarshal([]byte(v), &props)
}

// editNamespace changes the properties of a namespace in one step.
func (s *store) editNamespace(ns string, edit func(props map[string]string)) error {
	return s.write(func(tx *sql.Tx) error {
		var v string
		if err := tx.QueryRow(`SELECT properties FROM namespaces WHERE namespace = ?`, ns).Scan(&v); errors.Is(err, sql.ErrNoRows) {
			return errGone
		} else if err != nil {
			return err
		}
		props := map[string]string{}
		if err := json.Unmarshal([]byte(v), &props); err != nil {
			return err
		}
		edit(props)
		b, err := json.Marshal(props)
		if err != nil {
			return err
		}
		return one(tx.Exec(`UPDATE namespaces SET properties = ? WHERE namespace = ?`, string(b), ns))
	})
}

// dropNamespace drops an empty namespace; errTaken if it holds anything.
func (s *store) dropNamespace(ns string) error {
	return s.write(func(tx *sql.Tx) error {
		var n int
		err := tx.QueryRow(`SELECT (SELECT count(*) FROM tables WHERE namespace = ?1) +
			(SELECT count(*) FROM namespaces WHERE substr(namespace, 1, length(?1) + 1) = ?1 || char(31))`, ns).Scan(&n)
		if err != nil {
			return err
		}
		if n > 0 {
			return errTaken
		}
		return one(tx.Exec(`DELETE FROM namespaces WHERE namespace = ?`, ns))
	})
}

func (s *store) snapshot() (State, error) {
	st := State{namespaces: map[string]string{}, tables: map[name]string{}}
	err := s.write(func(tx *sql.Tx) error {
		rows, err := tx.Query(`SELECT namespace, '', properties, '' FROM namespaces UNION ALL SELECT namespace, name, uuid, metadata_location FROM tables`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var ns, table, x, location string
			if err := rows.Scan(&ns, &table, &x, &location); err != nil {
				return err
			}
			if location == "" {
				st.namespaces[ns] = x
			} else {
				st.tables[name{ns, table}] = x + separator + location
			}
		}
		return rows.Err()
	})
	return st, err
}

func (s *store) restore(st State) error {
	return s.write(func(tx *sql.Tx) error {
		if _, err := tx.Exec(`DELETE FROM tables; DELETE FROM namespaces`); err != nil {
			return err
		}
		for ns, props := range st.namespaces {
			if _, err := tx.Exec(`INSERT INTO namespaces VALUES (?, ?)`, ns, props); err != nil {
				return err
			}
		}
		for n, v := range st.tables {
			uuid, location, _ := strings.Cut(v, separator)
			if _, err := tx.Exec(`INSERT INTO tables VALUES (?, ?, ?, ?)`, n.namespace, n.table, uuid, location); err != nil {
				return err
			}
		}
		return nil
	})
}
