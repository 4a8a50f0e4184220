package mask

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

// Kind is what happens to a column: the place of an action in the list below.
type Kind uint8

// The actions of this version.
const (
	Null       Kind = iota // the value is gone, the column stays
	Keep                   // as it is, with a reason
	Hash                   // keyed HMAC-SHA-256 token: equal values give equal tokens
	Tokenize               // a token that the key leads back from, see Reveal
	Partial                // first and last characters stay
	Generalize             // something coarser that is true of the value
	Synthetic              // a made-up value of the same sort, the same for the same person
	Shift                  // a date, some days off
	Noise                  // a number, somewhat off
	Redact                 // [redacted]; what is no text is nulled
	Drop                   // no column at all
	Scan                   // findings in it are masked, the rest stays: see scan.go
	Withhold               // no column: nobody classified it. Never written in a policy
)

func (k Kind) String() string { return actions[k].name }

// action is one way for values to leave the gate. What an action does beyond
// this table is in the strategy that read makes of its parameters, one file
// each; nothing else has to know them.
type action struct {
	name string

	// read has the parameters in the policy, nil for a name alone, in s. read is
	// nil if there are no parameters.
	read func(s *Spec, params *yaml.Node) error

	// output changes a column's field to what comes out; nil: as it is.
	output func(s *Spec, f *schemas.Field)

	// mask appends what becomes of a value of kind k, given as its canonical
	// text, and says how that is written, as strategy.Masker has it. nil nulls everything, but for a constant. Keep is never asked.
	mask func(s *scratch, dst []byte, spec *Spec, k schemas.Kind, text []byte) ([]byte, schemas.Encoding)

	// constant is what becomes of every text; what is no text is nulled.
	constant string

	gone      bool // there is no such column behind the gate
	keyed     bool // it needs the key // P5
	injective bool // different values stay different: a row's key may go through it // D4
	slow      bool // worth to look whether the same value was masked before
}

// actions lists all there are, by Kind.
var actions = [...]action{
	Null:       {name: "null", output: nullable},
	Keep:       {name: "keep", read: readKeep, injective: true}, // P4
	Hash:       {name: "hash", read: strategic(strategy.ReadHash), output: text, mask: maskHash, keyed: true, injective: true, slow: true},
	Tokenize:   {name: "tokenize", read: strategic(strategy.ReadTokenize), output: outputWith, mask: maskWith, keyed: true, slow: true},
	Partial:    {name: "partial", read: strategic(strategy.ReadPartial), output: text, mask: maskWith},
	Generalize: {name: "generalize", read: strategic(strategy.ReadGeneralize), output: outputWith, mask: maskWith},
	Synthetic:  {name: "synthetic", read: strategic(strategy.ReadSynthetic), output: outputWith, mask: maskWith, keyed: true, slow: true},
	Shift:      {name: "shift", read: strategic(strategy.ReadShift), output: outputWith, mask: maskWith, keyed: true},
	Noise:      {name: "noise", read: strategic(strategy.ReadNoise), output: outputWith, mask: maskWith, keyed: true},
	Redact:     {name: "redact", output: textOrNull, constant: "[redacted]"},
	Drop:       {name: "drop", gone: true},
	Scan:       {name: "scan", read: readScan, output: outputScanned, keyed: true},
	Withhold:   {name: "withhold", gone: true},
}

// strategic is a read of parameters that make a strategy.
func strategic(read func(params *yaml.Node) (strategy.Masker, error)) func(*Spec, *yaml.Node) error {
	return func(s *Spec, params *yaml.Node) (err error) {
		s.with, err = read(params)
		return err
	}
}

func maskWith(s *scratch, dst []byte, spec *Spec, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	return spec.with.Mask(&s.Scratch, dst, k, text)
}

func maskHash(s *scratch, dst []byte, spec *Spec, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	if spec != nil && spec.with != nil {
		return spec.with.Mask(&s.Scratch, dst, k, text)
	}
	return s.hash.Mask(&s.Scratch, dst, k, text)
}

func outputWith(s *Spec, f *schemas.Field) { s.with.Output(f) }

// isText reports kinds whose values people write.
func isText(k schemas.Kind) bool {
	switch k {
	case schemas.String, schemas.UUID, schemas.JSON, schemas.Binary:
		return true
	}
	return false
}

func nullable(_ *Spec, f *schemas.Field) { f.Nullable = true }

func text(_ *Spec, f *schemas.Field) { strategy.AsText(f) }

func textOrNull(_ *Spec, f *schemas.Field) {
	if isText(f.Type.Kind) {
		strategy.AsText(f)
	} else {
		f.Nullable = true
	}
}

// Spec is an action with its parameters. The zero value is null, which is what
// YAML's own null gives.
type Spec struct {
	Kind Kind
	Why  string          // of keep
	with strategy.Masker // of actions with parameters; of hash nil if there are none
	scan *Scanning       // of scan
	line int

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
		s.Kind, s.line, s.params = k, name.Line, written(params)
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

// injective reports that different values stay different. // D4
func (s *Spec) injective() bool {
	if s.with != nil {
		return s.with.Injective()
	}
	return actions[s.Kind].injective
}

// fits tells why no value of f can go through; Unknown fields hold only nulls.
func (s *Spec) fits(f *schemas.Field) error {
	if s.with == nil || f.Type.Kind == schemas.Unknown {
		return nil
	}
	if err := s.with.Fits(f); err != nil {
		return fmt.Errorf("%v: %w", s.Kind, err)
	}
	return nil
}

// action is what is written beside a column: the name, and of a reversible
// one the id of its key, which tokens that keep a format have no room for. // P5
func (s *Spec) action() string {
	if id := s.keyID(); id != "" {
		return s.Kind.String() + ":" + id
	}
	return s.Kind.String()
}

// keyID is the id of the key of a reversible action.
func (s *Spec) keyID() string {
	if t := s.tokens(); t != nil {
		return t.KeyID()
	}
	return ""
}

// by is the column whose value stands for the person, "" for the value itself.
func (s *Spec) by() string { return strategy.By(s.with) }

// tokens is the strategy of a reversible action, nil for all else.
func (s *Spec) tokens() *strategy.Tokenizer {
	t, _ := s.with.(*strategy.Tokenizer)
	return t
}

// Subjects reports that the action's tokens are under keys of data subjects.
func (s *Spec) Subjects() bool {
	t := s.tokens()
	return t != nil && t.Subject.Column != ""
}

// Reversible reports that a Revealer leads back from the action's tokens.
func (s *Spec) Reversible() bool { return s.tokens() != nil }

// KeepsFormat reports that the action's tokens have no room for the id of their key.
func (s *Spec) KeepsFormat() bool {
	t := s.tokens()
	return t != nil && t.Form == "ff1"
}

// Revealer leads back from the action's tokens, or fails with
// strategy.ErrIrreversible. The caller closes the ring.
func (s *Spec) Revealer(ring *keys.Ring) (*strategy.Revealer, error) {
	return strategy.NewRevealer(ring, s.with)
}

// Coarser is the action of one step more and what that makes of a value, as
// strategy.Coarser has it.
func (s *Spec) Coarser(f *schemas.Field) (written string, of func(value string) (string, bool)) {
	return strategy.Coarser(s.with, f)
}

func readKeep(s *Spec, y *yaml.Node) error {
	if y == nil || y.Kind != yaml.ScalarNode || y.Tag == "!!null" || strings.TrimSpace(y.Value) == "" {
		return errors.New("keep needs a reason: {keep: \"why this is no personal data\"}")
	}
	s.Why = strings.TrimSpace(y.Value)
	return nil
}

// bind gives all strategies of the policy their keys; k may be nil if no
// action needs one.
func (g *Gate) bind(k *keys.Key) error {
	b := &strategy.Binder{Key: k, Domains: &g.domains}
	for _, s := range g.specs() {
		if err := s.bind(b); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) bind(b *strategy.Binder) (err error) {
	switch {
	case s.with != nil:
		s.with, err = s.with.Bind(b)
	case s.scan != nil:
		s.scan, err = s.scan.bind(b)
	}
	if err != nil {
		return fmt.Errorf("line %d: %v: %w", s.line, s.Kind, err)
	}
	return nil
}
