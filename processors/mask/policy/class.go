package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/schemas"
	"sluice/topology"
)

// Classed says what columns of topics hold. It counts before what contracts and
// writers' schemas say. Nothing is ever guessed from names or values: those are
// suggestions of `sluice profile`.
type Classed struct {
	Topics   []string            `yaml:"topics"`   // globs; empty: all
	Columns  map[string]string   `yaml:"columns"`  // class by path
	Tags     map[string][]string `yaml:"tags"`     // paths by tag
	Optional bool                `yaml:"optional"` // columns need not exist
	line     int
}

// UnmarshalYAML remembers the line.
func (c *Classed) UnmarshalYAML(y *yaml.Node) error {
	type plain Classed
	p := plain{line: y.Line}
	if err := topology.Strict(y, &p); err != nil {
		return err
	}
	*c = Classed(p)
	return nil
}

// classed is a Classed with its paths read.
type classed struct {
	*Classed
	number int // from 1
	says   []statement
}

// statement is what somebody says a path holds.
type statement struct {
	path  Path
	class schemas.Class
	tags  []string // in order
	seen  *seen
}

func compileClassed(number int, c *Classed) (*classed, error) {
	out := &classed{Classed: c, number: number}
	var errs []error
	at := map[string]int{}
	of := func(name string) *statement {
		p, err := ParsePath(name)
		if err == nil && p[len(p)-1].Kind == Keys {
			err = fmt.Errorf("%q: names of members have no class: say what happens to them in a rule", name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%d:1: class %d: %w", c.line, number, err))
			return &statement{}
		}
		i, ok := at[p.String()]
		if !ok {
			i = len(out.says)
			at[p.String()] = i
			out.says = append(out.says, statement{path: p, seen: &seen{}})
		}
		return &out.says[i]
	}
	for name, class := range c.Columns {
		k, err := schemas.ParseClass(class)
		if err != nil {
			errs = append(errs, fmt.Errorf("%d:1: class %d: %s: %w", c.line, number, name, err))
		}
		of(name).class = k
	}
	for tag, names := range c.Tags {
		for _, name := range names {
			x := of(name)
			x.tags = append(x.tags, tag)
			slices.Sort(x.tags)
		}
	}
	if len(c.Columns)+len(c.Tags) == 0 {
		errs = append(errs, fmt.Errorf("%d:1: class %d: names no columns", c.line, number))
	}
	slices.SortFunc(out.says, bySize)
	return out, errors.Join(errs...)
}

func bySize(a, b statement) int {
	return cmp.Or(cmp.Compare(len(a.path), len(b.path)), strings.Compare(a.path.String(), b.path.String()))
}

// says lists what is said of a field and of the paths inside of it, shorter
// paths first: of the policy's entries the first that names a path, then the
// field's own.
func (r *Rules) says(topic string, f *schemas.Field) (all []statement) {
	name := cmp.Or(f.Of, f.Name) // P3
	for _, c := range r.classed {
		if !topics(c.Topics).match(topic) {
			continue
		}
		for _, x := range c.says {
			if x.path[0].Name == name && !slices.ContainsFunc(all, func(o statement) bool { return slices.Equal(o.path, x.path) }) {
				all = append(all, x)
			}
		}
	}
	own := statement{path: Path{{Name: name}}, class: f.Class, tags: slices.Clone(f.Tags), seen: &seen{}}
	slices.Sort(own.tags)
	if i := slices.IndexFunc(all, func(x statement) bool { return len(x.path) == 1 }); i < 0 {
		all = append(all, own)
	} else {
		if all[i].class == schemas.NoClass {
			all[i].class = own.class
		}
		own.tags = append(own.tags, all[i].tags...)
		slices.Sort(own.tags)
		all[i].tags = slices.Compact(own.tags)
	}
	slices.SortStableFunc(all, bySize)
	return all
}
