package policy

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/detect"
	"sluice/processors/mask/keys"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology"
)

// Rules is a policy that was read: it can be asked, and masks once it is bound.
// It is safe for many goroutines, after Bind.
type Rules struct {
	Config
	Rest     Kind             // Hash (with null for what is no text), Scan or Withhold: what nobody classified // P4
	Detector detect.Options   // of scans
	Domains  strategy.Domains // of tokens under keys of data subjects, after Bind

	rules   []*rule
	classed []*classed  // what the policy says columns hold
	unnamed [kinds]Spec // actions without parameters, for what nobody named
}

// Read reads the configuration of a mask stage. Errors begin with line:column.
func Read(node *yaml.Node) (*Rules, error) {
	c := Default
	if err := topology.Strict(node, &c); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, topology.At(node, err)
	}
	return Compile(c)
}

// Compile reads the rules of c and finds all that is wrong with them.
func Compile(c Config) (*Rules, error) {
	r := &Rules{Config: c, Rest: rests[c.Default]}
	for k := range kinds {
		r.unnamed[k].Kind = k
	}
	scan := c.Scan
	if scan == nil {
		scan = plainScan()
	}
	r.unnamed[Scan].Scanning = scan
	var errs []error
	for i := range c.Class {
		k, err := compileClassed(i+1, &c.Class[i])
		errs = append(errs, err)
		r.classed = append(r.classed, k)
	}
	for i := range c.Rules {
		x, err := compileRule(i+1, &c.Rules[i], scan)
		errs = append(errs, err)
		r.rules = append(r.rules, x)
	}
	var err error
	r.Detector, err = c.Detect.options()
	return r, errors.Join(append(errs, err)...)
}

// rests are the actions of the defaults: Hash with null for what is no text.
var rests = map[string]Kind{"mask": Hash, "scan": Scan, "withhold": Withhold}

// Len is how many rules there are.
func (r *Rules) Len() int { return len(r.rules) }

// Unnamed is action k as the default has it: without parameters, of scan those
// of the policy.
func (r *Rules) Unnamed(k Kind) *Spec { return &r.unnamed[k] }

// specs lists every action of the policy; a scan stands for those inside of it.
func (r *Rules) specs() (all []*Spec) {
	for _, x := range r.rules {
		all = append(all, x.specs()...)
	}
	if r.Rest == Scan {
		all = append(all, r.Unnamed(Scan))
	}
	return all
}

// NeedsKey reports that some action is keyed.
func (r *Rules) NeedsKey() bool {
	return r.Rest == Hash || slices.ContainsFunc(r.specs(), func(s *Spec) bool { return actions[s.Kind].keyed })
}

// UsesSubjects reports that some action takes keys of data subjects.
func (r *Rules) UsesSubjects() bool {
	return slices.ContainsFunc(r.specs(), (*Spec).Subjects) // a scan's actions go by no column
}

// Bind gives all actions their keys; k may be nil if none needs one. What masks is
// derived from k, which may be closed then.
func (r *Rules) Bind(k *keys.Key) error {
	b := &binding{Binder: &strategy.Binder{Key: k, Domains: &r.Domains}}
	if k != nil {
		b.plain = strategy.PlainHash(k.ID(), k.Derive("hash", ""))
		r.unnamed[Hash].Strategy = b.plain
	}
	for _, s := range r.specs() {
		if err := s.bind(b); err != nil {
			return err
		}
	}
	return nil
}

// At is the action for a path of a topic, and what decided; f is the column as
// far as it is known: its name, type and class. What all of a value goes through
// holds for the paths inside of it.
func (r *Rules) At(topic string, f *schemas.Field, path Path) (*Spec, Decision, error) {
	x := r.Decide(&schemas.Schema{Topic: topic, Fields: []schemas.Field{*f}}, f)
	if x.Inside == nil {
		return x.Spec, x.Decisions[0], nil
	}
	at := x.Inside.At
	for n, rest := x.Inside, path[1:]; len(rest) > 0; rest = rest[1:] {
		if n = n.step(rest[0]); n == nil {
			break
		}
		if n.At != nil {
			at = n.At
		}
		if n.Leaf() {
			break
		}
	}
	if at != nil {
		for _, d := range x.Decisions {
			if d.Column == at.Path.String() && (at.Spec.Line == 0 || d.Line == at.Spec.Line) {
				return &at.Spec, d, nil
			}
		}
	}
	return nil, Decision{}, fmt.Errorf("no rule of the policy names %v of %s: the default masks it, and nothing leads back from that", path, topic)
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
func (r *Rules) Tokens(ring *keys.Ring, topic string, f *schemas.Field, path Path, text []byte) (all []TokenOf, err error) {
	for _, k := range ring.Window() {
		bound, err := Compile(r.Config)
		if err != nil {
			return nil, err
		}
		if err := bound.Bind(k); err != nil {
			return nil, err
		}
		spec, _, err := bound.At(topic, f, path)
		if err != nil {
			return nil, err
		}
		if spec.Kind != Hash && spec.Kind != Tokenize {
			return nil, fmt.Errorf("the action of %v is %v: only those of hash and tokenize can be looked up", path, spec.Kind)
		}
		if spec.By() != "" {
			return nil, fmt.Errorf("tokens of %v are made under a key of each subject, so that a value alone has none", path)
		}
		s := strategy.Scratch{Field: f, Cell: schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(text))}, Raw: text}
		out, enc := spec.Strategy.Mask(&s, nil, f.Type.Kind, text)
		if enc == strategy.AsNull || enc == strategy.Refused {
			return nil, errors.New("the action of this column takes no such value")
		}
		all = append(all, TokenOf{k.ID(), string(out)})
	}
	return all, nil
}
