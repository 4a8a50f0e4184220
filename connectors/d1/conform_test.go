package d1

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// store is an account that outlives the sinks under test.
type store struct {
	e   *emulator.Emulator
	dir string
	db  string
	cfg Config
}

func newStore(t testing.TB) *store {
	s := &store{dir: t.TempDir(), cfg: Default()}
	s.start(t)
	s.cfg.Account, s.cfg.Token, s.cfg.Database, s.cfg.API = "acc", "env:T", s.db, "http://api/client/v4"
	t.Cleanup(func() { s.e.Close() })
	return s
}

func (s *store) start(t testing.TB) {
	var err error
	if s.e, err = emulator.New(emulator.Options{Dir: s.dir, Requests: -1}); err != nil {
		t.Fatal(err)
	}
	if s.db, err = s.e.CreateDatabase("replica"); err != nil {
		t.Fatal(err)
	}
}

func (s *store) env(t testing.TB) topology.Env {
	return topology.Env{Pipeline: sinktest.Pipeline, Name: sinktest.Sink, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Rand: rand.New(rand.NewPCG(1, 2)), HTTP: s.e.Transport(), Secret: func(string) (string, error) { return "secret", nil }, Dir: t.TempDir()}
}

func (s *store) Open(t testing.TB) stream.Sink {
	k, err := Open(s.cfg, s.env(t))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestReplica: keyed rows, compared as they are left.
func TestReplica(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store { return newStore(t) }, sinktest.Replica())
}

// TestLog: rows without a key are appended, each once.
func TestLog(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store { return newStore(t) })
}

// TestInParts brings every epoch in several requests, as one that is too large
// for a single one.
func TestInParts(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store {
		s := newStore(t)
		s.cfg.BatchBytes, s.cfg.MaxRows = 20_000, 50
		return s
	}, sinktest.Replica())
}

const queries = "d1/database/*/query"

// A fault hits requests that carry a fence: those that commit.
func (s *store) fail(kind emulator.Kind, n int) {
	s.e.Fail(emulator.Fault{Path: queries, Kind: kind, Count: n, Match: commits})
}

func (s *store) LoseReply(n int) { s.fail(emulator.LoseReply, n) }
func (s *store) Refuse(status, n int) {
	s.fail(map[int]emulator.Kind{429: emulator.Status429, 500: emulator.Status500, 503: emulator.Status503}[status], n)
}
func (s *store) Cut(n int)  { s.fail(emulator.Cut, n) }
func (s *store) Slow(n int) { s.fail(emulator.Slow, n) }

func (s *store) open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.e.DatabaseFile(s.db)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func (s *store) tables(t testing.TB, db *sql.DB) (names []string) {
	t.Helper()
	rows, err := db.Query(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\_cf%' ESCAPE '\'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		names = append(names, n)
	}
	return names
}

func (s *store) Wipe() {
	db, err := sql.Open("sqlite", "file:"+s.e.DatabaseFile(s.db)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	for _, n := range s.tables(nopTB{}, db) {
		if _, err := db.Exec("DROP TABLE " + quote(n)); err != nil {
			panic(err)
		}
	}
}

type nopTB struct{ testing.TB }

func (nopTB) Helper()           {}
func (nopTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Snapshot is a copy of the database's file.
func (s *store) Snapshot(t testing.TB) any {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy.sqlite")
	db := s.open(t)
	defer db.Close()
	if _, err := db.Exec("VACUUM INTO ?1", to); err != nil {
		t.Fatal(err)
	}
	return to
}

// Restore puts the copy's rows back, table by table, as Time Travel does.
func (s *store) Restore(t testing.TB, snapshot any) {
	t.Helper()
	s.Wipe()
	db := s.open(t)
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("ATTACH ?1 AS old", snapshot); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query("SELECT sql FROM old.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC")
	if err != nil {
		t.Fatal(err)
	}
	var ddl []string
	for rows.Next() {
		var x string
		rows.Scan(&x)
		ddl = append(ddl, x)
	}
	rows.Close()
	for _, x := range ddl {
		if _, err := db.Exec(x); err != nil && !strings.Contains(err.Error(), "already exists") {
			t.Fatal(err)
		}
	}
	for _, n := range s.tables(t, db) {
		if _, err := db.Exec("INSERT INTO " + quote(n) + " SELECT * FROM old." + quote(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// Rows reads the data tables.
func (s *store) Rows(t testing.TB) (out []sinktest.Row) {
	t.Helper()
	db := s.open(t)
	defer db.Close()
	for _, n := range s.tables(t, db) {
		if strings.HasPrefix(n, "_sluice_") {
			continue
		}
		rows, err := db.Query("SELECT * FROM " + quote(n))
		if err != nil {
			t.Fatal(err)
		}
		cols, _ := rows.Columns()
		for rows.Next() {
			vals := make([]any, len(cols))
			for i := range vals {
				vals[i] = new(any)
			}
			if err := rows.Scan(vals...); err != nil {
				t.Fatal(err)
			}
			r := sinktest.Row{Topic: n, Columns: map[string]string{}}
			for i, c := range cols {
				v := *vals[i].(*any)
				switch c {
				case "_partition":
					r.Partition = int32(v.(int64))
				case "_offset":
					r.Offset = v.(int64)
				case "_seq":
					r.Seq = int32(v.(int64))
				case "_op":
					r.Op = v.(string)
				default:
					r.Columns[c] = sinktest.Canonical(t, c, text(c, v))
				}
			}
			out = append(out, r)
		}
		rows.Close()
	}
	return out
}

// text is a stored value as JSON, by the type the column had.
func text(column string, v any) string {
	js := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	switch v := v.(type) {
	case nil:
		return "null"
	case int64:
		if sinktest.KindOf(column) == schemas.Bool {
			return map[int64]string{0: "false", 1: "true"}[v]
		}
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []byte:
		return js(base64.StdEncoding.EncodeToString(v))
	case string:
		return js(v)
	case time.Time: // the driver's reading of a column it takes for a time
		return js(v.UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	return fmt.Sprint(v)
}

// commits reports requests with a fence.
func commits(r *http.Request) bool {
	p, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(p))
	return bytes.Contains(p, []byte("sluice_fence_lost"))
}
