package mask

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/processors/mask/subject"
	"sluice/schemas"
	"sluice/topology/stream"
)

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

// TestByRetyped: a row is about whom it was about when the column that says so
// changed its type and goes on as another one. // P3
func TestByRetyped(t *testing.T) {
	subjects, _, _ := forgettable(t, filepath.Join(t.TempDir(), "s"), "")
	first, _, _, _ := subjectGate(t, filepath.Join(t.TempDir(), "s"), "", "tokenize: {subject: {column: a}}")
	made := func(by string) *Gate {
		return gateOf(t, "key: env:KEY\nrules: [{columns: {mail: {synthetic: {kind: email, by: "+by+"}}}}]")
	}
	for _, c := range []struct {
		g  *Gate
		by string
	}{{subjects, "who"}, {first, "a"}, {made("who"), "who"}, {made("a"), "a"}} { // a is the first column
		before, after := `{"id":1,"mail":"a@x","`+c.by+`":7}`, `{"id":1,"mail":"a@x","`+c.by+`__string":"7"}`
		s := schemaOf(false, "", before, after)
		fields := slices.Clone(s.Fields)
		fields[s.Ordinal([]byte(c.by+"__string"))].Of = c.by
		s = schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 2, Fields: fields})
		x, err := c.g.Pass(batch(s, change{after: before}, change{after: after}))
		if err != nil || len(x.Rows()) != 2 {
			t.Fatalf("%v, %d rows", err, len(x.Rows()))
		}
		a, b, mail := &x.Rows()[0], &x.Rows()[1], s.Ordinal([]byte("mail"))
		if was, is := string(a.Bytes(a.After[mail])), string(b.Bytes(b.After[mail])); was != is {
			t.Errorf("%q, then %q", was, is)
		}
	}
}

// TestByAnyColumn: the column that others go by may be the row's first one, or its last
// one and dropped, or not be there yet when the row was read; what goes by no column is
// by its value, whatever stands before it in the row.
func TestByAnyColumn(t *testing.T) {
	g := gateOf(t, "key: env:KEY\nrules: [{columns: {a: {keep: r}, b: {synthetic: {kind: name, by: a}}, c: {synthetic: name}, d: {shift: {days: 3000, by: e}}, e: drop}}]")
	of := func(a int, b, c, e string) change {
		return change{after: fmt.Sprintf(`{"a":%d,"b":%q,"c":%q,"d":"2020-05-17","e":%s}`, a, b, c, e)}
	}
	x := batch(schemaOf(false, "", of(1, "b", "c", `"e"`).after),
		of(1, "Ann", "Kim", `"x"`), of(2, "Ann", "Kim", `"x"`), of(3, "Ann", "Kim", `"y"`), of(1, "Bo", "Lu", `"x"`), of(2, "Bo", "Kim", `null`), of(3, "Bo", "Lu", `"y"`))
	x.Records[5].After = x.Records[5].After[:4]
	out, err := g.Pass(x)
	if err != nil || len(out.Rows()) != 6 {
		t.Fatalf("%v, %d rows", err, len(out.Rows()))
	}
	said := func(row, column int) string {
		r := &out.Rows()[row]
		return string(r.Bytes(r.After[column]))
	}
	for column, rows := range [][]string{1: {"033", "14", "25"}, 2: {"0124", "35"}, 3: {"013", "2", "45"}} { // those that are one
		firsts := map[string]bool{}
		for _, same := range rows {
			first := said(int(same[0]-'0'), column)
			for _, row := range same {
				if got := said(int(row-'0'), column); got != first {
					t.Errorf("column %d: %q in row %c, %q in row %c", column, got, row, first, same[0])
				}
			}
			if firsts[first] {
				t.Errorf("column %d: %q is of two", column, first)
			}
			firsts[first] = true
		}
	}
}

// TestByOfEachImage: an image goes by the column as that image has it, though the value is
// the same in both, and as it came, though that column is masked before. // P3
func TestByOfEachImage(t *testing.T) {
	for _, by := range []string{"who", "a"} { // behind the columns that go by it, and the first one
		of := func(who int) string { return fmt.Sprintf(`{"id":1,"mail":"a@x",%q:%d}`, by, who) }
		for _, policy := range []string{"mail: {synthetic: {kind: email, by: %s}}, %s: {keep: r}", "mail: {synthetic: {kind: email, by: %s}}, %s: hash"} {
			g := gateOf(t, "key: env:KEY\nrules: [{columns: {id: {keep: r}, "+fmt.Sprintf(policy, by, by)+"}}]")
			x, err := g.Pass(batch(schemaOf(true, "", of(7)), change{before: of(7), after: of(8)}, change{after: of(7)}, change{before: of(8)}))
			if err != nil || len(x.Rows()) != 3 {
				t.Fatalf("%v, %d rows", err, len(x.Rows()))
			}
			both, seven, eight := &x.Rows()[0], &x.Rows()[1], &x.Rows()[2]
			if row(both, both.Before) != row(seven, seven.After) || row(both, both.After) != row(eight, eight.Before) || row(both, both.Before) == row(both, both.After) {
				t.Errorf("%s and %s, alone %s and %s", row(both, both.Before), row(both, both.After), row(seven, seven.After), row(eight, eight.Before))
			}
		}
	}
	one, other := gateOf(t, "key: env:KEY\nrules: [{columns: {a: {keep: r}, b: {synthetic: {kind: name, by: a}}}}]"), gateOf(t, "key: env:KEY\nrules: [{columns: {a: hash, b: {synthetic: {kind: name, by: a}}}}]")
	const in = `{"a":"x","b":"Ann"}`
	x, err1 := one.Pass(batch(schemaOf(true, "", in), change{after: in}))
	y, err2 := other.Pass(batch(schemaOf(true, "", in), change{after: in}))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if a, b := &x.Rows()[0], &y.Rows()[0]; string(a.Bytes(a.After[1])) != string(b.Bytes(b.After[1])) {
		t.Errorf("by a column that is kept %s, by one that is masked %s", a.Bytes(a.After[1]), b.Bytes(b.After[1]))
	}
}

// TestByStaysOutside: inside of a JSON value and in a text nobody's column stands behind
// what is made, whoever the column before it was made for.
func TestByStaysOutside(t *testing.T) {
	g := gateOf(t, "key: env:KEY\nrules: [{columns: {a: {synthetic: {kind: name, by: who}}, b.x: {synthetic: name}, c: {scan: {else: {synthetic: email}}}, who: {keep: r}}}]")
	of := func(who int) change {
		return change{after: fmt.Sprintf(`{"a":"Ann","b":{"x":"Kim"},"c":"to kim@corp.example.org","who":%d}`, who)}
	}
	x, err := g.Pass(batch(schemaOf(false, "", of(1).after), of(1), of(2)))
	if err != nil || len(x.Rows()) != 2 {
		t.Fatal(err)
	}
	one, two := &x.Rows()[0], &x.Rows()[1]
	for i, same := range []bool{false, true, true} {
		if a, b := string(one.Bytes(one.After[i])), string(two.Bytes(two.After[i])); (a == b) != same {
			t.Errorf("column %d: %s and %s", i, a, b)
		}
	}
}

// inside is a policy over doc, whose members go by who, and a document.
const (
	insideRules = "rules: [{columns: {who: {keep: r}, doc: {keep: r}, doc.mail: {hash: {subject: {column: who}}}, doc.name: {synthetic: {kind: name, by: who}}, 'doc.tels[*]': {tokenize: {subject: {column: who}}}}}]"
	insideDoc   = `{"doc":{"mail":"a@x.example","name":"Ann","tels":["1","2"]},"who":%d}`
)

// TestByInsideJSON: actions inside of a JSON value go by a column of the row, under its
// person's key or as that person; two images of one value with two people are two, and
// what nobody says whose it is is refused. // P2 P3
func TestByInsideJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	forgettable(t, dir, "")
	g := gateOf(t, "key: env:KEY\nsubjects: {store: 'folder:"+dir+"'}\n"+insideRules)
	seven, eight := fmt.Sprintf(insideDoc, 7), fmt.Sprintf(insideDoc, 8)
	s := schemaOf(true, "", seven)
	b := batch(s, change{after: seven}, change{after: eight}, change{before: seven, after: eight}, change{after: strings.Replace(seven, "7", "null", 1)})
	x, err := g.Pass(b)
	if err != nil || len(x.Rows()) != 3 || len(b.Rejects) != 1 || b.Rejects[0].Field != "doc" {
		t.Fatalf("%v, %d rows, %+v", err, len(x.Rows()), b.Rejects)
	}
	type doc struct {
		Mail, Name string
		Tels       []string
	}
	of := func(r *stream.CleanRow, cells []schemas.Cell) (d doc) {
		t.Helper()
		if err := json.Unmarshal(r.Bytes(cells[0]), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	rows := x.Rows()
	a, o := of(&rows[0], rows[0].After), of(&rows[1], rows[1].After)
	if !subject.CheckID([]byte(a.Mail[:16])) || a.Mail[:16] != a.Tels[0][:16] || a.Mail[:16] == o.Mail[:16] || a.Mail[17:] == o.Mail[17:] || a.Name == "Ann" || a.Tels[0] == a.Tels[1] {
		t.Errorf("%q %q", a, o)
	}
	if was, is := of(&rows[2], rows[2].Before), of(&rows[2], rows[2].After); fmt.Sprint(was) != fmt.Sprint(a) || fmt.Sprint(is) != fmt.Sprint(o) {
		t.Errorf("%q %q", was, is)
	}
	if c := rows[0].Table.Columns[0]; c.Action != "nested:subject" {
		t.Errorf("%+v", c)
	}
	// as the same person as a column beside it
	beside := gateOf(t, "key: env:KEY\nrules: [{columns: {id: {keep: r}, who: {keep: r}, mail: {synthetic: {kind: name, by: who}}}}]")
	if got := mails(t, beside, whose(7, "x")); got[0] != a.Name {
		t.Errorf("%q, beside %q", got[0], a.Name)
	}
	if _, err := gateOf(t, "key: env:KEY\nrules: [{columns: {doc.name: {synthetic: {kind: name, by: hwo}}}}]").Pass(batch(s, change{after: seven})); err == nil || !strings.Contains(err.Error(), `did you mean "who"?`) {
		t.Errorf("a column that is not there: %v", err)
	}
}

// TestByTwoInside: actions inside of one value that go by two columns, or by one as two
// kinds of subjects, each have their own; a row that says nobody is by its value. // P3 P5
func TestByTwoInside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	forgettable(t, dir, "")
	of := func(who, owner, name string) change {
		return change{after: fmt.Sprintf(`{"doc":{"a":%q,"b":%q,"c":"x","d":"x"},"owner":%s,"who":%s}`, name, name, owner, who)}
	}
	pass := func(policy string, changes ...change) (docs []map[string]string) {
		t.Helper()
		g := gateOf(t, "key: env:KEY\nsubjects: {store: 'folder:"+dir+"'}\nrules: [{columns: {doc: {keep: r}, "+policy+"}}]")
		x, err := g.Pass(batch(schemaOf(true, "", of("1", "1", "n").after), changes...))
		if err != nil || len(x.Rows()) != len(changes) {
			t.Fatalf("%v, %d rows", err, len(x.Rows()))
		}
		for i := range x.Rows() {
			r, doc := &x.Rows()[i], map[string]string{}
			if err := json.Unmarshal(r.Bytes(r.After[0]), &doc); err != nil {
				t.Fatal(err)
			}
			docs = append(docs, doc)
		}
		return docs
	}
	const made = "doc.a: {synthetic: {kind: name, by: who}}, doc.b: {synthetic: {kind: name, by: owner}}"
	d := pass(made, of("1", "2", "Ann"), of("1", "3", "Bo"), of("4", "2", "Cy"), of("2", "1", "Di"), of("null", "null", "Ed"), of("null", "null", "Flo"))
	if d[0]["a"] != d[1]["a"] || d[0]["b"] != d[2]["b"] || d[0]["a"] == d[2]["a"] || d[0]["b"] == d[1]["b"] || d[0]["a"] != d[3]["b"] || d[0]["b"] != d[3]["a"] || d[4]["a"] == d[5]["a"] {
		t.Errorf("%q", d)
	}
	pass("doc.a: {synthetic: {kind: name, by: who}}, doc.b: {tokenize: {subject: {column: who}}}", of("5", "5", "x")) // has a key
	const kinds = "doc.c: {tokenize: {subject: {column: who, kind: customer}}}, doc.d: {tokenize: {subject: {column: who, kind: driver}}}, doc.a: {tokenize: {subject: {column: owner, kind: customer}}}"
	d = pass(kinds, of("1", "2", "x"), of("2", "1", "x"))
	if d[0]["c"] == d[0]["d"] || d[0]["c"] == d[0]["a"] || d[0]["c"] != d[1]["a"] || d[0]["a"] != d[1]["c"] {
		t.Errorf("%q", d)
	}
}

// TestByInsideJSONByClass: a class or a tag leads there as a path does.
func TestByInsideJSONByClass(t *testing.T) {
	const doc = `{"doc":{"mail":"a@x"},"who":7}`
	for _, action := range []string{"{tokenize: {subject: {column: who}}}", "{synthetic: {kind: email, by: who}}"} {
		dir := filepath.Join(t.TempDir(), "s")
		forgettable(t, dir, "")
		for _, by := range []string{"class: email", "tags: {legal: [consent]}"} {
			says, rule := "class: [{columns: {doc.mail: email}}]", "classes: {email: "+action+"}"
			if by != "class: email" {
				says, rule = "class: [{tags: {consent: [doc.mail]}}]", "tags: {consent: "+action+"}"
			}
			g, err := open1("key: env:KEY\nsubjects: {store: 'folder:" + dir + "'}\n" + says + "\nrules: [{" + rule + "}]")
			if err != nil {
				t.Fatal(err)
			}
			x, err := g.Pass(batch(schemaOf(false, "", doc), change{after: doc}, change{after: strings.Replace(doc, "7", "8", 1)}))
			if err != nil || len(x.Rows()) != 2 {
				t.Fatalf("%s, %s: %v", action, by, err)
			}
			a, o := row(&x.Rows()[0], x.Rows()[0].After[:1]), row(&x.Rows()[1], x.Rows()[1].After[:1])
			if a == o || strings.Contains(a+o, "a@x") {
				t.Errorf("%s, %s: %s, %s", action, by, a, o)
			}
		}
	}
}

// TestByInsideAllocations: none a record.
func TestByInsideAllocations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	forgettable(t, dir, "")
	in := fmt.Sprintf(insideDoc, 42)
	allocations(t, schemaOf(false, "", in), in, gateOf(t, "key: env:KEY\nsubjects: {store: 'folder:"+dir+"'}\n"+insideRules))
}
