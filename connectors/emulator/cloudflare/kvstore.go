package cloudflare

import (
	"database/sql"
	"errors"
	"strings"
	"time"
)

// kvStore keeps KV namespaces in one SQLite file. Unlike production a read
// sees the last write at once.
type kvStore struct {
	db  *file
	now func() time.Time
}

const kvTables = `
CREATE TABLE IF NOT EXISTS namespaces (id TEXT PRIMARY KEY, title TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pairs (namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires INTEGER NOT NULL,
  metadata TEXT NOT NULL, PRIMARY KEY (namespace, key)) STRICT, WITHOUT ROWID;`

// pair is a stored pair. expires is in seconds since 1970 UTC, 0 for never;
// metadata is JSON, "" for none.
type pair struct {
	key, metadata string
	value         []byte
	expires       int64
}

func openKV(path string, now func() time.Time) (*kvStore, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	if err := f.write(func(tx *sql.Tx) error { _, err := tx.Exec(kvTables); return err }); err != nil {
		f.close()
		return nil, err
	}
	return &kvStore{db: f, now: now}, nil
}

func (s *kvStore) create(id, title string) error {
	return s.db.write(func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT OR IGNORE INTO namespaces VALUES (?,?)", id, title)
		return err
	})
}

var errNoNamespace = fail(404, 10013, "namespace not found")

// in runs do on a namespace whose expired pairs are gone.
func (s *kvStore) in(ns string, do func(tx *sql.Tx) error) error {
	return s.db.write(func(tx *sql.Tx) error {
		var one int
		if err := tx.QueryRow("SELECT 1 FROM namespaces WHERE id=?", ns).Scan(&one); errors.Is(err, sql.ErrNoRows) {
			return errNoNamespace
		} else if err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM pairs WHERE namespace=? AND expires>0 AND expires<=?", ns, s.now().Unix()); err != nil {
			return err
		}
		return do(tx)
	})
}

func (s *kvStore) put(ns string, ps []pair) error {
	return s.in(ns, func(tx *sql.Tx) error {
		for _, p := range ps {
			if _, err := tx.Exec("INSERT OR REPLACE INTO pairs VALUES (?,?,?,?,?)", ns, p.key, p.value, p.expires, p.metadata); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *kvStore) remove(ns string, keys []string) error {
	return s.in(ns, func(tx *sql.Tx) error {
		for _, k := range keys {
			if _, err := tx.Exec("DELETE FROM pairs WHERE namespace=? AND key=?", ns, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// get reads keys; those that are not there are missing.
func (s *kvStore) get(ns string, keys []string) (map[string]pair, error) {
	out := map[string]pair{}
	err := s.in(ns, func(tx *sql.Tx) error {
		for _, k := range keys {
			p := pair{key: k}
			err := tx.QueryRow("SELECT value, expires, metadata FROM pairs WHERE namespace=? AND key=?", ns, k).Scan(&p.value, &p.expires, &p.metadata)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			out[k] = p
		}
		return nil
	})
	return out, err
}

// list is up to limit keys with prefix behind after, in order.
func (s *kvStore) list(ns, prefix, after string, limit int) (out []pair, err error) {
	err = s.in(ns, func(tx *sql.Tx) error {
		rows, err := tx.Query("SELECT key, expires, metadata FROM pairs WHERE namespace=? AND key>? AND key>=? ORDER BY key", ns, after, prefix)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() && len(out) < limit {
			var p pair
			if err := rows.Scan(&p.key, &p.expires, &p.metadata); err != nil {
				return err
			}
			if !strings.HasPrefix(p.key, prefix) {
				break
			}
			out = append(out, p)
		}
		return rows.Err()
	})
	return out, err
}

// namespaces is every namespace by title.
func (s *kvStore) namespaces() (out [][2]string, err error) {
	err = s.db.write(func(tx *sql.Tx) error {
		rows, err := tx.Query("SELECT id, title FROM namespaces ORDER BY title")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n [2]string
			if err := rows.Scan(&n[0], &n[1]); err != nil {
				return err
			}
			out = append(out, n)
		}
		return rows.Err()
	})
	return out, err
}
