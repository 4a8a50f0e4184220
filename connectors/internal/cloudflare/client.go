// Package cloudflare is the client of the data path: D1 statements, queue
// messages and KV pairs through Cloudflare's REST API. It speaks HTTP and JSON
// and knows nothing of lanes or rows.
//
// It never sends a request twice: who retries has to know what a second try
// means, and that is the sink. Production limits are checked before a request
// leaves (limits.go), because neither an oversized batch nor a local runtime
// says clearly what was wrong. Errors hold codes and known texts, never what
// was sent (error.go). // P1
//
// A Client is safe for concurrent use.
//
// Sources: the API as cloudflare-go v7.9.0 calls it, and Cloudflare's pages
// d1/platform/limits, queues/platform/limits, kv/platform/limits,
// fundamentals/api/reference/limits.
package cloudflare

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
	"time"
)

// DefaultBaseURL is the public API.
const DefaultBaseURL = "https://api.cloudflare.com/client/v4"

// maxReply bounds the memory one answer may take, in bytes.
const maxReply = 64 << 20

// Config says whose account is used and how.
type Config struct {
	BaseURL   string            // DefaultBaseURL when empty; a path is kept
	AccountID string            //
	Token     string            // an API token with D1, Queues or KV edit rights // P5
	HTTP      http.RoundTripper // Env.HTTP
	Limiter   *Limiter          // shared by all clients of one account; nil does not limit
	Timeout   time.Duration     // of one request with its answer; 60 s when zero (D1 runs up to 30 s)
}

// Client calls the API for one account.
type Client struct {
	base    string // ends before "/d1", "/queues" and "/storage"
	token   string
	rt      http.RoundTripper
	limiter *Limiter
	timeout time.Duration
}

// New checks c without any I/O.
func New(c Config) (*Client, error) {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("cloudflare: api %q is not an http or https address such as %s", c.BaseURL, DefaultBaseURL)
	case c.AccountID == "" || url.PathEscape(c.AccountID) != c.AccountID:
		return nil, errors.New("cloudflare: account: give the account id, 32 hexadecimal digits of the dashboard's address")
	case c.Token == "":
		return nil, errors.New("cloudflare: token: empty; make an API token with edit rights for the products used")
	case strings.ContainsAny(c.Token, "\r\n \t"):
		return nil, errors.New("cloudflare: token: has white space in it; is there a line end in its file?")
	case c.HTTP == nil:
		return nil, errors.New("cloudflare: no HTTP transport")
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	return &Client{base: strings.TrimRight(c.BaseURL, "/") + "/accounts/" + c.AccountID, token: c.Token,
		rt: c.HTTP, limiter: c.Limiter, timeout: c.Timeout}, nil
}

// call is one request.
type call struct {
	op     string // for errors: "d1 query"
	method string
	path   string // below the account, escaped
	body   []byte // JSON; nil for none
	free   bool   // does not count against the account's rate limit (queue pull, ack)
	plain  bool   // a good answer has no envelope (KV value)
}

// envelope is what every answer but a KV value is wrapped in.
type envelope struct {
	Success bool `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
	Result json.RawMessage `json:"result"`
}

// do sends c once and returns its result.
func (cl *Client) do(ctx context.Context, c call) (json.RawMessage, error) {
	if !c.free {
		if err := cl.limiter.Wait(ctx); err != nil {
			return nil, &notSent{op: c.op, err: err}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cl.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.method, cl.base+c.path, bytes.NewReader(c.body))
	if err != nil {
		return nil, &notSent{op: c.op, err: errors.New("the address cannot be used")} // P1: the cause quotes the path, a KV key
	}
	if c.body == nil {
		req.Body = http.NoBody
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+cl.token)
	req.Header.Set("User-Agent", "sluice")
	res, err := cl.rt.RoundTrip(req)
	if err != nil {
		return nil, &transportError{op: c.op, err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	after := retryAfter(res.Header)
	if !c.free {
		cl.limiter.learn(res.Header)
	}
	switch {
	case err != nil:
		return nil, &transportError{op: c.op, err: err}
	case len(body) > maxReply:
		return nil, &LimitError{Op: c.op, What: "answer", Got: int64(len(body)), Max: maxReply}
	case c.plain && res.StatusCode == http.StatusOK:
		return body, nil
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		e = envelope{}
		if res.StatusCode < 300 { // cut short on the way: it may have been applied
			return nil, &transportError{op: c.op, err: errors.New("the answer is not the API's JSON")}
		}
	}
	if res.StatusCode < 300 && e.Success {
		return e.Result, nil
	}
	a := &APIError{Op: c.op, Status: res.StatusCode, RetryAfter: after}
	text := ""
	if len(e.Errors) > 0 {
		a.Code, text = e.Errors[0].Code, e.Errors[0].Message
	}
	a.classify(text)
	if a.Code == rateCode { // a queue's own 429 says nothing of the account
		cl.limiter.block(after)
	}
	return nil, a
}

// retryAfter reads seconds; the API sends no dates.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
