package cloudflare

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// Rows a second into D1 through HTTP's bytes, 5,000 a request: fence, upsert,
// offsets, as the sink does.
func BenchmarkD1Upsert(b *testing.B) {
	e := must(New(Options{Requests: -1, Dir: b.TempDir()}))
	defer e.Close()
	id := must(e.CreateDatabase("db"))
	send := func(qs ...query) {
		body := must(json.Marshal(map[string]any{"batch": qs}))
		r := must(newRequest("d1/database/"+id+"/raw", string(body)))
		if res, err := e.Transport().RoundTrip(r); err != nil || res.StatusCode != 200 {
			b.Fatal(res, err)
		}
	}
	send(q("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c INTEGER, d TEXT, e REAL, f TEXT, _pos INTEGER) STRICT"))
	const rows = 5000
	n := 0
	for b.Loop() {
		var p strings.Builder
		for i := range rows {
			fmt.Fprintf(&p, `%c[%d,"name %d","street %d",%d,"2024-01-02",1.5,"note note note",%d]`, "[,"[min(i, 1)], n+i, i, i, i, n)
		}
		p.WriteByte(']')
		n += rows
		send(q("SELECT 1 FROM json_each(?1) WHERE 0", "[]"),
			q(`INSERT INTO t SELECT value->>0,value->>1,value->>2,value->>3,value->>4,value->>5,value->>6,value->>7 FROM json_each(?1) WHERE true
			ON CONFLICT(id) DO UPDATE SET a=excluded.a, _pos=excluded._pos WHERE excluded._pos>t._pos`, p.String()))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}

// A push costs the same whatever the backlog is.
func BenchmarkQueuePush(b *testing.B) {
	e := must(New(Options{Requests: -1, Dir: b.TempDir()}))
	defer e.Close()
	id := must(e.CreateQueue("q"))
	body := `{"messages":[` + strings.TrimSuffix(strings.Repeat(`{"body":"0123456789","content_type":"text"},`, 100), ",") + `]}`
	n := 0
	for b.Loop() {
		r := must(newRequest("queues/"+id+"/messages/batch", body))
		if res, err := e.Transport().RoundTrip(r); err != nil || res.StatusCode != 200 {
			b.Fatal(res, err)
		}
		n += 100
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
}
