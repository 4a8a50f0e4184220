// Package policy reads what a mask stage says and decides by it what happens to
// every column of a topic. It masks nothing: that is the gate's, package mask.
//
// A policy is a list of rules. For every column of a topic the first rule
// that names it decides; what no rule names goes by the default (P4). Columns
// that appear later are held to the same. A rule that names paths inside of a
// JSON column decides all of that column: what it does not name in there goes
// by the default too, unless the column itself is kept with a reason; then a
// member whose name differs from a path's in its case alone goes by that path.
// A column that is named by a record alone, as the members of an event that is a
// map, has no place if its name is no plain identifier and no rule names it: the
// name may be data.
//
//	mask:
//	  key: env:SLUICE_MASK_KEY          # or file:/run/secrets/mask; never the key itself
//	  key_id: k1                        # stands in every token; or keys: [{id: k2, ref: ...}, {id: k1, ref: ...}]
//	  default: mask                     # text is hashed, the rest nulled; scan: what is found in it is masked; withhold: no column at all
//	  class: [{topics: ["*.users"], columns: {contact: email}, tags: {legal: [consent]}}]
//	  rules:
//	  - classes: {email: {tokenize: {domain: email}}}   # in a rule a path comes before a class,
//	    tags: {legal: {keep: "the same for everybody"}} # and a class before a tag
//	  - topics: ["*.customers"]
//	    keep: {columns: [id, status], because: "surrogate key, no personal data"}
//	    columns:
//	      email: hash
//	      phone: {partial: {keep_last: 4}}
//	      notes: redact
//	      ssn: drop
//	      card: null
//	      "address.lines[*].street": hash
//	      "friends.{key}": hash         # names of members; "friends.*" is their values
//	      address: {keep: "reviewed: nothing but street is personal"}
package policy

import (
	"context"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/keys"
	"sluice/topology"
)

// Config is the policy.
type Config struct {
	Key      string        `yaml:"key" plan:"-"`    // a reference, see keys.CheckRef; 32 bytes or more: hex, base64 or raw // P5
	KeyID    string        `yaml:"key_id"`          // of key: goes into every token, a-z and 0-9
	Keys     []keys.Config `yaml:"keys"`            // instead of key: the first one masks, the others reveal
	Default  string        `yaml:"default"`         // mask, scan or withhold: columns that no rule names // P4
	Class    []Classed     `yaml:"class"`           // what columns hold; the first entry that names a path counts
	Rules    []Rule        `yaml:"rules"`           // the first rule that names a column, its class or its tag decides
	Scan     *Scanning     `yaml:"scan"`            // what scans do that do not say it, default: scan too
	Detect   Detection     `yaml:"detect"`          // what scans look for beside the detector's classes
	Subjects Subjects      `yaml:"subjects"`        // keys of data subjects
	Reveal   Revealing     `yaml:"reveal" plan:"-"` // who may lead tokens back
}

// Rule says what happens to columns of topics.
type Rule struct {
	Topics   []string        `yaml:"topics"`  // globs; empty: all
	Columns  map[string]Spec `yaml:"columns"` // by path, see ParsePath
	Classes  map[string]Spec `yaml:"classes"` // by class
	Tags     map[string]Spec `yaml:"tags"`
	Keep     *KeepList       `yaml:"keep"`
	Optional bool            `yaml:"optional"` // columns need not exist
	Headers  yaml.Node       `yaml:"headers"`  // refused: headers never pass the gate
	line     int
}

// KeepList keeps columns for one reason.
type KeepList struct {
	Columns []string `yaml:"columns"`
	Classes []string `yaml:"classes"`
	Tags    []string `yaml:"tags"`
	Because string   `yaml:"because"`
}

// Default is a policy that says nothing.
var Default = Config{KeyID: "k1", Default: "mask"}

// KeyList is the keys of the policy, however they are written.
func (c *Config) KeyList() []keys.Config {
	if len(c.Keys) > 0 || c.Key == "" {
		return c.Keys
	}
	return []keys.Config{{ID: c.KeyID, Ref: c.Key}}
}

// Ring opens the keys. The caller closes it.
func (c *Config) Ring(env topology.Env) (*keys.Ring, error) {
	return keys.Open(context.Background(), c.KeyList(), keys.Outside{Secret: env.Secret, HTTP: env.HTTP, Now: env.Now})
}

// Validate finds what can be found without data.
func (c *Config) Validate() error {
	var errs []error
	add := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if _, ok := rests[c.Default]; !ok {
		add("default %q%s", c.Default, topology.Suggest(c.Default, []string{"mask", "scan", "withhold"}))
	}
	r, err := Compile(*c)
	if err != nil {
		errs = append(errs, err)
	} else if r.NeedsKey() && len(c.KeyList()) == 0 {
		add("key: hashing needs a key, as env:NAME or file:PATH (`default: mask` hashes text, scans hash names of members)") // P5
	}
	if len(errs) == 0 && r.UsesSubjects() {
		if _, err := c.Subjects.folder(); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Key != "" && len(c.Keys) > 0 {
		add("key and keys: take one of them; key is a list of one")
	}
	if err := c.Reveal.validate(); err != nil {
		errs = append(errs, err)
	}
	if err := keys.CheckList(c.KeyList()); err != nil {
		errs = append(errs, err)
	} else if err := keys.CheckID(c.KeyID); err != nil {
		errs = append(errs, err)
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
