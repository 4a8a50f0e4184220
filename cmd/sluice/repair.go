package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice/topology"
	"sluice/topology/stream"
)

func acceptLossCommand(a *app) *cobra.Command {
	return repairCommand(a, "accept-loss", "Settle what retention took before it was read, as lost in the ledger",
		`A lane in DATA_LOST stands still: the broker deleted records that a sink does
not have. This writes the missing offsets to the sinks' ledgers as lost and
lets the lane go on at the log start. It cannot be taken back.`, (*topology.Pipeline).AcceptLoss)
}

func rebaseCommand(a *app) *cobra.Command {
	return repairCommand(a, "rebase", "Move lanes to the start of a log that took the old one's place",
		`A topic that was deleted and made anew, another cluster, or a log that was cut
after an unclean election: the position of a sink means nothing in it. This
sets the lane to the start of the new log. Rows that both logs hold will be
there twice in changelogs.`, (*topology.Pipeline).Rebase)
}

func repairCommand(a *app, name, short, long string, do func(*topology.Pipeline, context.Context, func(stream.Lane) bool) ([]topology.Repaired, error)) *cobra.Command {
	var lanes []string
	var all, yes bool
	c := &cobra.Command{
		Use: name + " FILE --lane TOPIC/PARTITION", Short: short, Long: long, Args: cobra.ExactArgs(1),
		Example: fmt.Sprintf("  sluice %s pipeline.yaml --lane shop.orders/3 --yes", name),
		RunE: func(c *cobra.Command, args []string) error {
			if !all && len(lanes) == 0 {
				return exit(exitUsage, fmt.Errorf("name the lanes with --lane TOPIC/PARTITION, or take --all"))
			}
			if !yes {
				return exit(exitUsage, fmt.Errorf("this cannot be taken back: say --yes"))
			}
			_, p, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer p.Close()
			done, err := do(p, c.Context(), func(l stream.Lane) bool {
				for _, n := range lanes {
					if n == l.String() {
						return true
					}
				}
				return all
			})
			if err != nil {
				return exit(exitStore, err)
			}
			return a.print(done, func(w io.Writer) {
				for _, r := range done {
					fmt.Fprintf(w, "%s %v: %d -> %d, lost %d\n", r.Sink, r.Span.Lane, r.Span.From.Offset, r.Span.To.Offset, r.Lost)
				}
				fmt.Fprintln(w, len(done), "spans settled")
			})
		},
	}
	c.Flags().StringSliceVar(&lanes, "lane", nil, "TOPIC/PARTITION, may be given many times")
	c.Flags().BoolVar(&all, "all", false, "every lane that needs it")
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}
