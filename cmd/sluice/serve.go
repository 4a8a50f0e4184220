package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice/topology"
	"sluice/topology/lag"
	"sluice/topology/stream"
)

// handler serves health, metrics and lag of one pipeline. It shows positions
// and codes, never rows. // P1
//
//	/livez     200 while the process runs
//	/startupz  200 once lanes were assigned and every sink recovered
//	/readyz    200 while started and no lane is held by a state
//	/metrics   Prometheus text
//	/lag       JSON: one verdict a lane and sink
//	/debug/pprof/  with http.pprof: profile, heap, goroutine, mutex, trace (net/http/pprof)
func handler(p *topology.Pipeline, m *metrics, profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /startupz", func(w http.ResponseWriter, _ *http.Request) {
		if !p.Started() {
			http.Error(w, "no lane was assigned yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !p.Started() {
			http.Error(w, "no lane was assigned yet", http.StatusServiceUnavailable)
			return
		}
		for _, x := range p.Positions() {
			if x.State != stream.StateRunning.String() {
				http.Error(w, fmt.Sprintf("%v %s: %s: %s", x.Lane, x.Sink, x.State, x.Why), http.StatusServiceUnavailable)
				return
			}
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /lag", func(w http.ResponseWriter, _ *http.Request) {
		var all []lag.Verdict
		for _, x := range p.Positions() {
			all = append(all, lag.Judge(x, time.Now()))
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(pipelineHeader, p.ID())
		json.NewEncoder(w).Encode(all)
	})
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
