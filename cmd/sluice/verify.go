package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/processors/mask"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// verified is what mask verify says of a table of one sink.
type verified struct {
	Sink     string           `json:"sink"`
	Table    string           `json:"table"`
	Topic    string           `json:"topic,omitempty"`
	Rows     int64            `json:"rows"`
	Tokens   map[string]int64 `json:"tokens"` // values that begin with the id of a key
	Findings []mask.Found     `json:"findings"`
}

func maskVerifyCommand(a *app) *cobra.Command {
	var sink, topic string
	var limit int64
	c := &cobra.Command{
		Use: "verify FILE TABLE", Short: "Look for personal data in a table that was written",
		Long: `Reads TABLE back from every sink of FILE that has it, Iceberg (every data file of
the current snapshot, deleted rows too) and D1, and looks at every value with the
detector, as a scan does. Prints columns, classes and counts; of a value only its
outline: letters as x, digits as 9.

A finding is explained if the policy keeps the column, the path or the class with
a reason, or makes such values up (tokenize, synthetic, shift, noise). What the
policy does is known by the topic of the table: D1 keeps it, else it is the one
that fits the table's name, or --topic.

Exit code 4: there is a finding that nothing explains.`,
		Example: "  sluice mask verify pipeline.yaml shop_public_customers\n  sluice mask verify --sink lake --topic shop.public.customers pipeline.yaml customers",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			_, rules, err := a.policyOf(args[0])
			if err != nil {
				return err
			}
			s, p, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer p.Close()
			var all []verified
			names, sinks := p.Sinks()
			for i := range sinks {
				r, can := sinks[i].(stream.TableReader)
				if !can || sink != "" && sink != names[i] {
					continue
				}
				v := mask.NewVerifier(rules)
				rows, of, err := r.ReadTable(c.Context(), args[1], limit, func(_ int64, column string, value []byte) { v.Value(column, value) })
				if errors.Is(err, stream.ErrNoTable) {
					continue
				}
				if err != nil {
					return exit(exitStore, fmt.Errorf("%s: %s: %w", names[i], args[1], err))
				}
				x := verified{Sink: names[i], Table: args[1], Rows: rows, Tokens: v.Tokens(), Topic: cmp.Or(topic, of)}
				if x.Topic == "" {
					x.Topic = fitting(c, args[1], sinks[i])
				}
				if x.Findings, err = findings(s, v, x.Topic); err != nil {
					return err
				}
				all = append(all, x)
			}
			if len(all) == 0 {
				return exit(exitUsage, fmt.Errorf("no sink of %s that can be read has a table %s", args[0], args[1]))
			}
			if err := a.print(all, func(w io.Writer) { verifyTable(w, all) }); err != nil {
				return err
			}
			open := 0
			for _, x := range all {
				for _, f := range x.Findings {
					if f.Why == "" {
						open++
					}
				}
			}
			if open > 0 {
				return exit(exitFinding, fmt.Errorf("%d findings that nothing explains", open))
			}
			return nil
		},
	}
	c.Flags().StringVar(&sink, "sink", "", "read this sink only")
	c.Flags().StringVar(&topic, "topic", "", "the topic that the table holds")
	c.Flags().Int64Var(&limit, "limit", 0, "look at so many rows (default: all)")
	return c
}

// findings are those of v, explained by what is known of topic.
func findings(s *topology.Spec, v *mask.Verifier, topic string) ([]mask.Found, error) {
	k, err := contractOf(s, topic)
	if err != nil {
		return nil, err
	}
	all := v.Findings(topic, func(name string) schemas.Field {
		f := schemas.Field{Name: name, Type: schemas.Type{Kind: schemas.String}}
		if k != nil {
			if x := k.Field(name); x != nil {
				f.Class, _ = schemas.ParseClass(x.PII)
				f.Tags = x.Tags
			}
		}
		return f
	})
	if all == nil {
		all = []mask.Found{}
	}
	return all, nil
}

// fitting is the one topic of a sink whose name ends as the table's does, "" if
// there is none or more.
func fitting(c *cobra.Command, table string, sink stream.Sink) string {
	in, ok := sink.(stream.Inspector)
	if !ok {
		return ""
	}
	at, err := in.Inspect(c.Context())
	if err != nil {
		return ""
	}
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '.' || r == '-' {
				return '_'
			}
			return r
		}, strings.ToLower(s))
	}
	var found []string
	for lane := range at.Lanes {
		parts := strings.Split(lane.Topic, ".")
		end := plain(strings.Join(parts[max(0, len(parts)-2):], "_"))
		if name := plain(table); (name == plain(lane.Topic) || name == end || strings.HasSuffix(name, "_"+end)) && !slices.Contains(found, lane.Topic) {
			found = append(found, lane.Topic)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

func verifyTable(w io.Writer, all []verified) {
	for _, x := range all {
		fmt.Fprintf(w, "%s of %s: %d rows, topic %s", x.Table, x.Sink, x.Rows, cmp.Or(x.Topic, "unknown: say --topic"))
		for _, id := range slices.Sorted(maps.Keys(x.Tokens)) {
			fmt.Fprintf(w, ", %d tokens of key %s", x.Tokens[id], id)
		}
		fmt.Fprintln(w)
		if len(x.Findings) == 0 {
			fmt.Fprintln(w, "  nothing found")
			continue
		}
		t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
		fmt.Fprintln(t, "  COLUMN\tCLASS\tVALUES\tOUTLINES\tBECAUSE")
		for _, f := range x.Findings {
			fmt.Fprintf(t, "  %s\t%s\t%d\t%s\t%s\n", f.Column, f.Name, f.Values, strings.Join(f.Samples, " | "), cmp.Or(f.Why, "NOT EXPLAINED"))
		}
		t.Flush()
	}
}
