package column

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// tokens are n values of size random characters of the alphabet behind prefix,
// with their length in front.
func tokens(n, size int, prefix, alphabet string) (p []byte) {
	r := rand.New(rand.NewPCG(uint64(n), uint64(size)))
	for range n {
		p = binary.LittleEndian.AppendUint32(p, uint32(len(prefix)+size))
		p = append(p, prefix...)
		for range size {
			p = append(p, alphabet[r.IntN(len(alphabet))])
		}
	}
	return p
}

const base32 = "abcdefghijklmnopqrstuvwxyz234567"

// TestStride: every frame is what another decoder reads as the page.
func TestStride(t *testing.T) {
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	var z strider
	for _, prefix := range []string{"", "k1_", "customer-key-2026_", "a prefix that is longer than what comes behind it_0123456789"} {
		for size := 1; 4+len(prefix)+size <= strideMost; size++ {
			for _, n := range []int{3, 4, 127, 128, 129, 2 * blockMost / (4 + len(prefix) + size)} {
				if n > 200 && size%9 != 8 { // large ones for some lengths
					continue
				}
				data := tokens(n, size, prefix, base32)
				for levels := range 3 {
					page := append(bytes.Repeat([]byte{7, 1}, levels*70_000/2), data...)
					s := stride{at: len(page) - len(data), size: 4 + len(prefix) + size, same: 4 + len(prefix)}
					out, err := dec.DecodeAll(z.appendFrame(nil, page, s), nil)
					if err != nil || !bytes.Equal(out, page) {
						t.Fatalf("%d values of %d behind %q, %d bytes of levels: %v", n, size, prefix, s.at, err)
					}
				}
				if s := strideOf(data, n); n > 200 && (s.size != 4+len(prefix)+size || s.same < 4+len(prefix)) {
					t.Fatalf("%d values of %d behind %q are %+v", n, size, prefix, s)
				}
			}
		}
	}
}

// TestStrideOf: what is no stride is none.
func TestStrideOf(t *testing.T) {
	good := tokens(10_000, 26, "k1_", base32)
	for name, p := range map[string][]byte{
		"one longer":  append(tokens(10_000, 26, "k1_", base32), tokens(1, 27, "k1_", base32)...),
		"same total":  append(append(tokens(10_000, 26, "k1_", base32), tokens(1, 27, "", base32)...), tokens(1, 31, "", base32)...),
		"very long":   tokens(10_000, 200, "", base32),
		"a few":       good[:30*33],
		"short first": append(tokens(1, 3, "", base32), good...),
	} {
		n := 0
		for at := 0; at < len(p); n++ {
			at += 4 + int(binary.LittleEndian.Uint32(p[at:]))
		}
		if s := strideOf(p, n); s != (stride{}) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if s := strideOf(append(good, tokens(1, 26, "k2_", base32)...), 10_001); s.same != 5 {
		t.Errorf("two keys: %+v", s)
	}
}

// TestStrideSize: tokens take no more room than the compressor makes of them,
// and what it does better is left to it.
func TestStrideSize(t *testing.T) {
	enc, err := NewEncoder(Options{})
	if err != nil {
		t.Fatal(err)
	}
	data := tokens(30_000, 26, "k1_", base32)
	if !enc.strided(data, strideOf(data, 30_000)) {
		t.Error("tokens are left to the compressor")
	}
	ours, theirs := len(enc.strider.appendFrame(nil, data, strideOf(data, 30_000))), len(enc.zstd.EncodeAll(data, nil))
	if ours > theirs {
		t.Errorf("%d bytes, the compressor makes %d of them", ours, theirs)
	}
	var times []byte
	r := rand.New(rand.NewPCG(1, 2))
	for range 30_000 {
		v := fmt.Sprintf("2026-11-%02dT%02d:%02d:%02dZ", 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60))
		times = append(binary.LittleEndian.AppendUint32(times, uint32(len(v))), v...)
	}
	if !enc.strided(times, strideOf(times, 30_000)) {
		t.Error("times in no order are left to the compressor")
	}
	times = times[:0]
	for i := range 30_000 {
		v := fmt.Sprintf("2026-11-23T10:%02d:%02d.%03dZ", i/60_000, i/1000%60, i%1000)
		times = append(binary.LittleEndian.AppendUint32(times, uint32(len(v))), v...)
	}
	if s := strideOf(times, 30_000); s == (stride{}) || enc.strided(times, s) {
		t.Errorf("rising times are not left to the compressor: %+v", s)
	}
}

// BenchmarkStride compresses a page of tokens; the baseline is the compressor.
func BenchmarkStride(b *testing.B) {
	enc, err := NewEncoder(Options{})
	if err != nil {
		b.Fatal(err)
	}
	data := tokens(30_000, 26, "k1_", base32)
	var out []byte
	b.Run("stride", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			s := strideOf(data, 30_000)
			if !enc.strided(data, s) {
				b.Fatal("not strided")
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
