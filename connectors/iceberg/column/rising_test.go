package column

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// rising are n numbers that rise by 1 to step.
func rising(n, step int) (p []byte) {
	r := rand.New(rand.NewPCG(uint64(n), uint64(step)))
	v := uint64(1_000_000)
	for range n {
		v += 1 + uint64(r.IntN(step))
		p = binary.LittleEndian.AppendUint64(p, v)
	}
	return p
}

// TestRising: every frame is what another decoder reads as the page, whatever
// the numbers are.
func TestRising(t *testing.T) {
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	r := rand.New(rand.NewPCG(1, 2))
	pages := map[string][]byte{"up by one": rising(120_000, 1), "up by some": rising(120_000, 9), "all alike": make([]byte, 8*70_000), "few": rising(2, 1)}
	for _, runs := range []int{1, 2, 300, 5000} { // runs of random numbers
		var p []byte
		for len(p) < 8*60_000 {
			v := r.Uint64() << 8
			for range r.IntN(2*runs) + runs%2 {
				p = binary.LittleEndian.AppendUint64(p, v|r.Uint64()&255)
			}
		}
		pages[string(rune('0'+runs%10))] = p
	}
	var z strider
	for name, data := range pages {
		for _, levels := range []int{0, 6, 140_000} {
			page := append(bytes.Repeat([]byte{7, 1}, levels/2), data...)
			out, err := dec.DecodeAll(z.appendFrame(nil, page, stride{at: levels, size: 8, rising: true}), nil)
			if err != nil || !bytes.Equal(out, page) {
				t.Fatalf("%s, %d bytes of levels: %v", name, levels, err)
			}
		}
	}
}

// TestRisingPays: rising numbers take at most a quarter more than the compressor
// makes of them, and what it does better is left to it.
func TestRisingPays(t *testing.T) {
	enc, err := NewEncoder(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{1, 2, 4, 8} {
		data := rising(120_000, step)
		s := risingOf(data)
		if !s.rising || !enc.strided(data, s) {
			t.Fatalf("numbers that rise by up to %d are left to the compressor: %+v", step, s)
		}
		if ours, theirs := len(enc.strider.appendFrame(nil, data, s)), len(enc.zstd.EncodeAll(data, nil)); ours > theirs+theirs/4 {
			t.Errorf("up to %d: %d bytes, the compressor makes %d of them", step, ours, theirs)
		} else {
			t.Logf("up to %d: %d bytes, the compressor makes %d of them", step, ours, theirs)
		}
	}
	if s := risingOf(rising(120_000, 100)); s.rising {
		t.Error("numbers that rise fast are taken for slow ones")
	}
	if s := risingOf(rising(1000, 1)); s.rising {
		t.Error("a small page is taken")
	}
	var again []byte // ten of each
	for at, p := 0, rising(12_000, 1); at < len(p); at += 8 {
		again = append(again, bytes.Repeat(p[at:at+8], 10)...)
	}
	if s := risingOf(again); !s.rising || enc.strided(again, s) {
		t.Errorf("numbers that come ten times are not left to the compressor: %+v", s)
	}
}

// BenchmarkRising compresses a page of row numbers; the baseline is the compressor.
func BenchmarkRising(b *testing.B) {
	enc, err := NewEncoder(Options{})
	if err != nil {
		b.Fatal(err)
	}
	data := rising(120<<10, 4)
	var out []byte
	b.Run("rising", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			s := risingOf(data)
			if !enc.strided(data, s) {
				b.Fatal("not taken")
			}
			out = enc.strider.appendFrame(out[:0], data, s)
		}
		b.ReportMetric(float64(len(out))/float64(len(data)), "ratio")
	})
	b.Run("zstd", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			out = enc.zstd.EncodeAll(data, out[:0])
		}
		b.ReportMetric(float64(len(out))/float64(len(data)), "ratio")
	})
}
