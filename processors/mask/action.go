package mask

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/siv"
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

	// read makes a strategy of the parameters in the policy, nil for a name
	// alone. read is nil if there are no parameters.
	read func(y *yaml.Node) (strategy, error)

	// output changes a column's field to what comes out; nil: as it is.
	output func(s *Spec, f *schemas.Field)

	// mask appends what becomes of a value of kind k, given as its canonical
	// text, and says how that is written: asNull and refused are two more
	// answers. nil nulls everything, but for a constant. Keep is never asked.
	mask func(s *scratch, dst []byte, spec *Spec, k schemas.Kind, text []byte) ([]byte, schemas.Encoding)

	// constant is what becomes of every text; what is no text is nulled.
	constant string

	gone      bool // there is no such column behind the gate
	keyed     bool // it needs the key // P5
	injective bool // different values stay different: a row's key may go through it // D4
	slow      bool // worth to look whether the same value was masked before
}

// Two answers of an action beside an encoding.
const (
	asNull  = schemas.EncNone
	refused = schemas.Encoding(0xFF) // the value cannot go through: its record is rejected // P2
)

// strategy is an action with its parameters, as one column has it. Without
// keys it is what the policy says; bind gives the one that masks. Both are
// immutable and safe for many workers.
type strategy interface {
	// bind is the strategy with the keys it needs.
	bind(b *binder) (strategy, error)

	// fits tells why no value of f can go through; nil: they can, or only the
	// value can tell. Other code asks Spec.fits.
	fits(f *schemas.Field) error

	// output changes f to what comes out.
	output(f *schemas.Field)

	// mask is as in action. The value as it was read is in s: field, cell, raw.
	mask(s *scratch, dst []byte, k schemas.Kind, text []byte) ([]byte, schemas.Encoding)

	// injective reports that different values stay different. // D4
	injective() bool
}

// actions lists all there are, by Kind.
var actions = [...]action{
	Null:       {name: "null", output: nullable},
	Keep:       {name: "keep", read: readKeep, injective: true}, // P4
	Hash:       {name: "hash", read: readHash, output: text, mask: maskHash, keyed: true, injective: true, slow: true},
	Tokenize:   {name: "tokenize", read: readTokenize, output: outputWith, mask: maskWith, keyed: true, slow: true},
	Partial:    {name: "partial", read: readPartial, output: text, mask: maskWith},
	Generalize: {name: "generalize", read: readGeneralize, output: outputWith, mask: maskWith},
	Synthetic:  {name: "synthetic", read: readSynthetic, output: outputWith, mask: maskWith, keyed: true, slow: true},
	Shift:      {name: "shift", read: readShift, output: outputWith, mask: maskWith, keyed: true},
	Noise:      {name: "noise", read: readNoise, output: outputWith, mask: maskWith, keyed: true},
	Redact:     {name: "redact", output: textOrNull, constant: "[redacted]"},
	Drop:       {name: "drop", gone: true},
	Scan:       {name: "scan", read: readScan, output: outputWith, mask: maskWith, keyed: true},
	Withhold:   {name: "withhold", gone: true},
}

func maskWith(s *scratch, dst []byte, spec *Spec, k schemas.Kind, text []byte) ([]byte, schemas.Encoding) {
	return spec.with.mask(s, dst, k, text)
}

func outputWith(s *Spec, f *schemas.Field) { s.with.output(f) }

// isText reports kinds whose values people write.
func isText(k schemas.Kind) bool {
	switch k {
	case schemas.String, schemas.UUID, schemas.JSON, schemas.Binary:
		return true
	}
	return false
}

func nullable(_ *Spec, f *schemas.Field) { f.Nullable = true }

// text makes a field a String. An Unknown one holds only nulls and stays so:
// its column comes when its type does.
func text(_ *Spec, f *schemas.Field) { asText(f) }

func asText(f *schemas.Field) {
	if f.Type.Kind != schemas.Unknown {
		f.Type, f.Wire = schemas.Type{Kind: schemas.String}, schemas.WirePlain
	}
}

func textOrNull(_ *Spec, f *schemas.Field) {
	if isText(f.Type.Kind) {
		asText(f)
	} else {
		f.Nullable = true
	}
}

// Spec is an action with its parameters. The zero value is null, which is what
// YAML's own null gives.
type Spec struct {
	Kind Kind
	Why  string   // of keep
	with strategy // of actions with parameters; of hash nil if there are none
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
		with, err := a.read(params)
		if err != nil {
			if params == nil {
				params = name
			}
			return at(params, err)
		}
		if k == Keep {
			s.Why, with = with.(reason).why, nil
		}
		s.with = with
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
		return s.with.injective()
	}
	return actions[s.Kind].injective
}

// fits tells why no value of f can go through; Unknown fields hold only nulls.
func (s *Spec) fits(f *schemas.Field) error {
	if s.with == nil || f.Type.Kind == schemas.Unknown {
		return nil
	}
	if err := s.with.fits(f); err != nil {
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
	if t, ok := s.with.(*tokenizing); ok {
		return t.keyID
	}
	return ""
}

// by is the column whose value stands for the person, "" for the value itself.
func (s *Spec) by() string {
	if w, ok := s.with.(interface{ column() string }); ok {
		return w.column()
	}
	return ""
}

// reason is the strategy of keep: none.
type reason struct {
	strategy
	why string
}

func readKeep(y *yaml.Node) (strategy, error) {
	if y == nil || y.Kind != yaml.ScalarNode || y.Tag == "!!null" || strings.TrimSpace(y.Value) == "" {
		return nil, errors.New("keep needs a reason: {keep: \"why this is no personal data\"}")
	}
	return reason{why: strings.TrimSpace(y.Value)}, nil
}

// binder hands out what strategies derive from the primary key.
type binder struct {
	gate *Gate // nil: outside of a gate, as Reveal
	key  *keys.Key
}

// cmac is a keyed function of a purpose. The cipher has its own copy of the key.
func (b *binder) cmac(purpose, domain string) (*siv.CMAC, error) {
	key := b.key.Derive(purpose, domain)
	defer clear(key)
	return siv.NewCMAC(key)
}

// bind gives all strategies of the policy their keys; k may be nil if no
// action needs one.
func (g *Gate) bind(k *keys.Key) error {
	b := &binder{gate: g, key: k}
	for _, s := range g.specs() {
		if err := s.bind(b); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) bind(b *binder) error {
	if s.with == nil {
		return nil
	}
	with, err := s.with.bind(b)
	if err != nil {
		return fmt.Errorf("line %d: %v: %w", s.line, s.Kind, err)
	}
	s.with = with
	return nil
}
