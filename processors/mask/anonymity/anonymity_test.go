package anonymity

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestAgainstSets: k, what lies under it and what a coarser step does are what
// plain sets of people say.
func TestAgainstSets(t *testing.T) {
	first := func(v string) (string, bool) { return v[:1], true }
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		want := 1 + rnd.IntN(6)
		c := New(Options{AtLeast: want, Classes: 1 << 20, Show: 3}, Column{Name: "a", Shown: true, To: "first", Coarser: first}, Column{Name: "b"})
		type row struct{ tuple, coarse, alone, who string }
		var rows []row
		byPerson := rnd.IntN(2) == 0
		for i := range 1 + rnd.IntN(300) {
			a, b, who := fmt.Sprint(10+rnd.IntN(30)), []byte(fmt.Sprint(rnd.IntN(3))), fmt.Sprint(rnd.IntN(40))
			if rnd.IntN(5) == 0 {
				b = nil
			}
			person := []byte(who)
			if !byPerson {
				person, who = nil, fmt.Sprint("row ", i)
			}
			if err := c.Row([][]byte{[]byte(a), b}, person); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("%q %v", b, b == nil)
			rows = append(rows, row{a + " " + text, a[:1] + " " + text, a, who})
		}
		measure := func(of func(row) string) (k, under int, share float64) {
			people, count := map[string]map[string]bool{}, map[string]int{}
			for _, r := range rows {
				if people[of(r)] == nil {
					people[of(r)] = map[string]bool{}
				}
				people[of(r)][r.who] = true
				count[of(r)]++
			}
			k = 1 << 30
			for class, p := range people {
				k = min(k, len(p))
				if len(p) < want {
					under++
					share += float64(count[class])
				}
			}
			return k, under, share / float64(len(rows))
		}
		r := c.Report()
		k, under, share := measure(func(r row) string { return r.tuple })
		if r.K != k || r.Under.Classes != under || r.Under.Share-share > 1e-9 || share-r.Under.Share > 1e-9 || r.Rows != int64(len(rows)) {
			t.Fatalf("seed %d: %+v, want k %d, %d classes, %v", seed, r, k, under, share)
		}
		for _, s := range r.Steps {
			of := func(r row) string { return r.coarse }
			if s.To[0] == "drop" {
				of = func(r row) string { return r.alone }
			}
			if len(s.Columns) == 2 {
				of = func(r row) string { return r.coarse[:1] }
			}
			k, under, share := measure(of)
			if s.K != k || s.Reaches != (under == 0) || s.Share-share > 1e-9 || share-s.Share > 1e-9 {
				t.Fatalf("seed %d: %+v, want k %d, %v", seed, s, k, share)
			}
		}
		for _, l := range r.Least { // P1
			if l.Values[0] == nil || l.Values[1] != nil || l.People >= want {
				t.Fatalf("seed %d: %+v", seed, l)
			}
		}
		if len(r.Steps) > 0 != (under > 0) || len(r.Least) != min(under, 3) {
			t.Fatalf("seed %d: %d steps, %d listed", seed, len(r.Steps), len(r.Least))
		}
	}
}

// TestBounds: people beyond those that matter take no memory, and classes beyond
// the limit end it without a figure.
func TestBounds(t *testing.T) {
	c := New(Options{AtLeast: 5, Classes: 2}, Column{Name: "a"})
	for i := range 10_000 {
		if err := c.Row([][]byte{[]byte("x")}, []byte(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if r := c.Report(); r.K != exact || !r.More || len(c.classes["\x02x"].people) != exact {
		t.Errorf("%+v", r)
	}
	if err := c.Row([][]byte{nil}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Row([][]byte{[]byte("y")}, nil); err == nil || !strings.Contains(err.Error(), "more than 2 classes") {
		t.Errorf("a third class: %v", err)
	}
}

// TestLaterColumn: rows before a column came have nothing in it, like those that
// leave it out; a person nobody names is one.
func TestLaterColumn(t *testing.T) {
	c := New(Options{AtLeast: 2, Classes: 9, Show: 9}, Column{Name: "a", Shown: true})
	rows := func(values ...[]byte) {
		for range 2 {
			if err := c.Row(values, []byte{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	rows([]byte("x"))
	c.Add(Column{Name: "b", Shown: true})
	rows([]byte("x"), nil)
	rows([]byte("x"), []byte{})
	rows(nil, []byte("x"))
	r := c.Report()
	if r.Classes != 3 || r.K != 1 || r.Under.Classes != 3 || r.Least[2].Rows != 4 || r.Least[2].Values[1] != nil {
		t.Errorf("%+v", r)
	}
	if New(Options{AtLeast: 2, Classes: 9}, Column{}).Report().K != 0 {
		t.Error("k of nothing")
	}
}
