package d1

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// account is an emulated account with one database, or the Workers runtime
// (edge_test.go): the store of a test.
type account struct {
	t       testing.TB
	emu     *emulator.Emulator // nil on the Workers runtime
	edge    *emulator.Line
	db      string
	config  Config
	calls   int  // requests of the API
	commits int  // that commit, of them
	armed   bool // faults
	met     int  // commits they met
}

func newAccount(t testing.TB) *account {
	if url := os.Getenv("SLUICE_EDGE"); url != "" {
		return newEdgeAccount(t, url)
	}
	emu, err := emulator.New(emulator.Options{Requests: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { emu.Close() })
	a := &account{t: t, emu: emu}
	if a.db, err = emu.CreateDatabase("replica"); err != nil {
		t.Fatal(err)
	}
	a.config = Default()
	a.config.Account, a.config.Token, a.config.Database, a.config.Requests = "acc", "env:T", a.db, 0
	return a
}

// RoundTrip marks requests that commit, so that faults find them.
func (a *account) RoundTrip(r *http.Request) (*http.Response, error) {
	a.calls++
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if bytes.Contains(body, []byte("sluice_fence_lost")) {
		r.Header.Set("X-Commit", "1")
		a.commits++
	}
	if a.edge != nil {
		return a.edge.RoundTrip(r)
	}
	return a.emu.Transport().RoundTrip(r)
}

func (a *account) env(pipeline, name string) topology.Env {
	return topology.Env{Pipeline: pipeline, Name: name, HTTP: a, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Secret: func(ref string) (string, error) {
			if ref == "env:KEY" {
				return os.Getenv("SLUICE_EDGE_KEY"), nil
			}
			return "secret-token", nil
		}}
}

func (a *account) sink(t testing.TB) *Sink {
	t.Helper()
	if err := a.config.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(a.config, a.env(sinktest.Pipeline, sinktest.Sink))
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Sink)
}

// Open is part of sinktest.Store.
func (a *account) Open(t testing.TB) stream.Sink { return a.sink(t) }

// fail arms a fault for commits; the test fails if no fault of it met one.
func (a *account) fail(k emulator.Kind, n int, d time.Duration) {
	if !a.armed {
		a.armed = true
		a.t.Cleanup(func() {
			if a.met == 0 && (a.edge == nil || a.edge.Met() == 0) {
				a.t.Error("the faults met no commit")
			}
		})
	}
	if a.edge != nil {
		a.edge.Fail(k, n)
		return
	}
	a.emu.Fail(emulator.Fault{Kind: k, Count: n, Delay: d, Match: func(r *http.Request) bool {
		if r.Header.Get("X-Commit") == "" {
			return false
		}
		a.met++
		return true
	}})
}

func (a *account) LoseReply(n int) {
	a.fail(emulator.LoseReply, 1, 0)
	if n > 1 {
		a.fail(emulator.LoseReply502, n-1, 0)
	}
}
func (a *account) Cut(n int)  { a.fail(emulator.Cut, n, 0) }
func (a *account) Slow(n int) { a.fail(emulator.Slow, n, time.Millisecond) }
func (a *account) Refuse(status, n int) {
	a.fail(map[int]emulator.Kind{429: emulator.Status429, 500: emulator.Status500, 503: emulator.Status503}[status], n, 0)
}

// query runs SQL beside the sink.
func (a *account) query(t testing.TB, sql string, args ...string) []cloudflare.StatementResult {
	t.Helper()
	var c cloudflare.API
	var err error
	if a.edge != nil {
		c, err = a.config.Connection.Open(topology.Env{HTTP: a.edge.Next, Secret: a.env("", "").Secret})
	} else {
		c, err = cloudflare.New(cloudflare.Config{AccountID: "acc", Token: "x", HTTP: a.emu.Transport()})
	}
	if err != nil {
		t.Fatal(err)
	}
	rs, err := c.D1Query(t.Context(), a.db, []cloudflare.Statement{{SQL: sql, Params: params(args...)}})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rs
}

// tables are the names of all tables.
func (a *account) tables(t testing.TB) (names []string) {
	for _, r := range a.query(t, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)[0].Rows {
		n, _ := cloudflare.Text(r[0])
		names = append(names, n)
	}
	return names
}

func (a *account) Wipe() {
	t := a.t
	for _, n := range a.tables(t) {
		a.query(t, "DROP TABLE "+quote(n))
	}
}

// Snapshot copies every table into another database of the account.
func (a *account) Snapshot(t testing.TB) any {
	dump := map[string][2]string{}
	for _, n := range a.tables(t) {
		ddl, _ := cloudflare.Text(a.query(t, `SELECT sql FROM sqlite_master WHERE name = ?1`, n)[0].Rows[0][0])
		var cells []string
		for _, r := range a.query(t, `SELECT name FROM pragma_table_info(?1)`, n)[0].Rows {
			c, _ := cloudflare.Text(r[0])
			cells = append(cells, quote(c))
		}
		rows, _ := cloudflare.Text(a.query(t, fmt.Sprintf(`SELECT json_group_array(json_array(%s)) FROM %s`, strings.Join(cells, ","), quote(n)))[0].Rows[0][0])
		dump[n] = [2]string{ddl, rows}
	}
	return dump
}

func (a *account) Restore(t testing.TB, snapshot any) {
	a.Wipe()
	for n, d := range snapshot.(map[string][2]string) {
		a.query(t, d[0])
		var vs []string
		for i := range len(a.query(t, `SELECT name FROM pragma_table_info(?1)`, n)[0].Rows) {
			vs = append(vs, fmt.Sprintf("value->>%d", i))
		}
		a.query(t, fmt.Sprintf(`INSERT INTO %s SELECT %s FROM json_each(?1)`, quote(n), strings.Join(vs, ",")), d[1])
	}
}

// Rows is part of sinktest.Store: every column exactly, through json_array.
func (a *account) Rows(t testing.TB) (rows []sinktest.Row) {
	for _, n := range a.tables(t) {
		if strings.HasPrefix(n, "_sluice") {
			continue
		}
		var names, exprs []string
		for _, r := range a.query(t, `SELECT name, type FROM pragma_table_info(?1)`, n)[0].Rows {
			c, _ := cloudflare.Text(r[0])
			e := quote(c)
			if typ, _ := cloudflare.Text(r[1]); typ == sqlBlob {
				e = "hex(" + e + ")"
			} else if typ == sqlReal {
				e = "printf('%!.17g'," + e + ")"
			}
			names, exprs = append(names, c), append(exprs, fmt.Sprintf("CASE WHEN %s IS NULL THEN NULL ELSE %s END", quote(c), e))
		}
		for page := 0; ; page++ {
			rs := a.query(t, fmt.Sprintf(`SELECT json_array(%s) FROM %s LIMIT 2000 OFFSET %d`, strings.Join(exprs, ","), quote(n), 2000*page))
			for _, r := range rs[0].Rows {
				text, _ := cloudflare.Text(r[0])
				var vs []json.RawMessage
				if err := json.Unmarshal([]byte(text), &vs); err != nil {
					t.Fatal(err)
				}
				rows = append(rows, a.row(t, n, names, vs))
			}
			if len(rs[0].Rows) < 2000 {
				break
			}
		}
	}
	return rows
}

func (a *account) row(t testing.TB, table string, names []string, vs []json.RawMessage) sinktest.Row {
	row := sinktest.Row{Topic: table, Columns: map[string]string{}}
	for i, c := range names {
		js := string(vs[i])
		n, _ := cloudflare.Int(vs[i])
		switch c {
		case "_partition":
			row.Partition = int32(n)
			continue
		case "_offset":
			row.Offset = n
			continue
		case "_seq":
			row.Seq = int32(n)
			continue
		case "_op":
			row.Op, _ = cloudflare.Text(vs[i])
			continue
		}
		if js != "null" {
			switch sinktest.KindOf(c) {
			case schemas.Bool:
				js = map[string]string{"0": "false", "1": "true"}[js]
			case schemas.Float32, schemas.Float64:
				js = strings.Trim(js, `"`)
			case schemas.Binary:
				p, err := hex.DecodeString(strings.Trim(js, `"`))
				if err != nil {
					t.Fatal(err)
				}
				js = `"` + base64.StdEncoding.EncodeToString(p) + `"`
			}
		}
		row.Columns[c] = sinktest.Canonical(t, c, js)
	}
	return row
}

func TestContract(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store { return newAccount(t) })
}

func TestContractReplica(t *testing.T) {
	sinktest.Run(t, func(t testing.TB) sinktest.Store { return newAccount(t) }, sinktest.Replica())
}

// TestContractStaged runs it with epochs that do not fit one request.
func TestContractStaged(t *testing.T) {
	small := func(t testing.TB) sinktest.Store {
		a := newAccount(t)
		a.config.BatchBytes, a.config.MaxRequestBytes, a.config.MaxRows = 1_000, 1_000, 7
		return stagedAccount{a}
	}
	t.Run("Append", func(t *testing.T) { sinktest.Run(t, small) })
	t.Run("Replica", func(t *testing.T) { sinktest.Run(t, small, sinktest.Replica()) })
}

// stagedAccount brings every epoch to _sluice_staged.
type stagedAccount struct{ *account }

func (a stagedAccount) Open(t testing.TB) stream.Sink {
	s := a.account.sink(t)
	s.cfg.BatchBytes = 0
	if strings.HasSuffix(t.Name(), "ManyRows") { // 12,000 rows in 7s would be too many statements
		s.cfg.MaxRequestBytes, s.cfg.MaxRows = 400_000, 1_000
	}
	return s
}
