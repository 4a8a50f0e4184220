package mask

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/schemas"
	"sluice/topology/stream"
)

// A row's cells become the masked ones where they are, and its values are hashed
// with those of the rows around it: these hold what is left of a batch that was not
// masked whole against rows that were masked alone.

const halfPolicy = "key: env:KEY\nrules:\n- columns:\n    a: hash\n    b: {hash: {bits: 64, encoding: hex}}\n    c: redact\n    d: {tokenize: {form: ff1}}\n    e: hash"

func halfSchema() *schemas.Schema {
	s := schemas.Schema{Topic: lane.Topic, Version: 1}
	for i, k := range []schemas.Kind{schemas.String, schemas.String, schemas.String, schemas.Int64, schemas.String} {
		s.Fields = append(s.Fields, schemas.Field{Name: "abcde"[i : i+1], Type: schemas.Type{Kind: k}})
	}
	return schemas.NewSchema(s)
}

// halfChanges are changes from number from to number to, of one length; FF1 refuses
// those that bad says, after columns before theirs were masked.
func halfChanges(from, to int, bad func(i int) bool) (cs []change) {
	for i := from; i < to; i++ {
		d := 1_000_000 + i
		if bad(i) {
			d = i%9 + 1
		}
		row := fmt.Sprintf(`{"a":"value %06d","b":"other %d","c":"x","e":"value %06d","d":%7d}`, i, i%3, i, d)
		cs = append(cs, change{before: row, after: row})
	}
	return cs
}

func rowsAlone(t *testing.T, g *Gate, s *schemas.Schema, cs []change) (rows []string) {
	t.Helper()
	for _, c := range cs {
		x, err := g.Pass(batch(s, c))
		if err != nil {
			t.Fatal(err)
		}
		if len(x.Rows()) == 0 {
			rows = append(rows, "")
			continue
		}
		r := &x.Rows()[0]
		rows = append(rows, row(r, r.After))
	}
	return rows
}

// TestP2RefusedAmongOthers: what is refused is sealed as it came, with no cell that
// was masked, and the rows around it are as if it had not been there.
func TestP2RefusedAmongOthers(t *testing.T) {
	g, s := gateOf(t, halfPolicy), halfSchema()
	const n = 40
	for run := range 200 {
		bad := func(i int) bool { return run*2654435761>>(i%29)&3 == 3 }
		cs := halfChanges(run*n, run*n+n, bad)
		alone := rowsAlone(t, g, s, cs)
		b := batch(s, cs...)
		x, err := g.Pass(b)
		if err != nil || len(x.Rows())+len(b.Rejects) != n {
			t.Fatalf("%v: %d rows, %d rejects", err, len(x.Rows()), len(b.Rejects))
		}
		for i := range b.Rejects {
			r := &b.Rejects[i].Record
			if c := cs[r.Offset]; !bad(run*n+int(r.Offset)) || string(r.Value.Bytes()) != c.before+c.after || r.Before != nil || r.After != nil {
				t.Fatalf("run %d: the reject of record %d is not what came", run, r.Offset)
			}
		}
		for i := range x.Rows() {
			r := &x.Rows()[i]
			if got := row(r, r.After); got != alone[r.Offset] || got != row(r, r.Before) {
				t.Fatalf("run %d: record %d is\n%s, alone\n%s", run, r.Offset, got, alone[r.Offset])
			}
		}
		b.Release()
	}
}

// TestP1AfterAPanic: of a batch in which masking panicked, values that waited to be
// hashed among it, nothing is in the next one.
func TestP1AfterAPanic(t *testing.T) {
	g, s := gateOf(t, halfPolicy), halfSchema()
	fine := func(int) bool { return false }
	for at := range 25 {
		cs := halfChanges(100*at, 100*at+30, fine)
		alone := rowsAlone(t, g, s, cs)
		broken := batch(s, halfChanges(9000, 9030, fine)...)
		broken.Records[at].After[1].Len = 1 << 30
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			_, _ = g.Pass(broken)
		}()
		broken.Release()
		b := batch(s, cs...)
		x, err := g.Pass(b)
		if err != nil || len(x.Rows()) != len(cs) {
			t.Fatalf("%v, %d rows", err, len(x.Rows()))
		}
		for i := range x.Rows() {
			if r := &x.Rows()[i]; row(r, r.After) != alone[i] {
				t.Fatalf("after a panic at record %d record %d is\n%s, alone\n%s", at, i, row(r, r.After), alone[i])
			}
		}
		b.Release()
	}
}

// TestShortRows: rows that were read before the later columns were known lack those alone,
// wherever the columns before them go, as many as are left of a row or not. // P1
func TestShortRows(t *testing.T) {
	const in = `{"a":"va","b":"vb","c":"vc","d":{"x":"vd"},"e":"ve"}`
	s := schemaOf(false, "b", in)
	for _, columns := range []string{
		"{a: hash, b: hash, c: {partial: {keep_last: 1}}, d.x: hash, e: redact}", "{a: redact, b: tokenize, c: {keep: r}, d.x: redact, e: hash}",
		"{a: drop, b: hash, c: {keep: r}, d: scan, e: tokenize}", "{a: drop, b: {keep: r}, c: drop, d: {keep: r}, e: redact}", "{a: {synthetic: {kind: name, by: e}}, b: hash, c: hash, d: hash, e: hash}",
	} {
		g := gateOf(t, "key: env:KEY\nrules: [{columns: "+columns+"}]")
		pass := func(n ...int) *stream.CleanRow {
			b := batch(s, change{before: in, after: in, key: in})
			for i, side := range []*[]schemas.Cell{&b.Records[0].Before, &b.Records[0].After, &b.Records[0].KeyRow} {
				*side = (*side)[:n[i%len(n)]]
			}
			x, err := g.Pass(b)
			if err != nil || len(x.Rows()) != 1 {
				t.Fatalf("%s, cells %v: %v", columns, n, err)
			}
			return &x.Rows()[0]
		}
		whole := pass(len(s.Fields))
		for n := range s.Fields {
			pass(n, len(s.Fields), n)
			short := pass(n)
			for i, c := range short.Table.Columns {
				for name, images := range map[string][2][]schemas.Cell{"before": {short.Before, whole.Before}, "after": {short.After, whole.After}, "key": {short.Key, whole.Key}} {
					got, want := images[0], images[1]
					switch {
					case i >= len(got):
						if name != "key" || i < len(want) {
							t.Errorf("%s: %s of %d cells has %d", columns, name, n, len(got))
						}
					case s.Ordinal([]byte(c.Name)) >= n:
						if got[i] != (schemas.Cell{}) {
							t.Errorf("%s: of %s with %d cells %s is %q", columns, name, n, c.Name, short.Bytes(got[i]))
						}
					case c.Action == "synthetic": // by a column that is not there
					case got[i].Flags != want[i].Flags || string(short.Bytes(got[i])) != string(whole.Bytes(want[i])):
						t.Errorf("%s: of %s with %d cells %s is %q, want %q", columns, name, n, c.Name, short.Bytes(got[i]), whole.Bytes(want[i]))
					}
				}
			}
		}
	}
}

// TestP2RefusedInOneImage: a record goes if one of before, after and key cannot be masked,
// the first column or the last. // P2
func TestP2RefusedInOneImage(t *testing.T) {
	const fine, bad = `{"a":{"x":1},"k":"key","z":"123456789"}`, `{"a":{"x":1},"k":"key","z":"12"}`
	s := schemaOf(false, "k", fine)
	g := gateOf(t, "key: env:KEY\nrules: [{columns: {a.x: hash, k: hash, z: {tokenize: {form: ff1}}}}]")
	odd := strings.Replace(fine, `{"x":1}`, `[1,2,3]`, 1)
	for _, c := range []struct {
		change
		field string
	}{{change{before: fine, after: fine, key: fine}, ""}, {change{before: bad, after: fine, key: fine}, "z"}, {change{before: fine, after: bad, key: fine}, "z"}, {change{before: bad}, "z"},
		{change{before: odd, after: fine}, "a"}, {change{before: fine, after: odd}, "a"}, {change{before: fine, after: fine, key: strings.Replace(fine, "key", "ke\xff", 1)}, "k"}} {
		key := c.key
		c.key = strings.Replace(key, "\xff", "?", 1)
		b := batch(s, c.change)
		b.Records[0].Key = stream.ViewOf([]byte(key))
		x, err := g.Pass(b)
		if err != nil || (len(x.Rows()) == 1) != (c.field == "") || len(x.Rows())+len(b.Rejects) != 1 || c.field != "" && b.Rejects[0].Field != c.field {
			t.Errorf("%+q: %v, %d rows, %d rejects", c.change, err, len(x.Rows()), len(b.Rejects))
		}
	}
	keyless := batch(schemaOf(false, "", fine), change{after: fine, key: fine})
	if x, err := g.Pass(keyless); err != nil || len(x.Rows()) != 1 || x.Rows()[0].Key != nil {
		t.Errorf("%v: a key of a table without one", err)
	}
}

// TestImages: a value's masked form does not depend on what stands in the row's other
// image, whatever the two have in common: their bytes, their length or nothing. // P3
func TestImages(t *testing.T) {
	const bytes = `\u0061AP8={"a":1}5`
	at := func(off, n uint32, e schemas.Encoding) schemas.Cell {
		return schemas.Cell{Off: off, Len: n, Enc: e, Flags: schemas.Present}
	}
	cells := []schemas.Cell{
		{}, schemas.NullCell, {Flags: schemas.Present | schemas.Unavailable},
		at(0, 0, schemas.EncText), at(0, 6, schemas.EncText), at(0, 6, schemas.EncJSONString), at(5, 1, schemas.EncText),
		at(6, 4, schemas.EncText), at(6, 4, schemas.EncBytes), at(10, 7, schemas.EncText), at(10, 7, schemas.EncJSON), at(17, 1, schemas.EncInt), at(17, 1, schemas.EncText),
	}
	for _, c := range cells[3:] { // the same out of the arena
		c.Flags |= schemas.InArena
		cells = append(cells, c)
	}
	for _, action := range []string{"hash", "{hash: {domain: d}}", "tokenize", "{partial: {keep_last: 1}}", "{generalize: {prefix: 1}}", "redact", "null", "scan", "{keep: r}"} {
		for _, kind := range []schemas.Kind{schemas.String, schemas.Unknown, schemas.Binary, schemas.JSON} {
			g := acting(t, action)
			s := schemas.NewSchema(schemas.Schema{Topic: lane.Topic, Version: 1, Fields: []schemas.Field{{Name: "v", Type: schemas.Type{Kind: kind}, Nullable: true}}})
			pass := func(before, after []schemas.Cell) (out [2]string, ok bool) {
				b := stream.NewBatch(lane, stream.Position{}, nil)
				b.Records = []stream.Record{{Schema: s, Full: true, Value: stream.ViewOf([]byte(bytes)), Before: slices.Clone(before), After: slices.Clone(after)}}
				b.To.Offset, b.In = 1, 1
				b.SetArena([]byte(bytes))
				x, err := g.Pass(b)
				if err != nil || len(x.Rows()) == 0 {
					return out, false
				}
				r := &x.Rows()[0]
				for i, cs := range [][]schemas.Cell{r.Before, r.After} {
					if cs != nil {
						const values = schemas.Present | schemas.Null | schemas.Unavailable
						out[i] = fmt.Sprintf("%d %s", cs[0].Flags&values, schemas.AppendText(nil, cs[0], r.Bytes(cs[0])))
					}
				}
				return out, true
			}
			for _, before := range cells {
				was, ok1 := pass(nil, []schemas.Cell{before})
				lying := before
				lying.Flags &^= schemas.InArena
				if there, ok := pass(nil, []schemas.Cell{lying}); ok != ok1 || there != was {
					t.Errorf("%s of %v: %+v gives %q %v, not out of the arena %q %v", action, kind, before, was[1], ok1, there[1], ok)
				}
				for _, after := range cells {
					is, ok2 := pass(nil, []schemas.Cell{after})
					if got, ok := pass([]schemas.Cell{before}, []schemas.Cell{after}); ok != (ok1 && ok2) || ok && got != [2]string{was[1], is[1]} {
						t.Errorf("%s of %v: %+v and %+v give %q %v, alone %q %v and %q %v", action, kind, before, after, got, ok, was[1], ok1, is[1], ok2)
					}
				}
			}
		}
	}
}
