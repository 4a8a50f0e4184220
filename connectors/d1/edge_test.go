package d1

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
)

// newEdgeAccount is a store on the Workers runtime, behind the edge bridge. One
// runtime serves all tests of a run, one after the other:
//
//	go run ./integration/stack up edge
//	SLUICE_EDGE=http://127.0.0.1:PORT SLUICE_EDGE_KEY=$(cat SECRETS/bridge.key) go test ./connectors/d1 -run Contract
func newEdgeAccount(t testing.TB, url string) *account {
	a := &account{t: t, db: "DB", edge: &edge{rt: http.DefaultTransport}}
	a.config = Default()
	a.config.Via, a.config.Bridge, a.config.Key, a.config.Database = "bridge", url, "env:KEY", a.db
	a.Wipe()
	return a
}

// edge does to commits what a network does.
type edge struct {
	rt     http.RoundTripper
	faults []emulator.Kind
	met    *int
}

var errCut = errors.New("the connection was cut")

func (e *edge) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Commit") == "" || len(e.faults) == 0 {
		return e.rt.RoundTrip(r)
	}
	k := e.faults[0]
	e.faults = e.faults[1:]
	*e.met++
	refuse := func(status int, code string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(fmt.Sprintf(`{"ok":false,"error":{"code":%q}}`, code)))}
	}
	switch k {
	case emulator.Slow:
		return e.rt.RoundTrip(r)
	case emulator.Cut:
		return nil, errCut
	case emulator.Status429:
		return refuse(429, "d1_overloaded"), nil
	case emulator.Status500:
		return refuse(500, "internal"), nil
	case emulator.Status503:
		return refuse(503, "d1_unavailable"), nil
	}
	res, err := e.rt.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if k == emulator.LoseReply502 {
		return refuse(502, ""), nil
	}
	return nil, errCut
}
