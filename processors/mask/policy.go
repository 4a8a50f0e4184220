package mask

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology"
)

// Policy is a policy without its keys: it can be asked and masks nothing.
type Policy struct {
	Config
	gate *Gate
}

// ReadPolicy reads the configuration of a mask stage. Errors begin with
// line:column.
func ReadPolicy(node *yaml.Node) (*Policy, error) {
	p := &Policy{Config: defaults}
	if err := topology.Strict(node, &p.Config); err != nil {
		return nil, err
	}
	if err := p.Config.Validate(); err != nil {
		return nil, topology.At(node, err)
	}
	p.gate = &Gate{rest: rests[p.Default]}
	return p, p.compile(p.gate)
}

// Explain says what happens to every field of s, and to the paths inside of
// it, and what decided.
func (p *Policy) Explain(s *schemas.Schema) []Decision { return p.gate.Explain(s) }

// At is the action for a path of a topic, and what decided; f is the column as
// far as it is known: its name, type and class. What all of a value goes through
// holds for the paths inside of it.
func (p *Policy) At(topic string, f *schemas.Field, path Path) (*Spec, Decision, error) {
	c, ds := p.gate.decide(&schemas.Schema{Topic: topic, Fields: []schemas.Field{*f}}, f)
	if c.inner == nil {
		return c.spec, ds[0], nil
	}
	at := c.inner.at
	for n, rest := c.inner, path[1:]; len(rest) > 0; rest = rest[1:] {
		if n = n.step(rest[0]); n == nil {
			break
		}
		if n.at != nil {
			at = n.at
		}
		if n.leaf() {
			break
		}
	}
	if at != nil {
		for _, d := range ds {
			if d.Column == at.path.String() && (at.spec.line == 0 || d.Line == at.spec.line) {
				return &at.spec, d, nil
			}
		}
	}
	return nil, Decision{}, fmt.Errorf("no rule of the policy names %v of %s: the default masks it, and nothing leads back from that", path, topic)
}

// step is the node that a step leads to, nil for none.
func (n *node) step(s Step) *node {
	switch s.Kind {
	case Elements:
		return n.all
	case Members:
		return n.any
	case Keys:
		if n.key == nil {
			return nil
		}
		return &node{at: n.key}
	}
	if kid := n.names[s.Name]; kid != nil {
		return kid
	}
	return n.any
}

// ErrNoGate says that a pipeline masks nothing.
var ErrNoGate = errors.New("the pipeline has no mask stage: `privacy: none`")

// TokenOf is the token of a value under one key.
type TokenOf struct {
	KeyID string `json:"key"`
	Token string `json:"token"`
}

// Tokens are what a value of a path became and becomes: one for the primary key
// and one for every key whose tokens are still in stores, for look-ups while keys
// are rotated. text is the value's canonical text, f the column as in At.
func (p *Policy) Tokens(ring *keys.Ring, topic string, f *schemas.Field, path Path, text []byte) (all []TokenOf, err error) {
	for _, k := range ring.Window() {
		g := &Gate{rest: rests[p.Default], hash: strategy.PlainHash(k.ID(), k.Derive("hash", ""))}
		if err := p.compile(g); err != nil {
			return nil, err
		}
		if err := g.bind(k); err != nil {
			return nil, err
		}
		spec, _, err := (&Policy{Config: p.Config, gate: g}).At(topic, f, path)
		if err != nil {
			return nil, err
		}
		if spec.Kind != Hash && spec.Kind != Tokenize {
			return nil, fmt.Errorf("the action of %v is %v: only those of hash and tokenize can be looked up", path, spec.Kind)
		}
		if spec.by() != "" {
			return nil, fmt.Errorf("tokens of %v are made under a key of each subject, so that a value alone has none", path)
		}
		s := newScratch(g)
		s.Field, s.Cell, s.Raw = f, schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(text))}, text
		out, enc := actions[spec.Kind].mask(s, nil, spec, f.Type.Kind, text)
		if enc == strategy.AsNull || enc == strategy.Refused {
			return nil, errors.New("the action of this column takes no such value")
		}
		all = append(all, TokenOf{k.ID(), string(out)})
	}
	return all, nil
}
