package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice/processors/decode"
	"sluice/processors/decode/contract"
	"sluice/processors/mask"
	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

func maskCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "mask", Short: "Ask what the policy of a pipeline does, and verify what was written"}
	c.AddCommand(maskExplainCommand(a), maskVerifyCommand(a), maskAnonymityCommand(a), maskTokenCommand(a))
	return c
}

// policyOf is the policy of a pipeline file, nil with `privacy: none`.
func (a *app) policyOf(file string) (*topology.Spec, *policy.Rules, error) {
	s, err := a.load(file)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range s.Stages {
		if n.Type != mask.Factory.Name {
			continue
		}
		p, err := policy.Read(n.Config)
		if err != nil {
			return nil, nil, exit(exitUsage, placed(file, err))
		}
		return s, p, nil
	}
	return s, nil, nil
}

// explained is one line of mask explain.
type explained struct {
	policy.Decision
	Type string `json:"type,omitempty"`
	At   string `json:"at,omitempty"` // file:line
}

func maskExplainCommand(a *app) *cobra.Command {
	var in reading
	var tape string
	c := &cobra.Command{
		Use: "explain FILE TOPIC", Short: "Say what happens to every column of a topic, and which rule decided",
		Long: `Prints for every column behind the gate, and for every path that the policy
names inside of one, its action, parameters, what decided (a path, a class, a tag
or the default), the rule, its place in FILE, and the reason of what is kept.

The first rule that names a column, its class or a tag of it decides; within a
rule a path comes before a class and a class before a tag.

Columns come from --recording; without it from the contract of the topic, if
FILE has one; else from the topic itself. No key is needed.

What would stop the topic's lanes is told, all of it, and paths that lead to no
column, or into no value that was read, with what may have been meant.

Exit code 4: there is something that would stop the lanes, or a path of a rule for
this very topic that leads to nothing and is not optional.`,
		Example: "  sluice mask explain pipeline.yaml shop.public.customers --recording topics.jsonl.gz\n  sluice mask explain --json pipeline.yaml shop.public.customers",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			file, topic := args[0], args[1]
			s, p, err := a.policyOf(file)
			if err != nil {
				return err
			}
			var m *schemas.Schema
			var versions []*schemas.Schema
			var inside *policy.Inside
			if tape == "" && in.brokers == "" {
				m, err = contracted(s, topic)
			}
			if m == nil && err == nil {
				inside = &policy.Inside{}
				m, versions, err = in.schemaOf(a, c, s, file, tape, topic, func(column string, value func() []byte) {
					if p != nil && p.Into(topic, column) {
						inside.Add(column, value())
					}
				})
			}
			if err != nil {
				return err
			}
			all := []explained{}
			for _, d := range explain(p, m) {
				x := explained{Decision: d}
				if d.Line > 0 {
					x.At = fmt.Sprintf("%s:%d", file, d.Line)
				}
				if i := m.Ordinal([]byte(d.Column)); i >= 0 {
					x.Type = m.Fields[i].Type.String()
				}
				all = append(all, x)
			}
			wrong := mistakes{Problems: []string{}, Missing: []policy.Missing{}}
			if p != nil {
				wrong.Problems = append(wrong.Problems, mask.Problems(p, m)...)
				for _, was := range versions { // the gate stops at the first record of any
					for _, x := range mask.Problems(p, was) {
						if !slices.Contains(wrong.Problems, x) {
							wrong.Problems = append(wrong.Problems, x)
						}
					}
				}
				wrong.Missing = append(wrong.Missing, p.Missing(m, inside)...)
			}
			err = a.print(map[string]any{"topic": topic, "columns": all, "problems": wrong.Problems, "missing": wrong.Missing}, func(w io.Writer) {
				explainTable(w, all)
				wrong.lines(w, topic)
			})
			if err != nil || !wrong.grave() {
				return err
			}
			return exit(exitFinding, fmt.Errorf("the policy does not fit %s: see below the table", topic))
		},
	}
	in.flags(c)
	for _, name := range []string{"topic", "policy", "privacy"} {
		_ = c.Flags().MarkHidden(name) // arguments say it
	}
	c.Flags().StringVar(&tape, "recording", "", "take the columns from this recording")
	return c
}

// mistakes are what of a policy is wrong with a topic.
type mistakes struct {
	Problems []string
	Missing  []policy.Missing
}

// grave reports what no other topic explains.
func (x mistakes) grave() bool {
	return len(x.Problems) > 0 || slices.ContainsFunc(x.Missing, func(m policy.Missing) bool { return m.Only })
}

func (x mistakes) lines(w io.Writer, topic string) {
	if len(x.Problems)+len(x.Missing) > 0 {
		fmt.Fprintln(w)
	}
	for _, p := range x.Problems {
		fmt.Fprintf(w, "stops %s: %s\n", topic, p)
	}
	for _, m := range x.Missing {
		may := ""
		if !m.Only {
			may = "; other topics of that rule may have it"
		}
		fmt.Fprintf(w, "%s: %q matches nothing here: %s%s\n", m.Of, m.Path, m.Why, may)
	}
}

func explain(p *policy.Rules, s *schemas.Schema) []policy.Decision {
	if p == nil {
		return mask.KeepAll().(*mask.Gate).Explain(s)
	}
	return p.Explain(s)
}

func explainTable(w io.Writer, all []explained) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "COLUMN\tTYPE\tACTION\tPARAMETERS\tBY\tRULE\tAT\tWHY")
	for _, x := range all {
		rule := "-"
		if x.Rule > 0 {
			rule = fmt.Sprint(x.Rule)
		}
		why := x.Why
		if x.Class != "" && x.By != "class "+x.Class {
			why = "is " + x.Class + cmp.Or(map[bool]string{true: "; " + why}[why != ""], "")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Column, cmp.Or(x.Type, "-"), x.Action, cmp.Or(x.Params, "-"), x.By, rule, cmp.Or(x.At, "-"), why)
	}
	t.Flush()
}

// contracted is the schema that the contract of topic says, nil without one.
func contracted(s *topology.Spec, topic string) (*schemas.Schema, error) {
	k, err := contractOf(s, topic)
	if k == nil || err != nil {
		return nil, err
	}
	m := schemas.Schema{Topic: topic}
	for _, f := range k.Fields {
		typ, wire, _, _ := schemas.ParseColumn(f.Type) // it was validated; "" is any
		class, _ := schemas.ParseClass(f.PII)
		x := schemas.Field{Name: f.Name, Type: typ, Wire: wire, Nullable: !f.NotNull, Class: class, Tags: f.Tags}
		for _, key := range k.Key {
			x.Key = x.Key || key == f.Name
		}
		m.Fields = append(m.Fields, x)
	}
	return schemas.NewSchema(m), nil
}

// contractOf is the contract that the decode stage of s has for topic, or nil.
func contractOf(s *topology.Spec, topic string) (*contract.Contract, error) {
	for _, n := range s.Stages {
		c := decode.Default
		if n.Type != decode.Factory.Name || topology.Strict(n.Config, &c) != nil || c.Contracts == "" {
			continue
		}
		set, err := contract.Load(c.Contracts)
		if err != nil {
			return nil, exit(exitUsage, err)
		}
		return set.For(topic), nil
	}
	return nil, nil
}

// schemaOf is the schema of topic after all records of a recording, or of the
// topic itself, went through the stages of s before the gate, and of it every version
// that records had. see is given the values of its columns, as text; it keeps none.
func (in *reading) schemaOf(a *app, c *cobra.Command, s *topology.Spec, file, tape, topic string, see func(column string, value func() []byte)) (m *schemas.Schema, versions []*schemas.Schema, err error) {
	for i, n := range s.Stages {
		if n.Type == mask.Factory.Name {
			s.Stages = s.Stages[:i] // nothing is shown but names and types
			break
		}
	}
	s.Privacy = "none"
	in.spec, in.policy, in.privacy = s, file, ""
	args := []string{tape}
	if tape == "" {
		in.topic, args = topic, nil
	}
	err = in.each(a, c, args, func(b *stream.Batch, process func() (stream.Clean, error)) error {
		if b.Lane.Topic != topic {
			return nil
		}
		clean, err := process()
		for i := range clean.Rows() {
			r := &clean.Rows()[i]
			for _, side := range [...][]schemas.Cell{r.Before, r.After} {
				for k, cell := range side {
					if k < len(r.Table.Columns) && cell.Has() {
						see(r.Table.Columns[k].Name, func() []byte { return schemas.AppendText(nil, cell, r.Bytes(cell)) })
					}
				}
			}
		}
		for i := range b.Records {
			if s := b.Records[i].Schema; s != nil && !slices.Contains(versions, s) {
				versions = append(versions, s)
			}
		}
		if last := lastSchema(b); last != nil {
			m = last
		}
		return err
	})
	if err == nil && m == nil {
		err = exit(exitFinding, errors.New(topic+": no record has a row: its columns are not known"))
	}
	return m, versions, err
}
