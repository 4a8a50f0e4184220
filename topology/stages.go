package topology

import (
	"go.yaml.in/yaml/v3"

	"sluice/topology/stream"
)

// Stages are the stages of a pipeline without its source and its sinks: what
// becomes of records, for a person to look at.
type Stages struct {
	raw   []stream.Raw
	gate  stream.Gate
	after []stream.Stage
}

// Open opens the stages of s, which Check found right, and nothing else.
func (r Registry) Open(s *Spec, env Env) (*Stages, error) {
	env.Pipeline = s.ID
	p := &Pipeline{}
	for _, n := range s.Stages {
		e := env
		e.Name = n.Type
		if err := p.addStage(r, n, e); err != nil {
			return nil, err
		}
	}
	if s.Privacy == "none" {
		p.gate = r.KeepAll() // P4
	}
	return &Stages{p.raw, p.gate, p.stages}, nil
}

// Bare is a pipeline of one raw stage, as it is by default, and `privacy: none`.
func Bare(stage string) *Spec {
	config := &yaml.Node{Kind: yaml.MappingNode}
	return &Spec{Privacy: "none", Stages: []Node{{Type: stage, Config: config, at: config}}} // P4
}

// Fill sets key in the configuration of every stage called name that does not
// say it.
func (s *Spec) Fill(name, key string, value any) error {
	for i := range s.Stages {
		c := s.Stages[i].Config
		if s.Stages[i].Type != name || c == nil || c.Kind != yaml.MappingNode {
			continue
		}
		said := false
		for k := 0; k < len(c.Content); k += 2 {
			said = said || c.Content[k].Value == key
		}
		if said {
			continue
		}
		v := new(yaml.Node)
		if err := v.Encode(value); err != nil {
			return err
		}
		c.Content = append(c.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, v)
	}
	return nil
}

// Process takes b through all stages; what they refused is in b.Rejects.
func (s *Stages) Process(b *stream.Batch) (stream.Clean, error) {
	for _, x := range s.raw {
		if err := x.Process(b); err != nil {
			return stream.Clean{}, err
		}
	}
	clean, err := s.gate.Pass(b) // P1
	for _, x := range s.after {
		if err == nil {
			clean, err = x.Process(clean)
		}
	}
	return clean, err
}
