package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluice/cmd/sluice/dev"
	"sluice/deploy"
	"sluice/topology"
)

func devCommand(a *app) *cobra.Command {
	var dir string
	var once bool
	var rate, port int
	c := &cobra.Command{
		Use: "dev", Short: "Run the main job with everything embedded, nothing to install",
		Long: `Starts, in this process and on loopback only: a Kafka broker, a feed of Debezium
events (first a recording of a real PostgreSQL, then a made-up web shop that
keeps changing), a Cloudflare account with D1 and Queues, an Iceberg REST
catalog with a warehouse in a folder, and the pipeline of
deploy/pipelines/dev.yaml over them. State is kept in --dir: a second run goes
on where the first stopped.

--once runs the recording to its end, audits, and exits 0 only if the audit
holds.`,
		Example: "  sluice dev\n  sluice dev --once --dir /tmp/try\n  sluice dev --rate 2000", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDev(c.Context(), a, devOptions{dir: dir, once: once, rate: rate, port: port})
		},
	}
	c.Flags().StringVar(&dir, "dir", "sluice-dev", "folder of all state")
	c.Flags().BoolVar(&once, "once", false, "run the recording to its end, audit, exit")
	c.Flags().IntVar(&rate, "rate", 200, "row changes a second of the made-up shop")
	c.Flags().IntVar(&port, "kafka-port", 9092, "port of the broker, if it is free")
	return c
}

type devOptions struct {
	dir        string
	once       bool
	rate, port int
}

func runDev(ctx context.Context, a *app, o devOptions) error {
	stack, err := dev.Start(ctx, dev.Options{Dir: o.dir, Port: o.port})
	if err != nil {
		return exit(exitStore, err)
	}
	defer stack.Close()
	file, err := stack.WritePipeline(deploy.Dev)
	if err != nil {
		return exit(exitStore, err)
	}
	spec, err := topology.Parse(deploy.Dev, func(name string) (string, bool) {
		if v, ok := os.LookupEnv(name); ok {
			return v, true
		}
		v, ok := stack.Values[name]
		return v, ok
	})
	if err != nil {
		return exit(exitUsage, placed("deploy/pipelines/dev.yaml", err))
	}
	env := topology.System(a.log())
	env.Dir = stack.Dir
	p, err := components().Build(spec, env)
	if err != nil {
		return exit(exitUsage, placed("deploy/pipelines/dev.yaml", err))
	}
	view := newDevView(a.talk, p)
	view.started(stack, o.once)
	n, err := stack.Replay(ctx)
	if err != nil {
		p.Close()
		return exit(exitStore, err)
	}
	view.replayed(n)
	running, stop := context.WithCancel(ctx)
	defer stop()
	watch := func() error { return view.watch(running, stack, file) }
	if o.once {
		watch = func() error { defer stop(); return view.untilDurable(running) }
	}
	feed := make(chan error, 2)
	go func() { feed <- watch() }()
	go func() {
		if o.once {
			feed <- nil
			return
		}
		feed <- stack.Generate(running, o.rate)
	}()
	err = run(running, a.log(), spec, p, view.observer())
	stop()
	err = errors.Join(err, <-feed, <-feed)
	if err != nil {
		return err
	}
	view.stopped(stack, file)
	if o.once {
		return devAudit(a, spec, env)
	}
	return nil
}

// devAudit proves the run from the stores, with parts opened anew.
func devAudit(a *app, spec *topology.Spec, env topology.Env) error {
	p, err := components().Build(spec, env)
	if err != nil {
		return exit(exitStore, err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	names, sinks := p.Sinks()
	report, err := topology.RunAudit(ctx, spec.ID, names, sinks)
	if err != nil {
		return exit(exitStore, err)
	}
	if err := a.print(report, func(w io.Writer) { auditTable(w, report) }); err != nil {
		return err
	}
	if !report.OK {
		return exit(exitFinding, errors.New("the audit failed"))
	}
	if !a.json {
		fmt.Fprintln(a.out, "audit holds: nothing lost, nothing doubled")
	}
	return nil
}
