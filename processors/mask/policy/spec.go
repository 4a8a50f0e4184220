package policy

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology"
)

// Spec is an action with its parameters. The zero value is null, which is what
// YAML's own null gives.
type Spec struct {
	Kind     Kind
	Why      string          // of keep
	Strategy strategy.Masker // of actions with parameters; of hash without any nil before Rules.Bind
	Scanning *Scanning       // of scan
	Line     int             // in the policy; 0: it has none, as null

	params string // as the policy has them
}

// UnmarshalYAML reads `hash`, `{keep: "reason"}` or `{partial: {keep_last: 4}}`.
func (s *Spec) UnmarshalYAML(y *yaml.Node) error {
	name, params := y, (*yaml.Node)(nil)
	switch {
	case y.Kind == yaml.MappingNode && len(y.Content) == 2:
		name, params = y.Content[0], y.Content[1]
	case y.Kind != yaml.ScalarNode:
		return topology.At(y, errors.New("want one action, such as hash or {keep: \"reason\"}"))
	}
	var known []string
	for k := range Withhold {
		a := &actions[k]
		known = append(known, a.name)
		if a.name != name.Value {
			continue
		}
		s.Kind, s.Line, s.params = k, name.Line, written(params)
		if a.read == nil {
			if params != nil {
				return topology.At(params, fmt.Errorf("%s takes no parameters", a.name))
			}
			return nil
		}
		if err := a.read(s, params); err != nil {
			if params == nil {
				params = name
			}
			return at(params, err)
		}
		return nil
	}
	return topology.At(name, fmt.Errorf("unknown action %q%s", name.Value, topology.Suggest(name.Value, known)))
}

// at puts the place of y before an error that has none.
func at(y *yaml.Node, err error) error {
	if msg := err.Error(); msg != "" && msg[0] >= '0' && msg[0] <= '9' {
		return err
	}
	return topology.At(y, err)
}

// written is the text of parameters, on one line.
func written(params *yaml.Node) string {
	if params == nil {
		return ""
	}
	flow := *params
	flow.Style = yaml.FlowStyle
	p, err := yaml.Marshal(&flow)
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(p)), " ")
}

// Injective reports that different values stay different. // D4
func (s *Spec) Injective() bool {
	if s.Strategy != nil {
		return s.Strategy.Injective()
	}
	return actions[s.Kind].injective
}

// Fits tells why no value of f can go through; Unknown fields hold only nulls.
func (s *Spec) Fits(f *schemas.Field) error {
	if s.Strategy == nil || f.Type.Kind == schemas.Unknown {
		return nil
	}
	if err := s.Strategy.Fits(f); err != nil {
		return fmt.Errorf("%v: %w", s.Kind, err)
	}
	return nil
}

// Output changes f to what comes out.
func (s *Spec) Output(f *schemas.Field) {
	switch a := &actions[s.Kind]; {
	case a.output != nil:
		a.output(f)
	case s.Strategy != nil:
		s.Strategy.Output(f)
	}
}

// By is the column whose value stands for the person, "" for the value itself.
func (s *Spec) By() string { return strategy.By(s.Strategy) }

// Action is what is written beside a column: the name, and of a reversible
// one the id of its key, which tokens that keep a format have no room for. // P5
func (s *Spec) Action() string {
	if id := s.keyID(); id != "" {
		return s.Kind.String() + ":" + id
	}
	return s.Kind.String()
}

// keyID is the id of the key of a reversible action, "subject" where it is one of
// each data subject.
func (s *Spec) keyID() string {
	if s.Subjects() {
		return "subject"
	}
	if t := s.Tokenizer(); t != nil {
		return t.KeyID()
	}
	return ""
}

// Tokenizer is the strategy of a reversible action, nil for all else.
func (s *Spec) Tokenizer() *strategy.Tokenizer {
	t, _ := s.Strategy.(*strategy.Tokenizer)
	return t
}

// Subjects reports that the action's tokens are under keys of data subjects.
func (s *Spec) Subjects() bool { return s.Subject().Column != "" }

// Subject is who the action's tokens are about, see strategy.SubjectOf.
func (s *Spec) Subject() strategy.Subject { return strategy.SubjectOf(s.Strategy) }

// Reversible reports that a Revealer leads back from the action's tokens.
func (s *Spec) Reversible() bool { return s.Tokenizer() != nil }

// KeepsFormat reports that the action's tokens have no room for the id of their key.
func (s *Spec) KeepsFormat() bool {
	t := s.Tokenizer()
	return t != nil && t.Form == "ff1"
}

// Revealer leads back from the action's tokens, or fails with
// strategy.ErrIrreversible. The caller closes the ring.
func (s *Spec) Revealer(ring *keys.Ring) (*strategy.Revealer, error) {
	return strategy.NewRevealer(ring, s.Strategy)
}

// binding is what binds the actions of a policy.
type binding struct {
	*strategy.Binder
	plain *strategy.Hasher // hash without parameters; nil: there is no key
}

func (s *Spec) bind(b *binding) (err error) {
	switch {
	case s.Strategy != nil:
		s.Strategy, err = s.Strategy.Bind(b.Binder)
	case s.Kind == Hash && b.plain != nil:
		s.Strategy = b.plain
	case s.Scanning != nil:
		s.Scanning, err = s.Scanning.bind(b)
	}
	if err != nil {
		return fmt.Errorf("line %d: %v: %w", s.Line, s.Kind, err)
	}
	return nil
}
