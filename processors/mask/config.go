// Package mask is the gate: it turns raw records into Clean rows of planned
// columns, each through an action. Nobody else makes Clean rows. // P1
//
// The policy is a list of rules. For every column of a topic the first rule
// that names it decides; what no rule names goes by the default (P4). Columns
// that appear later are held to the same. A rule that names paths inside of a
// JSON column decides all of that column: what it does not name in there goes
// by the default too, unless the column itself is kept with a reason. Headers,
// raw keys and raw values never pass.
//
//	mask:
//	  key: env:SLUICE_MASK_KEY          # or file:/run/secrets/mask; never the key itself
//	  key_id: k1                        # stands in every token
//	  default: mask                     # text is hashed, the rest nulled; withhold: no column at all
//	  rules:
//	  - topics: ["*.customers"]
//	    keep: {columns: [id, status], because: "surrogate key, no personal data"}
//	    columns:
//	      email: hash
//	      phone: {partial: {keep_last: 4}}
//	      notes: redact
//	      ssn: drop
//	      card: null
//	      "address.lines[*].street": hash
//	      address: {keep: "reviewed: nothing but street is personal"}
package mask

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/keys"
	"sluice/topology"
	"sluice/topology/stream"
)

// Config is the policy.
type Config struct {
	Key     string `yaml:"key" plan:"-"` // env:NAME or file:PATH, 32 bytes or more: hex, base64 or raw // P5
	KeyID   string `yaml:"key_id"`       // goes into every token, a-z and 0-9
	Default string `yaml:"default"`      // mask or withhold: columns that no rule names // P4
	Rules   []Rule `yaml:"rules"`        // the first rule that names a column decides
}

// Rule says what happens to columns of topics.
type Rule struct {
	Topics   []string        `yaml:"topics"`  // globs; empty: all
	Columns  map[string]Spec `yaml:"columns"` // by path, see ParsePath
	Keep     *KeepList       `yaml:"keep"`
	Optional bool            `yaml:"optional"` // columns need not exist
	Headers  yaml.Node       `yaml:"headers"`  // refused: headers never pass the gate
	line     int
}

// KeepList keeps columns for one reason.
type KeepList struct {
	Columns []string `yaml:"columns"`
	Because string   `yaml:"because"`
}

// Factory makes the gate of a policy.
var Factory = topology.New("mask", Config{KeyID: "k1", Default: "mask"}, open)

func open(c Config, env topology.Env) (stream.Gate, error) {
	g := &Gate{rest: Hash, keyID: c.KeyID, log: env.Log, memo: true}
	if c.Default == "withhold" {
		g.rest = Withhold
	}
	for i := range c.Rules {
		r, err := compileRule(i+1, &c.Rules[i])
		if err != nil {
			return nil, err
		}
		g.rules = append(g.rules, r)
	}
	if c.needsKey() {
		secret, err := env.Secret(c.Key)
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		ring, err := keys.New(c.KeyID, secret)
		if err != nil {
			return nil, err
		}
		g.mac = newMAC(ring.Primary().Derive("hash", ""))
		if err := g.bind(ring.Primary()); err != nil {
			return nil, err
		}
	} else if err := g.bind(nil); err != nil {
		return nil, err
	}
	return g, nil
}

func (c *Config) needsKey() bool {
	if c.Default == "mask" {
		return true
	}
	for _, r := range c.Rules {
		for _, s := range r.Columns {
			if actions[s.Kind].keyed {
				return true
			}
		}
	}
	return false
}

// Validate finds what can be found without data.
func (c *Config) Validate() error {
	var errs []error
	add := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	switch c.Default {
	case "mask", "withhold":
	case "scan":
		add("default: scan looks for personal data in values; this version has no detection: take mask or withhold")
	default:
		add("default %q%s", c.Default, topology.Suggest(c.Default, []string{"mask", "withhold"}))
	}
	if c.needsKey() && c.Key == "" {
		add("key: hashing needs a key, as env:NAME or file:PATH (`default: mask` hashes text)") // P5
	} else if c.Key != "" && !strings.HasPrefix(c.Key, "env:") && !strings.HasPrefix(c.Key, "file:") {
		add("key: a reference, env:NAME or file:PATH, never the key itself")
	}
	if err := keys.CheckID(c.KeyID); err != nil {
		errs = append(errs, err)
	}
	for i := range c.Rules {
		if _, err := compileRule(i+1, &c.Rules[i]); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// UnmarshalYAML remembers the line, for explanations.
func (r *Rule) UnmarshalYAML(y *yaml.Node) error {
	type plain Rule
	p := plain{line: y.Line}
	if err := topology.Strict(y, &p); err != nil {
		return err
	}
	*r = Rule(p)
	return nil
}
