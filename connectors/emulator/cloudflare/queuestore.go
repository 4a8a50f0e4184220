package cloudflare

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// QueueSettings are what a queue and its pull consumer are set to.
type QueueSettings struct {
	MaxRetries int           // deliveries after the first; default 3
	DeadLetter string        // id of the queue for what was delivered too often; "" drops it
	Retention  time.Duration // default 4 days, at most 14
	Delay      int           // seconds, default for messages without one
}

// StoredMessage is a message that is in a queue, leased or not.
type StoredMessage struct {
	ID          string
	Body        []byte
	ContentType string
	Attempts    int
	Timestamp   time.Time // when it was pushed
}

// queueStore keeps queues and messages in one SQLite file.
type queueStore struct {
	db  *file
	now func() time.Time
}

// The triggers and push keep the backlog, the indexes serve every look at the clock: no
// operation walks a backlog.
const queueTables = `
CREATE TABLE IF NOT EXISTS queues (id TEXT PRIMARY KEY, name TEXT NOT NULL, max_retries INTEGER NOT NULL, dead_letter TEXT NOT NULL,
  retention_ms INTEGER NOT NULL, delay_s INTEGER NOT NULL, backlog INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
  content_type TEXT NOT NULL, pushed_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,
  lease TEXT NOT NULL, leased INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS visible ON messages (queue, leased, visible_ms, seq);
CREATE INDEX IF NOT EXISTS tried ON messages (queue, leased, attempts);
CREATE INDEX IF NOT EXISTS age ON messages (queue, pushed_ms);
CREATE INDEX IF NOT EXISTS leases ON messages (lease) WHERE lease<>'';
DROP TRIGGER IF EXISTS enter;
CREATE TRIGGER IF NOT EXISTS leave AFTER DELETE ON messages BEGIN
  UPDATE queues SET backlog=backlog-1, bytes=bytes-length(old.body) WHERE id=old.queue; END;
CREATE TRIGGER IF NOT EXISTS move AFTER UPDATE OF queue ON messages BEGIN
  UPDATE queues SET backlog=backlog-1, bytes=bytes-length(old.body) WHERE id=old.queue;
  UPDATE queues SET backlog=backlog+1, bytes=bytes+length(new.body) WHERE id=new.queue; END;`

func openQueues(path string, now func() time.Time) (*queueStore, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	s := &queueStore{db: f, now: now}
	if err := f.write(func(tx *sql.Tx) error { _, err := tx.Exec(queueTables); return err }); err != nil {
		f.close()
		return nil, err
	}
	return s, nil
}

func (s *queueStore) create(id, name string) error {
	return s.db.write(func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT OR IGNORE INTO queues (id,name,max_retries,dead_letter,retention_ms,delay_s) VALUES (?,?,3,'',?,0)", id, name, (4 * 24 * time.Hour).Milliseconds())
		return err
	})
}

// ConfigureQueue sets a queue's settings. MaxRetries 0 delivers once.
func (e *Emulator) ConfigureQueue(id string, q QueueSettings) error {
	if q.Retention == 0 {
		q.Retention = 4 * 24 * time.Hour
	}
	if q.MaxRetries < 0 || q.MaxRetries > 100 || q.Retention < time.Minute || q.Retention > 14*24*time.Hour || q.Delay < 0 || q.Delay > maxDelay {
		return errors.New("queue settings: retries 0 to 100, retention 60 s to 14 days, delay 0 to 43,200 s")
	}
	return e.queues.db.write(func(tx *sql.Tx) error {
		r, err := tx.Exec("UPDATE queues SET max_retries=?, dead_letter=?, retention_ms=?, delay_s=? WHERE id=?",
			q.MaxRetries, q.DeadLetter, q.Retention.Milliseconds(), q.Delay, id)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("no queue %s", id)
		}
		return nil
	})
}

// Messages lists what a queue holds, oldest first, without touching it.
func (e *Emulator) Messages(queue string) (out []StoredMessage, err error) {
	err = e.queues.in(queue, func(tx *sql.Tx, q *queueRow) error {
		rows, err := tx.Query("SELECT id, body, content_type, attempts, pushed_ms FROM messages WHERE queue=? ORDER BY seq", queue)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var m StoredMessage
			var ms int64
			if err := rows.Scan(&m.ID, &m.Body, &m.ContentType, &m.Attempts, &ms); err != nil {
				return err
			}
			m.Timestamp = time.UnixMilli(ms).UTC()
			out = append(out, m)
		}
		return rows.Err()
	})
	return out, err
}

type queueRow struct {
	id, name, deadLetter  string
	maxRetries            int
	retention, delay, now int64
}

var errNoQueue = fail(404, 10104, "Queue not found")

// in runs do on a queue whose expired leases and messages were settled before.
func (s *queueStore) in(id string, do func(tx *sql.Tx, q *queueRow) error) error {
	return s.db.write(func(tx *sql.Tx) error {
		q := &queueRow{id: id, now: s.now().UnixMilli()}
		err := tx.QueryRow("SELECT name, max_retries, dead_letter, retention_ms, delay_s FROM queues WHERE id=?", id).
			Scan(&q.name, &q.maxRetries, &q.deadLetter, &q.retention, &q.delay)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoQueue
		}
		if err == nil {
			err = q.settle(tx)
		}
		if err != nil {
			return err
		}
		return do(tx, q)
	})
}

// settle applies the passing of time: messages past retention go, expired
// leases count as failed deliveries.
func (q *queueRow) settle(tx *sql.Tx) error {
	if _, err := tx.Exec("DELETE FROM messages WHERE queue=? AND pushed_ms<=?", q.id, q.now-q.retention); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE messages SET leased=0 WHERE queue=? AND leased=1 AND visible_ms<=?", q.id, q.now); err != nil {
		return err
	}
	return q.exhausted(tx)
}

// exhausted moves messages that were delivered too often to the dead letter
// queue, where they start anew under their id, or drops them.
func (q *queueRow) exhausted(tx *sql.Tx) error {
	const which = "queue=? AND leased=0 AND attempts>?"
	if q.deadLetter == "" {
		_, err := tx.Exec("DELETE FROM messages WHERE "+which, q.id, q.maxRetries)
		return err
	}
	_, err := tx.Exec("UPDATE messages SET queue=?, attempts=0, lease='', visible_ms=?, pushed_ms=? WHERE "+which,
		q.deadLetter, q.now, q.now, q.id, q.maxRetries)
	return err
}

// push stores messages that were checked.
func (s *queueStore) push(id string, ms []pushed) (m metrics, err error) {
	err = s.in(id, func(tx *sql.Tx, q *queueRow) error {
		var seq int64 // the last one given; one writer at a time
		if err := tx.QueryRow("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name='messages'),0)").Scan(&seq); err != nil {
			return err
		}
		insert, err := tx.Prepare("INSERT INTO messages (seq,queue,id,body,content_type,pushed_ms,visible_ms,attempts,lease,leased) VALUES (?,?,?,?,?,?,?,0,'',0)")
		if err != nil {
			return err
		}
		size := 0
		for _, p := range ms {
			size += len(p.body)
			delay := q.delay
			if p.delay >= 0 {
				delay = int64(p.delay)
			}
			seq++
			if _, err := insert.Exec(seq, q.id, token("message", id, seq, 0), p.body, p.contentType, q.now, q.now+delay*1000); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("UPDATE queues SET backlog=backlog+?, bytes=bytes+? WHERE id=?", len(ms), size, q.id); err != nil {
			return err
		}
		m, err = q.metrics(tx)
		return err
	})
	return m, err
}

// token is an id that looks random and is not.
func token(kind, queue string, seq, attempt int64) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%d", kind, queue, seq, attempt))
	return hex.EncodeToString(h[:16])
}

type metrics struct {
	Count  int64 `json:"backlog_count"`
	Bytes  int64 `json:"backlog_bytes"`
	Oldest int64 `json:"oldest_message_timestamp_ms"`
}

func (q *queueRow) metrics(tx *sql.Tx) (m metrics, err error) {
	err = tx.QueryRow("SELECT backlog, bytes, coalesce((SELECT min(pushed_ms) FROM messages WHERE queue=id),0) FROM queues WHERE id=?", q.id).
		Scan(&m.Count, &m.Bytes, &m.Oldest)
	return m, err
}

type leased struct {
	id, lease, contentType string
	body                   []byte
	attempts, pushed       int64
}

// pull leases up to n visible messages, oldest first.
func (s *queueStore) pull(id string, n int, visibility time.Duration) (out []leased, m metrics, err error) {
	err = s.in(id, func(tx *sql.Tx, q *queueRow) error {
		rows, err := tx.Query(`UPDATE messages SET leased=1, attempts=attempts+1, visible_ms=? WHERE seq IN
			(SELECT seq FROM messages WHERE queue=? AND leased=0 AND visible_ms<=? ORDER BY visible_ms, seq LIMIT ?)
			RETURNING seq, id, body, content_type, attempts, pushed_ms`, q.now+visibility.Milliseconds(), q.id, q.now, n)
		if err != nil {
			return err
		}
		var seqs []int64
		for rows.Next() {
			var l leased
			var seq int64
			if err := rows.Scan(&seq, &l.id, &l.body, &l.contentType, &l.attempts, &l.pushed); err != nil {
				rows.Close()
				return err
			}
			l.lease = token("lease", id, seq, l.attempts)
			out, seqs = append(out, l), append(seqs, seq)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for i, seq := range seqs {
			if _, err := tx.Exec("UPDATE messages SET lease=? WHERE seq=?", out[i].lease, seq); err != nil {
				return err
			}
		}
		m, err = q.metrics(tx)
		return err
	})
	return out, m, err
}

// ack removes and returns messages by lease. A lease that ran out is good
// until its message is leased again.
func (s *queueStore) ack(id string, acks []string, retries map[string]int) (acked, retried int64, unknown []string, err error) {
	err = s.in(id, func(tx *sql.Tx, q *queueRow) error {
		for _, l := range acks {
			n, err := affected(tx, "DELETE FROM messages WHERE queue=? AND lease=? AND lease<>''", id, l)
			if err != nil {
				return err
			}
			if acked += n; n == 0 {
				unknown = append(unknown, l)
			}
		}
		for l, delay := range retries {
			n, err := affected(tx, "UPDATE messages SET leased=0, lease='', visible_ms=? WHERE queue=? AND lease=? AND lease<>''", q.now+int64(delay)*1000, id, l)
			if err != nil {
				return err
			}
			if retried += n; n == 0 {
				unknown = append(unknown, l)
			}
		}
		return q.exhausted(tx)
	})
	return acked, retried, unknown, err
}

func affected(tx *sql.Tx, query string, args ...any) (int64, error) {
	r, err := tx.Exec(query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// Purge empties a queue.
func (e *Emulator) Purge(queue string) error {
	return e.queues.in(queue, func(tx *sql.Tx, q *queueRow) error {
		_, err := tx.Exec("DELETE FROM messages WHERE queue=?", queue)
		return err
	})
}

// list is every queue by name.
func (s *queueStore) list() (out []queueRow, err error) {
	err = s.db.write(func(tx *sql.Tx) error {
		rows, err := tx.Query("SELECT id, name FROM queues ORDER BY name")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var q queueRow
			if err := rows.Scan(&q.id, &q.name); err != nil {
				return err
			}
			out = append(out, q)
		}
		return rows.Err()
	})
	return out, err
}
