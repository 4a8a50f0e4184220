// Package contract reads what a topic must look like: its columns, their types,
// which of them are never null, its key, and how old its newest record may be.
// A contract is a YAML document; a file has one or more of them:
//
//	topic: shop.public.orders     # a name, or a glob
//	doc: orders of the web shop
//	key: [id]                     # exactly these columns
//	additional: reject            # columns that are not named; default allow
//	values: reject                # that break their field's logical; default, or allow
//	freshness: 15m                # of the newest record
//	fields:
//	  - {name: id, type: int64, not_null: true}
//	  - {name: email, type: string, pii: email, tags: [gdpr]}
//	  - {name: total, type: "decimal(12,2):base64", doc: with tax}
//	  - {name: state, type: string, logical: "enum(new,paid)"}
//
// Types are written as schemas.ParseColumn reads them; a field without one takes
// what comes. What logical says (schemas.ParseRule) is a rule for every value.
package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/schemas"
	"sluice/topology"
)

// Contract is what one topic, or those of a glob, must look like.
type Contract struct {
	Topic      string        `yaml:"topic" json:"topic"`
	Doc        string        `yaml:"doc,omitempty" json:"doc,omitempty"`
	Key        []string      `yaml:"key,omitempty,flow" json:"key,omitempty"`
	Additional string        `yaml:"additional,omitempty" json:"additional,omitempty"` // allow or reject
	Values     string        `yaml:"values,omitempty" json:"values,omitempty"`         // that break a field's Logical: reject or allow
	Freshness  time.Duration `yaml:"freshness,omitempty" json:"freshness,omitempty"`   // 0: any
	Fields     []Field       `yaml:"fields" json:"fields"`
}

// Field is a column of a contract.
type Field struct {
	Name    string `yaml:"name" json:"name"`
	Type    string `yaml:"type,omitempty" json:"type,omitempty"`         // "": any
	NotNull bool   `yaml:"not_null,omitempty" json:"not_null,omitempty"` // and never absent
	PII     string `yaml:"pii,omitempty" json:"pii,omitempty"`           // class of personal data, as schemas.ParseClass reads it
	Doc     string `yaml:"doc,omitempty" json:"doc,omitempty"`

	// Logical is what the values are beyond Type, as schemas.Connect.Logical spells
	// it: enum(a,b). Records are held to it, unless Contract.Values is allow.
	Logical string `yaml:"logical,omitempty" json:"logical,omitempty"`

	Tags []string `yaml:"tags,omitempty,flow" json:"tags,omitempty"` // names that policies speak of

	rule *schemas.Rule // Logical, once it was validated
	kept string        // of an Observer: Logical, as far as the values that came keep it
}

// Kept makes the logical types of s, which an [Observer] made, such that the values
// that it saw keep them.
func (s Set) Kept() Set {
	for _, c := range s {
		for i := range c.Fields {
			c.Fields[i].Logical = c.Fields[i].kept
		}
	}
	return s
}

// Rule is what values are held to, nil without a Logical. Only contracts that
// [Parse] and [Load] made have it.
func (f *Field) Rule() *schemas.Rule { return f.rule }

// Field returns the field called name, or nil.
func (c *Contract) Field(name string) *Field {
	for i := range c.Fields {
		if c.Fields[i].Name == name {
			return &c.Fields[i]
		}
	}
	return nil
}

// Set are the contracts of a folder or a file.
type Set []*Contract

// Load reads the files that a glob names. Errors say file:line:column.
func Load(glob string) (Set, error) {
	files, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("contracts: glob %q: %w", glob, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("contracts: no file matches %q", glob)
	}
	var all Set
	var errs []error
	for _, f := range files {
		p, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("contracts: %w", err)
		}
		s, err := Parse(p)
		if err != nil {
			errs = append(errs, located(f, err))
		}
		all = append(all, s...)
	}
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.Topic] {
			errs = append(errs, fmt.Errorf("contracts: %s: two contracts for one topic", c.Topic))
		}
		seen[c.Topic] = true
	}
	return all, errors.Join(errs...)
}

// located puts the file's name before every line of err.
func located(file string, err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range many.Unwrap() {
			errs = append(errs, located(file, e))
		}
		return errors.Join(errs...)
	}
	return fmt.Errorf("%s:%w", file, err)
}

// Parse reads the contracts of a file's bytes. Errors begin with line:column.
func Parse(p []byte) (Set, error) {
	d := yaml.NewDecoder(bytes.NewReader(p))
	var all Set
	var errs []error
	for {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return all, errors.Join(errs...)
		}
		if err != nil {
			return all, errors.Join(append(errs, fmt.Errorf(" %w", err))...)
		}
		if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
			continue
		}
		c := new(Contract)
		if err := topology.Strict(doc.Content[0], c); err != nil {
			errs = append(errs, err)
			continue
		}
		if err := c.validate(); err != nil {
			errs = append(errs, fmt.Errorf("%d:%d: %w", doc.Content[0].Line, doc.Content[0].Column, err))
			continue
		}
		all = append(all, c)
	}
}

func (c *Contract) validate() error {
	if _, err := path.Match(c.Topic, ""); c.Topic == "" || err != nil {
		return fmt.Errorf("topic: %q is no topic and no glob", c.Topic)
	}
	if !slices.Contains([]string{"", "allow", "reject"}, c.Additional) {
		return fmt.Errorf("%s: additional: unknown value %q: use allow or reject", c.Topic, c.Additional)
	}
	if !slices.Contains([]string{"", "allow", "reject"}, c.Values) {
		return fmt.Errorf("%s: values: unknown value %q: use allow or reject", c.Topic, c.Values)
	}
	if c.Freshness < 0 {
		return fmt.Errorf("%s: freshness: %v is negative", c.Topic, c.Freshness)
	}
	seen := map[string]bool{}
	for i := range c.Fields {
		f := &c.Fields[i]
		if f.Name == "" || seen[f.Name] {
			return fmt.Errorf("%s: fields: %q has no name or comes twice", c.Topic, f.Name)
		}
		seen[f.Name] = true
		if _, err := schemas.ParseClass(f.PII); f.PII != "" && err != nil {
			return fmt.Errorf("%s: fields: %s: pii: %w", c.Topic, f.Name, err)
		}
		if f.Type != "" {
			if _, _, _, err := schemas.ParseColumn(f.Type); err != nil {
				return fmt.Errorf("%s: fields: %s: %w", c.Topic, f.Name, err)
			}
		}
		if err := f.compile(); err != nil {
			return fmt.Errorf("%s: fields: %s: logical: %w", c.Topic, f.Name, err)
		}
	}
	for _, k := range c.Key {
		if !seen[k] {
			return fmt.Errorf("%s: key: %s is none of the fields", c.Topic, k)
		}
	}
	return nil
}

// compile makes the rule of f and says what contradicts it.
func (f *Field) compile() (err error) {
	if f.Logical == "" {
		return nil
	}
	if f.rule, err = schemas.ParseRule(f.Logical); err != nil || f.Type == "" {
		return err
	}
	if err = f.Suits(f.Type); err != nil {
		f.rule = nil
	}
	return err
}

// Suits says why a column of a type, as schemas.ParseColumn reads it, never holds
// what f's Logical says, or nil.
func (f *Field) Suits(column string) error {
	t, _, _, err := schemas.ParseColumn(column)
	if err != nil || f.rule == nil {
		return err
	}
	if err := f.rule.Suits(t); err != nil {
		return fmt.Errorf("%s: %w", f.Logical, err)
	}
	return nil
}

// For is the contract of topic, or nil: that whose glob is longest, the exact
// name before all globs.
func (s Set) For(topic string) *Contract {
	var best *Contract
	for _, c := range s {
		if c.Topic == topic {
			return c
		}
		ok, _ := path.Match(c.Topic, topic)
		if ok && (best == nil || len(c.Topic) > len(best.Topic) || len(c.Topic) == len(best.Topic) && c.Topic > best.Topic) {
			best = c
		}
	}
	return best
}
