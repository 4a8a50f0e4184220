package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/processors/mask/profile"
	"sluice/topology/stream"
)

func profileCommand(a *app) *cobra.Command {
	var in reading
	var look detectFlags
	var out string
	c := &cobra.Command{
		Use: "profile [FILE|-]", Short: "Say what personal data the columns of a file or a topic seem to hold",
		Long: `Reads a recording of Kafka topics as decode does, a file of rows (JSON Lines, or
CSV whose first line names the columns), or with --topic a topic to where it ends
now, and prints for every column, and every path inside of JSON
columns: values, nulls, about how many different ones, the classes of personal
data found in values with the share of values that hold one, what the column's
name says, and shapes of the first values, in which letters are x and digits 9.
No value is printed or kept.

--policy writes a pipeline file whose mask stage does what was found. It is a
suggestion: read it, give reasons for what is to pass, and run validate on it.
What nobody names stays masked.`,
		Example: "  sluice profile topics.jsonl.gz\n  sluice profile customers.csv\n  sluice profile --brokers kafka:9092 --topic shop.public.customers --policy suggested.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := look.options()
			if err != nil {
				return exit(exitUsage, err)
			}
			in.rows = true
			refused := 0
			in.privacy = "none" // rows stay in the process: what is printed is counts and shapes // P1
			p := profile.New(o)
			err = in.each(a, c, args, func(b *stream.Batch, process func() (stream.Clean, error)) error {
				clean, err := process()
				if err == nil {
					p.Add(clean)
					refused += len(b.Rejects)
				}
				return err
			})
			if err != nil {
				return err
			}
			topics := p.Report()
			if len(topics) == 0 {
				return exit(exitFinding, fmt.Errorf("no topic has rows; %d records could not be read", refused))
			}
			if refused > 0 {
				fmt.Fprintf(a.talk, "%d records could not be read, and are not in it\n", refused)
			}
			if out != "" {
				if err := os.WriteFile(out, profile.Policy(topics), 0o644); err != nil {
					return exit(exitUsage, err)
				}
				fmt.Fprintf(a.talk, "%s: a suggestion; read it before you use it\n", out)
			}
			return a.print(topics, func(w io.Writer) { printProfile(w, topics) })
		},
	}
	c.Flags().StringVar(&in.topic, "topic", "", "read this topic instead of a recording")
	c.Flags().StringVar(&in.brokers, "brokers", "", "host:port of Kafka brokers, with commas")
	c.Flags().StringVar(&in.registry, "registry", "", "schemas of Avro records: the URL of a registry, a folder, or a file (default: NAME.schemas.json beside NAME.jsonl.gz)")
	c.Flags().StringVar(&out, "policy", "", "write a suggested policy to this file")
	look.add(c)
	return c
}

func printProfile(w io.Writer, topics []profile.Topic) {
	for _, t := range topics {
		fmt.Fprintf(w, "%s: %d rows\n", t.Topic, t.Rows)
		tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tab, "  column\ttype\tvalues\tnulls\tdifferent\tfound\tname says\tsuggested\tshapes")
		for _, c := range t.Columns {
			var found []string
			for _, f := range c.Found {
				found = append(found, fmt.Sprintf("%s %.0f%%", f.Class, 100*f.Rate))
			}
			named := ""
			if c.Named != nil {
				named = c.Named.Class
				if !c.Named.Sure {
					named += "?"
				}
			}
			fmt.Fprintf(tab, "  %s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", c.Path, c.Type, c.Values, c.Nulls, c.Distinct, strings.Join(found, ", "), named, c.Suggest.Action, strings.Join(c.Shapes, "  "))
		}
		_ = tab.Flush() // w says it
	}
}
