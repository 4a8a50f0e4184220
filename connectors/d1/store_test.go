package d1

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/sinktest"
	"sluice/schemas"
	"sluice/topology/stream"
)

// TestExact: what STRICT, JSON5 and doubles would bend arrives as it was.
func TestExact(t *testing.T) {
	b := newBench(t)
	s := schema("exact", key("id", schemas.Int64), col("i", schemas.Int64), schemas.Field{Name: "u", Type: schemas.Type{Kind: schemas.Decimal, Precision: 20}},
		schemas.Field{Name: "d", Type: schemas.Type{Kind: schemas.Decimal, Precision: 30, Scale: 2}}, col("f", schemas.Float64), col("t", schemas.String), col("j", schemas.JSON), col("b", schemas.Bool))
	b.ok(b.commit(b.clean(s, 0,
		ins("1", "9223372036854775807", "18446744073709551615", `"1.10"`, "0.1", `"007"`, `{"k": [1,  2]}`, "true"),
		ins("2", "-9223372036854775808", "0", "-0.5", `"Infinity"`, `" 5 "`, `"[1]"`, "0"),
		ins("3", "9007199254740993", "null", `"123456789012345678901234567.89"`, "1.7976931348623157e308", `"1e3 \u0000 \ud800 \ud83d\ude00 ' \\ NaN"`, "null", "null"))))
	b.is(`SELECT json_array(CAST(i AS TEXT), u, d, f, t, j, b) FROM exact ORDER BY id`, `[["[\"9223372036854775807\",\"18446744073709551615\",\"1.10\",0.1,\"007\",\"{\\\"k\\\": [1,  2]}\",1]"],`+
		`["[\"-9223372036854775808\",\"0\",\"-0.50\",9.0e+999,\" 5 \",\"[1]\",0]"],`+
		`["[\"9007199254740993\",null,\"123456789012345678901234567.89\",1.7976931348623157e+308,\"1e3 \\u0000 `+"\uFFFD"+` `+"😀"+` ' \\\\ NaN\",null,null]"]]`)
	b.is(`SELECT typeof(i), typeof(u), typeof(d), typeof(f), typeof(t), typeof(j), typeof(b) FROM exact WHERE id = 1`, `[["integer","text","text","real","text","text","integer"]]`)
}

// TestRefusedRows: what D1 cannot hold is this sink's dead letter; the rest goes on.
func TestRefusedRows(t *testing.T) {
	b := newBench(t)
	s := schema("r", key("id", schemas.Int64), col("v", schemas.String), col("n", schemas.Int64), schemas.Field{Name: "bin", Type: schemas.Type{Kind: schemas.Binary}, Wire: schemas.WireBase64})
	big := `"` + strings.Repeat("x", 2_000_000) + `"`
	w := b.s.Writer()
	c := b.clean(s, 3, ins("1", `"ok"`, "1", "null"), ins("2", big, "1", "null"), ins("3", "null", "99999999999999999999", "null"), ins("null", "null", "null", "null"),
		ins("4", "null", "1.5", "null"), ins("5", "null", "null", `"?x"`), ins("6", `"`+strings.Repeat("y", 1_850_000)+`"`, "null", "null"), del("null"))
	b.write(w, c)
	e, parts := b.seal([]stream.Clean{c}, w)
	if n := e.Spans[0].Count; n.Written != 2 || n.Rejected != 6 {
		t.Errorf("counts %+v", n)
	}
	var got []string
	for _, d := range e.Rejects {
		got = append(got, fmt.Sprintf("%s %s %s %d", d.Code, d.Field, d.Sink, d.Offset))
	}
	want := "[row_too_large  sink 1 out_of_range n sink 2 null_key id sink 3 wrong_type n sink 4 bad_base64 bin sink 5 null_key id sink 7]"
	if fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	b.ok(b.finish(e, parts))
	b.is(`SELECT id FROM r ORDER BY id`, `[[1],[6]]`)
	b.is(`SELECT count(*), min(sink), min(part) FROM _sluice_dead`, `[[6,"sink",3]]`)

	fields := []schemas.Field{key("id", schemas.Int64)}
	for i := range 100 {
		fields = append(fields, col(fmt.Sprint("c", i), schemas.String))
	}
	c = b.clean(schema("wide", fields...), 0, ins("1"))
	b.write(w, c)
	if e, _ := b.seal([]stream.Clean{c}, w); len(e.Rejects) != 1 || e.Rejects[0].Code != "too_many_columns" {
		t.Errorf("%+v", e.Rejects)
	}
	narrow := schema("narrow", fields[:100]...)
	b.ok(b.commit(b.clean(narrow, 0, ins("1"))))
	b.parked(b.commit(b.clean(schema("narrow", append(fields[:99:99], col("other", schemas.String))...), 0, ins(append(append([]string{"1"}, make([]string, 98)...), `"v"`)...))), "D1's limit")
}

func TestTablesOfOthers(t *testing.T) {
	b := newBench(t)
	b.a.query(t, `CREATE TABLE items (id INTEGER PRIMARY KEY)`)
	b.parked(b.commit(b.clean(items, 0, ins("1", "null", "null"))), "was not made by Sluice")

	x := newBench(t)
	x.ok(x.commit(x.clean(items, 0, ins("1", `"v"`, "null"))))
	other := x.a.bench(t)
	s, err := Open(x.a.config, x.a.env("other", sinktest.Sink))
	x.ok(err)
	other.s = s.(*Sink)
	other.parked(other.commit(other.clean(items, 0, ins("1", "null", "null"))), "belongs to")
	again := x.a.bench(t)
	again.at = x.at
	again.parked(again.commit(again.clean(schema("items", key("other", schemas.Int64)), 0, ins("1"))), "has the key (id)")
	x.s.cfg.Evolve = "strict"
	x.parked(x.commit(x.clean(schema("items", key("id", schemas.Int64), col("a", schemas.Float64)), 0, ins("1", "5.5"))), `column "a" as TEXT, the rows of topic shop.public.items have it as REAL`)
	x.s.cfg.Evolve = "auto"
	x.a.query(t, `DROP TABLE items`)
	x.parked(x.commit(x.clean(items, 0, ins("2", "null", "null"))), "is gone")
}

func TestColumnOverride(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Columns = map[string]string{"o.n": "TEXT", "o.a": "ANY"} })
	s := schema("o", key("id", schemas.Int64), col("n", schemas.Int64), col("a", schemas.Int64))
	b.ok(b.commit(b.clean(s, 0, ins("1", "12", "12"), ins("2", "null", "null"))))
	later := schema("o", key("id", schemas.Int64), col("n", schemas.String), col("a", schemas.String))
	b.ok(b.commit(b.clean(later, 0, ins("3", `"twelve"`, `"x"`))))
	b.is(`SELECT id, n, a FROM o ORDER BY id`, `[[1,"12",12],[2,null,null],[3,"twelve","x"]]`)
}

// TestNestedOfNoType (one such row kept the whole commit away, for ever): objects
// and lists are texts also where nobody knows the column's type, however deep.
func TestNestedOfNoType(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Columns = map[string]string{"n.t": "TEXT"} })
	deep := strings.Repeat("[", 1_100) + strings.Repeat("]", 1_100)
	b.ok(b.commit(b.clean(schema("n", key("id", schemas.Int64), col("t", schemas.Unknown), col("a", schemas.Unknown)), 0,
		ins("1", `{"k": ["\u00e9", 1]}`, `{"k": 1}`), ins("2", deep, deep), upd("1", "?", `[1]`))))
	b.is(`SELECT id, t, a FROM n WHERE id = 1`, `[[1,"{\"k\": [\"\\u00e9\", 1]}","[1]"]]`)
	b.is(`SELECT length(t), length(a) FROM n WHERE id = 2`, `[[2200,2200]]`)
}

// TestErrorsSayNoRow: what D1 refuses, and what stops this sink, quotes no value. // P1
func TestErrorsSayNoRow(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, ins("1", `"a"`, "null"))))
	b.a.query(t, `CREATE TRIGGER no BEFORE INSERT ON items BEGIN SELECT RAISE(ABORT, 'CANARY'); END`)
	err := b.commit(b.clean(items, 0, ins("2", `"CANARY"`, "null")))
	b.parked(err, "does not take the rows")
	if strings.Contains(err.Error(), "CANARY") {
		t.Error(err)
	}
}

func TestClassification(t *testing.T) {
	for _, c := range []struct {
		fault emulator.Kind
		kind  stream.ErrorKind
		code  string
		after time.Duration
	}{
		{emulator.Status429, stream.KindRetry, "rate_limited", 7 * time.Second},
		{emulator.Status500, stream.KindRetry, "unavailable", 0},
		{emulator.Status503, stream.KindRetry, "unavailable", 0},
		{emulator.Cut, stream.KindRetry, "transport", 0},
	} {
		b := newBench(t)
		b.a.emu.Fail(emulator.Fault{Kind: c.fault, Delay: c.after})
		_, err := b.s.Recover(t.Context(), []lane{{Topic: "t"}})
		var r *stream.RetryError
		if stream.KindOf(err) != c.kind || !errors.As(err, &r) || r.Code != c.code || r.After != c.after {
			t.Errorf("fault %d: %v (%+v), want %s after %v", c.fault, err, r, c.code, c.after)
		}
	}
	b := newBench(t, func(c *Config) { c.Database = "no-such" })
	_, err := b.s.Recover(t.Context(), []lane{{Topic: "t"}})
	b.parked(err, "not_found")
}

// spent is an account whose database has no time for commits.
type spent struct{ *account }

func (x spent) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(body, []byte("sluice_fence_lost")) {
		return &http.Response{StatusCode: 500, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"success":false,"errors":[{"code":7500,"message":"D1 DB exceeded its CPU time limit and was reset."}],"result":null}`))}, nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return x.account.RoundTrip(r)
}

// TestTooMuchForD1: waiting alone does not help, and who looks is told what does.
func TestTooMuchForD1(t *testing.T) {
	b := newBench(t)
	env := b.a.env(sinktest.Pipeline, sinktest.Sink)
	env.HTTP = spent{b.a}
	s, err := Open(b.a.config, env)
	b.ok(err)
	b.s = s.(*Sink)
	err = b.commit(b.clean(items, 0, ins("1", "null", "null")))
	if stream.KindOf(err) != stream.KindRetry || !strings.Contains(err.Error(), "lower commit.bytes") {
		t.Error(err)
	}
}

// TestOneRequest: a steady epoch is one request with one transaction.
func TestOneRequest(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null"))))
	w := b.s.Writer()
	c := b.clean(items, 0, upd("1", `"v"`, "null"), del("2"))
	b.write(w, c)
	e, parts := b.seal([]stream.Clean{c}, w)
	before := b.a.calls
	st, err := b.s.Upload(t.Context(), e, parts)
	b.ok(err)
	b.ok(b.s.Commit(t.Context(), []stream.Staged{st}))
	if n := b.a.calls - before; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestStagedRows: a large epoch waits in the database until it is committed,
// and what nobody committed goes after a day.
func TestStagedRows(t *testing.T) {
	b := newBench(t, func(c *Config) { c.BatchBytes, c.MaxRows = 1_000, 10 })
	fill := func() (e stream.Epoch, parts []stream.Part) {
		var rs []rec
		for i := range 200 {
			rs = append(rs, ins(fmt.Sprint(i), `"some text"`, "null"))
		}
		w := b.s.Writer()
		c := b.clean(items, 0, rs...)
		b.write(w, c)
		return b.seal([]stream.Clean{c}, w)
	}
	lost, parts := fill()
	_, err := b.s.Upload(t.Context(), lost, parts)
	b.ok(err)
	b.is(`SELECT count(*) FROM _sluice_staged`, `[[20]]`)
	b.at = map[lane]int64{}
	e, parts := fill()
	e.Time += 2 * stagedAge.Microseconds()
	st, err := b.s.Upload(t.Context(), e, parts)
	b.ok(err)
	if len(st.Payload) > 10_000 {
		t.Errorf("the payload has %d bytes: the rows are in it", len(st.Payload))
	}
	b.is(`SELECT count(*) FROM _sluice_staged`, `[[20]]`)
	_, err = b.s.Recover(t.Context(), []lane{e.Spans[0].Lane})
	b.ok(err)
	b.a.query(t, `DELETE FROM _sluice_staged WHERE n = 3`)
	if err := b.s.Commit(t.Context(), []stream.Staged{st}); !errors.Is(err, stream.ErrFenced) { // never half an epoch
		t.Errorf("a commit without all its rows: %v, want ErrFenced", err)
	}
	b.is(`SELECT count(*) FROM sqlite_master WHERE name = 'items'`, `[[0]]`)
	st, err = b.s.Upload(t.Context(), e, parts)
	b.ok(err)
	b.ok(b.s.Commit(t.Context(), []stream.Staged{st}))
	b.is(`SELECT count(*) FROM items`, `[[200]]`)
	b.is(`SELECT count(*) FROM _sluice_staged`, `[[0]]`)
}

// TestTooManyStatements says what to do.
func TestTooManyStatements(t *testing.T) {
	b := newBench(t)
	b.s.cfg.MaxRows = 1
	var rs []rec
	for i := range 1_100 {
		rs = append(rs, ins(fmt.Sprint(i), "null", "null"))
	}
	b.parked(b.commit(b.clean(items, 0, rs...)), "statements")
}

// TestManyTables: making hundreds of tables does not fit the commit's batch.
func TestManyTables(t *testing.T) {
	b := newBench(t)
	var cs []stream.Clean
	for i := range 400 {
		cs = append(cs, b.clean(schema(fmt.Sprint("t", i), key("id", schemas.Int64)), 0, ins("1")))
	}
	b.ok(b.commit(cs...))
	b.is(`SELECT count(*) FROM sqlite_master WHERE name LIKE 't%' AND type = 'table'`, `[[400]]`)
	b.is(`SELECT sum(written) FROM _sluice_ledger`, `[[400]]`)
}

func TestLargeDeadLetter(t *testing.T) {
	b := newBench(t)
	sealed := bytes.Repeat([]byte{0, 0xFF, 7}, 1_200_000)
	w := b.s.Writer()
	c := b.clean(items, 0, ins("1", "null", "null"))
	b.write(w, c)
	e, parts := b.seal([]stream.Clean{c}, w)
	e.Rejects = append(e.Rejects, stream.DeadLetter{ID: "big", Lane: e.Spans[0].Lane, Sealed: sealed, Code: "x", Stage: "decode"})
	b.ok(b.finish(e, parts))
	d, err := b.s.GetDead(t.Context(), "big")
	if err != nil || !bytes.Equal(d.Sealed, sealed) {
		t.Errorf("%v, %d bytes", err, len(d.Sealed))
	}
	b.ok(b.s.MarkRedriven(t.Context(), "big", 9))
	if list, err := b.s.ListDead(t.Context(), 10); err != nil || len(list) != 0 {
		t.Errorf("%d letters after the redrive, %v", len(list), err)
	}
}

// TestNewerFormats: rows of a version to come are not guessed at.
func TestNewerFormats(t *testing.T) {
	b := newBench(t)
	b.ok(b.commit(b.clean(items, 0, ins("1", "null", "null"))))
	b.a.query(t, `UPDATE _sluice_offsets SET v = 2`)
	if _, err := b.s.Recover(t.Context(), []lane{{Topic: items.Topic}}); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("Recover: %v", err)
	}
	if err := b.s.Commit(t.Context(), []stream.Staged{{Format: 1, Payload: []byte("{\"v\":2}\n")}}); !errors.Is(err, errPayload) {
		t.Errorf("Commit: %v", err)
	}
}

var update = flag.Bool("update", false, "write golden files")

// TestGoldenPayload: a later version reads what this one staged.
func TestGoldenPayload(t *testing.T) {
	b := newBench(t)
	log := schema("log", col("m", schemas.String))
	w := b.s.Writer()
	for _, c := range []stream.Clean{b.clean(items, 0, ins("1", `"a"`, "?"), ins("2", `"b"`, "null"), del("3")), b.clean(log, 1, ins(`"line"`)), b.clean(schema("gone", key("id", schemas.Int64)), 0, rec{op: stream.Truncate})} {
		b.write(w, c)
	}
	p, err := w.Seal()
	b.ok(err)
	x := b.s.plan([]stream.Part{p})
	got, err := x.encode()
	b.ok(err)
	path := filepath.Join("testdata", "payload.v1")
	if *update {
		b.ok(os.MkdirAll("testdata", 0o755))
		b.ok(os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	b.ok(err)
	if !bytes.Equal(got, want) {
		t.Errorf("the payload is\n%s\nwant\n%s", got, want)
	}
	e := stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: "c", Spans: []stream.LedgerSpan{{Span: stream.Span{Lane: lane{Topic: "t"}, To: stream.Position{Offset: 5}}}}}
	_, err = b.s.Recover(t.Context(), []lane{{Topic: "t"}})
	b.ok(err)
	b.ok(b.s.Commit(t.Context(), []stream.Staged{{Format: 1, Epoch: e, Payload: want}}))
	b.is(`SELECT id, a, b FROM items`, `[[1,"a",null],[2,"b",null]]`)
	b.is(`SELECT * FROM log`, `[[1,0,0,"insert","line"]]`)
}

func FuzzDecodePayload(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "payload.v1"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte("{\"v\":1,\"tables\":[{\"name\":\"x\",\"ops\":[{\"from\":-1,\"len\":5}]}]}\nabc"))
	f.Add([]byte("{\"v\":1,\"tables\":[{\"ops\":[{\"from\":9223372036854775807,\"len\":9223372036854775807}]}]}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decodePayload(b)
		if err != nil {
			return
		}
		s := &Sink{cfg: Default()}
		for i := range p.Tables { // whatever was accepted can be said
			s.apply(&p.Tables[i], "t", &stream.Epoch{}, p.raw)
		}
	})
}

// FuzzElements: the splitter of rows agrees with encoding/json.
func FuzzElements(f *testing.F) {
	for _, s := range []string{`[1,"a,]\"",{"x":[1,2],"y":"}"},null,[[],"[" ]]`, `[1]`, `["\\"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var want []json.RawMessage
		var tight bytes.Buffer
		if json.Unmarshal(p, &want) != nil || len(want) == 0 || json.Compact(&tight, p) != nil {
			return
		}
		got := elements(tight.Bytes())
		if len(got) != len(want) {
			t.Fatalf("%d elements of %s, want %d", len(got), tight.Bytes(), len(want))
		}
		for i := range got {
			var w bytes.Buffer
			json.Compact(&w, want[i])
			if w.String() != string(got[i]) {
				t.Fatalf("element %d of %s is %s", i, tight.Bytes(), got[i])
			}
		}
	})
}

func TestConfig(t *testing.T) {
	good := Default()
	good.Account, good.Token, good.Database = "a", "env:T", "d"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		part   string
	}{
		"account": {func(c *Config) { c.Account = "" }, "account"}, "token": {func(c *Config) { c.Token = "" }, "token"},
		"database": {func(c *Config) { c.Database = "" }, "database"}, "template": {func(c *Config) { c.Table = "{tabel}" }, "braces"},
		"one table": {func(c *Config) { c.Table = "all" }, "share one table"}, "truncate": {func(c *Config) { c.Truncate = "aply" }, `did you mean "apply"`},
		"column": {func(c *Config) { c.Columns = map[string]string{"x": "TEXT"} }, "table.column"}, "type": {func(c *Config) { c.Columns = map[string]string{"x.y": "INTEGER"} }, "TEXT and ANY"},
		"bytes": {func(c *Config) { c.MaxRequestBytes = 3_000_000 }, "max_request_bytes"},
	} {
		x := good
		c.change(&x)
		if err := x.Validate(); err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: %v, want %q", name, err, c.part)
		}
	}
}

// BenchmarkWriter is rows through Write, Seal and Upload, against the same rows
// through encoding/json.
func BenchmarkWriter(b *testing.B) {
	x := newBench(b)
	s := schema("bench", key("id", schemas.Int64), col("a", schemas.String), col("n", schemas.Int64), col("f", schemas.Float64),
		schemas.Field{Name: "ts", Type: schemas.Type{Kind: schemas.Instant}, Wire: schemas.WireMicros}, col("b", schemas.Bool), schemas.Field{Name: "d", Type: schemas.Type{Kind: schemas.Decimal, Precision: 10, Scale: 2}}, col("note", schemas.String))
	var rs []rec
	for i := range 5_000 {
		rs = append(rs, ins(fmt.Sprint(i), `"some name of a person"`, "123456", "1.5", "1704067200000001", "true", "12.50", `"a note of forty bytes or so, plain text"`))
	}
	c := x.clean(s, 0, rs...)
	b.Run("sink", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w := x.s.Writer()
			if err := w.Write(c); err != nil {
				b.Fatal(err)
			}
			p, _ := w.Seal()
			if _, err := x.s.Upload(b.Context(), stream.Epoch{}, []stream.Part{p}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*5_000/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var out bytes.Buffer
			e := json.NewEncoder(&out)
			for i := range c.Rows() {
				e.Encode([]any{i, "some name of a person", 123456, 1.5, time.UnixMicro(1704067200000001), true, "12.50", "a note of forty bytes or so, plain text"})
			}
		}
		b.ReportMetric(float64(b.N)*5_000/b.Elapsed().Seconds(), "rows/s")
	})
}
