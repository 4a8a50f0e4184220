package cloudflare

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Message is what is pushed: UTF-8 text of at most MaxMessageBody bytes.
// Content type json is not offered: it goes through JavaScript numbers.
type Message struct {
	Body  []byte
	Delay int // seconds before it can be pulled, at most MaxDelay
}

// Pulled is a message under a lease.
type Pulled struct {
	ID        string
	Body      []byte // decoded
	Attempts  int    // 1 at the first delivery
	Lease     string
	Timestamp int64 // milliseconds since 1970 UTC, when it was pushed
}

// Redelivery asks for a message to come again.
type Redelivery struct {
	Lease string
	Delay int // seconds
}

// QueuePush sends messages as one batch. It is at least once: after an
// Ambiguous error the batch may be in the queue, or a part of it.
func (cl *Client) QueuePush(ctx context.Context, queue string, messages []Message) error {
	const op = "queue push"
	if len(messages) == 0 {
		return nil
	}
	if err := checkMessages(op, messages); err != nil {
		return err
	}
	size := 32
	for _, m := range messages {
		size += len(m.Body) + len(m.Body)/4 + 64
	}
	b := append(make([]byte, 0, size), `{"messages":[`...)
	for i, m := range messages {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"body":`...), m.Body)
		b = append(b, `,"content_type":"text"`...)
		if m.Delay > 0 {
			b = strconv.AppendInt(append(b, `,"delay_seconds":`...), int64(m.Delay), 10)
		}
		b = append(b, '}')
	}
	b = append(b, "]}"...)
	_, err := cl.do(ctx, call{op: op, method: http.MethodPost, path: messagesPath(queue) + "/batch", body: b})
	return err
}

// checkMessages checks the limits.
func checkMessages(op string, messages []Message) error {
	if err := limit(op, "messages", len(messages), MaxMessages); err != nil {
		return err
	}
	total := 0
	for i, m := range messages {
		if err := limit(op, fmt.Sprintf("bytes of message %d", i), len(m.Body), MaxMessageBody); err != nil {
			return err
		}
		if err := limit(op, fmt.Sprintf("delay in seconds of message %d", i), m.Delay, MaxDelay); err != nil {
			return err
		}
		if err := checkText(op, fmt.Sprintf("message %d", i), m.Body); err != nil {
			return err
		}
		total += len(m.Body) + MessageOverhead
	}
	return limit(op, "bytes of all messages", total, MaxMessageBatch)
}

func messagesPath(queue string) string { return "/queues/" + url.PathEscape(queue) + "/messages" }

// QueuePull leases up to n messages (at most 100) for visibility milliseconds.
// It does not count against the account's rate limit.
func (cl *Client) QueuePull(ctx context.Context, queue string, n, visibility int) ([]Pulled, error) {
	const op = "queue pull"
	b := fmt.Appendf(nil, `{"batch_size":%d,"visibility_timeout_ms":%d}`, n, visibility)
	raw, err := cl.do(ctx, call{op: op, method: http.MethodPost, path: messagesPath(queue) + "/pull", body: b, free: true})
	if err != nil {
		return nil, err
	}
	var r struct {
		Messages []struct {
			ID          string            `json:"id"`
			Body        string            `json:"body"`
			Attempts    int               `json:"attempts"`
			LeaseID     string            `json:"lease_id"`
			TimestampMS int64             `json:"timestamp_ms"`
			Metadata    map[string]string `json:"metadata"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, &transportError{op: op, err: errShape}
	}
	out := make([]Pulled, len(r.Messages))
	for i, m := range r.Messages {
		out[i] = Pulled{ID: m.ID, Body: []byte(m.Body), Attempts: m.Attempts, Lease: m.LeaseID, Timestamp: m.TimestampMS}
		if ct := m.Metadata["CF-Content-Type"]; ct == "json" || ct == "bytes" {
			if out[i].Body, err = base64.StdEncoding.DecodeString(m.Body); err != nil {
				return nil, &transportError{op: op, err: errShape}
			}
		}
	}
	return out, nil
}

// QueueAck removes messages by their leases and asks for others again.
func (cl *Client) QueueAck(ctx context.Context, queue string, acks []string, retries []Redelivery) error {
	type entry struct {
		Lease string `json:"lease_id"`
		Delay int    `json:"delay_seconds,omitempty"`
	}
	body := struct {
		Acks    []entry `json:"acks"`
		Retries []entry `json:"retries"`
	}{Acks: []entry{}, Retries: []entry{}}
	for _, l := range acks {
		body.Acks = append(body.Acks, entry{Lease: l})
	}
	for _, r := range retries {
		body.Retries = append(body.Retries, entry(r))
	}
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = cl.do(ctx, call{op: "queue ack", method: http.MethodPost, path: messagesPath(queue) + "/ack", body: b, free: true})
	return err
}
