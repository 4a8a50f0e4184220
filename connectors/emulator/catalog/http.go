package catalog

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
)

const maxBody = 64 << 20 // bytes of a request

// errCut is a connection that ends without an answer.
var errCut = errors.New("connection cut")

// reply is an answer before it is written.
type reply struct {
	status int
	body   []byte // JSON unless header says otherwise
	header [][2]string
}

// failure is an error as the protocol says it.
type failure struct {
	status        int
	kind, message string
	header        [][2]string
}

func (f *failure) Error() string {
	return fmt.Sprintf("HTTP %d, %s: %s", f.status, f.kind, f.message)
}

func fail(status int, kind, format string, args ...any) *failure {
	return &failure{status: status, kind: kind, message: fmt.Sprintf(format, args...)}
}

func bad(format string, args ...any) *failure {
	return fail(400, "BadRequestException", format, args...)
}

func (f *failure) reply() reply {
	b, _ := json.Marshal(map[string]any{"error": map[string]any{"message": f.message, "type": f.kind, "code": f.status}})
	return reply{status: f.status, body: b, header: f.header}
}

// errorReply tells an error that no handler expected.
func errorReply(err error) reply {
	var f *failure
	if !errors.As(err, &f) {
		f = fail(500, "InternalServerError", "%v", err)
	}
	return f.reply()
}

func ok(v any) (reply, error) {
	b, err := json.Marshal(v)
	return reply{status: 200, body: b}, err
}

var noContent = reply{status: 204}

// ServeHTTP answers one request.
func (c *Catalog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := c.serve(r)
	if err != nil {
		panic(http.ErrAbortHandler) // net/http's way to cut the connection
	}
	h := w.Header()
	for _, kv := range a.header {
		h.Set(kv[0], kv[1])
	}
	if len(a.body) > 0 && h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// Transport answers requests without a socket: for tests in virtual time. A
// client that gives up does not stop what the catalog does, as over a socket.
func (c *Catalog) Transport() http.RoundTripper { return direct{c} }

type direct struct{ c *Catalog }

// RoundTrip is part of http.RoundTripper. A cut connection is io.ErrUnexpectedEOF.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	type outcome struct {
		reply reply
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		a, err := d.c.serve(in)
		done <- outcome{a, err}
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case o := <-done:
		if o.err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		h := http.Header{}
		for _, kv := range o.reply.header {
			h.Set(kv[0], kv[1])
		}
		if len(o.reply.body) > 0 && h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/json")
		}
		out := o.reply.body
		if r.Method == http.MethodHead {
			out = nil
		}
		return &http.Response{Status: http.StatusText(o.reply.status), StatusCode: o.reply.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: h, Body: io.NopCloser(bytes.NewReader(out)), ContentLength: int64(len(out)), Request: r}, nil
	}
}

// serve does what a request asks, through the faults that wait for it.
func (c *Catalog) serve(r *http.Request) (reply, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return reply{}, errCut // half a request is not applied
	}
	f := c.faults.take(r)
	if refused, err := c.before(f); err != nil {
		return reply{}, err
	} else if refused != nil {
		return refused.reply(), nil
	}
	torn := 0
	if f != nil && f.Kind == Torn {
		torn = f.Tables
	}
	a, err := c.route(&call{Request: r, body: body, torn: torn})
	if err != nil {
		a = errorReply(err)
	}
	return f.after(a)
}

// call is a request under way.
type call struct {
	*http.Request
	body []byte
	seg  []string // of the path below the prefix, unescaped
	torn int      // how many tables of a transaction are applied, 0 all
}

// decode reads the body.
func (r *call) decode(v any) error {
	if err := json.Unmarshal(r.body, v); err != nil {
		return bad("cannot read the request: %v", err)
	}
	return nil
}

// split is the path of a URL as unescaped segments.
func split(u *url.URL) ([]string, error) {
	seg := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, s := range seg {
		var err error
		if seg[i], err = url.PathUnescape(s); err != nil {
			return nil, bad("the path cannot be unescaped")
		}
	}
	return seg, nil
}

func (c *Catalog) route(r *call) (reply, error) {
	seg, err := split(r.URL)
	if err != nil {
		return reply{}, err
	}
	if len(r.body) > maxBody {
		return reply{}, fail(413, "BadRequestException", "the request is larger than %d bytes", maxBody)
	}
	if len(seg) < 2 || seg[0] != "v1" {
		return reply{}, noRoute(r)
	}
	if len(seg) == 3 && seg[1] == "oauth" && seg[2] == "tokens" && r.Method == http.MethodPost {
		return c.token(r)
	}
	if t, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); c.o.Token != "" && subtle.ConstantTimeCompare([]byte(t), []byte(c.o.Token)) == 0 {
		return reply{}, fail(401, "NotAuthorizedException", "the bearer token is missing or wrong")
	}
	if len(seg) == 2 && seg[1] == "config" && r.Method == http.MethodGet {
		return c.config(r)
	}
	r.seg = seg[1:]
	if c.o.WarehouseName != "" {
		if r.seg[0] != c.o.WarehouseName {
			return reply{}, fail(404, "NoSuchWarehouseException", "no such warehouse: the prefix of /v1/config is missing or wrong")
		}
		r.seg = r.seg[1:]
	}
	for _, e := range endpoints {
		if args, ok := e.match(r); ok {
			if e.write != "" && !c.limits.take(c.o.Limits, c.o.Now(), e.write, e.object(r)) {
				return reply{}, tooMany()
			}
			return e.do(c, r, args)
		}
	}
	return reply{}, noRoute(r)
}

func noRoute(r *call) *failure {
	return fail(404, "NotFoundException", "no such endpoint: %s %s", r.Method, r.URL.Path)
}

// token is the OAuth2 client-credentials endpoint: the secret is the token.
func (c *Catalog) token(r *call) (reply, error) {
	form, err := url.ParseQuery(string(r.body))
	secret := form.Get("client_secret")
	if _, pass, basic := r.BasicAuth(); basic {
		secret = pass
	}
	if err != nil || c.o.Token != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(c.o.Token)) == 0 {
		b, _ := json.Marshal(map[string]string{"error": "invalid_client", "error_description": "the client secret is wrong"})
		return reply{status: 401, body: b}, nil
	}
	return ok(map[string]any{"access_token": secret, "token_type": "bearer", "expires_in": 3600, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})
}

// config tells the prefix and what can be asked.
func (c *Catalog) config(r *call) (reply, error) {
	if w := r.URL.Query().Get("warehouse"); c.o.WarehouseName != "" && w != c.o.WarehouseName {
		return reply{}, fail(404, "NoSuchWarehouseException", "no such warehouse")
	}
	overrides := map[string]string{}
	if c.o.WarehouseName != "" {
		overrides["prefix"] = c.o.WarehouseName
	}
	var list []string
	for _, e := range endpoints {
		list = append(list, e.method+" /v1/{prefix}/"+e.path)
	}
	return ok(map[string]any{"defaults": map[string]string{}, "overrides": overrides, "endpoints": list})
}
