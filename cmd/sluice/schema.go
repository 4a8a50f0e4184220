package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/processors/decode/contract"
	"sluice/topology/stream"
)

func schemaCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "schema", Short: "Look at the columns of topics: as they are, as they became, and how two differ"}
	c.AddCommand(schemaShowCommand(a), schemaHistoryCommand(a), schemaDiffCommand(a))
	return c
}

// step is what one record changed in the columns of its topic.
type step struct {
	contract.Change
	Version   int32 `json:"version"`
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"` // of the first record with it
}

func schemaShowCommand(a *app) *cobra.Command {
	var in reading
	c := &cobra.Command{
		Use: "show [FILE|-]", Short: "Show the columns of a recording's topics, or of a topic",
		Example: "  sluice schema show --privacy none topics.jsonl.gz\n  sluice schema show --policy pipeline.yaml --topic shop.public.orders",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := in.observe(a, c, args)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"topics": set}, func(w io.Writer) { showTable(w, set) })
		},
	}
	in.flags(c)
	return c
}

func showTable(w io.Writer, set contract.Set) {
	for _, k := range set {
		fmt.Fprintf(w, "%s\n", k.Topic)
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		for _, f := range k.Fields {
			marks := ""
			if slices.Contains(k.Key, f.Name) {
				marks += " key"
			}
			if f.NotNull {
				marks += " not null"
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", f.Name, cmp.Or(f.Type, "only nulls so far"), strings.TrimSpace(marks), f.Logical)
		}
		_ = t.Flush()
	}
}

// observe makes contracts of all that is read.
func (in *reading) observe(a *app, c *cobra.Command, args []string) (contract.Set, error) {
	o := contract.NewObserver()
	o.All = in.privacy == "none"
	err := in.each(a, c, args, func(b *stream.Batch, process func() (stream.Clean, error)) error {
		for i := range b.Records {
			o.Change(b.Records[i].Value.Bytes())
		}
		clean, err := process()
		if err == nil {
			o.Rows(b.Lane.Topic, lastSchema(b), clean.Rows())
		}
		return err
	})
	return o.Contracts(), err
}

func schemaHistoryCommand(a *app) *cobra.Command {
	var in reading
	c := &cobra.Command{
		Use: "history [FILE|-]", Short: "Show how the columns of topics came to be, change by change",
		Long: `Prints every change of a topic's columns with the place of the first record that
has it, in the order that the records were read. Columns are never taken away: a
column that was dropped stays, with nulls.`,
		Example: "  sluice schema history --privacy none topics.jsonl.gz\n  sluice schema history --policy pipeline.yaml --topic shop.public.orders",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			last := map[string]contract.Set{}
			versions := map[string]int32{}
			steps := []step{}
			err := in.each(a, c, args, func(b *stream.Batch, process func() (stream.Clean, error)) error {
				if _, err := process(); err != nil {
					return err
				}
				for i := range b.Records {
					r := &b.Records[i]
					if r.Schema == nil || versions[b.Lane.Topic] == r.Schema.Version {
						continue
					}
					versions[b.Lane.Topic] = r.Schema.Version
					now := contract.Set{contract.Of(r.Schema, in.privacy == "none")}
					for _, d := range contract.Diff(last[b.Lane.Topic], now) {
						if d.What != "dropped" && d.What != "respelled" { // another writer's
							steps = append(steps, step{d, r.Schema.Version, b.Lane.Partition, r.Offset})
						}
					}
					last[b.Lane.Topic] = now
				}
				return nil
			})
			if err != nil {
				return err
			}
			return a.print(map[string]any{"changes": steps}, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
				fmt.Fprintln(t, "TOPIC\tAT\tWHAT\tCOLUMN\tOLD\tNEW")
				for _, s := range steps {
					fmt.Fprintf(t, "%s\t%d/%d\t%s\t%s\t%s\t%s\n", s.Topic, s.Partition, s.Offset, s.What, cmp.Or(s.Column, "-"), cmp.Or(s.Old, "-"), cmp.Or(s.New, "-"))
				}
				_ = t.Flush()
			})
		},
	}
	in.flags(c)
	return c
}

func schemaDiffCommand(a *app) *cobra.Command {
	var in reading
	c := &cobra.Command{
		Use: "diff OLD NEW", Short: "Show how contracts or recordings differ, and whether tables and readers can follow",
		Long: `OLD and NEW are contract files (.yaml) or recordings. A change that tables and
readers of the old columns follow is a new column that may be null, a wider type,
a narrower one, or a column no longer written that could be null before. Others
are a stop, or go on in another column; see decode and evolve.

Exit code 4: something differs that they cannot follow.`,
		Example: "  sluice schema diff --privacy none schemas/contracts/shop.yaml topics.jsonl.gz\n  sluice schema diff old.yaml new.yaml",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var sides [2]contract.Set
			for i, name := range args {
				var err error
				if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
					if sides[i], err = contract.Load(name); err != nil {
						err = exit(exitUsage, err)
					}
				} else {
					sides[i], err = in.observe(a, c, []string{name})
				}
				if err != nil {
					return err
				}
			}
			all := contract.Diff(sides[0], sides[1])
			broken := 0
			for _, d := range all {
				if !d.Follows {
					broken++
				}
			}
			err := a.print(map[string]any{"changes": all}, func(w io.Writer) { diffTable(w, all) })
			if err == nil && broken > 0 {
				err = exit(exitFinding, errors.New(fmt.Sprint(broken, " of them cannot be followed")))
			}
			return err
		},
	}
	in.flags(c)
	return c
}

func diffTable(w io.Writer, all []contract.Change) {
	if len(all) == 0 {
		fmt.Fprintln(w, "no difference")
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "TOPIC\tWHAT\tCOLUMN\tOLD\tNEW\tFOLLOWS")
	for _, d := range all {
		follows := "yes"
		if !d.Follows {
			follows = "NO"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Topic, d.What, cmp.Or(d.Column, "-"), cmp.Or(d.Old, "-"), cmp.Or(d.New, "-"), follows)
	}
	_ = t.Flush()
}
