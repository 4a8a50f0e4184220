package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestContractInfer: JSON without schemas gets the types of the source's tables
// from the schema changes in the recording, and keeps the contract made of it.
func TestContractInfer(t *testing.T) {
	const recording = "testdata/recordings/mysql-types-json.jsonl.gz"
	text, talk, code := sluice(t, "contract", "infer", "--privacy", "none", recording)
	if code != exitOK {
		t.Fatal(code, talk)
	}
	for _, want := range []string{
		"key: [id]", "name: d10_2\n    type: decimal(10,2):base64", "name: dt\n    type: timestamp:millis", "name: dt6\n    type: timestamp:micros",
		"name: ts\n    type: instant", "name: b20\n    type: binary", "name: d\n    type: date\n", "not_null: true",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q", want)
		}
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	check := func(text string, want int) string {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, talk, code := sluice(t, "contract", "check", "--privacy", "none", "--contracts", file, recording)
		if code != want {
			t.Fatalf("code %d: %s%s", code, out, talk)
		}
		return out
	}
	check(text, exitOK)
	out := check(strings.Replace(text, "type: timestamp:millis", "type: bool", 1), exitFinding)
	if !strings.Contains(out, "t_default  type_mismatch  d ") {
		t.Error(out)
	}
	one, _, _ := strings.Cut(text, "---")
	if out := check(one, exitOK); !strings.Contains(out, "no contract for topic") {
		t.Error(out)
	}
	check("topic: t\nfields: [{name: a, type: text}]\n", exitUsage)
}

// TestContractOfItself: what infer writes holds for what it was made from, its
// logical types too; and validate names a contract that no record can keep.
func TestContractOfItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	for name, want := range map[string][]string{
		"mysql-types-json":          {"logical: enum('p','q')", "logical: bits(20)"},
		"mariadb-types-json-schema": {"logical: set(a,b,c d)", "logical: enum\n"}, // its connector writes ? for a member's letters
		"pg-types-json-schema":      {"logical: \"enum(sad,ok,happy", "logical: array<timestamp>"},
		"pg-outbox-string":          nil, "traps": nil,
	} {
		recording := "testdata/recordings/" + name + ".jsonl.gz"
		text, talk, code := sluice(t, "contract", "infer", "--privacy", "none", recording)
		if code != exitOK {
			t.Fatal(name, code, talk)
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: there is no %q", name, w)
			}
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, talk, code := sluice(t, "contract", "check", "--privacy", "none", "--contracts", file, recording); code != exitOK {
			t.Errorf("%s: code %d: %s%s", name, code, out, talk)
		}
		if name == "pg-types-json-schema" { // a member less
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "enum(sad,ok", "enum(sad")), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, _, code := sluice(t, "contract", "check", "--privacy", "none", "--contracts", file, recording); code != exitFinding || !strings.Contains(out, "contract_enum  e ") {
				t.Errorf("code %d: %s", code, out)
			}
		}
	}
	if err := os.WriteFile(file, []byte("topic: t\nfields: [{name: a, type: int32, logical: uint32}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, talk, code := sluice(t, "validate", pipelineFile(t, "contracts: "+file, "    key: env:X")); code != exitUsage || !strings.Contains(out+talk, "uint32: its values are not of the type int32") {
		t.Error(code, out, talk)
	}
}

// TestContractMeasures: the SRID and the dimension that all values of a column have
// are part of its logical type; not those of some. An unsigned bigint in bytes is
// a decimal of the source's table.
func TestContractMeasures(t *testing.T) {
	const schema = `{"type":"struct","name":"e.Envelope","fields":[{"field":"after","type":"struct","fields":[{"field":"id","type":"int32"},` +
		`{"field":"g","type":"struct","name":"io.debezium.data.geometry.Geometry","optional":true,"fields":[{"field":"wkb","type":"bytes"},{"field":"srid","type":"int32","optional":true}]},` +
		`{"field":"h","type":"struct","name":"io.debezium.data.geometry.Geography","optional":true,"fields":[{"field":"wkb","type":"bytes"},{"field":"srid","type":"int32","optional":true}]},` +
		`{"field":"v","type":"array","name":"io.debezium.data.FloatVector","items":{"type":"float"}},{"field":"w","type":"array","name":"io.debezium.data.DoubleVector","items":{"type":"double"}}]},` +
		`{"field":"op","type":"string"},{"field":"source","type":"struct","fields":[]}]}`
	row := func(id, srid int, w string) written {
		const wkb = "AQEAAAAAAAAAAADwPwAAAAAAAPA/"
		return written{Topic: "s.t", Value: []byte(fmt.Sprintf(`{"schema":%s,"payload":{"before":null,"op":"c","source":{},"after":{"id":%d,"g":{"wkb":%q,"srid":4326},"h":{"wkb":%[3]q,"srid":%d},"v":[1.5,2,3],"w":%s}}}`, schema, id, wkb, srid, w))}
	}
	change := written{Topic: "s", Value: []byte(`{"source":{},"databaseName":"d","tableChanges":[{"id":"\"d\".\"u\"","table":{"primaryKeyColumnNames":["id"],"columns":[` +
		`{"name":"id","typeName":"INT","optional":false},{"name":"n","typeName":"BIGINT UNSIGNED","length":20,"optional":true}]}}]}`)}
	precise := written{Topic: "s.u", Key: []byte(`{"id":1}`), Value: []byte(`{"before":null,"op":"c","source":{"connector":"mysql","db":"d","table":"u"},"after":{"id":1,"n":"AP//////////"}}`)}
	file := record(t, []written{row(1, 4326, "[1]"), row(2, 3857, "[1,2]"), change, precise})
	text, talk, code := sluice(t, "contract", "infer", "--privacy", "none", file)
	for _, want := range []string{"logical: geometry(4326)", "logical: geography\n", "logical: vector(float32,3)", "logical: vector(float64)\n", "type: decimal(20,0):base64\n    logical: uint64"} {
		if code != exitOK || !strings.Contains(text, want) {
			t.Errorf("there is no %q: %d %s%s", want, code, talk, text)
		}
	}
	kept := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(kept, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, talk, code := sluice(t, "contract", "check", "--privacy", "none", "--contracts", kept, file); code != exitOK {
		t.Error(code, out, talk)
	}
	other := record(t, []written{row(1, 4326, "[1]"), {Topic: "s.t", Value: bytes.Replace(row(2, 1, "[1]").Value, []byte(`"srid":4326`), []byte(`"srid":4258`), 1)}})
	if out, _, code := sluice(t, "contract", "check", "--privacy", "none", "--contracts", kept, other); code != exitFinding || !strings.Contains(out, "contract_srid  g       1        0/1") {
		t.Error(code, out)
	}
}

// TestContractOfItselfChanged: a column that came later is not in the rows before,
// NOT NULL as it is, and a key of message.key.columns may be null: what infer
// writes says neither. As MariaDB's and PostgreSQL's connectors 3.5 wrote it.
func TestContractOfItselfChanged(t *testing.T) {
	row := func(fields, row, key string) written {
		const of = `{"schema":{"type":"struct","name":"s.shop.evo.%s","fields":[%s]},"payload":%s}`
		after := `{"field":"after","type":"struct","optional":true,"fields":[` + fields + `]},{"field":"op","type":"string"},{"field":"source","type":"struct","fields":[]}`
		return written{Topic: "s.shop.evo", Key: []byte(fmt.Sprintf(of, "Key", `{"field":"e","type":"string","optional":true}`, key)),
			Value: []byte(fmt.Sprintf(of, "Envelope", after, `{"before":null,"op":"c","source":{},"after":`+row+`}`))}
	}
	const two = `{"field":"id","type":"int32"},{"field":"e","type":"string","optional":true}`
	file := record(t, []written{
		row(two, `{"id":1,"e":"x"}`, `{"e":"x"}`), row(two, `{"id":2,"e":null}`, `{"e":null}`),
		row(two+`,{"field":"f","type":"int32","default":9}`, `{"id":3,"e":"y","f":3}`, `{"e":"y"}`),
	})
	text, talk, code := sluice(t, "contract", "infer", "--privacy", "none", file)
	if want := "topic: s.shop.evo\nfields:\n  - name: id\n    type: int32\n    not_null: true\n  - name: e\n    type: string\n  - name: f\n    type: int32\n"; code != exitOK || text != want {
		t.Fatalf("%d %s%s", code, talk, text)
	}
	kept := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(kept, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, talk, code := sluice(t, "contract", "check", "--privacy", "none", "--contracts", kept, file); code != exitOK {
		t.Error(code, out, talk)
	}
}
