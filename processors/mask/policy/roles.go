package policy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/processors/mask/strategy"
	"sluice/topology"
)

// Revealing says who may lead tokens back to values. Who can read the root keys
// needs no permission: guard those. This is for the procedure around them: a
// role shows its own key, and every use is written down first.
//
//	reveal:
//	  audit: /var/lib/sluice/reveal.jsonl
//	  roles:
//	    support: {columns: ["shop.*.email"], key: "sha256:HEX"}   # printf %s "$KEY" | sha256sum
type Revealing struct {
	Audit string          `yaml:"audit"` // file that every use is appended to
	Roles map[string]Role `yaml:"roles"`
}

// Role is what one role may reveal.
type Role struct {
	Columns []string `yaml:"columns"` // globs over TOPIC.COLUMN
	Key     string   `yaml:"key"`     // sha256:HEX of the role's key, or a reference to it: env:NAME, file:PATH // P5
	Max     int      `yaml:"max"`     // tokens a use; default 1,000
}

// DefaultMax is how many tokens a role reveals in one use, unless it says.
const DefaultMax = 1000

// validate finds what is wrong without opening anything.
func (r *Revealing) validate() error {
	var errs []error
	if len(r.Roles) > 0 && r.Audit == "" {
		errs = append(errs, errors.New("reveal: audit: name the file that every use is appended to"))
	}
	for name, role := range r.Roles {
		digest, hashed := strings.CutPrefix(role.Key, "sha256:")
		p, err := hex.DecodeString(digest)
		switch {
		case hashed && (err != nil || len(p) != sha256.Size):
			errs = append(errs, fmt.Errorf("reveal: %s: key: sha256: takes 64 hex digits", name))
		case !hashed && !strings.HasPrefix(role.Key, "env:") && !strings.HasPrefix(role.Key, "file:"):
			errs = append(errs, fmt.Errorf("reveal: %s: key: want sha256:HEX, env:NAME or file:PATH, never the key itself", name))
		}
		if len(role.Columns) == 0 {
			errs = append(errs, fmt.Errorf("reveal: %s: columns: name what it may reveal, as \"shop.*.email\"", name))
		}
		if role.Max < 0 {
			errs = append(errs, fmt.Errorf("reveal: %s: max: %d is negative", name, role.Max))
		}
	}
	return errors.Join(errs...)
}

// The ways a use is refused. Who asks is told no more than that.
var (
	ErrRole   = errors.New("there is no such role, or this is not its key")
	ErrColumn = errors.New("the role may not reveal this column")
	ErrMany   = errors.New("more tokens than the role may reveal at once")
)

// may reports that the role's columns have a column, given as TOPIC.COLUMN.
func (x *Role) may(column string) bool {
	return slices.ContainsFunc(x.Columns, func(g string) bool { return topology.Glob(g, column) })
}

// Alone tells why role may not reveal tokens of spec, as a column of topic has
// it: tokens do not say which column they are of, so that one of another column
// of the same form and domain would be led back as this one's. nil: the role may
// reveal those, too, or there are none. Rules that name a class or a tag, and
// texts that are scanned, are columns that nobody knows. // P5
func (p *Rules) Alone(role, topic string, spec *Spec) error {
	x := p.Reveal.Roles[role]
	mine := tokensOf(spec)
	check := func(r *rule, path string, other *Spec) error {
		for _, t := range tokensOf(other) {
			if !slices.ContainsFunc(mine, func(m *strategy.Tokenizer) bool { return m.Form == t.Form && m.Domain == t.Domain }) {
				continue
			}
			in := r.Topics
			switch {
			case r.matches(topic):
				in = []string{topic}
			case len(in) == 0:
				in = []string{"*"}
			}
			for _, g := range in {
				if column := g + "." + path; !x.may(column) {
					return fmt.Errorf("tokens of %s have the same form and domain %q, and the role may not reveal those: give the columns domains of their own, or the role both", column, t.Domain)
				}
			}
		}
		return nil
	}
	for _, r := range p.rules {
		var errs []error
		for _, t := range r.targets {
			if !t.Spec.same(spec) {
				errs = append(errs, check(r, t.Path.String(), &t.Spec))
			}
		}
		for _, s := range r.classes {
			if !s.same(spec) {
				errs = append(errs, check(r, "*", s))
			}
		}
		for _, s := range r.tags {
			if !s.same(spec) {
				errs = append(errs, check(r, "*", s))
			}
		}
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
	}
	if p.Rest == Scan {
		return check(&rule{Rule: &Rule{}}, "*", p.Unnamed(Scan))
	}
	return nil
}

// same reports that two columns have one action of the policy.
func (s *Spec) same(o *Spec) bool { return s.Strategy == o.Strategy && s.Scanning == o.Scanning }

// tokensOf are the reversible actions in a spec: its own, or those of a scan.
func tokensOf(s *Spec) (all []*strategy.Tokenizer) {
	if t := s.Tokenizer(); t != nil {
		all = append(all, t)
	}
	if s.Scanning != nil {
		for _, in := range s.Scanning.specs() {
			if t := in.Tokenizer(); t != nil {
				all = append(all, t)
			}
		}
	}
	return all
}

// Allow tells why role, who shows key, may not reveal n tokens of a column,
// given as TOPIC.COLUMN; nil: it may.
func (r *Revealing) Allow(role, key, column string, n int, secret func(ref string) (string, error)) error {
	x, known := r.Roles[role]
	var want [sha256.Size]byte
	if digest, hashed := strings.CutPrefix(x.Key, "sha256:"); hashed {
		p, err := hex.DecodeString(digest)
		if err != nil || copy(want[:], p) != len(want) {
			return ErrRole
		}
	} else if known {
		s, err := secret(x.Key)
		if err != nil {
			return fmt.Errorf("reveal: %s: key: %w", role, err)
		}
		want = sha256.Sum256([]byte(s))
	}
	got := sha256.Sum256([]byte(key))
	limit := x.Max
	if limit == 0 {
		limit = DefaultMax
	}
	switch {
	case subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !known || key == "":
		return ErrRole
	case !x.may(column):
		return ErrColumn
	case n > limit:
		return fmt.Errorf("%w: %d of %d", ErrMany, n, limit)
	}
	return nil
}
