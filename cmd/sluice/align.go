package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice/topology"
	"sluice/topology/stream"
)

func alignCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "align FILE", Short: "Bring all sinks to one position under the plan they stopped with",
		Long: `A new plan may not start while sinks stand at different positions: a row would
go by one plan to one sink and by another to the next. align takes the plan
that the sinks recorded, runs it up to the furthest position of each lane, and
stops. A clean stop of run leaves nothing to align.`,
		Example: "  sluice align pipeline.yaml && sluice run pipeline.yaml", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, p, err := a.open(args[0])
			if err != nil {
				return err
			}
			text, hash, err := recorded(c.Context(), p)
			p.Close()
			if err != nil {
				return exit(exitStore, err)
			}
			lookup, err := a.lookup(args[0])
			if err != nil {
				return exit(exitUsage, err)
			}
			s, err := topology.Parse(text, lookup)
			if err != nil {
				return exit(exitUsage, placed("recorded plan "+hash, err))
			}
			old, err := components().Build(s, topology.System(a.log()))
			if err != nil {
				return exit(exitStore, placed("recorded plan "+hash, err))
			}
			old.Align = true
			s.HTTP.Listen = "off"
			if err := run(c.Context(), a.log(), s, old); err != nil {
				return err
			}
			return a.print(map[string]string{"aligned": hash}, func(w io.Writer) {
				fmt.Fprintf(w, "aligned under plan %s: start the new one\n", hash)
			})
		},
	}
}

// recorded is the plan that the sinks stopped under: of a lane where they are
// apart, what the furthest of them is under, else of their last commits. Lanes
// that stopped under different plans are aligned one plan after the other.
func recorded(ctx context.Context, p *topology.Pipeline) (text []byte, hash string, err error) {
	names, sinks := p.Sinks()
	var asked []string
	var progress []stream.Progress
	for i, s := range sinks {
		in, ok := s.(stream.Inspector)
		if !ok {
			continue
		}
		prog, err := in.Inspect(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", names[i], err)
		}
		progress = append(progress, prog)
		if prog.Plan != "" {
			hash = prog.Plan
			asked = append(asked, names[i]+" at "+prog.Plan)
		}
	}
	if plan := apart(progress, p.Plan()); plan != "" {
		hash = plan
	}
	if hash == "" {
		return nil, "", fmt.Errorf("no sink has committed anything: there is nothing to align")
	}
	for _, s := range sinks {
		if k, ok := s.(stream.PlanKeeper); ok {
			if text, err := k.LoadPlan(ctx, hash); err == nil && len(text) > 0 {
				return text, hash, nil
			}
		}
	}
	return nil, "", fmt.Errorf("no sink kept plan %s (%s): run the old file with `sluice align`", hash, strings.Join(asked, ", "))
}

// apart is the plan of the furthest sink on the first lane where sinks are
// apart, "" if there is none but now, which goes on by itself.
func apart(all []stream.Progress, now string) string {
	first := map[stream.Lane]stream.LanePos{} // the furthest
	plan := map[stream.Lane]string{}
	differ := map[stream.Lane]bool{}
	for _, prog := range all {
		for l, at := range prog.Lanes {
			known, ok := first[l]
			differ[l] = differ[l] || ok && known.Next.Offset != at.Next.Offset
			if !ok || known.Next.Offset < at.Next.Offset {
				first[l], plan[l] = at, cmp.Or(at.Under, prog.Plan)
			}
		}
	}
	for _, l := range stream.SortedLanes(first) {
		if differ[l] && plan[l] != now {
			return plan[l]
		}
	}
	return ""
}
