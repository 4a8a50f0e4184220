package cloudflare

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

const bridgeKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func bridgeTo(t *testing.T, url, key string) *Bridge {
	t.Helper()
	b, err := NewBridge(BridgeConfig{Address: url, KeyID: "k1", Key: key, HTTP: http.DefaultTransport})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var signature = regexp.MustCompile(`^Sluice kid=k1,ts=(\d{10}),nonce=([0-9a-f]{32}),sig=([0-9a-f]{64})$`)

// The request is signed over all of itself, and parameters are frames.
func TestBridgeRequest(t *testing.T) {
	var seen string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m := signature.FindStringSubmatch(r.Header.Get("Authorization"))
		if m == nil {
			t.Errorf("authorization %q", r.Header.Get("Authorization"))
			return
		}
		key, _ := hex.DecodeString(bridgeKey)
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "v1\n%s\n%s\nPOST\n%s\n%x", m[1], m[2], r.URL.Path, sha256.Sum256(body))
		if hex.EncodeToString(mac.Sum(nil)) != m[3] {
			t.Error("the signature is not of this request")
		}
		seen = r.URL.Path + " " + string(body)
		fmt.Fprint(w, `{"ok":true,"results":[{"columns":["a"],"rows":[[1]],"changes":2}]}`)
	}))
	defer srv.Close()
	rs, err := bridgeTo(t, srv.URL, bridgeKey).D1Query(t.Context(), "DB", []Statement{{SQL: `SELECT "x"`, Params: [][]byte{[]byte(`[["q"]]`), nil, []byte("é")}}})
	if err != nil || len(rs) != 1 || rs[0].Meta.Changes != 2 || string(rs[0].Rows[0][0]) != "1" {
		t.Errorf("%v %v", rs, err)
	}
	if want := "/v1/d1/DB " + `{"batch":[{"sql":"SELECT \"x\"","params":[{"$f":7},null,{"$f":2}]}]}` + "\n" + `[["q"]]é`; seen != want {
		t.Errorf("sent\n%s\nwant\n%s", seen, want)
	}
}

// Each answer of the Worker is the class that the REST API's answer would be,
// and none quotes what was sent. // P1
func TestBridgeErrors(t *testing.T) {
	for _, c := range []struct {
		status                       int
		code, message                string
		class                        Class
		ambiguous, passing, tooLarge bool
	}{
		{409, "raised", `D1_ERROR: bad JSON path: 'sluice_fence_lost [["t",0,5]]': SQLITE_ERROR`, ClassRaised, false, false, false},
		{422, "d1_constraint", "D1_ERROR: NOT NULL constraint failed: t.a: SQLITE_CONSTRAINT", ClassConstraint, false, false, false},
		{422, "d1_error", "D1_ERROR: no such table: t: SQLITE_ERROR", ClassSchema, false, false, false},
		{422, "d1_error", "D1_ERROR: near \"SECRET\": syntax error", ClassSQL, false, false, false},
		{429, "d1_overloaded", "", ClassOverloaded, false, true, false},
		{507, "d1_resources", "", ClassResources, true, false, true},
		{507, "d1_full", "", ClassFull, false, true, false},
		{503, "d1_unavailable", "SECRET", ClassUnavailable, true, false, false},
		{413, "d1_too_big", "", ClassTooLarge, false, false, true},
		{401, "unauthorized", "", ClassUnauthorized, false, false, false},
		{404, "no_binding", "", ClassNotFound, false, false, false},
		{502, "queue_error", "", ClassUnavailable, true, false, false},
		{502, "kv_error", "", ClassUnavailable, true, false, false},
		{413, "too_many_ops", "", ClassTooLarge, false, false, true},
		{429, "queue_overloaded", "", ClassRateLimited, false, true, false},
		{400, "bad_body", "SECRET", ClassRefused, false, false, false},
		{500, "internal", "", ClassUnavailable, true, false, false},
		{502, "", "<html>SECRET", ClassUnavailable, true, false, false},
		{200, "", "cut short", ClassTransport, true, false, false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(c.status)
			if c.code == "" {
				fmt.Fprint(w, c.message)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": map[string]string{"code": c.code, "message": c.message}})
		}))
		_, err := bridgeTo(t, srv.URL, bridgeKey).D1Query(t.Context(), "DB", []Statement{{SQL: "x"}})
		srv.Close()
		if ClassOf(err) != c.class || Ambiguous(err) != c.ambiguous || Passing(err) != c.passing || TooLarge(err) != c.tooLarge {
			t.Errorf("%d %s: %v: class %q, ambiguous %v, passing %v, too large %v", c.status, c.code, err, ClassOf(err), Ambiguous(err), Passing(err), TooLarge(err))
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%d %s quotes: %v", c.status, c.code, err)
		}
	}
}

// TestBridgeWorker is the Worker of deploy/worker on the Workers runtime; see
// connectors/d1/edge_test.go for how to start it.
func TestBridgeWorker(t *testing.T) {
	url, key := os.Getenv("SLUICE_EDGE"), os.Getenv("SLUICE_EDGE_KEY")
	if url == "" {
		t.Skip("SLUICE_EDGE names no Worker")
	}
	b := bridgeTo(t, url, key)
	send := func(change func(*http.Request), path string, body []byte) (int, string) {
		req, err := http.NewRequest(http.MethodPost, url+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", b.sign(req.Method, path, body))
		if change != nil {
			change(req)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var r struct{ Error struct{ Code string } }
		_ = json.NewDecoder(res.Body).Decode(&r)
		return res.StatusCode, r.Error.Code
	}
	zip := func(p []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(p)
		w.Close()
		return b.Bytes()
	}
	frames := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-sluice-frames") }
	ok := []byte(`{"batch":[{"sql":"SELECT ?1 AS a","params":["x"]}]}`)
	for name, c := range map[string]struct {
		change func(*http.Request)
		path   string
		body   []byte
		status int
		code   string
	}{
		"good":     {nil, "/v1/d1/DB", ok, 200, ""},
		"gzip":     {nil, "/v1/d1/DB", zip(ok), 200, ""},
		"unsigned": {func(r *http.Request) { r.Header.Del("Authorization") }, "/v1/d1/DB", ok, 401, "unauthorized"},
		"body changed": {func(r *http.Request) {
			r.Body = io.NopCloser(bytes.NewReader(append(ok[:len(ok):len(ok)], ' ')))
			r.ContentLength++
		}, "/v1/d1/DB", ok, 401, "unauthorized"},
		"path changed":       {func(r *http.Request) { r.URL.Path = "/v1/d1/OTHER" }, "/v1/d1/DB", ok, 401, "unauthorized"},
		"method":             {func(r *http.Request) { r.Method = "PUT"; r.Header.Set("Authorization", b.sign("PUT", "/v1/d1/DB", ok)) }, "/v1/d1/DB", ok, 405, "method"},
		"no binding":         {nil, "/v1/d1/NONE", ok, 404, "no_binding"},
		"secrets no binding": {nil, "/v1/d1/SLUICE_KEYS", ok, 404, "no_binding"},
		"a queue is no D1":   {nil, "/v1/d1/EVENTS", ok, 404, "no_binding"},
		"route":              {nil, "/v2/d1/DB", ok, 404, "not_found"},
		"not JSON":           {nil, "/v1/d1/DB", []byte("{"), 400, "bad_body"},
		"not UTF-8":          {nil, "/v1/d1/DB", []byte("{\"batch\":\"\xff\"}"), 400, "bad_body"},
		"number bound":       {nil, "/v1/d1/DB", []byte(`{"batch":[{"sql":"SELECT ?1","params":[5]}]}`), 400, "bad_body"},
		"empty batch":        {nil, "/v1/d1/DB", []byte(`{"batch":[]}`), 400, "bad_body"},
		"bad gzip":           {nil, "/v1/d1/DB", []byte("\x1f\x8bnope"), 400, "bad_gzip"},
		"bomb":               {nil, "/v1/d1/DB", zip(make([]byte, 70<<20)), 413, "body_too_large"},
		"parameters":         {nil, "/v1/d1/DB", []byte(`{"batch":[{"sql":"SELECT 1","params":[` + strings.Repeat(`"x",`, 100) + `"x"]}]}`), 413, "d1_too_big"},
		"long statement":     {nil, "/v1/d1/DB", []byte(`{"batch":[{"sql":"SELECT '` + strings.Repeat("x", 100_000) + `'"}]}`), 413, "d1_too_big"},
		"long parameter":     {nil, "/v1/d1/DB", []byte(`{"batch":[{"sql":"SELECT ?1","params":["` + strings.Repeat("x", 2_000_001) + `"]}]}`), 413, "d1_too_big"},
		"SQL":                {nil, "/v1/d1/DB", []byte(`{"batch":[{"sql":"SELEKT"}]}`), 422, "d1_error"},
		"frames left over":   {frames, "/v1/d1/DB", append(ok[:len(ok):len(ok)], "\nrest"...), 400, "bad_body"},
		"frames past end":    {frames, "/v1/d1/DB", []byte("{\"batch\":[{\"sql\":\"SELECT ?1\",\"params\":[{\"$f\":9}]}]}\nx"), 400, "bad_body"},
		"negative frame":     {frames, "/v1/d1/DB", []byte("{\"batch\":[{\"sql\":\"SELECT ?1\",\"params\":[{\"$f\":-1}]}]}\nx"), 400, "bad_body"},
		"large message":      {nil, "/v1/queue/EVENTS", []byte(`{"messages":[{"body":"` + strings.Repeat("x", 128_000) + `"}]}`), 413, "message_too_large"},
		"delay":              {nil, "/v1/queue/EVENTS", []byte(`{"messages":[{"body":"x","delay_s":43201}]}`), 400, "bad_body"},
		"KV":                 {nil, "/v1/kv/KV", []byte(`{"ops":[{"key":"a","value":"1"},{"key":"b","delete":true}]}`), 200, ""},
		"KV ttl":             {nil, "/v1/kv/KV", []byte(`{"ops":[{"key":"a","value":"1","ttl_s":59}]}`), 400, "bad_body"},
		"points":             {nil, "/v1/ae/AE", []byte(`{"points":[{"blobs":["a"],"doubles":[1],"indexes":["i"]}]}`), 200, ""},
		"21 doubles":         {nil, "/v1/ae/AE", []byte(`{"points":[{"doubles":[` + strings.Repeat("1,", 20) + `1]}]}`), 400, "bad_body"},
	} {
		if status, code := send(c.change, c.path, c.body); status != c.status || code != c.code {
			t.Errorf("%s: %d %q, want %d %q", name, status, code, c.status, c.code)
		}
	}
	late := bridgeTo(t, url, key)
	late.cfg.Now = func() time.Time { return time.Now().Add(-301 * time.Second) }
	if _, err := late.D1Query(t.Context(), "DB", []Statement{{SQL: "SELECT 1 AS a"}}); ClassOf(err) != ClassUnauthorized {
		t.Errorf("a clock that is late: %v", err)
	}
	if _, err := bridgeTo(t, url, bridgeKey).D1Query(t.Context(), "DB", []Statement{{SQL: "SELECT 1 AS a"}}); ClassOf(err) != ClassUnauthorized {
		t.Errorf("an unknown key: %v", err)
	}
	rs, err := b.D1Query(context.Background(), "DB", []Statement{{SQL: "SELECT CAST(9223372036854775807 AS TEXT) AS n, ?1 AS s, NULL AS z", Params: [][]byte{[]byte("é\n\"")}}})
	if err != nil || string(rs[0].Rows[0][0]) != `"9223372036854775807"` || string(rs[0].Rows[0][1]) != `"é\n\""` || string(rs[0].Rows[0][2]) != "null" {
		t.Errorf("%v %v", rs, err)
	}
	kv(t, b)
	if err := b.AEWrite(t.Context(), "AE", []Point{{Index: "i", Blobs: []string{"a", "é\""}, Doubles: []float64{1, -0.5, 1e300}}, {}}); err != nil {
		t.Error(err)
	}
	if err := b.AEWrite(t.Context(), "KV", []Point{{}}); ClassOf(err) != ClassNotFound {
		t.Errorf("points to a namespace: %v", err)
	}
}

// kv puts, reads and deletes through the bridge.
func kv(t *testing.T, b *Bridge) {
	var pairs []Pair
	var keys []string
	for i := range 250 {
		pairs = append(pairs, Pair{Key: fmt.Sprintf("bridge/%d/é", i), Value: fmt.Appendf(nil, `{"n":%d,"s":"a\n\"b\" 日本"}`, i), Metadata: json.RawMessage(`{"offset":9007199254740993}`)})
		keys = append(keys, pairs[i].Key)
	}
	pairs[7].Value = bytes.Repeat([]byte("x"), 3_000_000)
	for range 2 { // again changes nothing
		if err := b.KVPut(t.Context(), "KV", pairs); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.KVDelete(t.Context(), "KV", keys[100:]); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < len(keys); from += MaxKeysGet {
		some := keys[from:min(len(keys), from+MaxKeysGet)]
		got, err := b.KVGet(t.Context(), "KV", some)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range some {
			v, ok := got[k]
			if want := from+i < 100; ok != want || ok && v != string(pairs[from+i].Value) {
				t.Errorf("%s: %d bytes, there %v, want %v", k, len(v), ok, want)
			}
		}
	}
	if err := b.KVPut(t.Context(), "DB", pairs[:1]); ClassOf(err) != ClassNotFound {
		t.Errorf("pairs to a database: %v", err)
	}
	if err := b.KVDelete(t.Context(), "KV", keys[:100]); err != nil {
		t.Fatal(err)
	}
}

// What production refuses is not sent: no server is there.
func TestBridgeLimits(t *testing.T) {
	b := bridgeTo(t, "http://127.0.0.1:1", bridgeKey)
	put := func(ps ...Pair) error { return b.KVPut(t.Context(), "KV", ps) }
	ae := func(ps ...Point) error { return b.AEWrite(t.Context(), "AE", ps) }
	long := strings.Repeat("x", MaxBlobsBytes)
	for name, c := range map[string]struct {
		err error
		ok  bool // it was sent
	}{
		"900 pairs":       {put(many(900, Pair{Key: "k"})...), true},
		"901 pairs":       {put(many(901, Pair{Key: "k"})...), false},
		"key of 512":      {put(Pair{Key: strings.Repeat("k", 512)}), true},
		"key of 513":      {put(Pair{Key: strings.Repeat("k", 513)}), false},
		"no key":          {put(Pair{}), false},
		"value of 25 MiB": {put(Pair{Key: "k", Value: make([]byte, MaxKVValue)}), true},
		"larger value":    {put(Pair{Key: "k", Value: make([]byte, MaxKVValue+1)}), false},
		"48 MiB":          {put(Pair{Key: "k", Value: make([]byte, MaxKVValue)}, Pair{Key: "l", Value: make([]byte, MaxKVValue)}), false},
		"metadata":        {put(Pair{Key: "k", Metadata: json.RawMessage(`"` + strings.Repeat("m", 1023) + `"`)}), false},
		"time to live":    {put(Pair{Key: "k", TTL: 59}), false},
		"not text":        {put(Pair{Key: "k", Value: []byte("\xff")}), false},
		"901 deletes":     {b.KVDelete(t.Context(), "KV", many(901, "k")), false},
		"900 deletes":     {b.KVDelete(t.Context(), "KV", many(900, "k")), true},
		"101 gets":        {second(b.KVGet(t.Context(), "KV", many(101, "k"))), false},
		"25 points":       {ae(many(25, Point{})...), true},
		"26 points":       {ae(many(26, Point{})...), false},
		"20 blobs":        {ae(Point{Blobs: many(20, "b"), Doubles: many(20, 1.5)}), true},
		"21 blobs":        {ae(Point{Blobs: many(21, "b")}), false},
		"21 doubles":      {ae(Point{Doubles: many(21, 1.5)}), false},
		"16 KB of blobs":  {ae(Point{Blobs: []string{long}}), true},
		"more":            {ae(Point{Blobs: []string{long, "x"}}), false},
		"index of 96":     {ae(Point{Index: long[:96]}), true},
		"index of 97":     {ae(Point{Index: long[:97]}), false},
		"infinite":        {ae(Point{Doubles: []float64{math.Inf(1)}}), false},
	} {
		if sent := ClassOf(c.err) == ClassTransport; c.err == nil || sent != c.ok {
			t.Errorf("%s: %v, want it sent: %v", name, c.err, c.ok)
		}
	}
}

func many[T any](n int, x T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = x
	}
	return out
}

func second[T any](_ T, err error) error { return err }
