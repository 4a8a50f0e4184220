// Package mask is the gate: it turns raw records into Clean rows of planned
// columns, each through an action. Nobody else makes Clean rows. // P1
package mask

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

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
	Topics   []string        `yaml:"topics"` // globs; empty: all
	Columns  map[string]Spec `yaml:"columns"`
	Keep     *KeepList       `yaml:"keep"`
	Optional bool            `yaml:"optional"` // columns need not exist
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
	g := &Gate{cfg: c, keyID: c.KeyID, seen: map[string]bool{}}
	if c.needsKey() {
		secret, err := env.Secret(c.Key)
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		if g.key, err = keyBytes(secret); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// keyBytes reads 32 bytes or more from hex, base64 or raw text.
func keyBytes(s string) ([]byte, error) {
	for _, dec := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
		if p, err := dec(s); err == nil && len(p) >= 32 {
			return p, nil
		}
	}
	if len(s) < 32 {
		return nil, errors.New("key: less than 32 bytes: make one with `openssl rand -hex 32`")
	}
	return []byte(s), nil
}

func (c *Config) needsKey() bool {
	if c.Default == "mask" {
		return true
	}
	for _, r := range c.Rules {
		for _, s := range r.Columns {
			if s.Kind == Hash {
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
	if c.KeyID == "" || strings.Trim(c.KeyID, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || len(c.KeyID) > 16 {
		add("key_id %q: want a-z and 0-9, at most 16: it is part of every token", c.KeyID)
	}
	for i := range c.Rules {
		if err := c.Rules[i].validate(); err != nil {
			add("%d:1: rule %d: %w", c.Rules[i].line, i+1, err)
		}
	}
	return errors.Join(errs...)
}

func (r *Rule) validate() error {
	var errs []error
	if len(r.Columns) == 0 && r.Keep == nil {
		errs = append(errs, errors.New("names no columns"))
	}
	whole := map[string]bool{}
	paths := map[string]Path{}
	for name := range r.Columns {
		p, err := ParsePath(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		paths[name] = p
		whole[p[0].Name] = whole[p[0].Name] || len(p) == 1
	}
	for name, p := range paths {
		if len(p) > 1 && whole[p[0].Name] {
			errs = append(errs, fmt.Errorf("%q contradicts the action for all of %q", name, p[0].Name))
		}
	}
	if r.Keep != nil {
		if strings.TrimSpace(r.Keep.Because) == "" {
			errs = append(errs, errors.New("keep needs a reason, as `because: \"...\"`"))
		}
		for _, n := range r.Keep.Columns {
			if whole[n] {
				errs = append(errs, fmt.Errorf("%q is kept and has an action", n))
			}
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

// Kind is what happens to a column.
type Kind uint8

// The actions of this version. Detection, reversible tokens, generalisation
// and synthetic values are further kinds.
const (
	Null     Kind = iota // the value is gone, the column stays
	Keep                 // as it is, with a reason
	Hash                 // keyed HMAC-SHA-256 token: equal values give equal tokens
	Partial              // first and last characters stay
	Redact               // [redacted]
	Drop                 // no column at all
	Withhold             // no column: nobody classified it
)

var kindNames = [...]string{"null", "keep", "hash", "partial", "redact", "drop", "withhold"}

func (k Kind) String() string { return kindNames[k] }

// Spec is an action with its parameters. The zero value is null, which is what
// YAML's own null gives.
type Spec struct {
	Kind      Kind
	Why       string // of keep
	KeepFirst int    // characters of partial
	KeepLast  int
	Char      rune
}

// UnmarshalYAML reads `hash`, `{keep: "reason"}` or `{partial: {keep_last: 4}}`.
func (s *Spec) UnmarshalYAML(y *yaml.Node) error {
	switch {
	case y.Kind == yaml.ScalarNode:
		return s.simple(y)
	case y.Kind != yaml.MappingNode || len(y.Content) != 2:
		return topology.At(y, errors.New("want one action, such as hash or {keep: \"reason\"}"))
	}
	k, v := y.Content[0], y.Content[1]
	switch k.Value {
	case "keep":
		s.Kind, s.Why = Keep, strings.TrimSpace(v.Value)
		if s.Why == "" || v.Kind != yaml.ScalarNode {
			return topology.At(v, errors.New("keep needs a reason: {keep: \"why this is no personal data\"}")) // P4
		}
	case "partial":
		p := struct {
			KeepFirst int    `yaml:"keep_first"`
			KeepLast  int    `yaml:"keep_last"`
			Char      string `yaml:"char"`
		}{Char: "*"}
		if err := topology.Strict(v, &p); err != nil {
			return err
		}
		r := []rune(p.Char)
		if len(r) != 1 || p.KeepFirst < 0 || p.KeepLast < 0 || p.KeepFirst+p.KeepLast == 0 || p.KeepFirst+p.KeepLast > 16 {
			return topology.At(v, errors.New("partial: keep_first and keep_last together 1 to 16, char one character"))
		}
		*s = Spec{Kind: Partial, KeepFirst: p.KeepFirst, KeepLast: p.KeepLast, Char: r[0]}
	default:
		return topology.At(k, fmt.Errorf("unknown action %q%s", k.Value, topology.Suggest(k.Value, []string{"keep", "partial"})))
	}
	return nil
}

func (s *Spec) simple(y *yaml.Node) error {
	switch y.Value {
	case "null", "":
		s.Kind = Null
	case "hash":
		s.Kind = Hash
	case "redact":
		s.Kind = Redact
	case "drop":
		s.Kind = Drop
	case "partial":
		return topology.At(y, errors.New("partial says what stays: {partial: {keep_last: 4}}"))
	case "keep":
		return topology.At(y, errors.New("keep needs a reason: {keep: \"why this is no personal data\"}")) // P4
	default:
		return topology.At(y, fmt.Errorf("unknown action %q%s", y.Value, topology.Suggest(y.Value, kindNames[:6])))
	}
	return nil
}
