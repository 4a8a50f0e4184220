package cloudflare

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

type pulled struct {
	Result struct {
		Messages []struct {
			ID       string `json:"id"`
			Body     string `json:"body"`
			Attempts int    `json:"attempts"`
			Lease    string `json:"lease_id"`
		} `json:"messages"`
		Count int `json:"message_backlog_count"`
	} `json:"result"`
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func pull(t *testing.T, e *Emulator, queue string, n int, visibility time.Duration) (p pulled) {
	t.Helper()
	status, body := ask(t, e, "POST", "queues/"+queue+"/messages/pull", fmt.Sprintf(`{"batch_size":%d,"visibility_timeout_ms":%d}`, n, visibility.Milliseconds()))
	if status != 200 {
		t.Fatal(status, body)
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func push(t *testing.T, e *Emulator, queue string, bodies ...string) {
	t.Helper()
	var ms []string
	for _, b := range bodies {
		ms = append(ms, fmt.Sprintf(`{"body":%q,"content_type":"text"}`, b))
	}
	if status, body := ask(t, e, "POST", "queues/"+queue+"/messages/batch", `{"messages":[`+strings.Join(ms, ",")+`]}`); status != 200 {
		t.Fatal(status, body)
	}
}

// Deliveries in order; a lease that runs out counts as a failed one; after
// max_retries the message goes to the dead letter queue under its id.
func TestQueueLeasesAndDeadLetters(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	e := must(New(Options{Now: c.Now}))
	defer e.Close()
	id, dead := must(e.CreateQueue("q")), must(e.CreateQueue("dead"))
	if err := e.ConfigureQueue(id, QueueSettings{MaxRetries: 2, DeadLetter: dead}); err != nil {
		t.Fatal(err)
	}
	push(t, e, id, "a", "b", "c")
	first := pull(t, e, id, 2, time.Minute).Result.Messages
	if len(first) != 2 || first[0].Body != "a" || first[1].Body != "b" || first[0].Attempts != 1 {
		t.Fatalf("%+v", first)
	}
	if m := pull(t, e, id, 100, time.Hour).Result; len(m.Messages) != 1 || m.Messages[0].Body != "c" || m.Count != 3 {
		t.Fatalf("%+v", m)
	}
	c.now = c.now.Add(time.Minute)
	// A late ack is accepted as long as nobody else leased the message.
	if _, body := ask(t, e, "POST", "queues/"+id+"/messages/ack", fmt.Sprintf(`{"acks":[{"lease_id":%q},{"lease_id":"nope"}],"retries":[]}`, first[1].Lease)); !strings.Contains(body, `"ackCount":1,"retryCount":0,"warnings":{"nope"`) {
		t.Fatal(body)
	}
	for attempt := 2; attempt <= 3; attempt++ {
		m := pull(t, e, id, 100, time.Minute).Result.Messages
		if len(m) != 1 || m[0].Attempts != attempt || m[0].ID != first[0].ID || m[0].Lease == first[0].Lease {
			t.Fatalf("attempt %d: %+v", attempt, m)
		}
		c.now = c.now.Add(time.Minute)
	}
	if m := pull(t, e, id, 100, time.Minute).Result.Messages; len(m) != 0 {
		t.Fatalf("delivered a fourth time: %+v", m)
	}
	d := pull(t, e, dead, 100, time.Minute).Result.Messages
	if len(d) != 1 || d[0].ID != first[0].ID || d[0].Attempts != 1 || d[0].Body != "a" {
		t.Fatalf("dead letters: %+v", d)
	}
}

func TestQueueDelayRetryRetention(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	e := must(New(Options{Now: c.Now}))
	defer e.Close()
	id := must(e.CreateQueue("q"))
	ask(t, e, "POST", "queues/"+id+"/messages/batch", `{"delay_seconds":10,"messages":[{"body":"late","content_type":"text"},{"body":"now","content_type":"text","delay_seconds":0}]}`)
	m := pull(t, e, id, 10, time.Minute).Result.Messages
	if len(m) != 1 || m[0].Body != "now" {
		t.Fatalf("%+v", m)
	}
	ask(t, e, "POST", "queues/"+id+"/messages/ack", fmt.Sprintf(`{"acks":[],"retries":[{"lease_id":%q,"delay_seconds":20}]}`, m[0].Lease))
	c.now = c.now.Add(10 * time.Second)
	if m := pull(t, e, id, 10, time.Hour).Result.Messages; len(m) != 1 || m[0].Body != "late" {
		t.Fatalf("%+v", m)
	}
	c.now = c.now.Add(10 * time.Second)
	if m := pull(t, e, id, 10, time.Hour).Result.Messages; len(m) != 1 || m[0].Body != "now" || m[0].Attempts != 2 {
		t.Fatalf("%+v", m)
	}
	c.now = c.now.Add(4 * 24 * time.Hour)
	if ms := must(e.Messages(id)); len(ms) != 0 {
		t.Fatalf("kept past retention: %d", len(ms))
	}
}

// Production's limits, with the codes of edge queue errors.
func TestQueueRefuses(t *testing.T) {
	e := must(New(Options{}))
	defer e.Close()
	id := must(e.CreateQueue("q"))
	message := func(n int) string { return `{"body":"` + strings.Repeat("a", n) + `","content_type":"text"}` }
	list := func(m string, n int) string {
		return `{"messages":[` + strings.TrimSuffix(strings.Repeat(m+",", n), ",") + `]}`
	}
	for _, c := range []struct {
		path, body, want string
	}{
		{"/messages/batch", list(message(1), 100), `"success":true`},
		{"/messages/batch", list(message(1), 101), "10206"},
		{"/messages/batch", list("", 0), "10206"},
		{"/messages/batch", list(message(127_900), 2), `"success":true`},
		{"/messages/batch", list(message(127_901), 1), "10204"},
		{"/messages/batch", list(message(85_300), 3), "10205"},
		{"/messages/batch", `{"messages":[{"body":{"a":1},"content_type":"text"}]}`, "10207"},
		{"/messages/batch", `{"messages":[{"body":"a","content_type":"xml"}]}`, "10207"},
		{"/messages/batch", `{"messages":[{"body":"a","content_type":"text","delay_seconds":43201}]}`, "10202"},
		{"/messages/batch", `{`, "10208"},
		{"/messages", message(127_901), "10204"},
		{"/messages/pull", `{"batch_size":101}`, "10207"},
		{"/messages/nope", `{}`, "7003"},
	} {
		if _, got := ask(t, e, "POST", "queues/"+id+c.path, c.body); !strings.Contains(got, c.want) {
			t.Errorf("%s %.60s: %s, want %s", c.path, c.body, got, c.want)
		}
	}
	if ms := must(e.Messages(id)); len(ms) != 102 { // a refused batch leaves nothing
		t.Errorf("%d messages", len(ms))
	}
}

func TestKVLimitsAndExpiry(t *testing.T) {
	c := &clock{time.Unix(1e9, 0)}
	e := must(New(Options{Now: c.Now}))
	defer e.Close()
	ns := "storage/kv/namespaces/" + must(e.CreateKV("ns"))
	for _, x := range []struct{ method, path, body, want string }{
		{"PUT", ns + "/bulk", `[{"key":"a","value":"1","expiration_ttl":60,"metadata":{"m":1}},{"key":"b","value":"Mg==","base64":true}]`, `"successful_key_count":2`},
		{"POST", ns + "/bulk/get", `{"keys":["a","b","c"],"withMetadata":true}`, `{"a":{"expiration":1000000060,"metadata":{"m":1},"value":"1"},"b":{"metadata":null,"value":"2"},"c":null}`},
		{"PUT", ns + "/bulk", `[{"key":"a","value":"1","expiration_ttl":59}]`, "Invalid expiration_ttl"},
		{"PUT", ns + "/bulk", `[{"key":"` + strings.Repeat("k", 513) + `","value":"1"}]`, "longer than 512"},
		{"PUT", ns + "/bulk", `[{"key":"..","value":"1"}]`, "not allowed"},
		{"PUT", ns + "/bulk", `[{"key":"a","value":"1","metadata":"` + strings.Repeat("m", 1024) + `"}]`, "metadata is larger"},
		{"POST", ns + "/bulk/get", `{"keys":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 101), ",") + `]}`, "at most 100 keys"},
		{"PUT", ns + "/values/x%2Fy", "raw", `"success":true`},
		{"GET", ns + "/values/x%2Fy", "", "raw"},
		{"GET", ns + "/values/nope", "", "10009"},
		{"GET", ns + "/keys?prefix=x", "", `[{"name":"x/y"}],"result_info":{"count":1,"cursor":""}`},
		{"GET", "storage/kv/namespaces/nope/keys", "", "10013"},
		{"DELETE", ns + "/values/x%2Fy", "", `"success":true`},
		{"POST", ns + "/bulk/delete", `["b","nope"]`, `"successful_key_count":2`},
	} {
		if _, got := ask(t, e, x.method, x.path, x.body); !strings.Contains(got, x.want) {
			t.Errorf("%s %s: %s, want %s", x.method, x.path, got, x.want)
		}
	}
	c.now = c.now.Add(time.Minute)
	if _, got := ask(t, e, "GET", ns+"/keys", ""); !strings.Contains(got, `"result":[]`) {
		t.Error(got)
	}
}
