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
	durable := make([]stream.Progress, len(sinks))
	for i, s := range sinks {
		in, ok := s.(stream.Inspector)
		if !ok {
			continue
		}
		prog, err := in.Inspect(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		durable[i] = prog
	}
	sv, ok := p.Source().(stream.Surveyor)
	if !ok {
		return nil, errors.New("the source cannot list its lanes")
	}
	cluster, infos, err := sv.Survey(ctx)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	var all []lag.Verdict
	for _, info := range infos {
		for i, n := range names {
			all = append(all, lag.Judge(stands(n, durable[i], cluster, info), time.Now()))
		}
	}
	return all, nil
}

// stands is where a sink stands on a lane, by its store and the broker, which
// was asked behind it. A position that the broker's log does not reach is no
// end of work (it was OK): run parks such a lane.
func stands(sink string, prog stream.Progress, cluster string, info stream.LaneInfo) lag.Positions {
	x := lag.Positions{Lane: info.Lane, Sink: sink, LogStart: info.LogStart, End: info.End, Fetched: -1, Staged: -1, Durable: -1}
	at, ok := prog.Lanes[info.Lane]
	if !ok {
		return x
	}
	x.Durable = at.Next.Offset
	switch {
	case prog.Cluster != "" && cluster != "" && prog.Cluster != cluster:
		x.Why = fmt.Sprintf("the sink stands on cluster %s, this is %s: sluice rebase --all", prog.Cluster, cluster)
	case at.TopicID != "" && info.TopicID != "" && at.TopicID != info.TopicID:
		x.Why = "the topic was deleted and made anew: sluice rebase"
	case info.End >= 0 && x.Durable > info.End:
		x.Why = fmt.Sprintf("the log ends %d offsets before the sink's position, it was cut or is another: sluice rebase", x.Durable-info.End)
	default:
		return x
	}
	x.State = stream.StateParked.String()
	return x
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
