package mask

import (
	"fmt"
	"testing"

	"sluice/schemas"
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
