package cloudflare

import (
	"database/sql"
	"encoding/json"
)

// StoredPair is a pair as a namespace holds it.
type StoredPair struct {
	Key      string
	Value    []byte
	Metadata json.RawMessage // nil for none
	Expires  int64           // seconds since 1970 UTC, 0 for never
}

// Pairs lists what a namespace holds, by key.
func (e *Emulator) Pairs(namespace string) (out []StoredPair, err error) {
	err = e.kv.in(namespace, func(tx *sql.Tx) error {
		rows, err := tx.Query("SELECT key, value, metadata, expires FROM pairs WHERE namespace=? ORDER BY key", namespace)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p StoredPair
			var metadata string
			if err := rows.Scan(&p.Key, &p.Value, &metadata, &p.Expires); err != nil {
				return err
			}
			if metadata != "" {
				p.Metadata = json.RawMessage(metadata)
			}
			out = append(out, p)
		}
		return rows.Err()
	})
	return out, err
}

// ClearKV removes every pair of a namespace.
func (e *Emulator) ClearKV(namespace string) error {
	return e.kv.in(namespace, func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM pairs WHERE namespace=?", namespace)
		return err
	})
}
