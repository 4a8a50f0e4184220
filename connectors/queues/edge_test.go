package queues

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/internal/cloudflare"
	"sluice/connectors/sinktest"
)

// edge is queue EVENTS of a bridge on the Workers runtime (connectors/d1 says
// how to start one). Its broker lives in memory and cannot be read: what a
// consumer got, which keeps all in table "seen" of database SEEN, is what the
// queue held. It counts what the queue took, so that a look waits for the
// consumer.
type edge struct {
	url  string
	line *emulator.Line

	mu    sync.Mutex
	taken int
}

func newEdgeWorld(t testing.TB, url string) *world {
	x := &edge{url: url, line: &emulator.Line{Next: http.DefaultTransport, Match: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/queue/") }}}
	x.line.Next = counted{x}
	w := &world{TB: t, edge: x, queue: "EVENTS", truth: sinktest.NewTruth(), secret: os.Getenv("SLUICE_EDGE_KEY")}
	x.purge(w)
	t.Cleanup(func() { // what this test pushed and did not look at would come into the next one's
		for until := time.Now().Add(10 * time.Second); x.seen(w) < x.took() && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		}
	})
	return w
}

// took is how many messages the queue took, seen how many its consumer got.
func (x *edge) took() int64 { x.mu.Lock(); defer x.mu.Unlock(); return int64(x.taken) }

func (x *edge) seen(w *world) int64 {
	n, _ := cloudflare.Int(x.query(w, "SELECT count(*) FROM seen")[0].Rows[0][0])
	return n
}

func (x *edge) RoundTrip(r *http.Request) (*http.Response, error) { return x.line.RoundTrip(r) }

// counted counts messages where the queue says that it took them, also where
// the line then loses that answer.
type counted struct{ x *edge }

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/v1/queue/") {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var a struct{ Accepted int }
	_ = json.Unmarshal(body, &a)
	c.x.mu.Lock()
	c.x.taken += a.Accepted
	c.x.mu.Unlock()
	return res, nil
}

func (x *edge) query(w *world, sql string) []cloudflare.StatementResult {
	w.Helper()
	b, err := cloudflare.NewBridge(cloudflare.BridgeConfig{Address: x.url, KeyID: "k1", Key: w.secret, HTTP: http.DefaultTransport})
	if err != nil {
		w.Fatal(err)
	}
	rs, err := b.D1Query(context.WithoutCancel(w.Context()), "SEEN", []cloudflare.Statement{{SQL: "CREATE TABLE IF NOT EXISTS seen (queue TEXT, message TEXT, attempts INTEGER, body TEXT) STRICT"}, {SQL: sql}})
	if err != nil {
		w.Fatal(err)
	}
	return rs[1:]
}

// bodies waits until the consumer got all that the queue took.
func (x *edge) bodies(w *world) (out [][]byte) {
	w.Helper()
	taken := x.took()
	for until := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		n := x.seen(w)
		if n == taken {
			break
		}
		if n > taken || time.Now().After(until) {
			w.Fatalf("the queue took %d messages, its consumer got %d", taken, n)
		}
	}
	for _, row := range x.query(w, "SELECT body FROM seen ORDER BY rowid")[0].Rows {
		s, _ := cloudflare.Text(row[0])
		out = append(out, []byte(s))
	}
	return out
}

func (x *edge) purge(w *world) {
	w.Helper()
	if x.taken > 0 {
		x.bodies(w)
	}
	x.query(w, "DELETE FROM seen")
	x.taken = 0
}
