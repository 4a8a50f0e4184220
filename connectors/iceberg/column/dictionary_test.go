package column

import (
	"encoding/binary"
	"hash/maphash"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"sluice/schemas"
)

// prices are n doubles drawn from so many different ones.
func prices(n, different int) (p []byte) {
	r := rand.New(rand.NewPCG(1, uint64(different)))
	for range n {
		p = binary.LittleEndian.AppendUint64(p, math.Float64bits(float64(r.IntN(different))/100+.01))
	}
	return p
}

// TestDictionaryPays: a column has a dictionary where that and its indexes are
// smaller than its values by far, however few of these come twice at first, and
// what has next to no value twice is given up after a thousand of them.
func TestDictionaryPays(t *testing.T) {
	const n = 120 << 10
	for different, want := range map[int]bool{1: true, 260: true, 10_000: true, 25_000: true, 100_000: false, 1_000_000: false, 1 << 40: false} {
		d := dictionary{seed: maphash.MakeSeed()}
		data := prices(n, different)
		if got := d.build(data, 8, n); got != want {
			t.Errorf("of %d different values: a dictionary is %v", different, got)
		}
		if !want && len(d.index) > 4096 {
			t.Errorf("of %d different values: given up after %d of %d", different, len(d.index), n)
		}
		var texts []byte // the same as texts
		for at := 0; at < len(data); at += 8 {
			texts = append(append(texts, 8, 0, 0, 0), data[at:at+8]...)
		}
		if got := d.build(texts, 0, n); got != want {
			t.Errorf("of %d different texts: a dictionary is %v", different, got)
		}
	}
	// A few values at first, and then all different.
	d := dictionary{seed: maphash.MakeSeed()}
	if d.build(append(prices(4096, 50), prices(n-4096, 1<<40)...), 8, n) {
		t.Error("a column that goes on with different values has a dictionary")
	}
}

// BenchmarkColumns encodes one column of 122,880 doubles; ns and bytes are of a value.
func BenchmarkColumns(b *testing.B) {
	const n = 120 << 10
	for name, different := range map[string]int{"260-different": 260, "10000-different": 10_000, "all-different": 1 << 40} {
		buf := NewBuffer([]Field{{Name: "price", ID: 1, Type: schemas.Type{Kind: schemas.Float64}}})
		p := prices(n, different)
		for at := 0; at < len(p); at += 8 {
			buf.AppendFloat64(0, math.Float64frombits(binary.LittleEndian.Uint64(p[at:])))
			if err := buf.EndRow(); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name, func(b *testing.B) {
			enc, err := NewEncoder(Options{})
			if err != nil {
				b.Fatal(err)
			}
			var st Stats
			for b.Loop() {
				if st, err = enc.Flush(io.Discard, File{Buffers: []*Buffer{buf}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
			b.ReportMetric(float64(st.FileSize)/n, "B/value")
		})
	}
}
