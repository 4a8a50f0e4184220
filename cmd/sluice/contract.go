package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"sluice/processors/decode/contract"
	"sluice/schemas"
	"sluice/topology/stream"
)

func contractCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use: "contract", Short: "Say what topics must look like, and hold them to it",
		Long: `A contract is a YAML document: topic, key, additional (allow or reject), values
(reject or allow), freshness, and fields with name, type, logical, not_null, pii and
doc. Values are held to a logical type: enum('a','b'), set('a'), uint32, bits(20),
interval(iso), decimal(65,30), geometry(4326), vector(float32,3), array<int32>,
map<string,uint8>, struct<a:bool>. A pipeline holds its topics to contracts with

    stages:
      - decode: {contracts: "schemas/contracts/*.yaml"}

and refuses a record that breaks its contract with the rule and the column.`,
	}
	c.AddCommand(contractInferCommand(a), contractCheckCommand(a))
	return c
}

func contractInferCommand(a *app) *cobra.Command {
	var in reading
	c := &cobra.Command{
		Use: "infer [FILE|-]", Short: "Write contracts for the topics of a recording, or for a topic",
		Long: `Prints a contract for every topic with rows. Types come from the records' own
schemas; for JSON without schemas from the connector's schema change records, if
the recording has them, and else from the values. A logical type is left out, or an
enum's members, where values do not keep it. Read it before you use it: what
a value looks like is not what it is.`,
		Example: "  sluice contract infer --privacy none topics.jsonl.gz > schemas/contracts/shop.yaml\n  sluice contract infer --policy pipeline.yaml --topic shop.public.orders",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := in.observe(a, c, args)
			if err != nil {
				return err
			}
			e := yaml.NewEncoder(a.out)
			e.SetIndent(2)
			for _, k := range set.Kept() {
				if err := e.Encode(k); err != nil {
					return exit(exitRuntime, err)
				}
			}
			if len(set) == 0 {
				return exit(exitFinding, errors.New("no topic has rows"))
			}
			return nil
		},
	}
	in.flags(c)
	return c
}

// lastSchema is that of the last record that has one.
func lastSchema(b *stream.Batch) *schemas.Schema {
	for i := len(b.Records) - 1; i >= 0; i-- {
		if s := b.Records[i].Schema; s != nil {
			return s
		}
	}
	return nil
}

// breach is a rule that records of a topic broke.
type breach struct {
	Topic   string `json:"topic"`
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"`
	Records int64  `json:"records"`
	First   string `json:"first"` // PARTITION/OFFSET
}

func contractCheckCommand(a *app) *cobra.Command {
	var in reading
	c := &cobra.Command{
		Use: "check --contracts GLOB [FILE|-]", Short: "Hold a recording or a topic to its contracts",
		Long: `Reads everything and says which records break a contract, by rule and column,
with the first place of each. With --topic the newest record is held to the
contract's freshness too: a recording has no now.

Exit code 4: something breaks its contract.`,
		Example: "  sluice contract check --privacy none --contracts 'schemas/contracts/*.yaml' topics.jsonl.gz\n  sluice contract check --policy pipeline.yaml --contracts shop.yaml --topic shop.public.orders",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := contract.Load(in.contracts)
			if err != nil {
				return exit(exitUsage, err)
			}
			found := map[breach]*breach{}
			newest := map[string]int64{}
			var count stream.Count
			without := map[string]bool{}
			err = in.each(a, c, args, func(b *stream.Batch, process func() (stream.Clean, error)) error {
				clean, err := process()
				if err != nil {
					return err
				}
				count = count.Add(clean.Count())
				for _, r := range clean.Rows() {
					newest[b.Lane.Topic] = max(newest[b.Lane.Topic], r.Time)
				}
				if set.For(b.Lane.Topic) == nil && len(clean.Rows())+len(b.Rejects) > 0 {
					without[b.Lane.Topic] = true
				}
				for _, r := range b.Rejects {
					k := breach{Topic: b.Lane.Topic, Code: r.Code, Field: r.Field}
					if found[k] == nil {
						found[k] = &breach{Topic: k.Topic, Code: k.Code, Field: k.Field, First: fmt.Sprintf("%d/%d", b.Lane.Partition, r.Record.Offset)}
					}
					found[k].Records++
				}
				return nil
			})
			if err != nil {
				return err
			}
			all := []breach{}
			for _, b := range found {
				all = append(all, *b)
			}
			if k := set.For(in.topic); in.topic != "" && k != nil && k.Freshness > 0 {
				if age := time.Since(time.UnixMicro(newest[in.topic])); age > k.Freshness {
					all = append(all, breach{Topic: in.topic, Code: "contract_freshness", First: "newest " + time.UnixMicro(newest[in.topic]).UTC().Format(time.RFC3339)})
				}
			}
			slices.SortFunc(all, func(a, b breach) int {
				return cmp.Or(strings.Compare(a.Topic, b.Topic), strings.Compare(a.Code, b.Code), strings.Compare(a.Field, b.Field))
			})
			err = a.print(map[string]any{"records": count.In, "breaches": all, "without_contract": sortedKeys(without)}, func(w io.Writer) {
				checkTable(w, count.In, all, sortedKeys(without))
			})
			if err == nil && len(all) > 0 {
				err = exit(exitFinding, fmt.Errorf("%d rules are broken", len(all)))
			}
			return err
		},
	}
	in.flags(c)
	c.Flags().StringVar(&in.contracts, "contracts", "", "glob of the contract files")
	_ = c.MarkFlagRequired("contracts")
	return c
}

func sortedKeys(m map[string]bool) []string {
	out := []string{}
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func checkTable(w io.Writer, in int64, all []breach, without []string) {
	if len(all) > 0 {
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "TOPIC\tRULE\tCOLUMN\tRECORDS\tFIRST AT")
		for _, b := range all {
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\n", b.Topic, b.Code, cmp.Or(b.Field, "-"), b.Records, b.First)
		}
		_ = t.Flush()
	}
	fmt.Fprintf(w, "%d records read, %d rules broken\n", in, len(all))
	for _, t := range without {
		fmt.Fprintf(w, "no contract for topic %s\n", t)
	}
}
