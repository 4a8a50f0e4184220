package policy

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// read is a policy from YAML.
func read(text string) (*Rules, error) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		return nil, err
	}
	return Read(n.Content[0])
}

func TestMistakesInThePolicy(t *testing.T) {
	for _, c := range []struct{ name, policy, want string }{
		{"no key", "default: mask", "hashing needs a key"},
		{"key in the file", "key: hunter2", "never the key itself"},
		{"scan without a key", "default: scan", "hashing needs a key"},
		{"default", "default: masc\nkey: env:KEY", `did you mean "mask"?`},
		{"action", "key: env:KEY\nrules: [{columns: {a: hsah}}]", `unknown action "hsah", did you mean "hash"?`},
		{"keep without reason", "key: env:KEY\nrules: [{columns: {a: keep}}]", "keep needs a reason"},
		{"keep list without reason", "key: env:KEY\nrules: [{keep: {columns: [a]}}]", "keep needs a reason"},
		{"partial of everything", "key: env:KEY\nrules: [{columns: {a: {partial: {keep_last: 99}}}}]", "together 1 to 16"},
		{"bad path", "key: env:KEY\nrules: [{columns: {\"a..b\": hash}}]", "is no path"},
		{"given twice", "key: env:KEY\nrules: [{columns: {a: hash, '[\"a\"]': redact}}]", `rule 1: "a" is given twice, as `},
		{"kept and masked", "key: env:KEY\nrules: [{columns: {a: hash}, keep: {columns: [a], because: r}}]", `"a" is given twice`},
		{"tag kept and masked", "key: env:KEY\nrules: [{tags: {a: hash}, keep: {tags: [a], because: r}}]", "tag a is given twice"},
		{"class kept and masked", "key: env:KEY\nrules: [{classes: {email: hash}, keep: {classes: [email], because: r}}]", "class email is given twice"},
		{"contradiction inside", "key: env:KEY\nrules: [{columns: {a.b: hash, 'a.b[*].c': redact}}]", `"a.b[*].c" contradicts the action for all of "a.b"`},
		{"headers", "key: env:KEY\nrules:\n- {columns: {a: hash}, headers: {h: hash}}", "headers never pass the gate"},
		{"a column twice", "key: env:KEY\nrules: [{columns: {a: hash, a: drop}}]", "already defined"},
		{"empty action", "key: env:KEY\nrules: [{columns: {a: ''}}]", `unknown action ""`},
		{"parameters of hash", "key: env:KEY\nrules: [{columns: {a: {hash: 3}}}]", "hash takes its parameters"},
		{"partial without parameters", "key: env:KEY\nrules: [{columns: {a: partial}}]", "partial says what stays"},
		{"confidence below nothing", "key: env:KEY\ndetect: {min: -0.1}", "not between 0 and 1"},
		{"confidence above all", "key: env:KEY\ndetect: {min: 1.1}", "not between 0 and 1"},
		{"keep blank", "key: env:KEY\nrules: [{columns: {a: {keep: '  '}}}]", "keep needs a reason"},
		{"parameters of redact", "key: env:KEY\nrules: [{columns: {a: {redact: 3}}}]", "redact takes no parameters"},
		{"two actions", "key: env:KEY\nrules: [{columns: {a: {keep: r, hash: {bits: 128}}}}]", "want one action"},
		{"no action", "key: env:KEY\nrules: [{columns: {a: [hash]}}]", "want one action"},
		{"keep null", "key: env:KEY\nrules: [{columns: {a: {keep: ~}}}]", "keep needs a reason"},
		{"withhold is no action", "key: env:KEY\nrules: [{columns: {a: withhold}}]", `unknown action "withhold"`},
		{"line", "key: env:KEY\nrules:\n- columns:\n    ok: hash\n    bad: hsah", "5:10: unknown action"},
		{"nothing", "key: env:KEY\nrules:\n- topics: [a]", "3:1: rule 1: names no columns, classes or tags"},
		{"contradiction", "key: env:KEY\nrules: [{columns: {a: hash, a.b: redact}}]", "contradicts"},
		{"unknown field of a class", "key: env:KEY\nclass: [{colums: {a: email}}]", `unknown field "colums", did you mean "columns"?`},
		{"unknown field", "kye: env:KEY", `unknown field "kye", did you mean "key"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := read(c.policy); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestWrongParameters: what a policy's author is told, with the line.
func TestWrongParameters(t *testing.T) {
	for _, c := range []struct{ action, want string }{
		{"{hash: {bits: 60}}", "5:15: hash: bits 60: want 64 to 256"},
		{"{hash: {encoding: base58}}", "unknown encoding \"base58\""},
		{"{hash: {canonical: fone}}", `did you mean "phone"?`},
		{"{hash: {canonical: phone:0}}", "phone:44"},
		{"{hash: {domian: x}}", `unknown field "domian", did you mean "domain"?`},
		{"{tokenize: {form: ff3}}", `unknown form "ff3"`},
		{"{tokenize: {alphabet: hex}}", "are of form ff1"},
		{"{tokenize: {form: ff1, encoding: hex}}", "ff1 keeps the format"},
		{"{tokenize: {form: ff1, length: 5}}", "5:19: tokenize: 5 characters of 10 have less than 1,000,000 values"},
		{"{tokenize: {form: ff1, width: 5}}", "width 6 to 38"},
		{"{tokenize: {form: ff1, alphabet: aa}}", "different ASCII characters"},
		{"{tokenize: {form: ff1, alphabet: a}}", "less than two"},
		{"{tokenize: {form: ff1, luhn: true}}", "are of card: true"},
		{"{tokenize: {form: ff1, card: true, keep_ends: true, length: 15}}", "less than 16 digits"},
		{"{partial: {length: 3, keep_last: 2}}", "more than twice"},
		{"{scan: email}", "scan takes its parameters as {classes:"},
		{"{partial: {length: 8, keep_separators: true}}", "take one"},
		{"generalize", "generalize: want one of"},
		{"{generalize: yaer}", "generalize: want one of"},
		{"{generalize: {age: 5, zip3: true}}", "generalize: want one of"},
		{"{generalize: {date: yaer}}", `did you mean "year"?`},
		{"{generalize: {date: year, unit: hours}}", `unit "hours"`},
		{"{generalize: {age: 1}}", "2 to 30 years"},
		{"{generalize: {ip: {v4: 32}}}", "1 to 28 bits"},
		{"{generalize: {round: 12}}", "decimals"},
		{"{generalize: {geohash: 12}}", "1 to 8 characters"},
		{"{generalize: {bucket: 0}}", "wider than 0"},
		{"{generalize: {bucket: 1e3}}", "without an exponent"},
		{"{generalize: {buckets: [2, 1]}}", "ascending"},
		{"{generalize: {prefix: -1}}", "prefix 1 to 32"},
		{"{generalize: {zip3: false}}", "says nothing"},
		{"synthetic", "says what is made up"},
		{"{synthetic: emial}", `did you mean "email"?`},
		{"{synthetic: {kind: name, locale: de}}", "unknown locale"},
		{"{synthetic: {kind: card, unique: true}}", "no room"},
		{"{synthetic: {kind: name, days: 3}}", "are of birth_date"},
		{"shift", "{shift: {days: 30}}"},
		{"{shift: {days: 0}}", "1 to 36525"},
		{"noise", "noise says how much"},
		{"{noise: {within: 1, percent: 3}}", "one of"},
		{"{noise: {within: -1}}", "positive"},
		{"{noise: {percent: 10, min: 5, max: 1}}", "min is above max"},
	} {
		_, err := read("key: env:KEY\nrules:\n- columns:\n    ok: hash\n    v: " + c.action)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "5:") {
			t.Errorf("%s: %v, want %q", c.action, err, c.want)
		}
	}
	for _, k := range []string{"tokenize", "{synthetic: name}", "{shift: {days: 3}}", "{noise: {within: 3}}", "{hash: {}}"} {
		if _, err := read("default: withhold\nrules: [{columns: {v: " + k + "}}]"); err == nil || !strings.Contains(err.Error(), "needs a key") { // P5
			t.Errorf("%s without a key: %v", k, err)
		}
	}
}

// TestScansRefused: what a policy cannot say of scans, classes and tags.
func TestScansRefused(t *testing.T) {
	for text, want := range map[string]string{
		"rules: [{columns: {a: {scan: {classes: {emial: hash}}}}}]":               "unknown class",
		"rules: [{columns: {a: {scan: {classes: {email: scan}}}}}]":               "scan is no action for a part",
		"rules: [{columns: {a: {scan: {else: drop}}}}]":                           "drop is no action for a part",
		"rules: [{columns: {a: {scan: {els: hash}}}}]":                            `did you mean "else"`,
		"detect: {patterns: [{regex: '('}]}":                                      "pattern 1",
		"detect: {min: 2}":                                                        "not between 0 and 1",
		"detect: {words: [{file: /nowhere}]}":                                     "words 1",
		"detect: {words: [{class: nope, file: /x}]}":                              "words 1",
		"detect: {words: [{class: name}]}":                                        "want file",
		"detect: {names: /nowhere}":                                               "names",
		"class: [{columns: {a: emial}}]":                                          "unknown class",
		"class: [{columns: {a..b: email}}]":                                       "is no path",
		"class: [{columns: {'a.{key}': email}}]":                                  "names of members have no class",
		"class: [{}]":                                                             "names no columns",
		"rules: [{classes: {emial: hash}}]":                                       "unknown class",
		"rules: [{classes: {email: hash}, keep: {classes: [email], because: r}}]": "class email is given twice",
		"rules: [{columns: {'a.{key}': redact}}]":                                 "fall together",
	} {
		if _, err := read("key: env:KEY\n" + text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestSubjectPolicies(t *testing.T) {
	const store = "\nsubjects: {store: 'folder:/nowhere'}"
	for text, want := range map[string]string{
		"rules: [{columns: {a: {tokenize: {form: ff1, subject: {column: b}}}}}]" + store:             "no room",
		"rules: [{columns: {a: {tokenize: {subject: {column: b}}}}}]":                                "store",
		"rules: [{columns: {a: {tokenize: {subject: {kind: b}}}}}]" + store:                          "column",
		"rules: [{columns: {a.x: {tokenize: {subject: {column: b}}}}}]":                              "store",
		"rules: [{columns: {'a.{key}': {tokenize: {subject: {column: b}}}}}]" + store:                "fall together",
		"scan: {classes: {email: {tokenize: {subject: {column: b}}}}}\ndefault: scan" + store:        "cannot go by column",
		"rules: [{columns: {a: {tokenize: {subject: {column: b}}}}}]\nsubjects: {store: '/var/lib'}": "folder:PATH",
	} {
		if _, err := read("key: env:KEY\n" + text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
