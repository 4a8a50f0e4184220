package mask

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// TestKeepAll: with `privacy: none` cells pass with their flags, one table a schema.
func TestKeepAll(t *testing.T) {
	const in = `{"i":42,"s":"x"}`
	s := schemaOf(false, "s", in)
	g := KeepAll()
	b := batch(s, change{before: in, after: in, key: `{"s":"x"}`}, change{before: in, key: `{"s":"x"}`}, change{before: in}, change{})
	b.Records[0].After[0].Flags |= schemas.Unavailable
	b.Records[1].Full = false
	b.Records[3].Op = stream.Truncate
	want := slices.Clone(b.Records)
	x, err := g.Pass(b)
	if err != nil || len(x.Rows()) != 4 {
		t.Fatalf("%v, %d rows", err, len(x.Rows()))
	}
	for i := range x.Rows() {
		r, w := &x.Rows()[i], &want[i]
		before := w.Before
		if !w.Full { // fillers
			before = nil
		}
		if !slices.Equal(r.After, w.After) || !slices.Equal(r.Before, before) || (r.Key == nil) != (w.KeyRow == nil) || r.Op != w.Op || r.Offset != w.Offset {
			t.Errorf("row %d: %+v %+v %+v", i, r.Before, r.After, r.Key)
		}
		if r.Key != nil && (r.Key[1] != w.KeyRow[1] || !r.Key[0].Absent() || string(r.Bytes(r.Key[1])) != "x") {
			t.Errorf("row %d: key %+v", i, r.Key)
		}
	}
	tab := x.Rows()[0].Table
	if !slices.Equal(tab.Key, []int{1}) || !reflect.DeepEqual(tab.Columns[0].Field, s.Fields[0]) || tab.Columns[1].Action != "keep" || !tab.Columns[1].Bounds {
		t.Errorf("table %+v", tab)
	}
	short := batch(s, change{after: in}) // decoded before the later fields were known
	short.Records[0].After = short.Records[0].After[:1]
	if y, _ := g.Pass(short); row(&y.Rows()[0], y.Rows()[0].After) != "i=42 s=absent" || len(y.Rows()[0].After) != 2 {
		t.Error("of a short row the later columns are absent")
	}
	if y, _ := g.Pass(batch(s, change{after: in})); y.Rows()[0].Table != tab {
		t.Error("one schema, one table")
	}
	if y, _ := g.Pass(batch(schemas.NewSchema(*s), change{after: in})); y.Rows()[0].Table == tab {
		t.Error("another schema, another table")
	}
	if y, _ := g.Pass(batch(s, change{after: in})); y.Rows()[0].Table != tab {
		t.Error("one schema, one table, after another one too")
	}
	if ds := g.(*Gate).Explain(s); len(ds) != 2 || ds[1].Column != "s" || ds[1].Action != "keep" || ds[1].Why != "privacy: none" {
		t.Errorf("%+v", ds)
	}
}

// TestP3FillersStayOutside: before without full identity is fillers, and a
// delete of it is its key alone. // P3
func TestP3FillersStayOutside(t *testing.T) {
	s := schemaOf(false, "id", `{"id":1,"s":"x"}`)
	b := batch(s, change{before: `{"id":1,"s":""}`, after: `{"id":1,"s":"x"}`, key: `{"id":1}`}, change{before: `{"id":1,"s":""}`, key: `{"id":1}`})
	for i := range b.Records {
		b.Records[i].Full = false
	}
	x, err := gateOf(t, "key: env:KEY").Pass(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Rows() {
		if r := &x.Rows()[i]; r.Before != nil || r.Key == nil || (r.After != nil) != (i == 0) {
			t.Errorf("row %d: before %v after %v key %v", i, r.Before, r.After, r.Key)
		}
	}
}

// TestP2AccountsHold: every record is a row or a reject, in order, also when
// the plan stops the lane. // P2 D1
func TestP2AccountsHold(t *testing.T) {
	s := schemaOf(false, "", `{"a":{"x":1},"s":"v"}`)
	g := gateOf(t, "key: env:KEY\nrules: [{columns: {a.x: hash}}]")
	b := batch(s, change{after: `{"a":{"x":1},"s":"v"}`}, change{after: `{"a":[],"s":"v"}`}, change{after: `{"a":null,"s":"v"}`}, change{after: `{"a":{},"s":"v"}`})
	b.Records[3].Schema = nil
	x, err := g.Pass(b)
	if err != nil {
		t.Fatal(err)
	}
	var rows, rejects []string
	for i := range x.Rows() {
		rows = append(rows, fmt.Sprint(x.Rows()[i].Offset))
	}
	for _, r := range b.Rejects {
		rejects = append(rejects, fmt.Sprintf("%d %s %s %s", r.Record.Offset, r.Stage, r.Code, r.Field))
	}
	if !slices.Equal(rows, []string{"0", "2"}) || !slices.Equal(rejects, []string{"1 mask unmaskable a", "3 mask undecoded "}) || x.Count() != (stream.Count{In: 4, Rejected: 2}) || len(b.Records) != 2 {
		t.Errorf("rows %v, rejects %q, count %+v", rows, rejects, x.Count())
	}

	stop := schemas.NewSchema(schemas.Schema{Topic: "other", Fields: []schemas.Field{{Name: "a", Key: true}}})
	b = batch(s, change{after: `{"a":7,"s":"v"}`}, change{after: `{"a":{"x":1},"s":"v"}`})
	b.Records[1].Schema = stop
	if _, err := g.Pass(b); stream.KindOf(err) != stream.KindState || len(b.Records) != 2 || len(b.Rejects) != 0 || b.Records[0].Offset != 0 {
		t.Errorf("%v: %d records, %d rejects", err, len(b.Records), len(b.Rejects))
	}
}

// TestP1RefusedLeavesNothing: of a value that is refused nothing stays in the arena, behind
// its end neither: the next batch gets that memory. // P1
func TestP1RefusedLeavesNothing(t *testing.T) {
	const secret = "secret-77-secret"
	doc := `{"k":"` + secret + `","x":` // a path of it is kept, what follows is no JSON
	values := []string{doc + `[}`, doc + `}`, secret, "2020-13-" + secret, "1985-04-1" + secret, "12.5" + secret, "[1,2" + secret}
	actions := []string{`{keep: r}`}
	for _, m := range matrix {
		actions = append(actions, m.action)
	}
	refused := 0
	for _, action := range actions {
		g := acting(t, action)
		if action == `{keep: r}` {
			g = gateOf(t, "key: env:KEY\nrules: [{columns: {v.k: {keep: r}, v.x: hash}}]")
		}
		for _, v := range values {
			s := schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 1, Fields: []schemas.Field{{Name: "v", Type: schemas.Type{Kind: schemas.String}, Nullable: true}}})
			b := stream.NewBatch(lane, stream.Position{}, nil)
			b.Records = []stream.Record{{Schema: s, Full: true, Value: stream.ViewOf([]byte(v)), After: []schemas.Cell{str(v).Cell()}}}
			b.To.Offset, b.In = 1, 1
			b.SetArena(make([]byte, 0, 1024))
			x, err := g.Pass(b)
			if err != nil || len(x.Rows()) > 0 && (len(x.Rows()[0].After) == 0 || !x.Rows()[0].After[0].IsNull()) {
				continue
			}
			refused++ // or nulled
			if a := b.Arena(); len(a) > 0 || bytes.Contains(a[:cap(a)], []byte("77")) {
				t.Errorf("%s of %q leaves %q", action, v, a[:cap(a)])
			}
		}
	}
	if refused < 20 {
		t.Errorf("only %d were refused", refused)
	}
}

// random is a batch of few values, many of them the same, some unmaskable.
func random(rng *rand.Rand, s *schemas.Schema, n int) *stream.Batch {
	side := func() string {
		nest := []string{`{"x":"n%d"}`, `{"x":"\u0061%d"}`, `{"y":%d}`}[rng.IntN(3)]
		if rng.IntN(8) == 0 {
			nest = `[%d]`
		}
		return fmt.Sprintf(`{"id":%d,"s":"v%d","nest":`+nest+`,"f":%d.50,"note":"\u00e9%d"}`, rng.IntN(3), rng.IntN(4), rng.IntN(3), rng.IntN(3), rng.IntN(3))
	}
	changes := make([]change, n)
	for i := range changes {
		c := change{after: side(), key: fmt.Sprintf(`{"id":%d}`, rng.IntN(3))}
		if rng.IntN(2) == 0 {
			c.before = side()
		}
		changes[i] = c
	}
	return batch(s, changes...)
}

const randomPolicy = "key: env:KEY\nrules: [{columns: {f: hash, nest.x: hash, note: {partial: {keep_last: 1}}}}]"

// said is what the rows and rejects of a pass say.
func said(t *testing.T, g *Gate, b *stream.Batch) string {
	x, err := g.Pass(b)
	if err != nil {
		t.Error(err)
	}
	var out strings.Builder
	for i := range x.Rows() {
		r := &x.Rows()[i]
		fmt.Fprintf(&out, "%d", r.Offset)
		for _, cs := range [][]schemas.Cell{r.Before, r.After, r.Key} {
			if out.WriteString(" | "); cs != nil {
				out.WriteString(row(r, cs))
			}
		}
		out.WriteByte('\n')
	}
	for _, r := range b.Rejects {
		fmt.Fprintln(&out, r.Record.Offset, r.Code, r.Field)
	}
	return out.String()
}

// TestMemoChangesNothing: reusing what equal values became gives the rows that
// masking each of them gives, rejects in between or not, and nothing is
// written into lent bytes.
func TestMemoChangesNothing(t *testing.T) {
	s := schemaOf(false, "id", string(random(rand.New(rand.NewPCG(0, 0)), schemaOf(false, "", `{"id":1}`), 1).Records[0].Value.Bytes()))
	with, without := gateOf(t, randomPolicy), gateOf(t, randomPolicy)
	without.memo = false
	for seed := range uint64(300) {
		a, b := random(rand.New(rand.NewPCG(seed, 1)), s, 30), random(rand.New(rand.NewPCG(seed, 1)), s, 30)
		views := a.Records[0].Value.Clone()
		lent := a.Records[0].Value
		if x, y := said(t, with, a), said(t, without, b); x != y {
			t.Fatalf("seed %d:\n%s\n%s", seed, x, y)
		}
		if !bytes.Equal(views, lent.Bytes()) {
			t.Fatal("wrote into lent bytes")
		}
		if len(a.Rejects) == 0 && seed == 0 {
			t.Fatal("nothing was refused")
		}
		if len(a.Arena()) >= len(b.Arena()) {
			t.Fatalf("seed %d: nothing was reused: %d and %d bytes", seed, len(a.Arena()), len(b.Arena()))
		}
	}
}

// TestMemoOfManyRows: columns whose values come again, and those where nobody
// looks any more because they never did, scanned and hashed.
func TestMemoOfManyRows(t *testing.T) {
	line := func(i int) string {
		return fmt.Sprintf(`{"id":%d,"city":"Bonn","mail":"a%d@x.example","note":"call 202-555-0%d of a%d@y.example","n":%d,"long":"%s%d"}`,
			i, i%3, 100+i%99, i, 2125550100+i%7, strings.Repeat("long ", 20), i%5)
	}
	s := schemaOf(false, "id", line(0))
	for _, policies := range []string{"key: env:KEY\ndefault: scan\nrules: [{keep: {columns: [id], because: test}}]", "key: env:KEY"} {
		with, without := gateOf(t, policies), gateOf(t, policies)
		without.memo = false
		changes := make([]change, 300)
		for i := range changes {
			changes[i] = change{after: line(i), before: line(i + i%2), key: fmt.Sprintf(`{"id":%d}`, i)}
		}
		x, y := said(t, with, batch(s, changes...)), said(t, without, batch(s, changes...))
		if x != y {
			t.Errorf("%s", policies)
		}
		if strings.Contains(x, "@y.example") || strings.Contains(x, "@x.example") {
			t.Errorf("%s: an address is left", policies)
		}
	}
}

// TestMemoTellsColumnsApart: the same bytes are another value in a column of
// another type, also of another table in the same batch.
func TestMemoTellsColumnsApart(t *testing.T) {
	const in = `{"a":"B68A35A7-17AD-35B3-AF2A-000000000ABC"}`
	text, uuid := schemaOf(false, "", in), schemaOf(false, "", in)
	uuid.Fields[0].Type.Kind = schemas.UUID
	b := batch(text, change{after: in}, change{after: in}, change{after: in})
	b.Records[1].Schema = uuid
	x, err := gateOf(t, "key: env:KEY").Pass(b)
	if err != nil {
		t.Fatal(err)
	}
	said := func(i int) string { return row(&x.Rows()[i], x.Rows()[i].After) }
	if said(0) == said(1) || said(0) != said(2) {
		t.Errorf("%s %s %s", said(0), said(1), said(2))
	}
}

// TestManyWorkers: one gate, workers at once, schemas met by all of them at
// the same time, the results of one alone. Run with -race.
func TestManyWorkers(t *testing.T) {
	base := schemaOf(false, "id", string(random(rand.New(rand.NewPCG(0, 0)), schemaOf(false, "", `{"id":1}`), 1).Records[0].Value.Bytes()))
	var versions []*schemas.Schema
	for range 20 {
		versions = append(versions, schemas.NewSchema(*base))
	}
	want := make([]string, len(versions))
	one := gateOf(t, randomPolicy)
	for i, s := range versions {
		want[i] = said(t, one, random(rand.New(rand.NewPCG(uint64(i), 2)), s, 20))
	}
	g := gateOf(t, randomPolicy)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for i, s := range versions {
				b := random(rand.New(rand.NewPCG(uint64(i), 2)), s, 20)
				if got := said(t, g, b); got != want[i] {
					t.Errorf("schema %d:\n%s\n%s", i, got, want[i])
				}
				b.Release()
				g.Explain(s)
				g.Unmatched()
			}
		})
	}
	wg.Wait()
}

// TestP4NewColumnsAreHeldToTheDefault: a column that appears later passes
// through the default, never as it is. // P4
func TestP4NewColumnsAreHeldToTheDefault(t *testing.T) {
	g := gateOf(t, "key: env:KEY\nrules: [{columns: {id: {keep: r}}}]")
	old, later := schemaOf(true, "id", `{"id":1}`), schemaOf(true, "id", `{"id":1,"passport":"X1234567"}`)
	for _, s := range []*schemas.Schema{old, later} {
		x, err := g.Pass(batch(s, change{after: `{"id":1,"passport":"X1234567"}`, key: `{"id":1}`}))
		if err != nil {
			t.Fatal(err)
		}
		r := &x.Rows()[0]
		if got := tokens.ReplaceAllString(row(r, r.After), "HASH"); got != "id=1 passport=HASH"[:4+14*(len(s.Fields)-1)] {
			t.Error(got)
		}
	}
}
