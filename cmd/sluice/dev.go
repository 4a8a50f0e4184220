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
	var o devOptions
	c := &cobra.Command{
		Use: "dev", Short: "Run the main job with everything embedded, nothing to install",
		Long: `Starts, in this process and on loopback only: a Kafka broker, a feed of Debezium
events (first a recording of a real PostgreSQL, then a made-up web shop that
keeps changing), a Cloudflare account with D1 and Queues, an Iceberg REST
catalog with a warehouse in a folder, a schema registry, and the pipeline of
deploy/pipelines/dev.yaml over them. State is kept in --dir: a second run goes
on where the first stopped.

--recording takes a recording of your own (as sluice decode reads them) in place
of that feed, the registry the schemas of NAME.schemas.json beside it, and
--pipeline a pipeline file of your own: ${KAFKA}, ${CATALOG}, ${CLOUDFLARE},
${D1_DATABASE}, ${QUEUE}, ${REGISTRY} and ${STATE} are what was started.

--once runs the recording to its end, audits, and exits 0 only if the audit
holds.`,
		Example: "  sluice dev\n  sluice dev --once --dir /tmp/try\n  sluice dev --rate 2000\n  sluice dev --once --recording topics.jsonl.gz --pipeline pipeline.yaml", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDev(c.Context(), a, o)
		},
	}
	c.Flags().StringVar(&o.dir, "dir", "sluice-dev", "folder of all state")
	c.Flags().BoolVar(&o.once, "once", false, "run the recording to its end, audit, exit")
	c.Flags().IntVar(&o.rate, "rate", 200, "row changes a second of the made-up shop")
	c.Flags().IntVar(&o.port, "kafka-port", 9092, "port of the broker, if it is free")
	c.Flags().StringVar(&o.recording, "recording", "", "replay this recording instead of the feed")
	c.Flags().StringVar(&o.pipeline, "pipeline", "", "run this pipeline file instead of deploy/pipelines/dev.yaml")
	return c
}

type devOptions struct {
	dir        string
	once       bool
	rate, port int

	recording, pipeline string // "": those that ship with the binary
}

func runDev(ctx context.Context, a *app, o devOptions) error {
	text, name := deploy.Dev, "deploy/pipelines/dev.yaml"
	if o.pipeline != "" {
		var err error
		if text, err = os.ReadFile(o.pipeline); err != nil {
			return exit(exitUsage, err)
		}
		name = o.pipeline
	}
	stack, err := dev.Start(ctx, dev.Options{Dir: o.dir, Port: o.port})
	if err != nil {
		return exit(exitStore, err)
	}
	defer stack.Close()
	file, err := stack.WritePipeline(text)
	if err != nil {
		return exit(exitStore, err)
	}
	spec, err := topology.Parse(text, func(name string) (string, bool) {
		if v, ok := os.LookupEnv(name); ok {
			return v, true
		}
		v, ok := stack.Values[name]
		return v, ok
	})
	if err != nil {
		return exit(exitUsage, placed(name, err))
	}
	env := topology.System(a.log())
	env.Dir = stack.Dir
	p, err := components().Build(spec, env)
	if err != nil {
		return exit(exitUsage, placed(name, err))
	}
	view := newDevView(a.talk, p)
	view.started(stack, o.once)
	replay := stack.Replay
	if o.recording != "" {
		replay = func(ctx context.Context) (int, error) { return stack.ReplayFile(ctx, o.recording) }
	}
	n, err := replay(ctx)
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
		if o.once || o.recording != "" {
			feed <- nil
			return
		}
		err := stack.Generate(running, o.rate)
		if err != nil { // it went on in silence, without a change, until it was stopped
			err = fmt.Errorf("the made-up shop can publish no more: %w: is there room in %s?", err, stack.Dir)
			a.log().Error("stopping", "error", err)
			stop()
		}
		feed <- err
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
