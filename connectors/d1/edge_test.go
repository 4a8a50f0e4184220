package d1

import (
	"net/http"
	"testing"

	emulator "sluice/connectors/emulator/cloudflare"
)

// newEdgeAccount is a store on the Workers runtime, behind the edge bridge. One
// runtime serves all tests of a run, one after the other:
//
//	go run ./integration/stack up edge
//	SLUICE_EDGE=http://127.0.0.1:PORT SLUICE_EDGE_KEY=$(cat SECRETS/bridge.key) go test ./connectors/d1 -run Contract
func newEdgeAccount(t testing.TB, url string) *account {
	a := &account{t: t, db: "DB", edge: &emulator.Line{Next: http.DefaultTransport, Match: func(r *http.Request) bool { return r.Header.Get("X-Commit") != "" }}}
	a.config = Default()
	a.config.Via, a.config.Bridge, a.config.Key, a.config.Database = "bridge", url, "env:KEY", a.db
	a.Wipe()
	return a
}
