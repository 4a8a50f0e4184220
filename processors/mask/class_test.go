package mask

import (
	"strings"
	"testing"

	"sluice/processors/mask/policy"
	"sluice/schemas"
)

// TestClasses: what a class or a tag decides, and what decides before it.
func TestClasses(t *testing.T) {
	const in = `{"id":7,"mail":"ann@x.example","note":"n","other":"o","profile":{"tel":"1","tag":"t","city":"Rome"},"fax":"2"}`
	s := schemaOf(false, "", in)
	of := func(name string, c schemas.Class, tags ...string) {
		f := &s.Fields[s.Ordinal([]byte(name))]
		f.Class, f.Tags = c, tags
	}
	of("mail", schemas.Email, "gdpr") // as a contract says it
	of("fax", schemas.Phone)
	of("note", schemas.NoClass, "gdpr", "a")
	for _, c := range []struct{ name, policy, want string }{
		{"class before tag", "rules: [{tags: {gdpr: redact, a: drop}, classes: {email: {partial: {keep_last: 1}}}}]",
			`fax=HASH id=null mail=************e other=HASH profile=HASH`},
		{"path before class", "rules: [{classes: {email: redact, phone: drop}, columns: {mail: hash}}]", `id=null mail=HASH note=HASH other=HASH profile=HASH`},
		{"an earlier rule's tag before a later one's path", "rules: [{tags: {gdpr: redact}}, {columns: {mail: drop, note: drop}}]",
			`fax=HASH id=null mail=[redacted] note=[redacted] other=HASH profile=HASH`},
		{"the policy's word before the contract's", "class: [{columns: {mail: name, other: email}}]\nrules: [{classes: {email: drop, name: redact}}]",
			`fax=HASH id=null mail=[redacted] note=HASH profile=HASH`},
		{"its first entry first", "class: [{topics: [else], columns: {other: card}}, {columns: {other: ssn}}, {columns: {other: email}}]\nrules: [{classes: {card: hash, email: hash, ssn: redact}}]",
			`fax=HASH id=null mail=HASH note=HASH other=[redacted] profile=HASH`},
		{"classes inside", "class: [{columns: {profile.tel: phone, profile.city: address}, tags: {t: [profile.tag]}}]\nrules: [{classes: {phone: redact, address: {keep: r}}, tags: {t: {keep: r}}}]",
			`fax=[redacted] id=null mail=HASH note=HASH other=HASH profile={"tel":"[redacted]","tag":"t","city":"Rome"}`},
		{"a class of the whole decides what is inside", "class: [{columns: {profile: address, profile.tel: phone}}]\nrules: [{classes: {address: redact, phone: {keep: r}}}]",
			`fax=2 id=null mail=HASH note=HASH other=HASH profile=[redacted]`},
		{"a path inside decides before a class of the whole", "class: [{columns: {profile: address}}]\nrules: [{classes: {address: {keep: r}}, columns: {profile.tel: redact}}]",
			`fax=HASH id=null mail=HASH note=HASH other=HASH profile={"tel":"[redacted]","tag":"HASH","city":"HASH"}`},
		{"a path that masks all is not undone inside", "class: [{columns: {profile.tel: phone}}]\nrules: [{classes: {phone: {keep: r}}, columns: {profile: redact}}]",
			`fax=2 id=null mail=HASH note=HASH other=HASH profile=[redacted]`},
		{"kept but for a class inside", "class: [{columns: {profile.tel: phone}}]\nrules: [{classes: {phone: redact}, columns: {profile: {keep: r}}}]",
			`fax=[redacted] id=null mail=HASH note=HASH other=HASH profile={"tel":"[redacted]","tag":"t","city":"Rome"}`},
		{"the policy's tags beside the contract's", "class: [{columns: {mail: email}, tags: {extra: [mail, other]}}]\nrules: [{tags: {extra: redact}}]", `fax=HASH id=null mail=[redacted] note=HASH other=[redacted] profile=HASH`},
		{"the contract's tags beside the policy's", "class: [{columns: {mail: email}, tags: {extra: [mail]}}]\nrules: [{tags: {a: drop, gdpr: redact}}]", `fax=HASH id=null mail=[redacted] other=HASH profile=HASH`},
		{"scans by class and by tag", "scan: {classes: {email: hash}, else: redact}\nrules: [{tags: {gdpr: scan}, classes: {phone: scan}}]", `fax=2 id=null mail=HASH note=n other=HASH profile=HASH`},
		{"the contract's class of what the policy tags", "class: [{tags: {extra: [mail]}}]\nrules: [{classes: {email: redact}}]", `fax=HASH id=null mail=[redacted] note=HASH other=HASH profile=HASH`},
		{"the first tag by name", "class: [{tags: {b: [other], c: [other], a: [other]}}]\nrules: [{tags: {c: drop, a: redact, b: {keep: r}}}]", `fax=HASH id=null mail=HASH note=[redacted] other=[redacted] profile=HASH`},
		{"actions with keys of their own", "rules: [{tags: {gdpr: {hash: {domain: d}}}, classes: {phone: {hash: {domain: e}}}}]", `fax=HASH id=null mail=HASH note=HASH other=HASH profile=HASH`},
		{"kept by class and tag", "rules: [{keep: {classes: [email], tags: [a], because: r}}]", `fax=HASH id=null mail=ann@x.example note=n other=HASH profile=HASH`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 8 { // the order of a map in YAML decides nothing
				g := gateOf(t, "key: env:KEY\n"+c.policy)
				x, err := g.Pass(batch(s, change{after: in}))
				if err != nil {
					t.Fatal(err)
				}
				if got := tokens.ReplaceAllString(row(&x.Rows()[0], x.Rows()[0].After), "HASH"); got != c.want {
					t.Fatalf("got  %s\nwant %s", got, c.want)
				}
				if un := g.Unmatched(); len(un) > 0 {
					t.Errorf("unmatched %q", un)
				}
			}
		})
	}
	x, err := gateOf(t, "key: env:KEY\nclass: [{columns: {mail: name, other: email, profile: address}}, {columns: {other: ssn}}]").Pass(batch(s, change{after: in}))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]schemas.Class{"fax": schemas.Phone, "mail": schemas.Name, "other": schemas.Email, "profile": schemas.Address} // the policy's word, else the contract's
	for _, c := range x.Rows()[0].Table.Columns {
		if c.Class != want[c.Name] {
			t.Errorf("%s is of class %v behind the gate, want %v", c.Name, c.Class, want[c.Name])
		}
	}
	g := gateOf(t, "key: env:KEY\nclass: [{columns: {mial: email, profile.tle: phone}}]\nrules: [{classes: {email: redact, phone: redact}}]")
	if _, err := g.Pass(batch(s, change{after: in})); err != nil {
		t.Fatal(err)
	}
	if un := strings.Join(g.Unmatched(), ", "); un != "class 1: mial, class 1: profile.tle" {
		t.Errorf("unmatched %s", un)
	}
	d := gateOf(t, "key: env:KEY\nrules:\n- classes:\n    email: {partial: {keep_first: 1, keep_last: 2}}\n").Explain(s)
	if i := s.Ordinal([]byte("mail")); d[i] != (policy.Decision{Column: "mail", Action: "partial", Params: "{keep_first: 1, keep_last: 2}", Rule: 1, Line: 4, By: "class email", Class: "email"}) {
		t.Errorf("explain %+v", d[i])
	}
}

// TestMembers: maps, by the values and by the names of their members.
func TestMembers(t *testing.T) {
	const in = `{"m":{"ann@x.example":{"tel":"1","n":2},"bob":{"tel":"3","fax":"4"},"2025550143":[{"tel":"5"}]}}`
	s := schemaOf(false, "", in)
	for _, c := range []struct{ name, rest, columns, want string }{
		{"values; names that may be data are hashed", "mask", `{"m.*": redact}`, `{"HASH":"[redacted]","bob":"[redacted]","HASH":"[redacted]"}`},
		{"values of values", "mask", `{"m.*.tel": redact, "m.*[*].tel": "null"}`, `{"HASH":{"tel":"[redacted]","n":null},"bob":{"tel":"[redacted]","fax":"HASH"},"HASH":[{"tel":null}]}`},
		{"what all members are is nothing of one with paths of its own", "mask", `{"m.*": redact, m.bob.fax: {keep: r}}`, `{"HASH":"[redacted]","bob":{"tel":"HASH","fax":"4"},"HASH":"[redacted]"}`},
		{"what all members are kept as, one with paths of its own is but for those", "mask", `{"m.*": {keep: r}, m.bob.fax: redact}`, `{"HASH":{"tel":"1","n":2},"bob":{"tel":"3","fax":"[redacted]"},"HASH":[{"tel":"5"}]}`},
		{"a number", "mask", `{'m["ann@x.example"].n': redact}`, `{"ann@x.example":{"tel":"HASH","n":null},"bob":"HASH","HASH":"HASH"}`},
		{"another member but for the case is among the others", "mask", `{"m.BOB": {keep: r}, "m.*": redact}`, `{"HASH":"[redacted]","bob":"[redacted]","HASH":"[redacted]"}`},
		{"names", "mask", `{"m.{key}": hash, "m.*": {keep: r}}`, `{"HASH":{"tel":"1","n":2},"HASH":{"tel":"3","fax":"4"},"HASH":[{"tel":"5"}]}`},
		{"names alone", "withhold", `{"m.{key}": hash}`, `{}`},
		{"names of what is kept", "withhold", `{m: {keep: r}, "m.{key}": hash}`, `{"HASH":{"tel":"1","n":2},"HASH":{"tel":"3","fax":"4"},"HASH":[{"tel":"5"}]}`},
		{"members by their names", "withhold", `{m: {keep: r}, "m.{key}": drop}`, `{}`},
		{"names kept", "mask", `{"m.{key}": {keep: public}, "m.*": "null"}`, `{"ann@x.example":null,"bob":null,"2025550143":null}`},
		{"a name before all names", "mask", `{"m.bob": {keep: r}, "m.*": drop}`, `{"bob":{"tel":"3","fax":"4"}}`},
		{"what all members have, one with a name has too", "mask", `{"m.bob.fax": {keep: r}, "m.*.tel": redact, "m.2025550143": drop}`,
			`{"HASH":{"tel":"[redacted]","n":null},"bob":{"tel":"[redacted]","fax":"4"}}`},
		{"also if that one is kept", "mask", `{"m.bob": {keep: r}, "m.*.tel": redact, "m.2025550143": drop}`,
			`{"HASH":{"tel":"[redacted]","n":null},"bob":{"tel":"[redacted]","fax":"4"}}`},
		{"names that may be data are withheld with their members", "withhold", `{"m.*": {keep: r}}`, `{"bob":{"tel":"3","fax":"4"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gateOf(t, "key: env:KEY\ndefault: "+c.rest+"\nrules: [{columns: "+c.columns+"}]")
			b := batch(s, change{after: in})
			x, err := g.Pass(b)
			if err != nil || len(x.Rows()) != 1 {
				t.Fatal(err, b.Rejects)
			}
			if got := tokens.ReplaceAllString(row(&x.Rows()[0], x.Rows()[0].After), "HASH"); got != "m="+c.want {
				t.Errorf("got  %s\nwant m=%s", got, c.want)
			}
		})
	}
}

// TestMembersFarBelow: what is said of all members holds for one that has a name of its
// own, and for those below it, on every level, though that one is kept. // P1
func TestMembersFarBelow(t *testing.T) {
	const in = `{"m":{"bob":{"a":{"tel":"1","b":"2"},"l":[{"tel":"3","c":"4"}]},"eve":{"bob":{"tel":"5","d":"6","f":{"tel":"7"}}}}}`
	s := schemaOf(false, "", in)
	for columns, want := range map[string]string{
		`{m: {keep: r}, m.bob: {keep: r}, "m.*.a.tel": redact}`:                  `{"bob":{"a":{"tel":"[redacted]","b":"2"},"l":[{"tel":"3","c":"4"}]},"eve":{"bob":{"tel":"5","d":"6","f":{"tel":"7"}}}}`,
		`{m: {keep: r}, m.bob: {keep: r}, "m.*.l[*].tel": redact}`:               `{"bob":{"a":{"tel":"1","b":"2"},"l":[{"tel":"[redacted]","c":"4"}]},"eve":{"bob":{"tel":"5","d":"6","f":{"tel":"7"}}}}`,
		`{m: {keep: r}, m.bob: drop, "m.*.bob": {keep: r}, "m.*.*.tel": redact}`: `{"eve":{"bob":{"tel":"[redacted]","d":"6","f":{"tel":"7"}}}}`,
		`{m: {keep: r}, m.bob.a.b: redact, "m.*.{key}": hash}`:                   `{"bob":{"a":{"tel":"1","b":"[redacted]"},"HASH":[{"tel":"3","c":"4"}]},"eve":{"HASH":{"tel":"5","d":"6","f":{"tel":"7"}}}}`,
	} {
		x, err := gateOf(t, "key: env:KEY\nrules: [{columns: "+columns+"}]").Pass(batch(s, change{after: in}))
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Rows()) != 1 {
			t.Errorf("%s: refused", columns)
		} else if got := tokens.ReplaceAllString(row(&x.Rows()[0], x.Rows()[0].After), "HASH"); got != "m="+want {
			t.Errorf("%s\ngot  %s\nwant m=%s", columns, got, want)
		}
	}
}

// TestIdentifier: names of members that stay, and those that may be data. // P4
func TestIdentifier(t *testing.T) {
	s := newScratch(gateOf(t, "key: env:KEY"))
	for name, want := range map[string]bool{
		"city": true, "first_name": true, "zip-code": true, "$oid": true, "_id": true, "addr2": true, "year2026": true, "X509": true, "sha256": true,
		"": false, "ann@x.example": false, "a b": false, "Zoë": false, "2026": false, "-a": false, "a.b": false, "@type": false, "10.0.0.1": false,
		"u12345": false, "x-4111-1111-1111-1111": false, "RSSMRA85T10A562S": false, "AKIA2E0A8F3B244C9986": false,
		strings.Repeat("a", 65): false,
	} {
		if got := s.identifier([]byte(name)); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
