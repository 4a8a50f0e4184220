package decode

import (
	"cmp"
	"slices"

	"sluice/processors/decode/contract"
	"sluice/schemas"
	"sluice/topology/stream"
)

// rules are a contract's, for the columns of one version.
type rules struct {
	notNull []int  // never null, never absent
	absent  string // a column that is never null and that no record has had yet
	extra   []int  // columns the contract does not name
	key     []int  // columns of the key
	noKey   bool   // the topic's keys have others, or not all
	held    []held // columns whose values have a logical type
}

// held is a column and what its values are held to.
type held struct {
	column int
	rule   *schemas.Rule
}

// compile makes the rules of c for fields. nil for no contract.
func compileRules(c *contract.Contract, fields []schemas.Field, ordinals map[string]int) *rules {
	if c == nil {
		return nil
	}
	r := &rules{}
	for _, f := range c.Fields {
		if !f.NotNull {
			continue
		}
		if i, ok := ordinals[f.Name]; ok {
			r.notNull = append(r.notNull, i)
		} else if r.absent == "" {
			r.absent = f.Name
		}
	}
	for _, k := range c.Key {
		i, ok := ordinals[k]
		if ok && fields[i].Key {
			r.key = append(r.key, i)
		} else {
			r.noKey = true
		}
	}
	for i := range fields {
		f := c.Field(cmp.Or(fields[i].Of, fields[i].Name))
		if c.Values != "allow" && f != nil && f.Rule() != nil {
			r.held = append(r.held, held{i, f.Rule()})
		}
		if c.Additional == "reject" && c.Field(fields[i].Name) == nil {
			r.extra = append(r.extra, i)
		}
		if len(c.Key) > 0 && fields[i].Key && !slices.Contains(c.Key, fields[i].Name) {
			r.noKey = true
		}
	}
	return r
}

// obey holds a decoded record against the contract of its topic.
func (w *worker) obey(r *stream.Record) verdict {
	c := w.v.rules
	if c == nil || r.Op == stream.Truncate {
		return keep
	}
	if c.noKey {
		return reject(codeContractKey)
	}
	for _, i := range c.key {
		if i >= len(r.KeyRow) || !r.KeyRow[i].Has() {
			return verdict{code: codeContractKey, field: w.field(i)}
		}
	}
	if r.After == nil {
		return keep // what is deleted has no row to hold to anything
	}
	if c.absent != "" {
		return verdict{code: codeContractNull, field: c.absent}
	}
	for _, i := range c.notNull {
		if i >= len(r.After) || r.After[i].Absent() || r.After[i].IsNull() {
			return verdict{code: codeContractNull, field: w.field(i)}
		}
	}
	for _, i := range c.extra {
		if i < len(r.After) && !r.After[i].Absent() {
			return verdict{code: codeContractField, field: w.field(i)}
		}
	}
	for _, h := range c.held {
		if h.column >= len(r.After) || !r.After[h.column].Has() {
			continue
		}
		cell := r.After[h.column]
		if b := h.rule.Breach(&w.v.schema.Fields[h.column], cell, w.bytes(r, cell)); b != schemas.Holds {
			f := &w.v.schema.Fields[h.column]
			return verdict{code: codeContract + string(b), field: cmp.Or(f.Of, w.field(h.column))}
		}
	}
	return keep
}
