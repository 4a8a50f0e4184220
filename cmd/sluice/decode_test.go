package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unzip reads a file of testdata/recordings.
func unzip(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// decoded runs sluice decode over a recording and returns its lines by topic
// (without the connector's name), partition and offset.
func decoded(t *testing.T, name string) (lines map[string]map[string]any, text string) {
	t.Helper()
	text, talk, code := sluice(t, "decode", "--privacy", "none", "testdata/recordings/"+name+".jsonl.gz")
	if code != exitOK || !strings.Contains(talk, " 0 rejected") {
		t.Fatalf("%s: code %d: %s", name, code, talk)
	}
	lines = map[string]map[string]any{}
	for l := range strings.Lines(text) {
		d := json.NewDecoder(strings.NewReader(l))
		d.UseNumber()
		var v map[string]any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		topic := v["topic"].(string)
		if name != "traps" { // of many connectors
			_, topic, _ = strings.Cut(topic, ".")
		}
		lines[fmt.Sprint(topic, "/", v["partition"], "/", v["offset"])] = v
	}
	return lines, text
}

// TestDecodeGolden: whole recordings of Debezium, row by row. The golden files
// were held against the SQL that made the recordings: TestDecodeExact and
// TestDecodeEncodingsAgree say what of it.
func TestDecodeGolden(t *testing.T) {
	all, err := filepath.Glob("testdata/recordings/*.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		name, ok := strings.CutSuffix(filepath.Base(p), ".jsonl.gz")
		if !ok || strings.HasSuffix(name, ".golden") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			_, got := decoded(t, name)
			golden := "testdata/recordings/" + name + ".golden.jsonl.gz"
			if *update {
				var b bytes.Buffer
				z := gzip.NewWriter(&b)
				_, _ = io.WriteString(z, got)
				if err := z.Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := strings.Split(unzip(t, golden), "\n")
			for i, l := range strings.Split(got, "\n") {
				if i >= len(want) || l != want[i] {
					t.Fatalf("line %d: %s", i+1, l)
				}
			}
			if n := strings.Count(got, "\n") + 1; n != len(want) {
				t.Fatalf("%d lines, want %d", n, len(want))
			}
		})
	}
}

// TestDecodeExact: values as the SQL of the recordings wrote them.
func TestDecodeExact(t *testing.T) {
	byID := func(lines map[string]map[string]any, table, id string) map[string]any {
		for _, k := range slices.Sorted(maps.Keys(lines)) {
			if a, ok := lines[k]["after"].(map[string]any); ok && lines[k]["table"] == table && fmt.Sprint(a["id"]) == id {
				return a
			}
		}
		t.Fatalf("no row %s of %s", id, table)
		return nil
	}
	pg, _ := decoded(t, "pg-types-json-schema")
	for _, c := range []struct{ table, id, column, want string }{
		{"t_int", "3", "i8", "-9223372036854775808"}, {"t_int", "4", "i8", "9223372036854775807"}, {"t_int", "5", "i8", "9007199254740993"},
		{"t_int", "4", "o", "4294967295"}, {"t_int", "2", "nn_i4", "42"}, {"t_int", "3", "b", "false"},
		{"t_float", "3", "f4", "-Infinity"}, {"t_float", "5", "f8", "NaN"}, {"t_float", "10", "f8", "4.9E-324"}, {"t_float", "7", "f8", "1.7976931348623157E308"},
		{"t_numeric", "1", "n", "3.14159"}, {"t_numeric", "3", "n", "-0.000000000000000000000000000001"}, {"t_numeric", "4", "n", "10000000000000000000000000000000000000000"},
		{"t_numeric", "1", "n_38_18", "12345678901234567890.123456789012345678"}, {"t_numeric", "3", "n_38_18", "-99999999999999999999.999999999999999999"},
		{"t_numeric", "1", "n_10_2", "12345678.90"}, {"t_numeric", "1", "n_20_20", "0.12345678901234567890"}, {"t_numeric", "1", "m", "1234.56"},
		{"t_numeric", "1", "n_neg", "1200"}, {"t_numeric", "3", "n_neg", "-999900"}, {"t_numeric", "8", "n_neg", "100"}, {"t_numeric", "5", "n_neg", "0"},
		{"t_numeric", "3", "n_1000_0", "-1" + strings.Repeat("0", 999)},
		{"t_time", "1", "d", "2026-03-29"}, {"t_time", "1", "t", "12:34:56.789012"}, {"t_time", "1", "ttz", "10:34:56.789012Z"},
		{"t_time", "1", "ts", "2026-03-29T02:30:00.123456"}, {"t_time", "1", "tstz", "2026-03-29T00:30:00.123456Z"},
		{"t_json", "1", "u", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, {"t_net", "1", "i", "192.168.100.128/25"},
	} {
		if got := fmt.Sprint(byID(pg, c.table, c.id)[c.column]); got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.table, c.id, c.column, got, c.want)
		}
	}
}

// TestDecodeEncodingsAgree: the same SQL, recorded as JSON with schemas and as
// Avro in two wire forms, gives the same rows. What differs is Debezium's: Avro
// has other names for four columns, and the clock and ids of each run are its own.
func TestDecodeEncodingsAgree(t *testing.T) {
	want, _ := decoded(t, "../../../../processors/decode/testdata/pg-inventory-json-schema")
	for _, name := range []string{"pg-inventory-avro", "pg-inventory-avro-headers"} {
		got, _ := decoded(t, name)
		bag := func(lines map[string]map[string]any) map[string]int {
			n := map[string]int{}
			for k, v := range lines {
				topic, _, _ := strings.Cut(k, "/")
				if topic == "shop.MixedCase" || topic == "shop.debezium_signal" || topic == "shop.audit_log" {
					continue
				}
				row, _ := json.Marshal([]any{topic, v["op"], v["key"], v["before"], v["after"], v["unavailable"]})
				n[string(row)]++
			}
			return n
		}
		g, w := bag(got), bag(want)
		if len(g) < 500 || !maps.Equal(g, w) {
			for k := range g {
				if g[k] != w[k] {
					t.Fatalf("%s: %d of %.300s, want %d", name, g[k], k, w[k])
				}
			}
			t.Fatalf("%s: %d different rows, want %d", name, len(g), len(w))
		}
	}
}

// TestDecodeSays: policy or nothing, and places of mistakes without contents.
func TestDecodeSays(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	one := `{"topic":"t","partition":0,"offset":3,"timestamp":1,"key":null,"value":"eyJhIjoxfQ==","headers":[]}` + "\n"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"decode", file("a.jsonl", one)}, exitUsage, "--privacy none"},
		{[]string{"decode", "--privacy", "some", file("a.jsonl", one)}, exitUsage, "--privacy none"},
		{[]string{"decode", "--privacy", "none", filepath.Join(dir, "none")}, exitUsage, "no such file"},
		{[]string{"decode", "--privacy", "none", file("b.jsonl", one+"{secret\n")}, exitUsage, "line 2: not a record"},
		{[]string{"decode", "--privacy", "none", file("c.jsonl", strings.Replace(one, "eyJhIjoxfQ==", "e3NlY3JldA==", 1))}, exitFinding, "1 rejected"},
		{[]string{"decode", "--privacy", "none", file("d.jsonl", strings.Replace(one, "eyJhIjoxfQ==", "AAAAAAEC", 1))}, exitFinding, "1 rejected"},
		{[]string{"decode", "--privacy", "none", file("e.jsonl", one)}, exitOK, "1 records: 1 rows"},
	} {
		out, talk, code := sluice(t, c.args...)
		if code != c.code || !strings.Contains(talk, c.want) || strings.Contains(talk+out, "secret") {
			t.Errorf("%v: code %d, want %d: %s", c.args[:2], code, c.code, talk)
		}
	}
	pretty := strings.Replace(one, "eyJhIjoxfQ==", "eyJhIjpbMSwKMl19", 1) // {"a":[1,\n2]}
	if out, _, code := sluice(t, "decode", "--privacy", "none", file("f.jsonl", pretty)); code != exitOK || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"a":[1, 2]`) {
		t.Errorf("one line a row: %q", out)
	}
	out, _, _ := sluice(t, "decode", "--privacy", "none", "--schema", filepath.Join(dir, "e.jsonl"))
	if want := `{"topic":"t","version":2,"fields":[{"name":"a","type":"int64","nullable":true}]}` + "\n"; out != want {
		t.Errorf("--schema: %s", out)
	}
}
