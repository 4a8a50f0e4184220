package cloudflare

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
)

// over is the emulator behind a real socket.
func over(t *testing.T, timeout time.Duration) (*emulator.Emulator, *Client) {
	t.Helper()
	e, err := emulator.New(emulator.Options{Account: "acc", Token: "tok", Requests: -1, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- e.Serve(l) }()
	rt := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(func() {
		rt.CloseIdleConnections()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	c, err := New(Config{BaseURL: "http://" + l.Addr().String() + "/client/v4", AccountID: "acc", Token: "tok", HTTP: rt, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return e, c
}

// What net/http makes of each fault, and whether it was applied. A cut on a
// connection that was used before must not make net/http send a POST twice.
func TestFaultsOverSocket(t *testing.T) {
	for _, c := range []struct {
		kind    emulator.Kind
		class   Class
		applied int
	}{
		{emulator.LoseReply, ClassTransport, 1}, {emulator.LoseReply502, ClassUnavailable, 1}, {emulator.ApplyThenTimeout, ClassTimeout, 1},
		{emulator.Cut, ClassTransport, 0}, {emulator.Status429, ClassRateLimited, 0}, {emulator.Status500, ClassUnavailable, 0}, {emulator.Status503, ClassUnavailable, 0},
	} {
		e, cl := over(t, 200*time.Millisecond)
		db, _ := e.CreateDatabase("db")
		run := func(sql string) ([]StatementResult, error) {
			return cl.D1Query(context.Background(), db, []Statement{{SQL: sql}})
		}
		if _, err := run("CREATE TABLE t (a TEXT) STRICT"); err != nil {
			t.Fatal(err)
		}
		e.Fail(emulator.Fault{Kind: c.kind, Path: "d1/database/*/raw"})
		_, err := run("INSERT INTO t VALUES ('x')")
		if ClassOf(err) != c.class || Ambiguous(err) != (c.class != ClassRateLimited) {
			t.Errorf("kind %d: %v (%s), want %s", c.kind, err, ClassOf(err), c.class)
		}
		rs, err := run("SELECT count(*) FROM t")
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := Int(rs[0].Rows[0][0]); n != int64(c.applied) {
			t.Errorf("kind %d: applied %d times, want %d", c.kind, n, c.applied)
		}
	}
}

// Sixteen racers with the same expected position: the fence lets one win. // D2
func TestFenceRace(t *testing.T) {
	e, cl := over(t, 0)
	db, _ := e.CreateDatabase("db")
	ctx := context.Background()
	if _, err := cl.D1Query(ctx, db, []Statement{{SQL: "CREATE TABLE o (lane TEXT PRIMARY KEY, off INTEGER) STRICT"}, {SQL: "CREATE TABLE r (id INTEGER) STRICT"}}); err != nil {
		t.Fatal(err)
	}
	const fence = `SELECT CASE WHEN count(*)>0 THEN json_extract('{}','sluice_fence_lost '||json_group_array(json_array(j.value->>0,o.off))) END
FROM json_each(?1) j LEFT JOIN o ON o.lane=j.value->>0 WHERE coalesce(o.off,-1)<>j.value->>1`
	var mu sync.Mutex
	won, lost := 0, 0
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := cl.D1Query(ctx, db, []Statement{
				{SQL: fence, Params: [][]byte{[]byte(`[["p0",-1]]`)}},
				{SQL: "INSERT INTO r SELECT value FROM json_each(?1)", Params: [][]byte{fmt.Appendf(nil, "[%d]", i)}},
				{SQL: "INSERT INTO o VALUES ('p0', 10)"},
			})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case ClassOf(err) == ClassRaised:
				lost++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	rs, err := cl.D1Query(ctx, db, []Statement{{SQL: "SELECT count(*) FROM r"}})
	if err != nil || won != 1 || lost != 15 || string(rs[0].Rows[0][0]) != "1" {
		t.Errorf("%d won, %d lost, %v rows, %v", won, lost, rs, err)
	}
}
