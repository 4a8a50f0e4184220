package topology

import (
	"errors"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A field of a component's config may say by its tag `check` what its value is,
// so that mistakes in it are found, with their place, before anything is opened:
//
//	secret   a reference to a secret, env:NAME or file:PATH // P5
//	sink     a sink of the pipeline that stands before this one
//	brokers  of a cluster
//	topics   names and globs of the topics that a source reads; /expressions/ too
//	exclude  those of them that it does not
//	writes   a template of the topics that a sink writes, of {topic} and others

// tagged are the values of node's fields that the tag check of t says are what.
func tagged(node *yaml.Node, t reflect.Type, what string) (all []*yaml.Node) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || node.Kind != yaml.MappingNode || reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	fields := yamlFields(t)
	for i := 0; i+1 < len(node.Content); i += 2 {
		f, ok := fields[node.Content[i].Value]
		v := node.Content[i+1]
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		switch {
		case !ok:
		case f.Tag.Get("check") != what:
			all = append(all, tagged(v, f.Type, what)...)
		case v.Kind == yaml.SequenceNode:
			all = append(all, v.Content...)
		default:
			all = append(all, v)
		}
	}
	return all
}

// said are the values, defaults included, of the fields of a decoded config that
// the tag check says are what.
func said(c reflect.Value, what string) (all []string) {
	if c.Kind() != reflect.Struct {
		return nil
	}
	for i := range c.NumField() {
		f, v := c.Type().Field(i), c.Field(i)
		switch {
		case !f.IsExported() && !f.Anonymous:
		case f.Tag.Get("check") != what:
			all = append(all, said(v, what)...)
		case v.Kind() == reflect.String:
			all = append(all, v.String())
		default:
			all = append(all, v.Interface().([]string)...)
		}
	}
	return all
}

var errNoReference = errors.New("want a reference to the secret, env:NAME or file:PATH, never the secret itself") // P5

// checkSecrets holds the secrets of node to their form. It says no value.
func checkSecrets(node *yaml.Node, t reflect.Type) (errs []error) {
	for _, v := range tagged(node, t, "secret") {
		if kind, name, _ := strings.Cut(v.Value, ":"); v.Value != "" && (name == "" || kind != "env" && kind != "file") {
			errs = append(errs, At(v, errNoReference))
		}
	}
	return errs
}

var placed = regexp.MustCompile(`^[0-9]+:[0-9]+: `)

var fieldPath = regexp.MustCompile(`^[a-z_0-9]+(\.[a-z_0-9]+)*\b`)

// placeEach puts places before the errors that err joins: that of the field an
// error begins with, as in `catalog.uri: want` or `d1: table: "x"`, else node's.
func placeEach(node *yaml.Node, err error) error {
	var errs []error
	for _, e := range leaves(err) {
		if !placed.MatchString(e.Error()) {
			e = At(spot(node, e.Error()), e)
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// leaves are the errors that errors.Join made one of.
func leaves(err error) (all []error) {
	if j, ok := err.(interface{ Unwrap() []error }); ok && err.Error() == errors.Join(j.Unwrap()...).Error() {
		for _, e := range j.Unwrap() {
			all = append(all, leaves(e)...)
		}
		return all
	}
	return []error{err}
}

// spot is the value of the field that says begins with, or the nearest one
// around it that is in the file.
func spot(node *yaml.Node, says string) *yaml.Node {
	at := node
	for range 3 { // `kv: `, then names of fields
		p := fieldPath.FindString(says)
		for name := range strings.SplitSeq(p, ".") {
			if v := member(at, name); v != nil {
				at = v
			}
		}
		rest, more := strings.CutPrefix(says[len(p):], ": ")
		if p == "" || !more {
			break
		}
		says = rest
	}
	return at
}

func member(m *yaml.Node, key string) *yaml.Node {
	if m.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if m.Content[i].Value == key {
				return m.Content[i+1]
			}
		}
	}
	return nil
}
