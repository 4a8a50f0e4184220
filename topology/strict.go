package topology

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Strict decodes node into c, a pointer. Unknown and doubled fields are errors
// with line, column and a suggestion; all of them are reported at once.
func Strict(node *yaml.Node, c any) error {
	var errs []error
	checkFields(node, reflect.TypeOf(c).Elem(), &errs)
	errs = append(errs, checkSecrets(node, reflect.TypeOf(c).Elem())...)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if node.Kind == 0 || node.Tag == "!!null" {
		return nil
	}
	var te *yaml.TypeError
	if err := node.Decode(c); errors.As(err, &te) {
		for _, s := range te.Errors { // "line 3: cannot unmarshal !!str `x` into int"
			errs = append(errs, errors.New(place(s, node)))
		}
		return errors.Join(errs...)
	} else if err != nil {
		return err
	}
	return nil
}

// place turns yaml's "line N: cannot unmarshal !!str `many` into int" into
// "N:C: want a whole number, not `many`", C being the column of that value.
func place(s string, node *yaml.Node) string {
	var line int
	rest := s
	if n, _ := fmt.Sscanf(s, "line %d:", &line); n == 1 {
		_, rest, _ = strings.Cut(s, ": ")
	}
	_, value, _ := strings.Cut(rest, "`")
	value, _, _ = strings.Cut(value, "`")
	n := nodeAt(node, line, yaml.ScalarNode, strings.TrimSuffix(value, "..."))
	if m := mistyped.FindStringSubmatch(rest); m != nil && m[2] == "" { // a list or a mapping
		n = nodeAt(node, line, map[string]yaml.Kind{"seq": yaml.SequenceNode, "map": yaml.MappingNode}[m[1]], "")
	}
	if n != nil {
		return fmt.Sprintf("%d:%d: %v", n.Line, n.Column, wanted(rest))
	}
	return fmt.Sprintf("%d:1: %v", line, wanted(rest))
}

// nodeAt is the first node of that kind on the line whose value begins with
// prefix, but for the block that the whole line is part of.
func nodeAt(n *yaml.Node, line int, kind yaml.Kind, prefix string) *yaml.Node {
	if n.Kind == kind && n.Line == line && strings.HasPrefix(n.Value, prefix) && (kind == yaml.ScalarNode || n.Style&yaml.FlowStyle != 0) {
		return n
	}
	for _, c := range n.Content {
		if f := nodeAt(c, line, kind, prefix); f != nil {
			return f
		}
	}
	return nil
}

var unmarshaler = reflect.TypeFor[yaml.Unmarshaler]()

// checkFields walks node along t and notes keys that t does not have.
func checkFields(node *yaml.Node, t reflect.Type, errs *[]error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshaler) || t == reflect.TypeFor[yaml.Node]() {
		return
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case t.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		fields := yamlFields(t)
		seen := map[string]bool{}
		for i := 0; i < len(node.Content); i += 2 {
			k, v := node.Content[i], node.Content[i+1]
			f, ok := fields[k.Value]
			switch {
			case k.Value == "<<":
				*errs = append(*errs, At(k, errors.New("merge keys are not taken: write the fields out")))
			case !ok:
				*errs = append(*errs, At(k, fmt.Errorf("unknown field %q%s", k.Value, Suggest(k.Value, keys(fields)))))
			case seen[k.Value]:
				*errs = append(*errs, At(k, fmt.Errorf("field %q is given twice", k.Value)))
			default:
				checkFields(v, f.Type, errs)
			}
			seen[k.Value] = true
		}
	case t.Kind() == reflect.Struct && node.Kind == yaml.SequenceNode,
		t.Kind() == reflect.Struct && node.Kind == yaml.ScalarNode && node.Tag != "!!null" && node.Value != "":
		*errs = append(*errs, At(node, fmt.Errorf("want a mapping with %s", strings.Join(keys(yamlFields(t)), ", "))))
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 && node.Kind == yaml.ScalarNode && node.ShortTag() == "!!float": // yaml would cut it
		*errs = append(*errs, At(node, fmt.Errorf("want a whole number, not %s", node.Value)))
	case (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && node.Kind == yaml.SequenceNode:
		for _, c := range node.Content {
			checkFields(c, t.Elem(), errs)
		}
	case t.Kind() == reflect.Map && node.Kind == yaml.MappingNode:
		for i := 1; i < len(node.Content); i += 2 {
			checkFields(node.Content[i], t.Elem(), errs)
		}
	}
}

// yamlFields lists the fields of t by their yaml names, inlined ones included.
func yamlFields(t reflect.Type) map[string]reflect.StructField {
	m := map[string]reflect.StructField{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case strings.Contains(opts, "inline"):
			for k, v := range yamlFields(f.Type) {
				m[k] = v
			}
		case name == "":
			m[strings.ToLower(f.Name)] = f
		default:
			m[name] = f
		}
	}
	return m
}

func keys[V any](m map[string]V) []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	return sorted(ks)
}

// Suggest returns `, did you mean "x"?` for the nearest of known, or
// `, have a, b` if none is near.
func Suggest(got string, known []string) string {
	best, at := 1+max(2, len(got)/3), ""
	for _, k := range known {
		if d := distance(strings.ToLower(got), k); d < min(best, len(got)) {
			best, at = d, k
		}
	}
	if at != "" {
		return fmt.Sprintf(", did you mean %q?", at)
	}
	if len(known) == 0 {
		return ""
	}
	return ", have " + strings.Join(known, ", ")
}

// distance is the number of edits (insert, delete, change, swap of
// neighbours) between a and b.
func distance(a, b string) int {
	prev2, prev := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur := make([]int, len(b)+1)
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev = prev, cur
	}
	return prev[len(b)]
}
