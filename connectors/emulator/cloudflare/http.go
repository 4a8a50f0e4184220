package cloudflare

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	maxBody = 100 << 20       // bytes of a request
	window  = 5 * time.Minute // of the rate limit, and how long one who exceeds it is blocked
)

// errCut is a connection that ends without an answer.
var errCut = errors.New("connection cut")

// reply is an answer before it is written.
type reply struct {
	status int
	body   []byte
	header [][2]string
	plain  bool // body is not the API's JSON
}

// failure is an error as the API says it.
type failure struct {
	status, code int
	message      string
}

func (f *failure) Error() string {
	return fmt.Sprintf("HTTP %d, code %d: %s", f.status, f.code, f.message)
}

func fail(status, code int, format string, args ...any) *failure {
	return &failure{status, code, fmt.Sprintf(format, args...)}
}

var noRoute = fail(404, 7003, "Could not route to the requested path, perhaps your object identifier is invalid?")

// result wraps v in the envelope of success.
func result(v any) reply {
	b, err := json.Marshal(v)
	if err != nil {
		return (fail(500, 15000, "internal error")).reply()
	}
	return success(b)
}

func success(result []byte) reply {
	b := append([]byte(`{"success":true,"errors":[],"messages":[],"result":`), result...)
	return reply{status: 200, body: append(b, '}')}
}

func (f *failure) reply() reply {
	m, _ := json.Marshal(f.message)
	return reply{status: f.status, body: fmt.Appendf(nil, `{"success":false,"errors":[{"code":%d,"message":%s}],"messages":[],"result":null}`, f.code, m)}
}

// ServeHTTP answers one request of the API, under /client/v4 or any other prefix.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := e.serve(r)
	if err != nil {
		panic(http.ErrAbortHandler) // net/http's way to cut the connection
	}
	h := w.Header()
	for _, kv := range a.header {
		h.Set(kv[0], kv[1])
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// Transport answers requests without a socket or a goroutine: for tests in
// virtual time.
func (e *Emulator) Transport() http.RoundTripper { return direct{e} }

type direct struct{ e *Emulator }

// RoundTrip is part of http.RoundTripper. A cut connection is io.ErrUnexpectedEOF.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	a, err := d.e.serve(r)
	if e := r.Context().Err(); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	h := http.Header{}
	for _, kv := range a.header {
		h.Set(kv[0], kv[1])
	}
	return &http.Response{Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}, nil
}

// serve does what the request asks, through the faults that wait for it.
func (e *Emulator) serve(r *http.Request) (reply, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return reply{}, errCut // half a request is not applied
	}
	below := apiPath(r.URL)
	fault := e.faults.take(r, below)
	var a reply
	if before, done, err := e.before(r, fault); err != nil {
		return reply{}, err
	} else if done {
		a = before
	} else {
		a = e.handle(r, below, body)
	}
	if fault != nil {
		if a, err = e.after(r, fault, a); err != nil {
			return reply{}, err
		}
	}
	if !a.plain {
		a.header = append(a.header, [2]string{"Content-Type", "application/json"})
	}
	a.header = append(append(a.header, [2]string{"Cf-Ray", "0000000000000000-DEV"}), e.rate.headers(e.o.Now(), a.status)...)
	return a, nil
}

// apiPath is what follows "/accounts/", escaped.
func apiPath(u *url.URL) string {
	_, p, _ := strings.Cut(u.EscapedPath(), "/accounts/")
	return p
}

func (e *Emulator) handle(r *http.Request, below string, body []byte) reply {
	if !free(below) && !e.rate.take(e.o.Now()) {
		return fail(429, 971, "More than %d requests per 300 seconds reached. Please wait and consider throttling your request speed", e.o.Requests).reply()
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" || e.o.Token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(e.o.Token)) == 0 {
		return fail(403, 10000, "Authentication error").reply()
	}
	if len(body) > maxBody {
		return fail(413, 10033, "Request body is too large").reply() // code assumed
	}
	account, rest, _ := strings.Cut(below, "/")
	if account == "" || e.o.Account != "" && account != e.o.Account {
		return fail(403, 7403, "The given account is not valid or is not authorized to access this service").reply()
	}
	seg := strings.Split(rest, "/")
	for i, s := range seg {
		var err error
		if seg[i], err = url.PathUnescape(s); err != nil {
			return noRoute.reply()
		}
	}
	switch {
	case len(seg) >= 2 && seg[0] == "d1" && seg[1] == "database":
		return e.routeD1(r, seg[2:], body)
	case seg[0] == "queues":
		return e.routeQueues(r, seg[1:], body)
	case len(seg) >= 3 && seg[0] == "storage" && seg[1] == "kv" && seg[2] == "namespaces":
		return e.routeKV(r, seg[3:], body)
	}
	return noRoute.reply()
}

// free tells calls that do not count against the rate limit: pull and ack.
func free(below string) bool {
	return strings.HasSuffix(below, "/messages/pull") || strings.HasSuffix(below, "/messages/ack")
}

// rateLimit is a fixed window; who exceeds it is blocked for a whole one.
type rateLimit struct {
	quota int // below 0: none

	mu    sync.Mutex
	start time.Time
	used  int
	until time.Time
}

func (l *rateLimit) take(now time.Time) bool {
	if l.quota < 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.until) {
		return false
	}
	if now.Sub(l.start) >= window {
		l.start, l.used = now, 0
	}
	if l.used >= l.quota {
		l.until = now.Add(window)
		return false
	}
	l.used++
	return true
}

// headers are those of every answer.
func (l *rateLimit) headers(now time.Time, status int) [][2]string {
	if l.quota < 0 {
		return [][2]string{{"Ratelimit-Policy", `"default";q=1200;w=300`}, {"Ratelimit", `"default";r=1199;t=300`}}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	left, reset := l.quota-l.used, l.start.Add(window).Sub(now)
	h := [][2]string{{"Ratelimit-Policy", fmt.Sprintf(`"default";q=%d;w=300`, l.quota)}}
	if now.Before(l.until) {
		left, reset = 0, l.until.Sub(now)
		if status == http.StatusTooManyRequests {
			h = append(h, [2]string{"Retry-After", fmt.Sprint(seconds(reset))})
		}
	}
	return append(h, [2]string{"Ratelimit", fmt.Sprintf(`"default";r=%d;t=%d`, left, seconds(reset))})
}

func seconds(d time.Duration) int64 { return max(0, int64((d+time.Second-1)/time.Second)) }
