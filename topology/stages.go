package topology

import (
	"fmt"

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
	env.Pipeline, env.Plan = s.ID, r.planHash(s)
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

// OpenAll opens the raw stage called name as it is by default, and the gate of
// `privacy: none`.
func (r Registry) OpenAll(name string, env Env) (*Stages, error) {
	f, ok := find(r.Raw, name)
	if !ok {
		return nil, fmt.Errorf("no stage is called %q", name)
	}
	env.Name = name
	x, err := f.Open(&yaml.Node{Kind: yaml.MappingNode}, env)
	if err != nil {
		return nil, err
	}
	return &Stages{[]stream.Raw{x}, r.KeepAll(), nil}, nil // P4
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
