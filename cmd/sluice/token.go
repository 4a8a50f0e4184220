package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice/processors/mask/policy"
	"sluice/topology"
)

func maskTokenCommand(a *app) *cobra.Command {
	var in asked
	c := &cobra.Command{
		Use: "token FILE", Short: "Print what a value becomes, to find its rows", Args: cobra.ExactArgs(1),
		Long: `Reads one value, or one a line, from standard input and prints the token that the
column's action, hash or tokenize, makes of it: one under the primary key, and one
under every key with window: true, whose tokens are still in stores. That is how
the rows of a person are found who asks for them.

The value is its canonical text: numbers as digits, times as ISO 8601.`,
		Example: "  sluice mask token pipeline.yaml --column shop.public.customers.email < address.txt",
		RunE: func(c *cobra.Command, args []string) error {
			s, p, err := a.policyOf(args[0])
			if err != nil {
				return err
			}
			if p == nil {
				return exit(exitUsage, fmt.Errorf("%s: %w", args[0], policy.ErrNoGate))
			}
			topic, f, path, err := in.field(s)
			if err != nil {
				return exit(exitUsage, err)
			}
			values, err := linesOf(c.InOrStdin())
			if err == nil && len(values) == 0 {
				err = errors.New("no value: give one a line on standard input")
			}
			if err != nil {
				return exit(exitUsage, err)
			}
			ring, err := p.Ring(topology.System(a.log()))
			if err != nil {
				return exit(exitStore, err)
			}
			defer ring.Close()
			var all [][]policy.TokenOf
			for _, v := range values {
				ts, err := p.Tokens(ring, topic, f, path, v)
				if err != nil {
					return exit(exitUsage, err)
				}
				all = append(all, ts)
			}
			return a.print(all, func(w io.Writer) {
				for _, ts := range all {
					for _, t := range ts {
						fmt.Fprintf(w, "%s\t%s\n", t.KeyID, t.Token)
					}
				}
			})
		},
	}
	f := c.Flags()
	f.StringVar(&in.column, "column", "", "TOPIC.COLUMN; with --topic a path, which may lead into a column")
	f.StringVar(&in.topic, "topic", "", "the topic, if --column is a path")
	f.StringVar(&in.typ, "type", "", "type of the column (default: its contract's, else string)")
	_ = c.MarkFlagRequired("column")
	return c
}
