package profile

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"

	"sluice/schemas"
)

// Suggestion is what a policy might do with a column, and why.
type Suggestion struct {
	Class  string `json:"class,omitempty"`
	Action string `json:"action,omitempty"` // as a policy writes it; "": nothing was found, and a person has to say what it is
	Why    string `json:"why,omitempty"`
}

// Rates from which values decide.
const (
	typed = 0.8  // this share of values is of a class: the column is
	mixed = 0.01 // this share of values holds something: the column is text with personal data in it
)

func (x *Column) suggest() Suggestion {
	for _, f := range x.Found {
		if f.Whole >= typed {
			return x.as(f.class, fmt.Sprintf("%.0f%% of %d values", 100*f.Whole, x.Values))
		}
	}
	if x.Named != nil && x.Named.Sure {
		return x.as(x.Named.class, "its name")
	}
	if x.Named != nil {
		for _, f := range x.Found {
			if f.class == x.Named.class && f.Whole >= typed/4 {
				return x.as(f.class, fmt.Sprintf("its name and %.0f%% of %d values", 100*f.Whole, x.Values))
			}
		}
	}
	for _, f := range x.Found {
		if f.Rate >= mixed {
			s := Suggestion{Class: f.Class, Action: "redact", Why: fmt.Sprintf("%.0f%% of %d values hold one", 100*f.Rate, x.Values)}
			if x.Key {
				s.Action = "hash"
			}
			return s
		}
	}
	if x.Named != nil && x.Named.class == schemas.Name && x.Type == schemas.String.String() {
		return x.as(schemas.Name, "its name, which things have, too")
	}
	return Suggestion{}
}

func (x *Column) as(c schemas.Class, why string) Suggestion {
	s := Suggestion{Class: c.String(), Action: "hash", Why: why}
	if x.Key { // a key stays one only through what keeps values apart
		return s
	}
	switch c {
	case schemas.Phone, schemas.Card:
		s.Action = "{partial: {keep_last: 4}}"
	case schemas.Name, schemas.Address, schemas.Custom:
		s.Action = "redact"
	case schemas.BirthDate, schemas.Coordinates:
		s.Action = `"null"`
	case schemas.Secret, schemas.PrivateKey, schemas.JWT:
		s.Action = "drop"
	}
	return s
}

// Policy writes a pipeline file with a mask stage that does what topics suggest,
// for a person to read and finish. What nothing was found in is masked by the
// default: it stands there as a comment with what would keep it.
func Policy(topics []Topic) []byte {
	var b bytes.Buffer
	b.WriteString(`# Suggested by sluice profile from names and values: read it before you use it.
# What nobody names is masked. A column that is to pass needs a reason to be kept.
id: profiled
source:
  kafka:
    brokers: ["localhost:9092"]
    topics: [`)
	for i, t := range topics {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(t.Topic))
	}
	b.WriteString(`]
stages:
  - decode: {format: debezium}
  - mask:
      key: env:SLUICE_MASK_KEY
      default: mask
`)
	named := false
	for _, t := range topics {
		for _, c := range t.Columns {
			named = named || c.named()
		}
	}
	if named {
		b.WriteString("      rules:\n")
	}
	for _, t := range topics {
		t.rule(&b)
	}
	b.WriteString(`sinks:
  - name: lake
    iceberg:
      catalog: {uri: "https://CATALOG", warehouse: WAREHOUSE, token: env:CATALOG_TOKEN}
      namespace: bronze
`)
	return b.Bytes()
}

// named reports that a rule can name the column for what was found in it. // P1
func (x *Column) named() bool {
	return x.Suggest.Action != "" && x.Path[0] != '*'
}

func (t *Topic) rule(b *bytes.Buffer) {
	named := false
	for _, c := range t.Columns {
		named = named || c.named()
	}
	off := ""
	if !named {
		off = "# "
	}
	fmt.Fprintf(b, "        %s- topics: [%q] # %d rows\n        %s  columns:\n", off, t.Topic, t.Rows, off)
	for _, c := range t.Columns {
		note := cmp.Or(c.Type, "only nulls")
		if c.Key {
			note += ", key"
		}
		if !c.named() {
			fmt.Fprintf(b, "            # %q: {keep: \"WHY\"} # %s, %d values, %d different\n", c.Path, note, c.Values, c.Distinct)
			continue
		}
		fmt.Fprintf(b, "            %q: %s # %s: %s by %s\n", c.Path, c.Suggest.Action, note, c.Suggest.Class, c.Suggest.Why)
	}
}
