package mask

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/schemas"
)

// TestScan: findings are masked, what is around them stays; numbers, dates and
// bytes by the table at the top of scan.go. // P4
func TestScan(t *testing.T) {
	const note = `Ann <ann@corp.example.org> paid with 4111 1111 1111 1111, ok`
	for _, c := range []struct {
		name, policy, column string
		kind                 schemas.Kind
		in, want             string
	}{
		{"text", "", "note", schemas.String, note, "Ann <[email]> paid with [card], ok"},
		{"nothing in it", "", "note", schemas.String, "all is well at 10:42", "all is well at 10:42"},
		{"by class", "scan: {classes: {email: hash, card: {partial: {keep_last: 4}}}}", "note", schemas.String, note, "Ann <HASH> paid with ***************1111, ok"},
		{"else", "scan: {classes: {email: {keep: public}}, else: 'null'}", "note", schemas.String, note, "Ann <ann@corp.example.org> paid with , ok"},
		{"a column's own scan", "scan: {else: hash}\nrules: [{columns: {note: {scan: {classes: {card: hash}}}}}]", "note", schemas.String, note, "Ann <[email]> paid with HASH, ok"},
		{"a column's scan that says nothing", "default: withhold\nrules: [{columns: {note: scan}}]", "note", schemas.String, note, "Ann <[email]> paid with [card], ok"},
		{"escapes", "", "note", schemas.String, `mail ann\u0040corp.example.org é`, "mail [email] é"},
		{"the column's name is context", "", "home_phone", schemas.String, "2025550143", "[phone]"},
		{"without it there is none", "", "ref", schemas.String, "2025550143", "2025550143"},
		{"camel case", "", "homePhone", schemas.String, "2025550143", "[phone]"},
		{"less than the least confidence", "detect: {min: 1}", "home_phone", schemas.String, "2025550143", "2025550143"},
		{"upper case", "", "HOME_PHONE", schemas.String, "2025550143", "[phone]"},
		{"with hyphens", "", "home-phone", schemas.String, "2025550143", "[phone]"},
		{"with dots", "", "home.phone", schemas.String, "2025550143", "[phone]"},
		{"with a mark before it", "", "@phone", schemas.String, "2025550143", "[phone]"},
		{"a pattern", "detect: {patterns: [{regex: 'EMP-[0-9]+'}]}", "note", schemas.String, "by EMP-77", "by [custom]"},
		{"a card as a number", "", "n", schemas.Int64, "4111111111111111", "null"},
		{"a number", "", "n", schemas.Int64, "123456", "123456"},
		{"a long number", "", "n", schemas.Int64, "1700000000000", "1700000000000"},
		{"an ssn as a number", "", "ssn", schemas.Int64, "536228726", "null"},
		{"an ssn without its zero", "", "ssn", schemas.Int64, "78051121", "null"},
		{"a phone as a number", "", "phone", schemas.Int64, "12025550143", "null"},
		{"a phone of seven digits", "", "phone", schemas.Int64, "5550143", "null"},
		{"a decimal", "", "n", schemas.Decimal, "4111111111111111.00", "null"},
		{"a price", "", "price", schemas.Decimal, "1234567.89", "1234567.89"},
		{"a float", "", "n", schemas.Float64, "4111111111111111.0", "null"},
		{"a float with an exponent", "", "n", schemas.Float64, "4.111111111111111e15", "null"},
		{"a latitude", "", "lat", schemas.Float64, "52.520008", "null"},
		{"a longitude", "", "pickupLongitude", schemas.Float64, "-122.399677", "null"},
		{"a ratio", "", "phone_score", schemas.Float64, "0.52520008", "0.52520008"},
		{"a coarse latitude", "", "lat", schemas.Float64, "52.5", "52.5"},
		{"a date", "", "d", schemas.Date, "2001-02-03", "null"},
		{"a time stamp", "", "d", schemas.Timestamp, "2001-02-03T00:00:00", "null"},
		{"an instant", "", "d", schemas.Instant, "2001-02-03T00:00:00Z", "null"},
		{"a time of the day", "", "d", schemas.Time, "10:00:00", "10:00:00"},
		{"bytes", "", "b", schemas.Binary, "YWJj", "null"},
		{"a UUID", "", "u", schemas.UUID, "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-42d3-a456-426614174000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := "key: env:KEY\n" + c.policy
			if !strings.Contains(c.policy, "default:") {
				p += "\ndefault: scan"
			}
			g := gateOf(t, p)
			v, _ := json.Marshal(c.in)
			if c.kind == schemas.Int64 || c.kind == schemas.Float64 {
				v = []byte(c.in)
			}
			if c.name == "escapes" {
				v = []byte(`"` + c.in + `"`)
			}
			in := `{"` + c.column + `":` + string(v) + `}`
			s := schemaOf(false, "", in)
			f := &s.Fields[0]
			f.Type, f.Nullable = schemas.Type{Kind: c.kind}, false
			if c.kind == schemas.Decimal {
				f.Type.Precision, f.Type.Scale = 20, 2
			}
			if c.kind >= schemas.Date && c.kind <= schemas.Instant {
				f.Wire = schemas.WireISO
			}
			b := batch(s, change{before: in, after: in})
			x, err := g.Pass(b)
			if err != nil || len(x.Rows()) != 1 {
				t.Fatal(err, b.Rejects)
			}
			r := &x.Rows()[0]
			for _, cs := range [][]schemas.Cell{r.Before, r.After} { // P3
				if got := tokens.ReplaceAllString(row(r, cs), "HASH"); got != c.column+"="+c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			}
			if col := r.Table.Columns[0]; col.Bounds || col.Type.Kind != c.kind || !col.Nullable {
				t.Errorf("column %+v", col)
			}
		})
	}
}

// TestScanJSON: every string, number and name inside of a value, and of a path
// into it.
func TestScanJSON(t *testing.T) {
	const in = `{"j":{"who":"ann@corp.example.org","n":[4111111111111111,7,true,null],"ann@corp.example.org":1,"in":{"phone":"2025550143","tel":["2025550143"],"q":"a \"b\" é"},"e":"\u0061nn@corp.example.org","Zoë":{},"a":[]}}`
	const out = `{"who":"[email]","n":[null,7,true,null],"HASH":1,"in":{"phone":"[phone]","tel":["[phone]"],"q":"a \"b\" é"},"e":"[email]","HASH":{},"a":[]}`
	s := schemaOf(false, "", in)
	for _, c := range []struct{ name, policy, want string }{
		{"by default", "default: scan", out},
		{"by its action", "default: withhold\nrules: [{columns: {j: scan}}]", out},
		{"what paths do not name", "default: scan\nrules: [{columns: {j.who: drop, j.in: {keep: r}}}]",
			`{"n":[null,7,true,null],"HASH":1,"in":{"phone":"2025550143","tel":["2025550143"],"q":"a \"b\" é"},"e":"[email]","HASH":{},"a":[]}`},
		{"at a path", "default: withhold\nrules: [{columns: {j.in: {scan: {else: hash}}}}]", `{"in":{"phone":"HASH","tel":["HASH"],"q":"a \"b\" é"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gateOf(t, "key: env:KEY\n"+c.policy)
			b := batch(s, change{after: in})
			x, err := g.Pass(b)
			if err != nil || len(x.Rows()) != 1 {
				t.Fatal(err, b.Rejects)
			}
			if got := tokens.ReplaceAllString(row(&x.Rows()[0], x.Rows()[0].After), "HASH"); got != "j="+c.want {
				t.Errorf("got  %s\nwant j=%s", got, c.want)
			}
		})
	}
}

// TestScanAtPaths: a value at a path stands under the nearest name above it.
func TestScanAtPaths(t *testing.T) {
	const in = `{"id":"2025550143","phone":[2025550143,"2025550143",7],"z":{"ref":[2025550143],"tel":[2025550143,9175550143,-2025550143]}}`
	g := gateOf(t, "key: env:KEY\nrules: [{columns: {id: scan, 'phone[*]': scan, 'z.ref[*]': scan, 'z.tel[*]': scan}}]")
	x, err := g.Pass(batch(schemaOf(false, "", in), change{after: in}))
	if err != nil || len(x.Rows()) != 1 {
		t.Fatal(err)
	}
	if got, want := row(&x.Rows()[0], x.Rows()[0].After), `id=2025550143 phone=[null,"[phone]",7] z={"ref":[2025550143],"tel":[null,null,null]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestScanRefuses: what is not what its column says is not guessed at. // P2
func TestScanRefuses(t *testing.T) {
	g := gateOf(t, "key: env:KEY\ndefault: scan")
	s := schemaOf(false, "", `{"a":"x","j":{}}`)
	for _, bad := range []string{"{\"a\":\"ann\xff@corp.example.org\"}", `{"j":"{\"x\":"}`, `{"j":"plain"}`} {
		b := batch(s, change{after: strings.ReplaceAll(bad, "\xff", "?")})
		if i := strings.IndexByte(bad, 0xff); i >= 0 {
			raw := []byte(bad)
			b.Records[0].Value = streamView(raw)
		}
		if x, err := g.Pass(b); err != nil || len(x.Rows()) != 0 || len(b.Rejects) != 1 || b.Rejects[0].Code != codeUnmaskable {
			t.Errorf("%q: %v, %d rows, %d rejects", bad, err, len(x.Rows()), len(b.Rejects))
		}
	}
}

// TestScanDictionary: words of the user are masked in texts, and a name that is one of
// them is no name of a column; nor is one that an expression of the user finds. // P1
func TestScanDictionary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "words.txt")
	if err := os.WriteFile(file, []byte("blue heron\nZaphod\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const in = `{"j":{"Zaphod":1,"EMPABCD":2,"note":"for BLUE HERON"},"t":"Zaphod's Blue Heron, zaphod"}`
	g := gateOf(t, "key: env:KEY\ndefault: scan\ndetect: {words: [{file: '"+file+"'}], patterns: [{regex: 'EMP[A-Z]{4}'}]}")
	x, err := g.Pass(batch(schemaOf(true, "", in), change{after: in}))
	if err != nil || len(x.Rows()) != 1 {
		t.Fatal(err)
	}
	got := tokens.ReplaceAllString(row(&x.Rows()[0], x.Rows()[0].After), "HASH")
	if got != `j={"HASH":1,"HASH":2,"note":"for [custom]"} t=[custom]'s [custom], zaphod` {
		t.Error(got)
	}
	loose := `{"Zaphod":"x","EMPABCD":"y","plain":"z"}`
	s := schemaOf(false, "", loose)
	for i := range s.Fields {
		s.Fields[i].Loose = true
	}
	if x, err = g.Pass(batch(s, change{after: loose})); err != nil {
		t.Fatal(err)
	}
	if got := row(&x.Rows()[0], x.Rows()[0].After); got != "plain=z" { // P4
		t.Error(got)
	}
}
