package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/processors/mask/anonymity"
	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// counted is what mask k-anonymity says of a table or a topic.
type counted struct {
	Sink    string   `json:"sink,omitempty"`
	Name    string   `json:"name"`
	Topic   string   `json:"topic,omitempty"`
	Person  []string `json:"person"`            // columns that say who a row is about; none: each row counts as somebody else
	Skipped int64    `json:"skipped,omitempty"` // deletes, truncates and rows that leave a column out
	Inside  []string `json:"inside,omitempty"`  // generalized inside of JSON: not counted
	anonymity.Report
}

// counting is what mask k-anonymity is told.
type counting struct {
	sink, topic, tape, brokers string
	kafka                      bool
	columns, person            []string
	o                          anonymity.Options
}

func maskAnonymityCommand(a *app) *cobra.Command {
	var in counting
	c := &cobra.Command{
		Use: "k-anonymity FILE TABLE|TOPIC", Short: "Count how many people share what generalized columns say of them",
		Long: `Reads TABLE back from every sink of FILE that has it, as verify does, or with
--recording or --kafka the topic of that name through the policy, and counts the
people in each class: the rows with the same values in all columns that the policy
generalizes, or in those of --columns. k is the number in the smallest class.

Who a row is about say the columns of --person; without it the key of a topic,
else of a table's contract, else each row counts as somebody else. A table with a
row a change (Iceberg) needs one of them: changes of one person are no crowd.

Prints k, the share of rows in classes of fewer people than --at-least, the
smallest of these, and what one step coarser of each column would do. Values are
shown of a topic's masked columns only: what a table holds may have been written
under another policy, which kept them. A column inside of a JSON value is not counted, nor what several rows of one person tell together.

Memory is about 150 bytes a class and what its values take, and as much again for
the steps; more than --classes of them end it.

Exit code 4: --at-least was said, and k is less.`,
		Example: "  sluice mask k-anonymity pipeline.yaml shop_public_customers --at-least 5\n  sluice mask k-anonymity pipeline.yaml shop.public.customers --recording topics.jsonl.gz --columns birth,zip,sex",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if in.o.AtLeast < 1 || in.o.Classes < 1 || in.o.Show < 0 {
				return exit(exitUsage, errors.New("--at-least and --classes begin at 1, --show at 0"))
			}
			all, err := in.count(a, c, args[0], args[1])
			if err != nil {
				return err
			}
			if err := a.print(all, func(w io.Writer) { printAnonymity(w, all) }); err != nil {
				return err
			}
			for _, x := range all {
				if c.Flags().Changed("at-least") && x.Under.Classes > 0 {
					return exit(exitFinding, fmt.Errorf("%s: k is %d, less than %d", x.Name, x.K, x.AtLeast))
				}
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&in.sink, "sink", "", "read the table of this sink only")
	f.StringVar(&in.topic, "topic", "", "the topic that the table holds")
	f.StringVar(&in.tape, "recording", "", "read this recording of topics through the policy, instead of a table")
	f.BoolVar(&in.kafka, "kafka", false, "read the topic of Kafka through the policy to where it ends now, instead of a table")
	f.StringVar(&in.brokers, "brokers", "", "host:port of Kafka brokers, with commas (default: those of FILE)")
	f.StringSliceVar(&in.columns, "columns", nil, "columns that together may tell who a row is about (default: those the policy generalizes)")
	f.StringSliceVar(&in.person, "person", nil, "columns that say who a row is about")
	f.IntVar(&in.o.AtLeast, "at-least", 5, "people that each class should have; said, it decides the exit code")
	f.IntVar(&in.o.Classes, "classes", 1_000_000, "end when there are more classes")
	f.IntVar(&in.o.Show, "show", 10, "list so many of the smallest classes")
	return c
}

func (in *counting) count(a *app, c *cobra.Command, file, name string) ([]counted, error) {
	s, rules, err := a.policyOf(file)
	if err != nil {
		return nil, err
	}
	if rules == nil && len(in.columns) == 0 {
		return nil, exit(exitUsage, fmt.Errorf("%s: nothing is generalized with `privacy: none`: say --columns", file))
	}
	if in.tape != "" || in.kafka {
		x, err := in.ofTopic(a, c, file, rules, name)
		return []counted{x}, err
	}
	_, p, err := a.open(file)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var all []counted
	names, sinks := p.Sinks()
	for i := range sinks {
		r, can := sinks[i].(stream.TableReader)
		if !can || in.sink != "" && in.sink != names[i] {
			continue
		}
		x, err := in.ofTable(c.Context(), r, s, rules, name, fitting(c, name, sinks[i]))
		if errors.Is(err, stream.ErrNoTable) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		x.Sink = names[i]
		all = append(all, x)
	}
	if len(all) == 0 {
		return nil, exit(exitUsage, fmt.Errorf("no sink of %s that can be read has a table %s", file, name))
	}
	return all, nil
}

// Columns that the changelog of the Iceberg sink adds, unless its meta_prefix says otherwise.
const metaOp, metaUnavailable = "_op", "_unavailable"

// ofTable counts the rows of a table of a sink. guess is the topic that fits the
// table's name, "" for none.
func (in *counting) ofTable(ctx context.Context, r stream.TableReader, s *topology.Spec, rules *policy.Rules, name, guess string) (counted, error) {
	_, of, err := r.ReadTable(ctx, name, 1, func(int64, string, []byte) {})
	if errors.Is(err, stream.ErrNoTable) {
		return counted{}, err
	}
	topic := cmp.Or(in.topic, of, guess)
	k, failed := contractOf(s, topic)
	with := *in
	if k != nil && len(with.person) == 0 {
		with.person = k.Key
	}
	t := with.tally(rules, topic)
	t.stored = true
	fields := map[string]*schemas.Field{}
	field := func(column string) *schemas.Field {
		f := fields[column]
		if f == nil {
			f = &schemas.Field{Name: column, Type: schemas.Type{Kind: schemas.String}}
			if k != nil {
				if x := k.Field(column); x != nil {
					f.Class, _ = schemas.ParseClass(x.PII)
					f.Tags = x.Tags
				}
			}
			fields[column] = f
		}
		return f
	}
	last, changes, leave := int64(0), false, false
	end := func() {
		if failed == nil {
			failed = t.row(leave)
		}
		leave = false
	}
	var rows int64
	if err == nil && failed == nil {
		rows, _, err = r.ReadTable(ctx, name, 0, func(row int64, column string, value []byte) {
			if row != last {
				end()
				last = row
			}
			switch column {
			case metaOp:
				changes = true
				leave = leave || string(value) != stream.Insert.String() && string(value) != stream.Update.String()
			case metaUnavailable:
				for c := range strings.SplitSeq(string(value), ",") {
					leave = leave || t.place(field(c)) >= 0
				}
			default:
				t.value(field(column), value)
			}
		})
	}
	switch {
	case err != nil:
		return counted{}, exit(exitStore, fmt.Errorf("%s: %w", name, err))
	case changes && len(with.person) == 0:
		return counted{}, exit(exitUsage, fmt.Errorf("%s has a row for each change, and several are of one person: say --person, the columns that tell who a row is about", name))
	case rows > 0:
		end()
	}
	if failed != nil {
		return counted{}, exit(exitFinding, fmt.Errorf("%s: %w", name, failed))
	}
	return t.report(name)
}

// ofTopic counts the rows of a topic behind the gate.
func (in *counting) ofTopic(a *app, c *cobra.Command, file string, rules *policy.Rules, topic string) (counted, error) {
	src, args := reading{policy: file, brokers: in.brokers, topic: topic}, []string(nil)
	if !in.kafka {
		src.topic, args = "", []string{in.tape}
	}
	with := *in
	var t *tally
	var full error
	err := src.each(a, c, args, func(b *stream.Batch, process func() (stream.Clean, error)) error {
		if b.Lane.Topic != topic || full != nil {
			return full
		}
		clean, err := process()
		rows := clean.Rows()
		for i := 0; err == nil && full == nil && i < len(rows); i++ {
			if t == nil {
				for _, at := range rows[i].Table.Key {
					if len(in.person) == 0 {
						with.person = append(with.person, rows[i].Table.Columns[at].Name)
					}
				}
				t = with.tally(rules, topic)
			}
			full = t.clean(&rows[i])
		}
		return cmp.Or(err, full)
	})
	switch {
	case full != nil:
		return counted{}, exit(exitFinding, fmt.Errorf("%s: %w", topic, full))
	case err != nil:
		return counted{}, err
	case t == nil:
		return counted{}, exit(exitFinding, fmt.Errorf("%s: no record has a row", topic))
	}
	return t.report(topic)
}

func printAnonymity(w io.Writer, all []counted) {
	more := func(k int, is bool) string { return fmt.Sprint(k) + map[bool]string{true: " or more"}[is] }
	for _, x := range all {
		fmt.Fprintf(w, "%s", x.Name)
		if x.Sink != "" {
			fmt.Fprintf(w, " of %s", x.Sink)
		}
		who := "each row is about somebody else"
		if len(x.Person) > 0 {
			who = "people by " + strings.Join(x.Person, ", ")
		}
		fmt.Fprintf(w, ": %d rows, %d classes of %s, %s", x.Rows, x.Report.Classes, strings.Join(x.Report.Columns, ", "), who)
		if x.Skipped > 0 {
			fmt.Fprintf(w, "; %d deletes and rows that leave a column out are not counted", x.Skipped)
		}
		fmt.Fprintf(w, "\n  k = %s; in classes of less than %d: %d classes, %d rows, %.2f%%\n", more(x.K, x.More), x.AtLeast, x.Under.Classes, x.Under.Rows, 100*x.Under.Share)
		if len(x.Inside) > 0 {
			fmt.Fprintf(w, "  not counted, inside of JSON: %s\n", strings.Join(x.Inside, ", "))
		}
		if len(x.Least) > 0 {
			t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
			fmt.Fprintf(t, "  PEOPLE\tROWS\t%s\n", strings.Join(x.Report.Columns, "\t"))
			for _, k := range x.Least {
				fmt.Fprintf(t, "  %d\t%d", k.People, k.Rows)
				for _, v := range k.Values {
					text := "-"
					if v != nil {
						q := strconv.Quote(*v)
						text = q[1 : len(q)-1] // one line, without control characters
					}
					fmt.Fprintf(t, "\t%s", text)
				}
				fmt.Fprintln(t)
			}
			t.Flush()
		}
		for _, s := range x.Steps {
			var what []string
			for i := range s.Columns {
				what = append(what, s.Columns[i]+": "+s.To[i])
			}
			fmt.Fprintf(w, "  %s would give k = %s, %.2f%% of the rows in classes that are too small%s\n", strings.Join(what, ", "), more(s.K, s.More), 100*s.Share, map[bool]string{true: ": it is enough"}[s.Reaches])
		}
	}
}
