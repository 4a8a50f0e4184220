package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"sluice/topology"
	"sluice/topology/lag"
	"sluice/topology/stream"
)

// pipelineHeader names the pipeline of an answer of /lag: another one may have
// taken the port.
const pipelineHeader = "Sluice-Pipeline"

// processPatience is how long a process may take to answer.
const processPatience = 3 * time.Second

// askProcesses adds what only the running processes know: the state that holds
// a lane, what a store answers, what was fetched. Without urls the one of the
// file is asked, and it is no fault if it is not here.
func (r *lagReport) askProcesses(ctx context.Context, s *topology.Spec, urls []string, xs []lag.Positions) {
	named := len(urls) > 0
	if !named {
		urls = listening(s.HTTP.Listen)
	}
	r.unasked = true
	type key struct {
		lane stream.Lane
		sink string
	}
	known := map[key]lag.Verdict{}
	for _, u := range urls {
		all, err := askProcess(ctx, u, s.ID)
		if err != nil {
			if named {
				r.Notes = append(r.Notes, fmt.Sprintf("process %s did not say why lanes stand: %v", u, err))
			}
			continue
		}
		r.unasked = false
		for _, v := range all {
			known[key{v.Lane, v.Sink}] = v
		}
	}
	for i := range xs {
		x := &xs[i]
		v, ok := known[key{x.Lane, x.Sink}]
		if !ok {
			continue
		}
		x.Fetched, x.Staged, x.Trying, x.Since, x.Oldest = v.Fetched, v.Staged, v.Trying, v.Since, v.Oldest
		if v.State != stream.StateRunning.String() { // it knows more than the stores do
			x.State, x.Why, x.Todo = v.State, v.Why, v.Todo
		}
	}
}

// listening is where a process with that http.listen can be asked from its own
// machine; nil if it serves nothing or on a port nobody knows.
func listening(listen string) []string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" || port == "" {
		return nil
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return []string{"http://" + net.JoinHostPort(host, port)}
}

func askProcess(ctx context.Context, url, id string) (all []lag.Verdict, err error) {
	ctx, cancel := context.WithTimeout(ctx, processPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/lag", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	if got := res.Header.Get(pipelineHeader); got != id {
		return nil, fmt.Errorf("it runs pipeline %q, not %q", got, id)
	}
	return all, json.NewDecoder(res.Body).Decode(&all)
}
