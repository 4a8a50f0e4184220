package cloudflare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
)

// transport is an http.RoundTripper from a function.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string, header ...string) transport {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func client(t *testing.T, rt http.RoundTripper) *Client {
	t.Helper()
	c, err := New(Config{AccountID: "acc", Token: "tok", HTTP: rt})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func account(t *testing.T) (*emulator.Emulator, *Client) {
	t.Helper()
	e, err := emulator.New(emulator.Options{Account: "acc", Token: "tok"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, client(t, e.Transport())
}

func TestConfig(t *testing.T) {
	good := Config{AccountID: "acc", Token: "tok", HTTP: http.DefaultTransport}
	for want, change := range map[string]func(*Config){
		"api":       func(c *Config) { c.BaseURL = "ftp://x" },
		"account":   func(c *Config) { c.AccountID = "a/b" },
		"token":     func(c *Config) { c.Token = "tok\n" },
		"transport": func(c *Config) { c.HTTP = nil },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "tok\n") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Text, NULL and 64-bit integers arrive as they were sent.
func TestD1RoundTrip(t *testing.T) {
	e, c := account(t)
	db, _ := e.CreateDatabase("db")
	nasty := "quote \" backslash \\ nl \n cr \r tab \t bell \a del \x7f < & > \u2028 é 😀"
	rs, err := c.D1Query(context.Background(), db, []Statement{
		{SQL: "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT) STRICT"},
		{SQL: "INSERT INTO t SELECT value->>0, ?2 FROM json_each(?1)", Params: [][]byte{[]byte("[[9223372036854775807],[-9223372036854775808]]"), []byte(nasty)}},
		{SQL: "INSERT INTO t VALUES (1, ?1), (2, ?2)", Params: [][]byte{nil, {}}},
		{SQL: "SELECT CAST(id AS TEXT), s FROM t ORDER BY t.id"},
		{SQL: "SELECT 1 WHERE 0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) != 5 || rs[1].Meta.Changes != 2 || rs[2].Meta.Changes != 2 || len(rs[4].Rows) != 0 {
		t.Fatalf("%+v", rs)
	}
	rows := rs[3].Rows
	for i, want := range []struct {
		id int64
		s  string
		ok bool
	}{{-9223372036854775808, nasty, true}, {1, "", false}, {2, "", true}, {9223372036854775807, nasty, true}} {
		id, idOK := Int(rows[i][0])
		s, ok := Text(rows[i][1])
		if !idOK || id != want.id || s != want.s || ok != want.ok {
			t.Errorf("row %d: %d %q %v", i, id, s, ok)
		}
	}
}

func TestD1Raised(t *testing.T) {
	e, c := account(t)
	db, _ := e.CreateDatabase("db")
	_, err := c.D1Query(context.Background(), db, []Statement{{SQL: "SELECT json_extract('{}', 'sluice_fence_lost ' || ?1)", Params: [][]byte{[]byte(`[["t/0",10,5]]`)}}})
	var a *APIError
	if !errors.As(err, &a) || a.Class != ClassRaised || a.Raised != `sluice_fence_lost [["t/0",10,5]]` || !Permanent(err) || Ambiguous(err) {
		t.Fatalf("%v %+v", err, a)
	}
}

// What an answer is taken for, and that no text it quotes is kept. // P1
func TestErrors(t *testing.T) {
	const secret = "jane@example.com"
	d1 := func(status int, text string) transport {
		b, _ := json.Marshal(text)
		return answer(status, fmt.Sprintf(`{"success":false,"errors":[{"code":7500,"message":%s}],"messages":[],"result":null}`, b))
	}
	queue := func(status, code int) transport {
		return answer(status, fmt.Sprintf(`{"success":false,"errors":[{"code":%d,"message":"about %s"}],"result":null}`, code, secret), "Retry-After", "7")
	}
	broken := func(err error) transport { return func(*http.Request) (*http.Response, error) { return nil, err } }
	for _, c := range []struct {
		name      string
		rt        transport
		class     Class
		ambiguous bool
		passing   bool
		tooLarge  bool
	}{
		{"connection", broken(io.ErrUnexpectedEOF), ClassTransport, true, false, false},
		{"time-out", broken(context.DeadlineExceeded), ClassTimeout, true, false, false},
		{"cut answer", answer(200, `{"success":true,"errors":[],"result":[{"resu`), ClassTransport, true, false, false},
		{"wrong shape", answer(200, `{"success":true,"errors":[],"result":[]}`), ClassTransport, true, false, false},
		{"proxy", answer(502, "<html>"+secret), ClassUnavailable, true, false, false},
		{"redirect", answer(302, ""), ClassUnavailable, true, false, false},
		{"D1 internal", d1(500, "internal error; reference = "+secret), ClassUnavailable, true, false, false},
		{"D1 SQL text in a 500", d1(500, "UNIQUE constraint failed: SQLITE_CONSTRAINT"), ClassUnavailable, true, false, false},
		{"D1 lost connection", d1(500, "Network connection lost."), ClassUnavailable, true, false, false},
		{"D1 reset", d1(400, "D1 DB reset because its code was updated."), ClassUnavailable, true, false, false},
		{"D1 overloaded", d1(503, "D1 DB is overloaded. Requests queued for too long."), ClassOverloaded, false, true, false},
		{"D1 memory", d1(500, "D1 DB's isolate exceeded its memory limit and was reset."), ClassResources, true, false, true},
		{"D1 time", d1(500, "D1 DB storage operation exceeded timeout which caused object to be reset."), ClassResources, true, false, true},
		{"value too big", d1(400, "string or blob too big: SQLITE_TOOBIG"), ClassTooLarge, false, false, true},
		{"database full", d1(400, "database or disk is full: SQLITE_FULL"), ClassFull, false, true, false},
		{"unique", d1(400, "UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)"), ClassConstraint, false, false, false},
		{"path that quotes", d1(400, "bad JSON path: '"+secret+"': SQLITE_ERROR"), ClassSQL, false, false, false},
		{"data that looks raised", d1(400, "bad thing '"+secret+" sluice_x': SQLITE_ERROR"), ClassSQL, false, false, false},
		{"syntax", d1(400, `near "`+secret+`": syntax error: SQLITE_ERROR`), ClassSQL, false, false, false},
		{"no table", d1(400, "no such table: t: SQLITE_ERROR"), ClassSchema, false, false, false},
		{"rate", queue(429, 971), ClassRateLimited, false, true, false},
		{"queue overloaded", queue(429, 10250), ClassRateLimited, false, true, false},
		{"queue full", queue(429, 10251), ClassFull, false, true, false},
		{"queue internal", queue(500, 15000), ClassUnavailable, true, false, false},
		{"message too large", queue(413, 10204), ClassTooLarge, false, false, true},
		{"body schema", queue(400, 10207), ClassRefused, false, false, false},
		{"token", queue(403, 10000), ClassUnauthorized, false, false, false},
		{"queue gone", queue(404, 10104), ClassNotFound, false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := client(t, c.rt).D1Query(context.Background(), "db", []Statement{{SQL: "SELECT 1"}})
			if ClassOf(err) != c.class || Ambiguous(err) != c.ambiguous || Passing(err) != c.passing || TooLarge(err) != c.tooLarge {
				t.Errorf("%v: class %q ambiguous %v passing %v too large %v", err, ClassOf(err), Ambiguous(err), Passing(err), TooLarge(err))
			}
			if Permanent(err) == (c.ambiguous || c.passing) {
				t.Error("permanent")
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
				t.Errorf("quotes what it was sent: %v", err) // P1
			}
			if strings.HasPrefix(c.name, "queue") && RetryAfter(err) != 7*time.Second {
				t.Error("Retry-After is lost")
			}
		})
	}
}

// Nothing that production refuses leaves the process.
func TestLimits(t *testing.T) {
	sent := 0
	c := client(t, transport(func(r *http.Request) (*http.Response, error) {
		sent++
		return answer(200, `{"success":true,"result":{"unsuccessful_keys":[]}}`)(r)
	}))
	ctx := context.Background()
	q := func(s Statement) error { _, err := c.D1Query(ctx, "db", []Statement{s}); return err }
	message := func(n int) Message { return Message{Body: bytes.Repeat([]byte("a"), n)} }
	for _, x := range []struct {
		name string
		err  error
		want string
	}{
		{"statement", q(Statement{SQL: strings.Repeat("a", MaxStatement+1)}), "bytes of statement 0"},
		{"parameters", q(Statement{SQL: "S", Params: make([][]byte, 101)}), "parameters of statement 0"},
		{"value", q(Statement{SQL: "S", Params: [][]byte{nil, make([]byte, MaxValue+1)}}), "bytes of parameter 2 of statement 0"},
		{"UTF-8", q(Statement{SQL: "S", Params: [][]byte{{0xff}}}), "parameter 1 of statement 0 is not valid UTF-8"},
		{"statements", func() error { _, err := c.D1Query(ctx, "db", make([]Statement, 1001)); return err }(), "statements: 1001"},
		{"message", c.QueuePush(ctx, "q", []Message{message(1), message(MaxMessageBody + 1)}), "bytes of message 1"},
		{"messages", c.QueuePush(ctx, "q", make([]Message, 101)), "messages: 101"},
		{"batch", c.QueuePush(ctx, "q", []Message{message(127_900), message(127_801)}), ""},
		{"batch of three", c.QueuePush(ctx, "q", []Message{message(127_900), message(127_900), message(1)}), "bytes of all messages: 256101"},
		{"delay", c.QueuePush(ctx, "q", []Message{{Body: []byte("a"), Delay: MaxDelay + 1}}), "delay"},
		{"key", c.KVPut(ctx, "ns", []Pair{{Key: strings.Repeat("k", 513)}}), "bytes of key 0"},
		{"dots", c.KVDelete(ctx, "ns", []string{".."}), "key 0"},
		{"kv value", c.KVPut(ctx, "ns", []Pair{{Key: "a", Value: make([]byte, MaxKVValue+1)}}), "bytes of value 0"},
		{"ttl", c.KVPut(ctx, "ns", []Pair{{Key: "a", TTL: 59}}), "at least 60"},
		{"metadata", c.KVPut(ctx, "ns", []Pair{{Key: "a", Metadata: json.RawMessage("{")}}), "not JSON"},
		{"pairs", c.KVPut(ctx, "ns", make([]Pair, 10_001)), "pairs: 10001"},
		{"keys", func() error { _, err := c.KVGet(ctx, "ns", make([]string, 101)); return err }(), "keys: 101"},
	} {
		switch {
		case x.want == "":
			if x.err != nil {
				t.Errorf("%s: %v", x.name, x.err)
			}
		case x.err == nil || !strings.Contains(x.err.Error(), x.want) || !Permanent(x.err):
			t.Errorf("%s: %v, want %s", x.name, x.err, x.want)
		}
	}
	if sent != 1 {
		t.Errorf("%d requests left, want the good one", sent)
	}
}

func TestQueuesAndKV(t *testing.T) {
	e, c := account(t)
	ctx := context.Background()
	q, _ := e.CreateQueue("q")
	ns, _ := e.CreateKV("ns")
	body := `{"n":9007199254740993,"s":"a\"\\é"}`
	if err := c.QueuePush(ctx, q, []Message{{Body: []byte(body)}, {Body: []byte("later"), Delay: 60}}); err != nil {
		t.Fatal(err)
	}
	ms, err := c.QueuePull(ctx, q, 10, 30_000)
	if err != nil || len(ms) != 1 || string(ms[0].Body) != body || ms[0].Attempts != 1 {
		t.Fatalf("%+v %v", ms, err)
	}
	if err := c.QueueAck(ctx, q, nil, []Redelivery{{Lease: ms[0].Lease}}); err != nil {
		t.Fatal(err)
	}
	if ms, err = c.QueuePull(ctx, q, 10, 30_000); err != nil || len(ms) != 1 || ms[0].Attempts != 2 {
		t.Fatalf("%+v %v", ms, err)
	}
	if err := c.QueueAck(ctx, q, []string{ms[0].Lease}, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := e.Messages(q); err != nil || len(left) != 1 {
		t.Fatalf("%+v %v", left, err)
	}

	key := "a/b c?x=1#é%"
	if err := c.KVPut(ctx, ns, []Pair{{Key: key, Value: []byte("1"), TTL: 60, Metadata: json.RawMessage(`{"m":1}`)}, {Key: "b", Value: nil}}); err != nil {
		t.Fatal(err)
	}
	if got, err := c.KVGet(ctx, ns, []string{key, "b", "c"}); err != nil || fmt.Sprint(got) != fmt.Sprint(map[string]string{key: "1", "b": ""}) {
		t.Fatalf("%v %v", got, err)
	}
	if v, ok, err := c.KVValue(ctx, ns, key); err != nil || !ok || string(v) != "1" {
		t.Fatalf("%s %v %v", v, ok, err)
	}
	if err := c.KVDelete(ctx, ns, []string{key}); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := c.KVValue(ctx, ns, key); err != nil || ok {
		t.Fatal(ok, err)
	}
}

// No window of five minutes has more requests than the quota, and the wait for
// one ends with its context.
func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(100, time.Now, nil)
		var at []time.Time
		for range 500 {
			if err := l.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Now())
		}
		if d := at[19].Sub(at[0]); d != 0 {
			t.Errorf("a fifth of the quota took %v", d)
		}
		for i := range at[100:] {
			if d := at[100+i].Sub(at[i]); d < Window {
				t.Fatalf("101 requests in %v", d)
			}
		}
		if d := at[499].Sub(at[0]); d > 7*Window {
			t.Errorf("500 requests took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := l.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// What the API says about the account is believed by all clients of it.
func TestLimiterLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1200, time.Now, nil)
		reply := answer(200, `{"success":true,"result":{}}`, "Ratelimit", `"default";r=1;t=200`)
		c := func() *Client {
			c, err := New(Config{AccountID: "a", Token: "t", Limiter: l, HTTP: transport(func(r *http.Request) (*http.Response, error) { return reply(r) })})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		one, two := c(), c()
		took := func(c *Client) time.Duration {
			begin := time.Now()
			_ = c.QueuePush(t.Context(), "q", []Message{{Body: []byte("x")}})
			return time.Since(begin)
		}
		if d := took(one); d != 0 {
			t.Error(d)
		}
		if d := took(two); d != 0 { // the one that is left
			t.Error(d)
		}
		reply = answer(429, `{"success":false,"errors":[{"code":971,"message":""}]}`, "Ratelimit", `"default";r=0;t=200`, "Retry-After", "200")
		took(one)
		reply = answer(200, `{"success":true,"result":{}}`)
		err := two.QueuePush(t.Context(), "q", []Message{{Body: []byte("x")}})
		if !Passing(err) || Ambiguous(err) || ClassOf(err) != ClassRateLimited || RetryAfter(err) != 200*time.Second {
			t.Errorf("while the account is blocked: %v, retry after %v", err, RetryAfter(err))
		}
		time.Sleep(195 * time.Second) // virtual
		if d := took(two); d < 5*time.Second || d > 6*time.Second {
			t.Errorf("waited %v for the end of the block, want 5 s", d)
		}
	})
}

// A request that waits for its turn and is called off never left: whoever
// reads that need not look into the store.
func TestNotSentIsPassing(t *testing.T) {
	l := NewLimiter(300, func() time.Time { return time.Unix(0, 0) }, func(context.Context, time.Duration) error { return context.Canceled })
	sent := 0
	c, err := New(Config{AccountID: "a", Token: "t", Limiter: l, HTTP: transport(func(r *http.Request) (*http.Response, error) {
		sent++
		return answer(500, "")(r)
	})})
	if err != nil {
		t.Fatal(err)
	}
	push := func() error { return c.QueuePush(context.Background(), "q", []Message{{Body: []byte("x")}}) }
	for range 60 { // a fifth at once
		if err := push(); !Ambiguous(err) {
			t.Fatal(err)
		}
	}
	if err := push(); sent != 60 || Ambiguous(err) || !Passing(err) || !errors.Is(err, context.Canceled) {
		t.Fatal(sent, err)
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\x1f\"\\", "é😀\u2028", `{"a":"b\n"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkText("", "", []byte(s)) != nil {
			t.Skip()
		}
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil || got != s {
			t.Fatalf("%q became %q: %v", s, got, err)
		}
	})
}

func FuzzReadResults(f *testing.F) {
	f.Add([]byte(`[{"results":{"columns":["a"],"rows":[[1],["x"]]},"success":true,"meta":{"changes":1}}]`))
	f.Add([]byte(`[{"results":{"columns":["a"],"rows":[[1,2]]}}]`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rs, err := readResults(b)
		if err != nil {
			return
		}
		for _, r := range rs {
			for _, row := range r.Rows {
				if len(row) != len(r.Columns) {
					t.Fatal("a row has not the columns' number of cells")
				}
				for _, cell := range row {
					Int(cell)
					Text(cell)
				}
			}
		}
	})
}

func BenchmarkBatchBody(b *testing.B) {
	row := `["c-1","Jane Doe","a \"quoted\" street",12345,true,null,"2024-01-02T03:04:05Z"],`
	param := []byte("[" + strings.TrimSuffix(strings.Repeat(row, 20_000), ",") + "]")
	b.SetBytes(int64(len(param)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := appendBatch("d1 query", []Statement{{SQL: "INSERT", Params: [][]byte{param}}}); err != nil {
			b.Fatal(err)
		}
	}
}
