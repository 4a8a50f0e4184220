package iceberg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/rest"
	"github.com/apache/iceberg-go/table"

	"sluice/topology"
	"sluice/topology/stream"
)

// client talks to one REST catalog. It is safe for concurrent use.
type client struct {
	cfg     *Config
	env     topology.Env
	storage *storage
	limit   *limiter
	auth    []rest.Option
	ns      table.Identifier

	mu   sync.Mutex
	cat  *rest.Catalog // nil until the first call
	made bool          // the namespace is there
}

func newClient(cfg *Config, env topology.Env) (*client, error) {
	st, err := openStorage(cfg, env)
	if err != nil {
		return nil, err
	}
	perMinute := cfg.Catalog.CommitsPerMinute
	if perMinute == 0 && strings.Contains(cfg.Catalog.URI, "catalog.cloudflarestorage.com") {
		perMinute = 10
	}
	open := func() any { return &limiter{perMinute: perMinute} }
	l := open()
	if env.Shared != nil { // all sinks on one catalog share its limit
		l = env.Shared("iceberg catalog "+cfg.Catalog.URI+" "+cfg.Catalog.Warehouse+" "+strconv.Itoa(perMinute), open)
	}
	c := &client{cfg: cfg, env: env, storage: st, limit: l.(*limiter), ns: strings.Split(cfg.Namespace, ".")}
	for _, s := range []struct {
		ref string
		opt func(string) rest.Option
	}{{cfg.Catalog.Token, rest.WithOAuthToken}, {cfg.Catalog.Credential, rest.WithCredential}} {
		if s.ref == "" {
			continue
		}
		v, err := env.Secret(s.ref) // P5
		if err != nil {
			return nil, fmt.Errorf("catalog: %w", err)
		}
		c.auth = append(c.auth, s.opt(v))
	}
	return c, nil
}

// name is the identifier of a table in the sink's namespace.
func (c *client) name(table string) table.Identifier {
	return append(append([]string{}, c.ns...), table)
}

// call runs f with a time limit and what the server answered beside its error.
func (c *client) call(ctx context.Context, f func(ctx context.Context, cat *rest.Catalog) error) (answer, error) {
	var a answer
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, answerKey{}, &a), time.Duration(c.cfg.Catalog.Timeout))
	defer cancel()
	cat, err := c.connect(ctx)
	if err != nil {
		return a, err
	}
	a = answer{}
	err = f(ctx, cat)
	return a, err
}

// connect asks the catalog for its config, once.
func (c *client) connect(ctx context.Context) (*rest.Catalog, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cat != nil {
		return c.cat, nil
	}
	o := c.cfg.Catalog
	opts := []rest.Option{rest.WithCustomTransport(listener{c.env.HTTP})}
	if o.Warehouse != "" {
		opts = append(opts, rest.WithWarehouseLocation(o.Warehouse))
	}
	if o.Prefix != "" {
		opts = append(opts, rest.WithPrefix(o.Prefix))
	}
	props := iceberg.Properties{}
	for k, v := range o.Properties {
		props[k] = v
	}
	opts = append(opts, rest.WithAdditionalProps(props))
	if c.storage.s3 != nil { // keys of our own: the catalog need not vend any
		opts = append(opts, rest.WithHeaders(map[string]string{"X-Iceberg-Access-Delegation": ""}))
	}
	opts = append(opts, c.auth...)
	cat, err := rest.NewCatalog(ctx, "sluice", o.URI, opts...)
	c.cat = cat
	return cat, err
}

func (c *client) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cat == nil {
		return nil
	}
	return c.cat.Close()
}

// load reads a table's metadata anew, nil if it is not there. The table writes
// and reads through the sink's storage.
func (c *client) load(ctx context.Context, name string) (*table.Table, error) {
	var t *table.Table
	a, err := c.call(ctx, func(ctx context.Context, cat *rest.Catalog) (err error) {
		t, err = cat.LoadTable(ctx, c.name(name))
		return err
	})
	switch {
	case err == nil:
		return c.storage.bind(t), nil
	case errors.Is(err, catalog.ErrNoSuchTable) && a.status == http.StatusNotFound:
		return nil, nil
	}
	return nil, passing(a, "load of table "+name, err)
}

// create makes a table unless it is there, and loads it.
func (c *client) create(ctx context.Context, name string, schema *iceberg.Schema, spec *iceberg.PartitionSpec, props iceberg.Properties) (*table.Table, error) {
	if err := c.namespace(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.made = true
	c.mu.Unlock()
	a, err := c.call(ctx, func(ctx context.Context, cat *rest.Catalog) error {
		_, err := cat.CreateTable(ctx, c.name(name), schema, catalog.WithPartitionSpec(spec), catalog.WithProperties(props))
		return err
	})
	if errors.Is(err, catalog.ErrNoSuchNamespace) { // dropped since
		c.mu.Lock()
		c.made = false
		c.mu.Unlock()
	}
	if err != nil && !errors.Is(err, catalog.ErrTableAlreadyExists) && a.definite() {
		return nil, passing(a, "creation of table "+name, err)
	}
	t, lerr := c.load(ctx, name) // made by us, by another instance, or the reply was lost
	if lerr == nil && t == nil {
		return nil, passing(a, "creation of table "+name, err)
	}
	return t, lerr
}

// namespace makes the namespace and those above it.
func (c *client) namespace(ctx context.Context) error {
	c.mu.Lock()
	made := c.made
	c.mu.Unlock()
	if made {
		return nil
	}
	for i := range c.ns {
		ns := c.ns[:i+1]
		a, err := c.call(ctx, func(ctx context.Context, cat *rest.Catalog) error {
			ok, err := cat.CheckNamespaceExists(ctx, ns)
			if err != nil || ok {
				return err
			}
			return cat.CreateNamespace(ctx, ns, nil)
		})
		if err != nil && !errors.Is(err, catalog.ErrNamespaceAlreadyExists) {
			return passing(a, "creation of namespace "+strings.Join(ns, "."), err)
		}
	}
	return nil
}

// answer is what a server said to the last request of a call.
type answer struct {
	sent       bool
	status     int // 0: no answer
	kind       string
	message    string
	retryAfter time.Duration
}

type answerKey struct{}

// definite reports whether the server surely did not do what it was asked.
func (a answer) definite() bool {
	return !a.sent || a.status >= 400 && a.status < 500 && a.status != http.StatusRequestTimeout
}

// conflict reports a lost race: 409, or R2's 400 ConcurrentUpdateError.
func (a answer) conflict() bool {
	return a.status == http.StatusConflict || a.status == http.StatusBadRequest && (strings.Contains(a.kind, "ConcurrentUpdate") || strings.Contains(a.message, "ConcurrentUpdate"))
}

// passing classifies an error of a request that changes nothing, or that
// surely changed nothing.
func passing(a answer, what string, err error) error {
	err = fmt.Errorf("%s: %w", what, err)
	var transport *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case !a.sent && !errors.As(err, &transport): // not even asked: the config is wrong
		return err
	case a.status == http.StatusTooManyRequests:
		return stream.Retry("catalog_429", max(a.retryAfter, time.Second), err)
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == 419:
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("the catalog refused access (%d): %v", a.status, err),
			Todo: "check catalog.token and its rights, then restart"}
	case a.status == http.StatusNotFound && !errors.Is(err, catalog.ErrNoSuchNamespace) && !errors.Is(err, catalog.ErrNoSuchTable):
		return &stream.StateError{State: stream.StateParked, Why: fmt.Sprintf("the catalog does not know what it was asked (404): %v", err),
			Todo: "check catalog.uri, warehouse and prefix, then restart"}
	case a.sent && a.definite() && !a.conflict() && a.status != http.StatusNotFound:
		return err
	}
	return stream.Retry("catalog_unavailable", a.retryAfter, err)
}

// listener notes in the context's answer how a request ended. The library's
// errors do not tell a status, a type or Retry-After of all of them.
type listener struct{ next http.RoundTripper }

// RoundTrip is part of http.RoundTripper.
func (l listener) RoundTrip(r *http.Request) (*http.Response, error) {
	next := l.next
	if next == nil {
		next = http.DefaultTransport
	}
	a, _ := r.Context().Value(answerKey{}).(*answer)
	if a != nil {
		*a = answer{sent: true}
	}
	rsp, err := next.RoundTrip(r)
	if err != nil || a == nil {
		return rsp, err
	}
	a.status = rsp.StatusCode
	if s, err := strconv.Atoi(rsp.Header.Get("Retry-After")); err == nil && s >= 0 {
		a.retryAfter = time.Duration(s) * time.Second
	}
	if rsp.StatusCode < 400 {
		return rsp, nil
	}
	body, err := io.ReadAll(io.LimitReader(rsp.Body, 1<<16))
	rsp.Body.Close()
	rsp.Body = io.NopCloser(bytes.NewReader(body))
	rsp.ContentLength = int64(len(body))
	if err == nil {
		var e struct {
			Error struct {
				Type    string `json:"type"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if json.Unmarshal(body, &e) == nil {
			a.kind, a.message = e.Error.Type, e.Error.Message
		}
	}
	return rsp, nil
}

// limiter keeps commits of all sinks on a catalog within its limit: at most
// perMinute in any 60 s. It is safe for concurrent use.
type limiter struct {
	mu        sync.Mutex
	perMinute int
	times     []time.Time
}

// take notes a commit, or says how long to wait.
func (l *limiter) take(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.perMinute == 0 {
		return 0
	}
	for len(l.times) > 0 && now.Sub(l.times[0]) >= time.Minute {
		l.times = l.times[1:]
	}
	if len(l.times) >= l.perMinute {
		return time.Minute - now.Sub(l.times[0])
	}
	l.times = append(l.times, now)
	return 0
}
