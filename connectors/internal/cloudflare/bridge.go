package cloudflare

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
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

// BridgeConfig says where the Worker of deploy/worker is and who calls.
type BridgeConfig struct {
	Address      string // http or https, without a path
	KeyID        string
	Key          string // 64 hexadecimal digits // P5
	AccessID     string // CF-Access-Client-Id; empty: no Access
	AccessSecret string // P5
	HTTP         http.RoundTripper
	Now          func() time.Time // the Worker allows 300 s of difference
	Timeout      time.Duration    // of one request with its answer; 60 s when zero
}

// Bridge reaches D1, Queues, KV and Analytics Engine through the bindings of a
// Worker. Databases, queues, namespaces and datasets are the names of its bindings. It answers and fails as [Client] does;
// its requests do not count against the account's rate limit.
//
// Bodies are framed: parameters follow one line of JSON as they are, so that
// megabytes of JSON rows are not quoted a second time (deploy/worker, body.ts).
//
// A Bridge is safe for concurrent use.
type Bridge struct {
	cfg BridgeConfig
	key []byte
}

// NewBridge checks c without any I/O.
func NewBridge(c BridgeConfig) (*Bridge, error) {
	u, err := url.Parse(c.Address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("cloudflare: bridge %q is not an address such as https://sluice-bridge.example.com", c.Address)
	}
	key, err := hex.DecodeString(strings.TrimSpace(c.Key))
	if err != nil || len(key) != 32 {
		return nil, errors.New("cloudflare: the bridge's key is not 64 hexadecimal digits")
	}
	if c.HTTP == nil {
		return nil, errors.New("cloudflare: no HTTP transport")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	c.Address = strings.TrimRight(c.Address, "/")
	return &Bridge{c, key}, nil
}

// D1Query runs statements as one batch, as [Client.D1Query] does. Columns of a
// statement without rows are not told.
func (b *Bridge) D1Query(ctx context.Context, database string, statements []Statement) ([]StatementResult, error) {
	const op = "d1 query"
	if len(statements) == 0 {
		return nil, nil
	}
	body, err := frameBatch(op, statements)
	if err != nil {
		return nil, err
	}
	raw, err := b.do(ctx, op, "/v1/d1/"+url.PathEscape(database), body)
	if err != nil {
		return nil, err
	}
	var r struct {
		Results []struct {
			Columns     []string            `json:"columns"`
			Rows        [][]json.RawMessage `json:"rows"`
			Changes     float64             `json:"changes"`
			RowsRead    float64             `json:"rows_read"`
			RowsWritten float64             `json:"rows_written"`
			SizeAfter   float64             `json:"size_after"`
			Duration    float64             `json:"duration"`
		} `json:"results"`
	}
	if json.Unmarshal(raw, &r) != nil || len(r.Results) != len(statements) {
		return nil, &transportError{op: op, err: errShape} // P1: the cause may quote a cell
	}
	out := make([]StatementResult, len(r.Results))
	for i, x := range r.Results {
		for _, row := range x.Rows {
			if len(row) != len(x.Columns) {
				return nil, &transportError{op: op, err: errShape}
			}
		}
		out[i] = StatementResult{Columns: x.Columns, Rows: x.Rows, Meta: Meta{Changes: int64(x.Changes), RowsRead: int64(x.RowsRead),
			RowsWritten: int64(x.RowsWritten), SizeAfter: int64(x.SizeAfter), Duration: x.Duration}}
	}
	return out, nil
}

// frameBatch checks the limits, as appendBatch does, and writes the request.
func frameBatch(op string, statements []Statement) ([]byte, error) {
	if err := checkBatch(op, statements); err != nil {
		return nil, err
	}
	var tail int
	head := []byte(`{"batch":[`)
	for i, s := range statements {
		if i > 0 {
			head = append(head, ',')
		}
		head = append(appendString(append(head, `{"sql":`...), s.SQL), `,"params":[`...)
		for j, p := range s.Params {
			if j > 0 {
				head = append(head, ',')
			}
			if p == nil {
				head = append(head, "null"...)
				continue
			}
			head = append(strconv.AppendInt(append(head, `{"$f":`...), int64(len(p)), 10), '}')
			tail += len(p)
		}
		head = append(head, "]}"...)
	}
	body := append(make([]byte, 0, len(head)+3+tail), head...)
	body = append(body, "]}\n"...)
	for _, s := range statements {
		for _, p := range s.Params {
			body = append(body, p...)
		}
	}
	return body, nil
}

// QueuePush sends messages as one batch, as [Client.QueuePush] does.
func (b *Bridge) QueuePush(ctx context.Context, queue string, messages []Message) error {
	const op = "queue push"
	if len(messages) == 0 {
		return nil
	}
	if err := checkMessages(op, messages); err != nil {
		return err
	}
	var tail int
	head := []byte(`{"messages":[`)
	for i, m := range messages {
		if i > 0 {
			head = append(head, ',')
		}
		head = append(strconv.AppendInt(append(head, `{"body":{"$f":`...), int64(len(m.Body)), 10), '}')
		if m.Delay > 0 {
			head = strconv.AppendInt(append(head, `,"delay_s":`...), int64(m.Delay), 10)
		}
		head = append(head, '}')
		tail += len(m.Body)
	}
	body := append(make([]byte, 0, len(head)+3+tail), head...)
	body = append(body, "]}\n"...)
	for _, m := range messages {
		body = append(body, m.Body...)
	}
	_, err := b.do(ctx, op, "/v1/queue/"+url.PathEscape(queue), body)
	return err
}

// do sends a framed body once and returns the answer.
func (b *Bridge) do(ctx context.Context, op, path string, body []byte) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.cfg.Address+path, bytes.NewReader(body))
	if err != nil {
		return nil, &notSent{op: op, err: errors.New("the address cannot be used")}
	}
	req.Header.Set("Content-Type", "application/x-sluice-frames")
	req.Header.Set("User-Agent", "sluice")
	req.Header.Set("Authorization", b.sign(http.MethodPost, path, body))
	if b.cfg.AccessID != "" {
		req.Header.Set("CF-Access-Client-Id", b.cfg.AccessID)
		req.Header.Set("CF-Access-Client-Secret", b.cfg.AccessSecret)
	}
	res, err := b.cfg.HTTP.RoundTrip(req)
	if err != nil {
		return nil, &transportError{op: op, err: err}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	switch {
	case err != nil:
		return nil, &transportError{op: op, err: err}
	case len(answer) > maxReply:
		return nil, &LimitError{Op: op, What: "answer", Got: int64(len(answer)), Max: maxReply}
	}
	var r struct {
		OK    bool `json:"ok"`
		Error struct{ Code, Message string }
	}
	bad := json.Unmarshal(answer, &r) != nil
	switch {
	case res.StatusCode == http.StatusOK && !bad && r.OK:
		return answer, nil
	case res.StatusCode < 300: // cut short on the way: it may have been applied
		return nil, &transportError{op: op, err: errors.New("the answer is not the bridge's JSON")}
	}
	a := &APIError{Op: op, Status: res.StatusCode, RetryAfter: retryAfter(res.Header)}
	a.bridged(r.Error.Code, r.Error.Message)
	return nil, a
}

// bridged sets Class from the Worker's code; the texts of D1 are read as those
// of the REST API are, so that both say the same of the same failure. // P1
func (e *APIError) bridged(code, message string) {
	class, ok := map[string]Class{"d1_overloaded": ClassOverloaded, "d1_resources": ClassResources, "d1_unavailable": ClassUnavailable, "d1_too_big": ClassTooLarge, "d1_full": ClassFull,
		"queue_overloaded": ClassRateLimited, "queue_full": ClassFull, "queue_rejected": ClassRefused, "queue_error": ClassUnavailable,
		"message_too_large": ClassTooLarge, "too_many_messages": ClassTooLarge, "body_too_large": ClassTooLarge,
		"too_many_ops": ClassTooLarge, "too_many_points": ClassTooLarge, "kv_error": ClassUnavailable}[code]
	switch {
	case ok:
		e.Class, e.Message = class, code
	case code == "raised" || code == "d1_constraint" || code == "d1_error":
		status := e.Status
		e.Code, e.Status = d1Code, http.StatusBadRequest
		e.classify(strings.TrimPrefix(message, "D1_ERROR: "))
		e.Status = status
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		e.Class, e.Message = ClassUnauthorized, "the bridge does not know the key, this clock is more than 300 s away from its own, or Access refused"
	case e.Status == http.StatusNotFound:
		e.Class, e.Message = ClassNotFound, "the bridge has no such binding: databases, queues, namespaces and datasets are names of bindings in its wrangler.jsonc"
	default:
		e.classify("")
	}
}

// sign is the Authorization header (deploy/worker, auth.ts).
func (b *Bridge) sign(method, path string, body []byte) string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // it never fails (crypto/rand)
	ts, hash := b.cfg.Now().Unix(), sha256.Sum256(body)
	mac := hmac.New(sha256.New, b.key)
	fmt.Fprintf(mac, "v1\n%d\n%x\n%s\n%s\n%x", ts, nonce, method, path, hash)
	return fmt.Sprintf("Sluice kid=%s,ts=%d,nonce=%x,sig=%x", b.cfg.KeyID, ts, nonce, mac.Sum(nil))
}
