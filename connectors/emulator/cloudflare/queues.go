package cloudflare

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// Production's limits of Queues (queues/platform/limits; KB are decimal). What
// a queue adds to a message, about 100 bytes, counts.
const (
	maxMessage      = 128_000
	messageOverhead = 100
	maxMessages     = 100
	maxBatch        = 256_000
	maxDelay        = 43_200 // seconds
	maxPull         = 100
	maxVisibility   = 12 * time.Hour
)

// pushed is a message on its way in. delay below 0 is the queue's.
type pushed struct {
	body        []byte
	contentType string
	delay       int
}

// routeQueues answers below /queues.
func (e *Emulator) routeQueues(r *http.Request, seg []string, body []byte) reply {
	post := r.Method == http.MethodPost
	switch {
	case len(seg) == 0:
		return e.manageQueues(r, body)
	case len(seg) == 1 && r.Method == http.MethodGet:
		return e.showQueue(seg[0])
	case len(seg) == 2 && seg[1] == "messages" && post:
		p, f := readMessage(body, -1)
		if f != nil {
			return f.reply()
		}
		return e.push(seg[0], []pushed{p})
	case len(seg) == 3 && seg[1] == "messages" && post:
		switch seg[2] {
		case "batch":
			ps, f := readBatch(body)
			if f != nil {
				return f.reply()
			}
			return e.push(seg[0], ps)
		case "pull":
			return e.pull(seg[0], body)
		case "ack":
			return e.ack(seg[0], body)
		}
	}
	return noRoute.reply()
}

func storeFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return fail(500, 15000, "Unknown Internal Error")
}

// readMessage checks one message; delay is the batch's default.
func readMessage(raw []byte, delay int) (p pushed, f *failure) {
	var in struct {
		Body        json.RawMessage `json:"body"`
		ContentType string          `json:"content_type"`
		Delay       *int            `json:"delay_seconds"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return p, fail(400, 10208, "Malformed message body")
	}
	p = pushed{contentType: in.ContentType, delay: delay}
	if in.Delay != nil {
		if p.delay = *in.Delay; p.delay < 0 || p.delay > maxDelay {
			return p, fail(400, 10202, "delay_seconds must be between 0 and %d", maxDelay)
		}
	}
	switch in.ContentType {
	case "text":
		var s string
		if err := json.Unmarshal(in.Body, &s); err != nil || in.Body[0] != '"' {
			return p, fail(400, 10207, "body of content type text must be a string")
		}
		p.body = []byte(s)
	case "json", "":
		if in.Body == nil {
			return p, fail(400, 10207, "body is missing")
		}
		var b bytes.Buffer
		if err := json.Compact(&b, in.Body); err != nil {
			return p, fail(400, 10208, "Malformed message body")
		}
		p.contentType, p.body = "json", b.Bytes()
	default:
		return p, fail(400, 10207, "content_type must be text or json")
	}
	if len(p.body)+messageOverhead > maxMessage {
		return p, fail(413, 10204, "message is too large")
	}
	return p, nil
}

func readBatch(body []byte) ([]pushed, *failure) {
	var in struct {
		Messages []json.RawMessage `json:"messages"`
		Delay    *int              `json:"delay_seconds"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fail(400, 10208, "Malformed message body")
	}
	delay := -1
	if in.Delay != nil {
		if delay = *in.Delay; delay < 0 || delay > maxDelay {
			return nil, fail(400, 10202, "delay_seconds must be between 0 and %d", maxDelay)
		}
	}
	if len(in.Messages) == 0 || len(in.Messages) > maxMessages {
		return nil, fail(400, 10206, "a batch has 1 to %d messages", maxMessages)
	}
	var out []pushed
	total := 0
	for _, m := range in.Messages {
		p, f := readMessage(m, delay)
		if f != nil {
			return nil, f
		}
		total += len(p.body) + messageOverhead
		out = append(out, p)
	}
	if total > maxBatch {
		return nil, fail(413, 10205, "batch is too large")
	}
	return out, nil
}

func (e *Emulator) push(id string, ps []pushed) reply {
	m, err := e.queues.push(id, ps)
	if err != nil {
		return storeFailure(err).reply()
	}
	return result(map[string]any{"metadata": map[string]any{"metrics": m}})
}

func (e *Emulator) pull(id string, body []byte) reply {
	in := struct {
		Size       int   `json:"batch_size"`
		Visibility int64 `json:"visibility_timeout_ms"`
	}{5, 30_000}
	if len(bytes.TrimSpace(body)) > 0 && json.Unmarshal(body, &in) != nil {
		return fail(400, 10208, "Malformed message body").reply()
	}
	v := time.Duration(in.Visibility) * time.Millisecond
	if in.Size < 1 || in.Size > maxPull || v < 0 || v > maxVisibility {
		return fail(400, 10207, "batch_size is 1 to %d, visibility_timeout_ms at most 12 hours", maxPull).reply()
	}
	ms, m, err := e.queues.pull(id, in.Size, v)
	if err != nil {
		return storeFailure(err).reply()
	}
	list := []map[string]any{}
	for _, l := range ms {
		text := string(l.body)
		if l.contentType != "text" {
			text = base64.StdEncoding.EncodeToString(l.body)
		}
		list = append(list, map[string]any{"id": l.id, "body": text, "attempts": l.attempts, "lease_id": l.lease, "timestamp_ms": l.pushed,
			"metadata": map[string]string{"CF-Content-Type": l.contentType, "CF-sourceMessageSource": "http"}})
	}
	return result(map[string]any{"message_backlog_count": m.Count, "messages": list, "metadata": map[string]any{"metrics": m}})
}

func (e *Emulator) ack(id string, body []byte) reply {
	type entry struct {
		Lease string `json:"lease_id"`
		Delay int    `json:"delay_seconds"`
	}
	var in struct{ Acks, Retries []entry }
	if json.Unmarshal(body, &in) != nil {
		return fail(400, 10208, "Malformed message body").reply()
	}
	var acks []string
	retries := map[string]int{}
	for _, a := range in.Acks {
		acks = append(acks, a.Lease)
	}
	for _, r := range in.Retries {
		if r.Delay < 0 || r.Delay > maxDelay {
			return fail(400, 10202, "delay_seconds must be between 0 and %d", maxDelay).reply()
		}
		retries[r.Lease] = r.Delay
	}
	acked, retried, unknown, err := e.queues.ack(id, acks, retries)
	if err != nil {
		return storeFailure(err).reply()
	}
	warnings := map[string]string{}
	for _, l := range unknown {
		warnings[l] = "unknown lease"
	}
	return result(map[string]any{"ackCount": acked, "retryCount": retried, "warnings": warnings})
}

func (e *Emulator) showQueue(id string) reply {
	var v map[string]any
	list, err := e.queues.list()
	for _, q := range list {
		if q.id == id {
			v = map[string]any{"queue_id": q.id, "queue_name": q.name}
		}
	}
	if err == nil && v == nil {
		err = errNoQueue
	}
	if err != nil {
		return storeFailure(err).reply()
	}
	return result(v)
}

func (e *Emulator) manageQueues(r *http.Request, body []byte) reply {
	switch r.Method {
	case http.MethodGet:
		list, err := e.queues.list()
		if err != nil {
			return storeFailure(err).reply()
		}
		out := []map[string]any{}
		for _, q := range list {
			out = append(out, map[string]any{"queue_id": q.id, "queue_name": q.name})
		}
		return page1(out, len(out))
	case http.MethodPost:
		name, f := nameIn(body, "queue_name")
		if f != nil {
			return f.reply()
		}
		id, err := e.CreateQueue(name)
		if err != nil {
			return fail(400, 10207, "%v", err).reply()
		}
		return result(map[string]any{"queue_id": id, "queue_name": name})
	}
	return noRoute.reply()
}
