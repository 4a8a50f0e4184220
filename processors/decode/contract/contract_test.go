package contract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	for doc, want := range map[string]string{
		"topic: t\nfields:\n  - {name: a, typ: int64}": "3:15: unknown",
		"topic: t\nfields:\n  - {name: a, type: int}":  `1:1: t: fields: a: unknown column type "int"`,
		"fields: []":                                                       "1:1: topic",
		"topic: '['\nfields: []":                                           "1:1: topic",
		"topic: t\nadditional: no\nfields: []":                             `additional: unknown value "no"`,
		"topic: t\nkey: [b]\nfields: [{name: a}]":                          "key: b is none",
		"topic: t\nfields: [{name: a}, {name: a}]":                         "comes twice",
		"topic: t\nfreshness: -1s\nfields: []":                             "is negative",
		"topic: t\nfields: []\n---\ntopic: u\nfreshness: soon\nfields: []": "5:12",
		"topic: [":                         "yaml",
		"topic: t\nvalues: no\nfields: []": `values: unknown value "no"`,
		"topic: t\nfields: [{name: a, logical: enums}]":                           `fields: a: logical: logical type "enums"`,
		"topic: t\nfields: [{name: a, type: int32, logical: uint32}]":             "uint32: its values are not of the type int32",
		"topic: t\nfields: [{name: a, type: json, logical: 'vector(float32,0)'}]": "from 1 on",
	} {
		if _, err := Parse([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", doc, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.yaml", "topic: shop.*\nfields: []\n---\ntopic: shop.orders\nfreshness: 15m\nfields: [{name: id}]\n")
	write("b.yaml", "topic: '*'\nfields: []\n")
	s, err := Load(filepath.Join(dir, "*.yaml"))
	if err != nil || len(s) != 3 {
		t.Fatal(len(s), err)
	}
	for topic, want := range map[string]string{"shop.orders": "shop.orders", "shop.other": "shop.*", "more": "*"} {
		if c := s.For(topic); c.Topic != want {
			t.Errorf("%s: %s, want %s", topic, c.Topic, want)
		}
	}
	if c := s.For("shop.orders"); c.Freshness.Minutes() != 15 || c.Field("id") == nil || c.Field("x") != nil {
		t.Errorf("%+v", c)
	}
	write("c.yaml", "topic: '*'\nfields: []\n")
	if _, err := Load(filepath.Join(dir, "*.yaml")); err == nil || !strings.Contains(err.Error(), "two contracts") {
		t.Error(err)
	}
	write("c.yaml", "topic: u\nfield: []\n")
	if _, err := Load(filepath.Join(dir, "c.yaml")); err == nil || !strings.Contains(err.Error(), "c.yaml:2:1: ") {
		t.Error(err)
	}
	if _, err := Load(filepath.Join(dir, "none")); err == nil {
		t.Error("no file, and no error")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("topic: t\nkey: [a]\nfields:\n- {name: a, type: 'decimal(3,1)'}\n---\n"))
	f.Fuzz(func(t *testing.T, p []byte) {
		s, err := Parse(p)
		for _, c := range s {
			if err == nil && c.validate() != nil {
				t.Fatal("an invalid contract came out")
			}
		}
	})
}
