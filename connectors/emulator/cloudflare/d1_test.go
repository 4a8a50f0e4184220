package cloudflare

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ask sends one request through the transport and returns status and body.
func ask(t *testing.T, e *Emulator, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://emulator/client/v4/accounts/acc/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer tok")
	res, err := e.Transport().RoundTrip(r)
	if err != nil {
		return 0, err.Error()
	}
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

func newRequest(path, body string) (*http.Request, error) {
	r, err := http.NewRequest("POST", "http://emulator/client/v4/accounts/acc/"+path, strings.NewReader(body))
	if err == nil {
		r.Header.Set("Authorization", "Bearer tok")
	}
	return r, err
}

type db struct {
	t  *testing.T
	e  *Emulator
	id string
}

func newDB(t *testing.T, o Options) db {
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return db{t, e, must(e.CreateDatabase("db"))}
}

// raw runs statements as a batch and returns the answer.
func (d db) raw(queries ...query) (int, string) {
	d.t.Helper()
	b := must(json.Marshal(map[string]any{"batch": queries}))
	return ask(d.t, d.e, "POST", "d1/database/"+d.id+"/raw", string(b))
}

func q(sql string, params ...any) query {
	x := query{SQL: sql, Params: []json.RawMessage{}}
	for _, p := range params {
		var b bytes.Buffer
		json.NewEncoder(&b).Encode(p)
		x.Params = append(x.Params, b.Bytes())
	}
	return x
}

func (d db) ok(queries ...query) string {
	d.t.Helper()
	status, body := d.raw(queries...)
	if status != 200 {
		d.t.Fatal(status, body)
	}
	return body
}

func (d db) rows(sql string) string {
	d.t.Helper()
	b := d.ok(q(sql))
	_, b, _ = strings.Cut(b, `"rows":`)
	b, _, _ = strings.Cut(b, `},"success"`)
	return b
}

// Every refusal of D1 that the sink can meet, with its text.
func TestD1Refuses(t *testing.T) {
	d := newDB(t, Options{})
	d.ok(q("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL CHECK (n < 100), s TEXT UNIQUE) STRICT"), q("INSERT INTO t VALUES (1, 1, 'a')"))
	many := make([]any, 101)
	for i := range many {
		many[i] = "x"
	}
	columns := strings.Repeat(",c INTEGER", 100)
	for i := range 100 {
		columns = strings.Replace(columns, ",c ", fmt.Sprintf(",c%d ", i), 1)
	}
	for _, c := range []struct {
		name string
		q    query
		want string
	}{
		{"no table", q("SELECT * FROM nope"), "no such table: nope: SQLITE_ERROR"},
		{"no column", q("SELECT nope FROM t"), "no such column: nope"},
		{"syntax", q("SELEC 1"), `syntax error`},
		{"unique", q("INSERT INTO t VALUES (2, 2, 'a')"), "UNIQUE constraint failed: t.s: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)"},
		{"primary key", q("INSERT INTO t VALUES (1, 2, 'b')"), "UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)"},
		{"not null", q("INSERT INTO t VALUES (2, NULL, 'b')"), "NOT NULL constraint failed: t.n"},
		{"check", q("INSERT INTO t VALUES (2, 100, 'b')"), "CHECK constraint failed"},
		{"strict", q("INSERT INTO t SELECT value->>0, value->>1, 'z' FROM json_each(?1)", "[[5,1.5]]"), "cannot store REAL value in INTEGER column t.n: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_DATATYPE)"},
		{"raised", q(`SELECT json_extract('{}', 'sluice_fence_lost ' || json_array('p0', 10))`), `bad JSON path: 'sluice_fence_lost [\"p0\",10]'`},
		{"statement of 100,001 bytes", q("SELECT '" + strings.Repeat("a", 100_001-9) + "'"), "statement too long: SQLITE_TOOBIG"},
		{"101 parameters", q("SELECT 1", many...), "too many SQL variables"},
		{"parameter 101", q("SELECT ?101"), "variable number must be between ?1 and ?100"},
		{"too few parameters", q("SELECT ?1, ?2", "x"), "Wrong number of parameter bindings"},
		{"too many parameters", q("SELECT ?1", "x", "y"), "Wrong number of parameter bindings"},
		{"named parameter", q("SELECT :a"), "Wrong number of parameter bindings"},
		{"value of 2,000,001 bytes", q("SELECT length(?1)", strings.Repeat("a", 2_000_001)), "string or blob too big: SQLITE_TOOBIG"},
		{"row over 2,000,000 bytes", q("INSERT INTO t SELECT 7, 7, ?1 || ?1", strings.Repeat("a", 1_000_001)), "string or blob too big: SQLITE_TOOBIG"},
		{"101 columns", q("CREATE TABLE w (id INTEGER" + columns + ")"), "too many columns"},
		{"LIKE of 51 bytes", q("SELECT 'a' LIKE ?1", strings.Repeat("a", 51)), "LIKE or GLOB pattern too complex"},
		{"33 arguments", q("SELECT max(" + strings.Repeat("1,", 32) + "1)"), "too many arguments"},
		{"BEGIN", q("BEGIN"), "not authorized: SQLITE_AUTH"},
		{"COMMIT", q("COMMIT"), "not authorized: SQLITE_AUTH"},
		{"SAVEPOINT", q("SAVEPOINT a"), "not authorized: SQLITE_AUTH"},
		{"ATTACH", q("ATTACH 'x' AS x"), "not authorized: SQLITE_AUTH"},
		{"VACUUM", q("VACUUM"), "VACUUM"},
		{"TEMP", q("CREATE TEMP TABLE x (a)"), "not authorized: SQLITE_AUTH"},
		{"journal_mode", q("PRAGMA journal_mode=DELETE"), "not authorized: SQLITE_AUTH"},
		{"user_version", q("PRAGMA user_version=3"), "not authorized: SQLITE_AUTH"},
		{"_cf_ table", q("CREATE TABLE _cf_x (a)"), "not authorized: SQLITE_AUTH"},
		{"sqlite_version", q("SELECT sqlite_version()"), "not authorized to use function: sqlite_version"},
		{"nothing", q(" ; -- nothing\n"), "No SQL statements detected"},
		{"two with parameters", q("SELECT ?1; SELECT 2", "x"), "must contain only one statement"},
		{"object", q("SELECT ?1", map[string]int{"a": 1}), "D1_TYPE_ERROR"},
		{"string literal in double quotes", q(`SELECT "x"`), "no such column"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := d.raw(q("INSERT INTO t VALUES (50, 50, 'kept?')"), c.q)
			if status != 400 || !strings.Contains(body, c.want) || !strings.Contains(body, `"code":7`) {
				t.Errorf("%d %.300s, want %s", status, body, c.want)
			}
			if got := d.rows("SELECT count(*) FROM t"); got != "[[1]]" { // D6
				t.Errorf("the batch was not rolled back: %s rows", got)
			}
		})
	}
}

func TestD1Allows(t *testing.T) {
	d := newDB(t, Options{})
	d.ok(q("CREATE TABLE t (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID"), q("INSERT INTO t VALUES ('x')"), q("ALTER TABLE t ADD COLUMN b TEXT"), q("UPDATE t SET b='y'"))
	for _, c := range []struct {
		q    query
		want string
	}{
		{q("SELECT name FROM pragma_table_info('t')"), `[["id"],["b"]]`},
		{q("PRAGMA foreign_keys"), "[[1]]"},
		{q("PRAGMA quick_check"), `[["ok"]]`},
		{q("SELECT '" + strings.Repeat("a", 100_000-14) + "' = ''"), ""},
		{q("SELECT length(?1)", strings.Repeat("a", 2_000_000)), "[[2000000]]"},
		{q("SELECT ?1, ?1 IS NULL", nil), "[[null,1]]"},
		{q("SELECT 1 AS a, 2 AS a"), `"columns":["a","a"],"rows":[[1,2]]`},
		{q("SELECT 9223372036854775807, CAST(9223372036854775807 AS TEXT), -9007199254740992, 1e999, 0.1, 1e21, 1e-7"),
			`[[9223372036854776000,"9223372036854775807",-9007199254740992,null,0.1,1e+21,1e-07]]`},
		{q("SELECT x'00ff', unhex('41')"), "[[[0,255],[65]]]"},
		{q("SELECT value->>0 FROM json_each(?1)", `[["a\u0000b"]]`), `[["a\u0000b"]]`},
		{q("SELECT value->>0 FROM json_each('[[\"\\ud800\"]]')"), `[["` + strings.Repeat(`\ufffd`, 3) + `"]]`},
		{q("SELECT 1; SELECT 2"), `"rows":[[2]]`},
		{q("CREATE TRIGGER r BEFORE DELETE ON t BEGIN SELECT CASE WHEN 1 THEN RAISE(ABORT, 'sluice_no') END; END; SELECT 3"), `"rows":[[3]]`},
	} {
		if got := d.ok(c.q); !strings.Contains(strings.ReplaceAll(got, "\uFFFD", `\ufffd`), c.want) {
			t.Errorf("%.80s: %.400s, want %s", c.q.SQL, got, c.want)
		}
	}
	if status, body := d.raw(q("DELETE FROM t")); status != 400 || !strings.Contains(body, `"message":"sluice_no: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)"`) {
		t.Error(status, body)
	}
	// One object a row: the last column of a name wins.
	b := `{"sql":"SELECT 1 AS a, 2 AS b, 3 AS a"}`
	if _, got := ask(t, d.e, "POST", "d1/database/"+d.id+"/query", b); !strings.Contains(got, `"results":[{"a":3,"b":2}]`) {
		t.Error(got)
	}
}

// The driver turns text of DATE columns into times; the emulator does not.
func TestD1KeepsDatesAsText(t *testing.T) {
	d := newDB(t, Options{})
	d.ok(q("CREATE TABLE t (a DATE, b TIMESTAMP, c DATETIME)"), q("INSERT INTO t VALUES ('2024-01-02', '2024-01-02 03:04:05', 'x')"))
	if got := d.rows("SELECT * FROM t -- all"); got != `[["2024-01-02","2024-01-02 03:04:05","x"]]` {
		t.Error(got)
	}
}

// A file can be read from outside while the emulator runs, and goes on where
// it stopped: ids are the same, so that a config stays right.
func TestD1Persists(t *testing.T) {
	dir := t.TempDir()
	d := newDB(t, Options{Dir: dir})
	d.ok(q("CREATE TABLE t (a TEXT)"), q("INSERT INTO t VALUES ('x')"))
	outside, err := sql.Open("sqlite", "file:"+d.e.DatabaseFile(d.id)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	var n int
	if err := outside.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	d.ok(q("INSERT INTO t VALUES ('y')"))
	if err := outside.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	qid := must(d.e.CreateQueue("q"))
	ask(t, d.e, "POST", "queues/"+qid+"/messages", `{"body":"kept","content_type":"text"}`)
	if err := d.e.Close(); err != nil {
		t.Fatal(err)
	}
	e := must(New(Options{Dir: dir}))
	defer e.Close()
	again := db{t, e, d.id}
	if got := again.rows("SELECT a FROM t"); got != `[["x"],["y"]]` {
		t.Fatal(got)
	}
	if ms := must(e.Messages(qid)); len(ms) != 1 || string(ms[0].Body) != "kept" {
		t.Fatal(ms)
	}
}

func TestRateLimit(t *testing.T) {
	now := time.Unix(1e9, 0)
	d := newDB(t, Options{Requests: 3, Now: func() time.Time { return now }})
	qid := must(d.e.CreateQueue("q"))
	for range 3 {
		d.ok(q("SELECT 1"))
	}
	r, _ := http.NewRequest("POST", "http://x/client/v4/accounts/acc/d1/database/"+d.id+"/raw", strings.NewReader(`{"sql":"SELECT 1"}`))
	r.Header.Set("Authorization", "Bearer tok")
	res, err := d.e.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode != 429 || res.Header.Get("Retry-After") != "300" || res.Header.Get("Ratelimit") != `"default";r=0;t=300` || !bytes.Contains(b, []byte(`"code":971`)) {
		t.Fatalf("%d %v %s", res.StatusCode, res.Header, b)
	}
	if status, _ := ask(t, d.e, "POST", "queues/"+qid+"/messages/pull", "{}"); status != 200 {
		t.Error("pull counts against the rate limit")
	}
	now = now.Add(299 * time.Second)
	if status, _ := d.raw(q("SELECT 1")); status != 429 {
		t.Error("the block ended early")
	}
	now = now.Add(time.Second)
	d.ok(q("SELECT 1"))
}

func TestAuthAndRoutes(t *testing.T) {
	e := must(New(Options{Account: "acc", Token: "tok"}))
	defer e.Close()
	for _, c := range []struct {
		token, path, want string
		status            int
	}{
		{"", "accounts/acc/queues", "10000", 403},
		{"Bearer bad", "accounts/acc/queues", "10000", 403},
		{"Bearer tok", "accounts/other/queues", "7403", 403},
		{"Bearer tok", "accounts/acc/nope", "7003", 404},
		{"Bearer tok", "nope", "7403", 403},
		{"Bearer tok", "accounts/acc/queues", `"success":true`, 200},
	} {
		r, _ := http.NewRequest("GET", "http://x/client/v4/"+c.path, nil)
		if c.token != "" {
			r.Header.Set("Authorization", c.token)
		}
		res, err := e.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(res.Body); res.StatusCode != c.status || !bytes.Contains(b, []byte(c.want)) {
			t.Errorf("%+v: %d %s", c, res.StatusCode, b)
		}
	}
}

// Each fault, and what is in the store after it.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		kind    Kind
		status  int // 0: the connection is cut
		applied bool
	}{
		{LoseReply, 0, true}, {LoseReply502, 502, true}, {ApplyThenTimeout, 0, true}, {Cut, 0, false},
		{Status429, 429, false}, {Status500, 500, false}, {Status503, 503, false}, {Slow, 200, true},
	} {
		slept, hook := time.Duration(0), func() {}
		d := newDB(t, Options{Now: func() time.Time { hook(); return time.Unix(1e9, 0) },
			Sleep: func(_ context.Context, w time.Duration) error { slept = w; return nil }})
		d.ok(q("CREATE TABLE t (a TEXT)"))
		d.e.Fail(Fault{Kind: c.kind, Method: "POST", Path: "d1/database/*/raw", Skip: 1, Delay: 7 * time.Second})
		insert := func(ctx context.Context) int {
			r, _ := http.NewRequestWithContext(ctx, "POST", "http://x/client/v4/accounts/acc/d1/database/"+d.id+"/raw", strings.NewReader(`{"sql":"INSERT INTO t VALUES ('x')"}`))
			r.Header.Set("Authorization", "Bearer tok")
			res, err := d.e.Transport().RoundTrip(r)
			if err != nil {
				return 0
			}
			return res.StatusCode
		}
		if got := insert(context.Background()); got != 200 {
			t.Fatal("the fault came too early", got)
		}
		ctx, cancel := context.WithCancel(context.Background())
		if c.kind == ApplyThenTimeout {
			hook = cancel // the caller gives up while the request runs
		}
		if got := insert(ctx); got != c.status {
			t.Errorf("kind %d: status %d, want %d", c.kind, got, c.status)
		}
		want := "[[1]]"
		if c.applied {
			want = "[[2]]"
		}
		if got := d.rows("SELECT count(*) FROM t"); got != want {
			t.Errorf("kind %d: %s rows, want %s", c.kind, got, want)
		}
		if c.kind == Slow && slept != 7*time.Second {
			t.Errorf("slept %v", slept)
		}
		cancel()
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "SELECT 1", "SELECT 'a;b'; -- c;\nSELECT ?1,?,?7 /* ; */", "CREATE TRIGGER a BEGIN SELECT 1; END; SELECT [a;b]", "'", "/*", "?99999999999", `"a"";"`, "\v", "\u00a0;\u2003"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rest := s
		for _, p := range split(s) {
			i := strings.Index(rest, p.text)
			if i < 0 || p.text == "" || p.params < 0 {
				t.Fatalf("%q is not a statement of %q", p.text, s)
			}
			rest = rest[i+len(p.text):]
		}
	})
}
