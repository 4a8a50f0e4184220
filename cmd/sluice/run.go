package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"sluice/topology"
)

func runCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "run FILE", Short: "Run a pipeline until it is told to stop",
		Long: `Runs the pipeline of FILE. SIGTERM or Ctrl-C drains: it stops reading, seals,
uploads and commits within engine.drain, then exits 0. A second signal stops at
once: nothing is lost, what was not committed is read again.

Health is served on http.listen (loopback unless told otherwise): /livez,
/readyz, /startupz, /metrics, /lag.`,
		Example: "  sluice run pipeline.yaml", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, p, err := a.open(args[0])
			if err != nil {
				return err
			}
			return run(c.Context(), a.log(), s, p)
		},
	}
}

// run runs p with its metrics and health until ctx is done.
func run(ctx context.Context, log *slog.Logger, s *topology.Spec, p *topology.Pipeline, more ...topology.Observer) error {
	m := newMetrics(p)
	p.Observer = topology.Observers(append(more, m.observer(), logged(log))...)
	if s.HTTP.Listen != "off" {
		l, err := net.Listen("tcp", s.HTTP.Listen)
		if err != nil {
			p.Close()
			return exit(exitStore, fmt.Errorf("http: %w: choose another http.listen", err))
		}
		srv := &http.Server{Handler: handler(p, m, s.HTTP.PProf)}
		go srv.Serve(l)
		defer srv.Close()
		log.Info("health, metrics and lag are served", "address", "http://"+l.Addr().String())
	}
	boundMemory(s)
	log.Info("running", "pipeline", s.ID, "plan", p.Plan(), "privacy", s.Privacy)
	err := p.Run(ctx)
	switch {
	case errors.Is(err, topology.ErrDrain):
		log.Warn("stopped before everything was committed", "error", err)
		return exit(exitRuntime, err)
	case err != nil:
		return exit(exitRuntime, err)
	}
	log.Info("drained: everything that was read is durable", "pipeline", s.ID)
	return nil
}

// beside is what the process may hold in the Go heap beside the byte budget:
// fetch buffers, encoders, tables that were loaded. With the binary's own pages
// the resident memory stays within budget + 256 MB.
const beside = 160 << 20

// boundMemory has the collector work harder near the limit rather than let the
// heap double. GOMEMLIMIT and GOGC of the environment win.
func boundMemory(s *topology.Spec) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(s.Engine.Budget) + beside)
	}
}

// logged writes what a person wants to know of a running pipeline.
func logged(log *slog.Logger) topology.Observer {
	return topology.Observer{
		Committed: func(e topology.Committed) {
			var rows, in int64
			for _, s := range e.Spans {
				rows, in = rows+s.Count.Written, in+s.Count.In
			}
			log.Debug("durable", "sink", e.Sink, "commit", e.Commit, "lanes", len(e.Spans), "records", in, "rows", rows, "took", e.Took)
		},
		Fenced: func(e topology.Fenced) {
			log.Warn("another writer moved lanes: dropped the epoch, reading again", "sink", e.Sink, "lanes", e.Lanes)
		},
		LaneState: func(e topology.LaneChanged) {
			log.Warn("lane state", "lane", e.Lane.String(), "sink", e.Sink, "state", e.State.String(), "why", e.Why, "todo", e.Todo)
		},
		Rejected: func(e topology.Rejected) {
			log.Warn("record refused", "lane", e.Lane.String(), "stage", e.Stage, "code", e.Code, "field", e.Field)
		},
	}
}
