package mask

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
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

// TestMissingIsUnmatched: a path into values of which explain says that it leads to
// nothing is one that the gate never found, and the other way around. // P4
func TestMissingIsUnmatched(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	names := []string{"a", "b", "B", "c@x"}
	var value func(depth int) string
	value = func(depth int) string {
		switch n := rng.IntN(5); {
		case depth > 2 || n == 0:
			return "null"
		case n == 1 && depth > 0:
			return "[" + value(depth+1) + "," + value(depth+1) + "]"
		}
		var members []string
		for _, name := range names {
			if rng.IntN(2) == 0 {
				members = append(members, fmt.Sprintf("%q:%s", name, value(depth+1)))
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	judged, lost := 0, 0
	for range 3000 {
		columns := map[string]string{}
		for range 1 + rng.IntN(4) {
			path := "d"
			for range 1 + rng.IntN(3) {
				path += []string{".a", ".b", ".*", "[*]", ".a.{key}"}[rng.IntN(5)]
			}
			columns[path] = []string{"hash", "{keep: r}", "drop"}[rng.IntN(3)]
		}
		text := "key: env:KEY\ndefault: " + []string{"mask", "scan", "withhold"}[rng.IntN(3)] + "\nrules: [{columns: {"
		for path, action := range columns {
			text += "'" + path + "': " + action + ", "
		}
		r, err := policy.Read(yamlOf(t, text+"}}]"))
		if err != nil {
			continue
		}
		g := gateOf(t, text+"}}]")
		s := schemaOf(true, "", `{"d":{}}`)
		var in policy.Inside
		refused := false
		for range 3 {
			v := value(0)
			in.Add("d", []byte(v))
			b := batch(s, change{after: `{"d":` + v + `}`})
			if _, err := g.Pass(b); err != nil {
				t.Fatal(err)
			}
			refused = refused || len(b.Rejects) > 0
		}
		if refused { // half way the gate had found some
			continue
		}
		var missing, unmatched []string
		for _, m := range r.Missing(s, &in) {
			missing = append(missing, m.Of+": "+m.Path)
		}
		unmatched = g.Unmatched()
		slices.Sort(missing)
		slices.Sort(unmatched)
		if !slices.Equal(missing, unmatched) {
			t.Fatalf("%s: explain says %q, the gate %q", text, missing, unmatched)
		}
		judged++
		lost += len(missing)
	}
	if judged < 200 || lost < 200 {
		t.Errorf("%d policies, %d paths", judged, lost)
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
