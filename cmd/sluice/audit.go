package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/topology"
)

func auditCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "audit FILE", Short: "Prove from the stores alone that nothing was lost or doubled",
		Long: `Reads the ledger of every sink: each commit settles a span of each lane, spans
join without gap or overlap, and in = written + folded + filtered + rejected +
lost holds for every one of them. Where a store can count its rows they have to
be as many as the ledger says were written. Below, for each policy that the rows
were masked by (its hash), how many values went through each action. Exits 4 if the proof fails.`,
		Example: "  sluice audit pipeline.yaml\n  sluice audit --json pipeline.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, p, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer p.Close()
			names, sinks := p.Sinks()
			report, err := topology.RunAudit(c.Context(), s.ID, names, sinks)
			if err != nil {
				return exit(exitStore, err)
			}
			if err := a.print(report, func(w io.Writer) { auditTable(w, report) }); err != nil {
				return err
			}
			if !report.OK {
				return exit(exitFinding, errors.New("the audit failed"))
			}
			return nil
		},
	}
}

func auditTable(w io.Writer, r topology.Audit) {
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "SINK\tLANES\tCOMMITS\tIN\tWRITTEN\tFOLDED\tFILTERED\tREJECTED\tLOST\tROWS\tPROOF")
	for _, s := range r.Sinks {
		rows, proof := "-", "holds"
		if s.Rows >= 0 {
			rows = fmt.Sprint(s.Rows)
		}
		if !s.OK {
			proof = "FAILS"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", s.Sink, len(s.Lanes), s.Commits, s.Count.In, s.Count.Written,
			s.Count.Folded, s.Count.Filtered, s.Count.Rejected, s.Count.Lost, rows, proof)
	}
	t.Flush()
	for _, s := range r.Sinks {
		for _, m := range s.Masked {
			fmt.Fprintf(w, "%s: %d rows by policy %s:", s.Sink, m.Rows, m.Policy)
			for _, k := range slices.Sorted(maps.Keys(m.Values)) {
				fmt.Fprintf(w, " %s %d", k, m.Values[k])
			}
			fmt.Fprintln(w)
		}
	}
	for _, s := range r.Sinks {
		for _, why := range s.Why {
			fmt.Fprintf(w, "%s: %s\n", s.Sink, why)
		}
	}
}
