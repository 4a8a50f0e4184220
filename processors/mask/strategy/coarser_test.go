package strategy

import (
	"strings"
	"testing"

	"sluice/schemas"
)

// TestCoarser: the next step, made of what this one made, is what the next
// action makes of the value itself, and a policy can write it. Rounding alone may
// differ, since it rounds twice.
func TestCoarser(t *testing.T) {
	s := func(kind schemas.Kind) schemas.Field {
		return schemas.Field{Name: "c", Type: schemas.Type{Kind: kind, Precision: 12, Scale: 2}}
	}
	mask := func(text string, f schemas.Field, value string) (string, Masker) {
		t.Helper()
		m, x := bound(t, text)
		if err := m.Fits(&f); err != nil {
			if strings.Contains(text, "bucket: 1") { // so wide that a decimal(12,2) has no such number
				return "", nil
			}
			t.Fatalf("%s: %v", text, err)
		}
		x.Field, x.Cell, x.Raw = &f, schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(value))}, []byte(value)
		if f.Type.Kind == schemas.Date {
			f.Wire = schemas.WireISO
		}
		out, enc := m.Mask(x, nil, f.Type.Kind, []byte(value))
		if enc == Refused || enc == AsNull {
			t.Fatalf("%s refuses %s", text, value)
		}
		return string(out), m
	}
	for _, c := range []struct {
		action string
		kind   schemas.Kind
		values string
		last   string // the coarsest there is
	}{
		{"month", schemas.Date, "2024-12-31 1999-02-28 1970-01-01", "decade"},
		{"day", schemas.String, "2024-12-31T23:59:59Z 1999-02-28T00:00:01Z", "decade"},
		{"{date: month, unit: days}", schemas.Int32, "19723 0 -1 400", "{date: decade, unit: days}"},
		{"{age: 5}", schemas.Int32, "0 4 5 37 89 90 104", "{age: 20}"},
		{"{age: 5}", schemas.String, "0 4 5 37 89 90 104", "{age: 20}"},
		{"{age: 20}", schemas.String, "3", "{age: 20}"},
		{"zip3", schemas.String, "94105 10001 03601", "{prefix: 1}"},
		{"zip3", schemas.Int32, "94105 10001 12345", "{bucket: 163840000000000}"},
		{"ip", schemas.String, "192.0.2.200 10.11.12.13 2001:db8:1:2::3", "{ip: {v4: 8, v6: 16}}"},
		{"{geohash: 5}", schemas.String, "37.774,-122.419 48.137,11.575", "{geohash: 1}"},
		{"{prefix: 3}", schemas.String, "abcdef Zoë-12", "{prefix: 1}"},
		{"{bucket: 500}", schemas.Int64, "499 500 -1 999999", "{bucket: 140737488355328000}"},
		{"{bucket: 0.5}", schemas.Float64, "0.75 1.5 -0.1", ""},
		{"{bucket: 500}", schemas.Decimal, "499.99 500.00", ""},
		{"{buckets: [0, 18, 65, 80]}", schemas.Int32, "0 17 18 64 65 79 80 99", "{buckets: [0]}"},
	} {
		f := s(c.kind)
		f.Wire = schemas.WirePlain
		action, steps := c.action, 0
		for ; steps < 60; steps++ {
			_, m := mask("{generalize: "+action+"}", f, strings.Fields(c.values)[0])
			if m == nil {
				break
			}
			to, of := Coarser(m, &f)
			if of == nil {
				break
			}
			for v := range strings.FieldsSeq(c.values) {
				now, _ := mask("{generalize: "+action+"}", f, v)
				next := to
				if c.action == "zip3" && action == c.action { // 03601 is below 20,000 people: 000
					next = "{generalize: zip3}"
				}
				want, whole := mask(next, f, v)
				if whole == nil {
					continue
				}
				if next != to {
					want = want[:min(2, len(want))]
					if c.kind != schemas.String {
						want = now[:1] + "0000"
					}
				}
				if got, ok := of(now); !ok || got != want && strings.TrimSuffix(want, ".00") != got && strings.TrimSuffix(got, ".0") != want {
					t.Errorf("%s to %s of %s: %q becomes %q, %v, want %q", action, to, v, now, got, ok, want)
				}
			}
			action = strings.TrimSuffix(strings.TrimPrefix(to, "{generalize: "), "}")
			if strings.Contains(to, "e+") {
				t.Fatal(to)
			}
		}
		if c.last != "" && (action != c.last || steps == 60) && !strings.HasPrefix(c.last, "{bucket:") {
			t.Errorf("%s ends at %s, want %s", c.action, action, c.last)
		}
	}
	f := s(schemas.String)
	for text, value := range map[string]string{"{round: 2}": "37.77,-122.42"} {
		_, m := mask("{generalize: "+text+"}", f, value)
		if to, of := Coarser(m, &f); to != "{generalize: {round: 1}}" {
			t.Error(to)
		} else if got, _ := of("37.77,-122.42"); got != "37.8,-122.4" {
			t.Error(got)
		}
	}
	if to, of := Coarser(nil, &f); to != "" || of != nil {
		t.Error("hash has a coarser step")
	}
}
