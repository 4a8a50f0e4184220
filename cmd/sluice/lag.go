package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/topology"
	"sluice/topology/lag"
	"sluice/topology/stream"
)

func lagCommand(a *app) *cobra.Command {
	var fail bool
	c := &cobra.Command{
		Use: "lag FILE", Short: "Show where every sink stands on every lane, from broker and stores",
		Long: `Asks the broker for the ends of the lanes and every sink for what is durable in
it. It works while the pipeline runs and when it is down, and changes nothing.
Lag counts against the last stable offset. UNKNOWN is never well.`,
		Example: "  sluice lag pipeline.yaml\n  sluice lag --json pipeline.yaml\n  sluice lag --fail pipeline.yaml || page somebody",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			_, p, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer p.Close()
			all, err := survey(c.Context(), p)
			if err != nil {
				return exit(exitStore, err)
			}
			worst := "OK"
			for _, v := range all {
				worst = lag.Worst(worst, v.Verdict)
			}
			err = a.print(map[string]any{"verdict": worst, "lanes": all}, func(w io.Writer) { lagTable(w, worst, all) })
			if err == nil && fail && worst != "OK" && worst != "BEHIND" {
				err = exit(exitFinding, errors.New(worst))
			}
			return err
		},
	}
	c.Flags().BoolVar(&fail, "fail", false, "exit 4 if a lane is neither OK nor BEHIND")
	return c
}

// survey joins what the broker and the stores say. Stores are asked first: lag
// is over- and never understated.
func survey(ctx context.Context, p *topology.Pipeline) ([]lag.Verdict, error) {
	names, sinks := p.Sinks()
	durable := make([]map[stream.Lane]stream.LanePos, len(sinks))
	for i, s := range sinks {
		in, ok := s.(stream.Inspector)
		if !ok {
			continue
		}
		prog, err := in.Inspect(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		durable[i] = prog.Lanes
	}
	sv, ok := p.Source().(stream.Surveyor)
	if !ok {
		return nil, errors.New("the source cannot list its lanes")
	}
	_, infos, err := sv.Survey(ctx)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	var all []lag.Verdict
	for _, info := range infos {
		for i, n := range names {
			x := lag.Positions{Lane: info.Lane, Sink: n, LogStart: info.LogStart, End: info.End, Fetched: -1, Staged: -1, Durable: -1}
			if at, ok := durable[i][info.Lane]; ok {
				x.Durable = at.Next.Offset
				if at.TopicID != "" && info.TopicID != "" && at.TopicID != info.TopicID {
					x.State, x.Why = stream.StateParked.String(), "the topic was deleted and made anew: sluice rebase"
				}
			}
			all = append(all, lag.Judge(x, time.Now()))
		}
	}
	return all, nil
}

func lagTable(w io.Writer, worst string, all []lag.Verdict) {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "SINK\tTOPIC\tPART\tDURABLE\tEND\tLAG\tVERDICT\tDETAIL")
	for _, v := range all {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", v.Sink, v.Lane.Topic, v.Lane.Partition, v.Durable, v.End, v.Lag, v.Verdict, v.Detail)
	}
	t.Flush()
	fmt.Fprintln(w, strings.ToLower(worst)+":", len(all), "lanes and sinks")
}
