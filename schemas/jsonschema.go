package schemas

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ParseJSONSchema is the Connect schema that a JSON Schema stands for: as
// Confluent's JsonSchemaConverter writes it (connect.type, connect.parameters,
// title for the name, oneOf with null for what is optional), and of plain ones
// the types of an object's properties. A property whose type it does not say,
// or says in another way ($ref, allOf, several types), is left out: its values
// speak for themselves. Source: Confluent, "JSON Schema Serializer and
// Deserializer", JsonSchemaData.
func ParseJSONSchema(p []byte) (*Connect, error) {
	var s jsonSchema
	if err := json.Unmarshal(p, &s); err != nil {
		return nil, errors.New("json schema: it is none")
	}
	c, ok := s.connect(0)
	if !ok || c.Type != "struct" {
		return nil, errors.New("json schema: it does not describe an object")
	}
	return &c, nil
}

type jsonSchema struct {
	Type       any                    `json:"type"`
	Title      string                 `json:"title"`
	OneOf      []*jsonSchema          `json:"oneOf"`
	AnyOf      []*jsonSchema          `json:"anyOf"`
	Properties map[string]*jsonSchema `json:"properties"`
	Items      *jsonSchema            `json:"items"`
	Required   []string               `json:"required"`
	Additional json.RawMessage        `json:"additionalProperties"`

	ConnectType string         `json:"connect.type"`
	Parameters  map[string]any `json:"connect.parameters"`
	Index       *int           `json:"connect.index"`
}

// jsonTypes are Connect's names of JSON Schema's.
var jsonTypes = map[string]string{"integer": "int64", "number": "double", "string": "string", "boolean": "boolean", "object": "struct", "array": "array"}

// connect is s as Connect's; not ok when it does not say one type.
func (s *jsonSchema) connect(depth int) (c Connect, ok bool) {
	if s == nil || depth > avroMaxDepth/4 {
		return c, false
	}
	if of := append(append([]*jsonSchema{}, s.OneOf...), s.AnyOf...); len(of) > 0 {
		return s.oneOf(of, depth)
	}
	name, optional := s.name()
	c = Connect{Type: jsonTypes[name], Name: s.Title, Optional: optional}
	if c.Type == "" {
		return c, false
	}
	if _, known := bases[s.ConnectType]; known {
		c.Type = s.ConnectType
	}
	for k, v := range s.Parameters {
		if c.Parameters == nil {
			c.Parameters = map[string]string{}
		}
		c.Parameters[k] = fmt.Sprint(v)
	}
	switch c.Type {
	case "struct":
		s.fields(&c, depth)
	case "array":
		if of, ok := s.Items.connect(depth + 1); ok {
			c.Items = &of
		}
	case "map":
		var of jsonSchema
		if json.Unmarshal(s.Additional, &of) == nil {
			if v, ok := of.connect(depth + 1); ok {
				c.Values = &v
			}
		}
	}
	return c, true
}

// name is the one type that s says, and whether null is one beside it.
func (s *jsonSchema) name() (name string, optional bool) {
	switch t := s.Type.(type) {
	case string:
		return t, false
	case []any:
		for _, x := range t {
			switch x, _ := x.(string); {
			case x == "null":
				optional = true
			case name != "":
				return "", false
			default:
				name = x
			}
		}
	case nil:
		if s.Properties != nil {
			return "object", false
		}
	}
	return name, optional
}

// oneOf is a choice of null and one type.
func (s *jsonSchema) oneOf(of []*jsonSchema, depth int) (c Connect, ok bool) {
	var one *jsonSchema
	optional := false
	for _, x := range of {
		switch {
		case x == nil:
			return c, false
		case x.Type == "null":
			optional = true
		case one != nil:
			return c, false
		default:
			one = x
		}
	}
	c, ok = one.connect(depth + 1)
	c.Optional = c.Optional || optional
	return c, ok
}

func (s *jsonSchema) fields(c *Connect, depth int) {
	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}
	place := func(n string) int {
		p := s.Properties[n]
		for _, x := range append([]*jsonSchema{p}, p.OneOf...) {
			if x != nil && x.Index != nil {
				return *x.Index
			}
		}
		return len(names)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return s.Properties[n] == nil })
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) })
	for _, n := range names {
		if f, ok := s.Properties[n].connect(depth + 1); ok {
			f.Field = n
			f.Optional = f.Optional || !slices.Contains(s.Required, n)
			c.Fields = append(c.Fields, f)
		}
	}
}
