package column

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sluice/schemas"
)

// TestNullRuns writes columns whose nulls come in runs and alternate, cut at
// pages and row groups of every kind.
func TestNullRuns(t *testing.T) {
	patterns := map[string]func(row int) bool{
		"all null":          func(int) bool { return true },
		"first half":        func(r int) bool { return r < 640 },
		"first odd half":    func(r int) bool { return r < 333 },
		"second half":       func(r int) bool { return r >= 641 },
		"every other":       func(r int) bool { return r%2 == 0 },
		"one in a thousand": func(r int) bool { return r == 1000 },
		"words apart":       func(r int) bool { return r/64%2 == 0 },
		"runs of 100":       func(r int) bool { return r/100%2 == 0 },
		"all but the last":  func(r int) bool { return r != 1299 },
	}
	fields := []Field{{Name: "n", ID: 1, Type: schemas.Type{Kind: schemas.Int64}, Bounds: true}, {Name: "s", ID: 2, Type: schemas.Type{Kind: schemas.String}, Bounds: true},
		{Name: "b", ID: 3, Type: schemas.Type{Kind: schemas.Bool}, Bounds: true}}
	for name, null := range patterns {
		for _, opt := range []Options{{}, {PageBytes: 64}, {RowGroupRows: 192}, {RowGroupRows: 128, PageBytes: 300}} {
			b := NewBuffer(fields)
			var rows [][]cellValue
			for r := range 1300 {
				row := []cellValue{nil, nil, nil}
				if !null(r) {
					row = []cellValue{int64(r), fmt.Sprint(r), r%3 == 0}
					b.AppendInt64(0, int64(r))
					b.AppendString(1, fmt.Sprint(r))
					b.AppendBool(2, r%3 == 0)
				}
				if err := b.EndRow(); err != nil {
					t.Fatal(err)
				}
				rows = append(rows, row)
			}
			t.Run(fmt.Sprintf("%s %+v", name, opt), func(t *testing.T) {
				roundTrip(t, b, rows, opt)
				joined := NewBuffer(fields) // and through a join at odd places
				joined.AppendBool(2, true)
				if err := joined.EndRow(); err != nil {
					t.Fatal(err)
				}
				if err := joined.AppendBuffer(b); err != nil {
					t.Fatal(err)
				}
				roundTrip(t, joined, append([][]cellValue{{nil, nil, true}}, rows...), opt)
			})
		}
	}
}

// TestDictionarySizes writes columns of a growing number of distinct values,
// through every width of index and past the point where a dictionary is given up.
func TestDictionarySizes(t *testing.T) {
	fields := []Field{{Name: "n", ID: 1, Type: schemas.Type{Kind: schemas.Int64}, Bounds: true}, {Name: "i", ID: 2, Type: schemas.Type{Kind: schemas.Int32}, Bounds: true},
		{Name: "s", ID: 3, Type: schemas.Type{Kind: schemas.String}, Bounds: true}, {Name: "u", ID: 4, Type: schemas.Type{Kind: schemas.UUID}}}
	dictionaries := 0
	for _, distinct := range []int{1, 2, 3, 5, 9, 17, 100, 300, 600, 1500, 5000, 9000} {
		r := rand.New(rand.NewPCG(1, uint64(distinct)))
		b := NewBuffer(fields)
		var rows [][]cellValue
		for k := range 10_000 {
			v := r.IntN(distinct)
			if k%1000 < 300 {
				v = k / 1000 % distinct // runs
			}
			u := [16]byte{byte(v), byte(v >> 8), 15: 1}
			b.AppendInt64(0, int64(v)<<40)
			b.AppendInt32(1, int32(-v))
			b.AppendString(2, fmt.Sprint("value ", v))
			b.AppendUUID(3, u)
			if err := b.EndRow(); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, []cellValue{int64(v) << 40, int64(-v), fmt.Sprint("value ", v), string(u[:])})
		}
		_, s := roundTrip(t, b, rows, Options{Codec: None})
		for id, width := range map[int]int64{1: 8, 2: 4, 3: 12, 4: 16} {
			if s.ColumnSizes[id] < 10_000*width {
				dictionaries++
			}
		}
	}
	if dictionaries < 30 {
		t.Errorf("only %d of 48 columns have a dictionary", dictionaries)
	}
}
