package mask

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"sluice/processors/mask/policy"
	"sluice/topology/stream"
)

// TestProblems: all that would stop a topic's lanes is told at once, without a key,
// and the first of it is what they stop for. // P4
func TestProblems(t *testing.T) {
	const text = "key: env:NOT_SET\nrules: [{topics: [shop.customers], columns: {id: redact, ok: tokenize, mail: {synthetic: {kind: email, by: hwo}}, emial: hash}}]"
	r, err := policy.Read(yamlOf(t, text))
	if err != nil {
		t.Fatal(err)
	}
	s := schemaOf(true, "id", `{"id":1,"mail":"m","ok":true,"who":1}`)
	got := Problems(r, s)
	if len(got) != 4 {
		t.Fatalf("%q", got)
	}
	for i, want := range []string{"rows would fall together: keep it", `column "hwo", which shop.customers does not have, did you mean "who"?: mend`, "a bool has two values", `did you mean "mail"?: mend the policy`} {
		if !strings.Contains(got[i], want) {
			t.Errorf("%d: %q, want %q", i, got[i], want)
		}
	}
	_, err = gateOf(t, strings.Replace(text, "NOT_SET", "KEY", 1)).Pass(batch(s, change{after: `{"id":1}`}))
	var state *stream.StateError
	if !errors.As(err, &state) || state.Why+": "+state.Todo != got[0] {
		t.Errorf("%v, want %q", err, got[0])
	}
	if got := Problems(r, schemaOf(true, "", `{"emial":"m","mail":"x","id":1,"hwo":1,"ok":"x"}`)); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestLate: a path into values that matched nothing is told once after 1,000 rows,
// whatever the batches are; one that matched is not. // P4
func TestLate(t *testing.T) {
	g := gateOf(t, "key: env:KEY\nrules: [{columns: {a: {keep: r}, a.mail: hash, a.mial: hash}}]")
	var log bytes.Buffer
	g.log = slog.New(slog.NewTextHandler(&log, nil))
	s := schemaOf(true, "", `{"a":{"mail":"m"}}`)
	var some []change
	for range 300 {
		some = append(some, change{after: `{"a":{"mail":"ann@x.example"}}`})
	}
	for i := range 8 {
		if _, err := g.Pass(batch(s, some...)); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), "matched nothing so far"); i < 3 && n != 0 || i >= 3 && n != 1 {
			t.Fatalf("%d times after %d rows: %s", n, 300*(i+1), log.String())
		}
	}
	if out := log.String(); !strings.Contains(out, "a.mial") || strings.Contains(out, "a.mail") || strings.Contains(out, "x.example") {
		t.Error(out)
	}
}
