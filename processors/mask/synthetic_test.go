package mask

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/schemas"
)

// TestSyntheticTypes: integers stay integers, an IPv6 address one.
func TestSyntheticTypes(t *testing.T) {
	for _, c := range []struct {
		action string
		in     spelled
		want   string
	}{
		{"{synthetic: card}", whole("4111111111111111"), `^[2-6]\d{15}$`},
		{"{synthetic: phone}", whole("14155550132"), `^1\d{3}55501\d\d$`},
		{"{synthetic: ssn}", of(schemas.Int32, 0, schemas.EncInt, "219099999"), `^9\d\d(0[1-9]|[1-4]\d)\d{4}$`},
		{"{synthetic: ssn}", str("219099999"), `^9\d{8}$`},
		{"{synthetic: ip}", str("2600:1700::1"), `^2001:db8(:[0-9a-f]{4}){6}$`},
		{"{synthetic: {kind: email, unique: true}}", str("ann@x.example"), `^[a-z]+\.[a-z]+\d{3}\.[a-z2-7]{16}@example\.(com|org|net)$`},
		{"{synthetic: {kind: name, unique: true}}", str("Ann"), `^\S+ \S+ [a-z2-7]{16}$`},
		{"{synthetic: {kind: birth_date, days: 30}}", of(schemas.Date, schemas.WireDays, schemas.EncInt, "5580"), `^1985-0[3-5]-\d\d$`},
		{"{synthetic: card}", of(schemas.Int32, 0, schemas.EncInt, "5"), "a made-up card is no int32"},
		{"{synthetic: name}", whole("5"), "a made-up name is no int64"},
		{"{synthetic: email}", of(schemas.JSON, 0, schemas.EncJSON, `{"a":1}`), "is no json"},
	} {
		got := through(acting(t, c.action), c.in)
		if !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s of %v: %s", c.action, c.in.typ, got)
		}
		if c.in.text == "2600:1700::1" {
			if a, err := netip.ParseAddr(got); err != nil || a.String() != got {
				t.Errorf("%s is spelled %v, %v", got, a, err)
			}
		}
	}
}

// TestSyntheticCanonical: spellings of one value are one person, domains are not.
func TestSyntheticCanonical(t *testing.T) {
	is := func(action, in string) string { return through(acting(t, "{synthetic: {"+action+"}}"), str(in)) }
	for _, c := range [][2]string{{"kind: phone", "(415) 555-0132|+14155550132"}, {"kind: email", "Ann@x.example|ann@X.example "}, {"kind: name", "ann  LEE|Ann Lee"}, {"kind: card", "4111 1111 1111 1111|4111-1111-1111-1111"}} {
		a, b, _ := strings.Cut(c[1], "|")
		if is(c[0], a) != is(c[0], b) {
			t.Errorf("%s: %q and %q are two", c[0], a, b)
		}
	}
	if is("kind: email", "ann@x.example") == is("kind: email, domain: b", "ann@x.example") {
		t.Error("two domains have one person")
	}
}

// TestBy: what goes by a column of the row is of one person, and its dates
// keep their distance; before, after and every topic agree. // P3
func TestBy(t *testing.T) {
	const p = `{key: env:KEY, rules: [{columns: {name: {synthetic: {kind: name, by: id}}, email: {synthetic: {kind: email, by: id}}, born: {shift: {days: 300, by: id}},
  died: {shift: {days: 300, by: id}}, id: {keep: r}}}]}`
	g := gateOf(t, p)
	row1 := func(id int, name string) string {
		return fmt.Sprintf(`{"id":%d,"name":%q,"email":"a%d@x.example","born":"1950-01-31","died":"2020-03-01"}`, id, name, id)
	}
	s := schemaOf(true, "id", row1(1, "x"))
	get := func(ch change) (out []map[string]string) {
		b := batch(s, ch)
		x, err := g.Pass(b)
		if err != nil || len(x.Rows()) != 1 {
			t.Fatal(err, len(x.Rows()))
		}
		r := &x.Rows()[0]
		for _, side := range [][]schemas.Cell{r.Before, r.After} {
			if side == nil {
				continue
			}
			m := map[string]string{}
			for i, c := range r.Table.Columns {
				m[c.Name] = string(r.Bytes(side[i]))
			}
			out = append(out, m)
		}
		return out
	}
	seen := map[string]bool{}
	for id := range 50 {
		o := get(change{before: row1(id, "Ann"), after: row1(id, "Ann Married"), key: fmt.Sprintf(`{"id":%d}`, id)})
		b, a := o[0], o[1]
		if b["name"] != a["name"] || b["email"] != a["email"] || b["born"] != a["born"] {
			t.Fatalf("one customer is two: %v and %v", b, a)
		}
		given, family, _ := strings.Cut(strings.ToLower(a["name"]), " ")
		if !strings.HasPrefix(a["email"], given+"."+family) {
			t.Errorf("%s has the address %s", a["name"], a["email"])
		}
		born, err1 := time.Parse(time.DateOnly, a["born"])
		died, err2 := time.Parse(time.DateOnly, a["died"])
		if err1 != nil || err2 != nil || died.Sub(born) != 25597*24*time.Hour || a["born"] == "1950-01-31" {
			t.Errorf("born %s, died %s", a["born"], a["died"])
		}
		seen[a["name"]+a["email"]] = true
	}
	if len(seen) < 48 {
		t.Errorf("%d of 50 customers", len(seen))
	}
	// unchanged cells are not shared where another column of the row decides
	o := get(change{before: row1(1, "Ann"), after: row1(2, "Ann")})
	if o[0]["name"] == o[1]["name"] {
		t.Error("two customers of one name are one")
	}
	_, err := gateOf(t, strings.ReplaceAll(p, "by: id", "by: idd")).Pass(batch(s, change{after: row1(1, "x")}))
	if err == nil || !strings.Contains(err.Error(), `goes by column "idd", which shop.customers does not have, did you mean "id"?`) {
		t.Errorf("a column that is not there: %v", err)
	}
	// without the column each value is its own
	open := schemaOf(false, "", `{"name":"x"}`)
	x, err := gateOf(t, p).Pass(batch(open, change{after: `{"name":"Ann"}`}, change{after: `{"name":"Bob"}`}))
	if err != nil || string(x.Rows()[0].Bytes(x.Rows()[0].After[0])) == string(x.Rows()[1].Bytes(x.Rows()[1].After[0])) {
		t.Errorf("without the column: %v", err)
	}
}

func TestShift(t *testing.T) {
	for _, c := range []struct {
		in   spelled
		want string
	}{
		{of(schemas.Timestamp, schemas.WireNanos, schemas.EncInt, "1769853600123456789"), `^2026-0\d-\d\dT10:00:00.123456789$`},
		{of(schemas.Instant, schemas.WireISO, schemas.EncText, "2026-01-31T10:00:00.5Z"), `^2026-0\d-\d\dT10:00:00.5Z$`},
		{str("2026-01-31 10:00:00"), `^2026-0\d-\d\d 10:00:00$`}, {str("31.1.2026"), "REJECTED"},
		{of(schemas.Date, schemas.WireMillis, schemas.EncInt, "1769817600000"), `^2026-0\d-\d\dT?`},
		{whole("5"), "give unit"}, {of(schemas.Time, schemas.WireMicros, schemas.EncInt, "5"), "time holds no date"},
	} {
		if got := through(acting(t, "{shift: {days: 10}}"), c.in); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%v %q: %s", c.in.typ, c.in.text, got)
		}
	}
}

func TestNoise(t *testing.T) {
	for _, in := range []spelled{str("none"), whole("99999999999999999999"), of(schemas.Float64, 0, schemas.EncText, "NaN")} {
		if got := through(acting(t, "{noise: {within: 5}}"), in); got != "REJECTED" {
			t.Errorf("%q: %s", in.text, got)
		}
	}
	for _, in := range []spelled{whole("9223372036854775807"), whole("-9223372036854775808"), of(schemas.Int32, 0, schemas.EncInt, "2147483647"), dec(4, 2, "99.99"), dec(18, 0, "999999999999999999")} {
		if got := through(acting(t, "{noise: {percent: 100}}"), in); got == "REJECTED" || strings.Contains(got, "no ") {
			t.Errorf("%s of %v: %s", in.text, in.typ, got)
		}
	}
}
