package topology

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// planHash names what decides whether, where and as what a row goes: the file
// before ${NAME} was filled in, without comments, layout, and the fields that
// are tagged `plan:"-"` (addresses, secrets, sizes, timers). 16 hex digits.
func (r Registry) planHash(s *Spec) string {
	return r.hash("sluice plan 1", s.root, reflect.TypeFor[Spec]())
}

// hash names the part of a plan that n is, decoded as t.
func (r Registry) hash(what string, n *yaml.Node, t reflect.Type) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	enc.Encode(what)
	enc.Encode(r.planOf(n, t))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// planOf is node as a value with deterministic JSON, operational fields left out.
func (r Registry) planOf(n *yaml.Node, t reflect.Type) any {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.planOf(n.Alias, t)
	case yaml.ScalarNode:
		return n.Value
	case yaml.SequenceNode:
		l := []any{}
		for _, c := range n.Content {
			l = append(l, r.planOf(c, elem(t)))
		}
		return l
	}
	m := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i].Value, n.Content[i+1]
		ft, skip := r.fieldOf(t, k)
		if !skip {
			m[k] = r.planOf(v, ft)
		}
	}
	return m
}

// fieldOf is the type of key k in a mapping decoded as t. In a Node or a
// SinkSpec the key that is no field is a component's name.
func (r Registry) fieldOf(t reflect.Type, k string) (ft reflect.Type, skip bool) {
	switch {
	case t == nil:
		return nil, false
	case t.Kind() == reflect.Map:
		return t.Elem(), false
	case t.Kind() != reflect.Struct:
		return nil, false
	}
	if t != reflect.TypeFor[Node]() {
		if f, ok := yamlFields(t)[k]; ok {
			return f.Type, f.Tag.Get("plan") == "-"
		}
	}
	return r.configType(k), false
}

func elem(t reflect.Type) reflect.Type {
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		return t.Elem()
	}
	return nil
}
