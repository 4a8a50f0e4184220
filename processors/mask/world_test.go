package mask

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

var lane = stream.Lane{Topic: "shop.customers", Partition: 1}

// gateOf opens a gate from YAML.
func gateOf(t testing.TB, text string) *Gate {
	t.Helper()
	g, err := open1(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func yamlOf(t testing.TB, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return n.Content[0]
}

func open1(text string) (*Gate, error) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}
	if len(n.Content) > 0 {
		node = n.Content[0]
	}
	g, err := Factory.Open(node, topology.Env{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Secret: func(ref string) (string, error) {
		if ref == "env:KEY" {
			return strings.Repeat("k", 32), nil
		}
		if ref == "env:SHORT" {
			return "hunter2", nil
		}
		return "", fmt.Errorf("secret %s: not set", ref)
	}})
	if err != nil {
		return nil, err
	}
	return g.(*Gate), nil
}

// rulingOf is what g does with a column of texts.
func rulingOf(g *Gate, column string) policy.Ruling {
	s := schemas.Schema{Topic: lane.Topic, Fields: []schemas.Field{{Name: column, Type: schemas.Type{Kind: schemas.String}}}}
	return g.rules.Decide(&s, &s.Fields[0])
}

// schemaOf has the fields of rows in order of name; key names the key.
func schemaOf(closed bool, key string, rows ...string) *schemas.Schema {
	kinds := map[string]schemas.Kind{}
	for _, r := range rows {
		for k, v := range object(r) {
			if kind := kindOf(v); kind != schemas.Unknown || kinds[k] == schemas.Unknown {
				kinds[k] = kind
			}
		}
	}
	s := schemas.Schema{Topic: lane.Topic, Version: 1, Closed: closed}
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		s.Fields = append(s.Fields, schemas.Field{Name: k, Type: schemas.Type{Kind: kinds[k]}, Nullable: true, Key: k == key})
	}
	return schemas.NewSchema(s)
}

func object(row string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(row), &m); err != nil {
		panic("test row: " + err.Error())
	}
	return m
}

func kindOf(v json.RawMessage) schemas.Kind {
	switch {
	case string(v) == "null":
		return schemas.Unknown
	case v[0] == '"':
		return schemas.String
	case v[0] == 't' || v[0] == 'f':
		return schemas.Bool
	case v[0] == '{' || v[0] == '[':
		return schemas.JSON
	case bytes.ContainsAny(v, ".eE"):
		return schemas.Float64
	}
	return schemas.Int64
}

// cells are those of row, which stands at off in the record's value or key.
func cells(s *schemas.Schema, row string, off int, flags schemas.Flags) []schemas.Cell {
	if row == "" {
		return nil
	}
	cs := make([]schemas.Cell, len(s.Fields))
	for k, v := range object(row) {
		i := s.Ordinal([]byte(k))
		if i < 0 {
			continue
		}
		at := bytes.Index([]byte(row), v)
		c := schemas.Cell{Off: uint32(off + at), Len: uint32(len(v)), Flags: schemas.Present | flags}
		switch {
		case string(v) == "null":
			c = schemas.NullCell
		case v[0] == '"':
			c.Off, c.Len, c.Enc = c.Off+1, c.Len-2, schemas.EncText
			if bytes.ContainsRune(v, '\\') {
				c.Enc = schemas.EncJSONString
			}
		case v[0] == 't':
			c.Enc = schemas.EncTrue
		case v[0] == 'f':
			c.Enc = schemas.EncFalse
		case v[0] == '{' || v[0] == '[':
			c.Enc = schemas.EncJSON
		case bytes.ContainsAny(v, ".eE"):
			c.Enc = schemas.EncFloat
		default:
			c.Enc = schemas.EncInt
		}
		cs[i] = c
	}
	return cs
}

// change is one record: rows as JSON, "" for none.
type change struct{ before, after, key string }

func batch(s *schemas.Schema, changes ...change) *stream.Batch {
	b := stream.NewBatch(lane, stream.Position{}, nil)
	for i, c := range changes {
		r := stream.Record{Offset: int64(i), Schema: s, Full: true, Value: stream.ViewOf([]byte(c.before + c.after)), Key: stream.ViewOf([]byte(c.key)),
			Headers: []stream.Header{{Key: "h", Value: stream.ViewOf([]byte("header"))}}}
		r.Before = cells(s, c.before, 0, 0)
		r.After = cells(s, c.after, len(c.before), 0)
		r.KeyRow = cells(s, c.key, 0, schemas.InKey)
		b.Records = append(b.Records, r)
	}
	b.To.Offset, b.In = int64(len(changes)), int64(len(changes))
	return b
}

// row is a clean row as name=value, "null" and "absent" told apart.
func row(r *stream.CleanRow, cs []schemas.Cell) string {
	var parts []string
	for i, c := range r.Table.Columns {
		v := "absent"
		var cell schemas.Cell
		if i < len(cs) { // a key's row ends with the key
			cell = cs[i]
		}
		switch {
		case cell.IsNull():
			v = "null"
		case cell.Has():
			v = string(schemas.AppendText(nil, cell, r.Bytes(cell)))
		}
		parts = append(parts, c.Name+"="+v)
	}
	return strings.Join(parts, " ")
}

func streamView(p []byte) stream.View { return stream.ViewOf(p) }
