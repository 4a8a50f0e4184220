package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pipelineFile writes a pipeline with the given mask stage.
func pipelineFile(t *testing.T, decode, mask string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.yaml")
	text := "id: t\nsource: {kafka: {brokers: ['127.0.0.1:1'], topics: ['*'], exclude: ['*.masked']}}\nstages:\n- decode: {" + decode + "}\n- mask:\n" + mask +
		"\nsinks: [{name: out, kafka: {brokers: ['127.0.0.1:1'], topic: '{topic}.masked'}}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMaskExplain: every column of a recording, what decided and where it
// stands; no key is asked for.
func TestMaskExplain(t *testing.T) {
	const topic, tape = "pg-inventory-json-schema.shop.customers", "../../processors/decode/testdata/pg-inventory-json-schema.jsonl.gz"
	file := pipelineFile(t, "", `    key: env:NOT_SET_ANYWHERE
    default: scan
    class: [{topics: ["*.customers"], columns: {email: email, score: custom}}]
    rules:
    - topics: ["*.shop.*"]
      classes:
        email: {partial: {keep_domain: true}}
      keep: {columns: [id], because: surrogate}`)
	out, talk, code := sluice(t, "mask", "explain", "--json", file, topic, "--recording", tape)
	if code != exitOK {
		t.Fatalf("code %d: %s", code, talk)
	}
	var got struct{ Columns []explained }
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	by := map[string]explained{}
	for _, x := range got.Columns {
		by[x.Column] = x
	}
	if x := by["email"]; x.Action != "partial" || x.Params != "{keep_domain: true}" || x.By != "class email" || x.Rule != 1 || x.At != file+":12" || x.Type != "string" {
		t.Errorf("email: %+v", x)
	}
	if x := by["id"]; x.Action != "keep" || x.Why != "surrogate" || x.By != "path" {
		t.Errorf("id: %+v", x)
	}
	if x := by["birth_date"]; x.Action != "scan" || x.By != "default" || !strings.HasPrefix(x.Why, "nulled") {
		t.Errorf("birth_date: %+v", x)
	}
	if x := by["score"]; x.Class != "custom" || x.By != "default" {
		t.Errorf("score: %+v", x)
	}
	out, talk, code = sluice(t, "mask", "explain", file, topic, "--recording", tape)
	if code != exitOK || !strings.Contains(out, file+":12") {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
	if _, talk, code = sluice(t, "mask", "explain", file, "no.such", "--recording", tape); code != exitFinding || !strings.Contains(talk, "no record has a row") {
		t.Errorf("code %d: %s", code, talk)
	}
}

// TestMaskExplainMistakes: what would stop the lanes and what matches nothing is told,
// all of it, and the code says so where no other topic explains it. // P4
func TestMaskExplainMistakes(t *testing.T) {
	const topic, tape = "pg-inventory-json-schema.shop.customers", "../../processors/decode/testdata/pg-inventory-json-schema.jsonl.gz"
	file := pipelineFile(t, "", `    key: env:NOT_SET_ANYWHERE
    rules:
    - topics: [pg-inventory-json-schema.shop.customers]
      columns: {emial: hash, id: redact, birth_date: {generalize: zip3}}
    - topics: ["*.shop.*"]
      columns: {nmae: hash}`)
	out, talk, code := sluice(t, "mask", "explain", file, topic, "--recording", tape)
	if code != exitFinding {
		t.Fatalf("code %d: %s%s", code, out, talk)
	}
	for _, want := range []string{"id is in the key", "zip3 is of texts", `"emial", which ` + topic + ` does not have, did you mean "email"?`, `rule 2: "nmae" matches nothing here: no column`, "other topics of that rule may have it"} {
		if strings.Count(out, want) != 1 {
			t.Errorf("%q is not there once: %s", want, out)
		}
	}
	file = pipelineFile(t, "", "    key: env:NOT_SET_ANYWHERE\n    rules: [{topics: ['*.shop.*'], columns: {nmae: hash}}]")
	if out, talk, code = sluice(t, "mask", "explain", file, topic, "--recording", tape); code != exitOK || !strings.Contains(out, "nmae") {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
}

// TestMaskExplainVersions: what stops the lanes at an earlier version of the table is
// told, as the gate stops there, and so is a path into what has no inside. // P4
func TestMaskExplainVersions(t *testing.T) {
	change := func(fields, after string) string {
		row := `{"type":"struct","fields":[` + fields + `],"optional":true,"name":"shop.t.Value","field":"`
		value := `{"schema":{"type":"struct","name":"shop.t.Envelope","fields":[` + row + `before"},` + row + `after"},{"field":"op","type":"string"}]},"payload":{"before":null,"after":` + after + `,"op":"c"}}`
		return `{"topic":"t","partition":0,"offset":0,"timestamp":1700000000000,"key":null,"value":"` + base64.StdEncoding.EncodeToString([]byte(value)) + `","headers":[]}` + "\n"
	}
	const id, doc, email = `{"field":"id","type":"int32"}`, `,{"field":"doc","type":"string"}`, `,{"field":"email","type":"string","optional":true}`
	tape := filepath.Join(t.TempDir(), "t.tape")
	text := change(id+doc, `{"id":1,"doc":"ann@x.example"}`) + change(id+doc+email, `{"id":2,"doc":"{}","email":"m"}`)
	if err := os.WriteFile(tape, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := pipelineFile(t, "", "    key: env:NOT_SET_ANYWHERE\n    rules: [{topics: [t], columns: {id: hash, email: hash, doc.is: hash}}, {columns: {id.n: hash}}]")
	out, talk, code := sluice(t, "mask", "explain", file, "t", "--recording", tape)
	if code != exitFinding || strings.Count(out, "stops t: ") != 1 || !strings.Contains(out, `names column "email", which t does not have`) ||
		!strings.Contains(out, `doc has no "is" in any value`) || !strings.Contains(out, `"id.n" matches nothing here: rule 1 says`) || strings.Contains(out, "ann@") {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
}

// TestMaskExplainContract: without records the contract tells the columns.
func TestMaskExplainContract(t *testing.T) {
	k := filepath.Join(t.TempDir(), "k.yaml")
	if err := os.WriteFile(k, []byte("topic: shop.*\nkey: [id]\nfields:\n- {name: id, type: int64}\n- {name: mail, type: string, pii: email, tags: [gdpr]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := pipelineFile(t, "contracts: "+k, "    key: env:X\n    rules: [{tags: {gdpr: redact}}]")
	out, talk, code := sluice(t, "mask", "explain", file, "shop.people")
	if code != exitOK || !strings.Contains(out, "tag gdpr") || !strings.Contains(out, "is email") {
		t.Errorf("code %d: %s%s", code, out, talk)
	}
}

// TestShippedPipelines: the files in deploy/pipelines are right.
func TestShippedPipelines(t *testing.T) {
	files, err := filepath.Glob("../../deploy/pipelines/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(err, files)
	}
	for _, f := range files {
		if filepath.Base(f) == "dev.yaml" {
			continue // its values come from the stack
		}
		if out, talk, code := sluice(t, "validate", f); code != exitOK {
			t.Errorf("%s%s", out, talk)
		}
	}
}
