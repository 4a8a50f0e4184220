package ff1

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var whole = flag.Bool("whole", false, "all of a domain of 10^7, not only of 10^6")

const numerals = "0123456789abcdefghijklmnopqrstuvwxyz"

func parse(t testing.TB, s string) []byte {
	out := make([]byte, len(s))
	for i := range len(s) {
		n := bytes.IndexByte([]byte(numerals), s[i])
		if n < 0 {
			t.Fatal(s)
		}
		out[i] = byte(n)
	}
	return out
}

func spell(x []byte) string {
	out := make([]byte, len(x))
	for i, n := range x {
		out[i] = numerals[n]
	}
	return string(out)
}

func unhex(t testing.TB, s string) []byte {
	p, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The samples of NIST, FF1samples.pdf.
func TestSamples(t *testing.T) {
	const k128 = "2B7E151628AED2A6ABF7158809CF4F3C"
	const k192 = k128 + "EF4359D8D580AA4F"
	const k256 = k192 + "7F036D6F04FC6A94"
	const t10, t36 = "39383736353433323130", "3737373770717273373737"
	for i, c := range []struct {
		key, tweak string
		radix      int
		plain, enc string
	}{
		{k128, "", 10, "0123456789", "2433477484"},
		{k128, t10, 10, "0123456789", "6124200773"},
		{k128, t36, 36, "0123456789abcdefghi", "a9tv40mll9kdu509eum"},
		{k192, "", 10, "0123456789", "2830668132"},
		{k192, t10, 10, "0123456789", "2496655549"},
		{k192, t36, 36, "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"},
		{k256, "", 10, "0123456789", "6657667009"},
		{k256, t10, 10, "0123456789", "1001623463"},
		{k256, t36, 36, "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"},
	} {
		f, err := New(unhex(t, c.key), unhex(t, c.tweak), c.radix)
		if err != nil {
			t.Fatal(err)
		}
		x := parse(t, c.plain)
		if err := f.Encrypt(x, new(Scratch)); err != nil || spell(x) != c.enc {
			t.Errorf("sample %d: %s, %v, want %s", i+1, spell(x), err, c.enc)
		}
		if err := f.Decrypt(x, new(Scratch)); err != nil || spell(x) != c.plain {
			t.Errorf("sample %d back: %s, %v", i+1, spell(x), err)
		}
		f.long(x, true) // the other arithmetic
		if spell(x) != c.enc {
			t.Errorf("sample %d with big numbers: %s", i+1, spell(x))
		}
		if f.long(x, false); spell(x) != c.plain {
			t.Errorf("sample %d back with big numbers: %s", i+1, spell(x))
		}
	}
}

// TestArithmetic: machine words and big numbers agree in every length that
// both can do, with tweaks of no, one and several blocks.
func TestArithmetic(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s Scratch
	for _, radix := range []int{2, 3, 10, 16, 26, 36, 62, 255, 256} {
		for _, tweak := range []int{0, 1, 7, 15, 16, 17, 31, 40} {
			key, tw := make([]byte, 32), make([]byte, tweak)
			fill(rng, key)
			fill(rng, tw)
			c, err := New(key, tw, radix)
			if err != nil {
				t.Fatal(err)
			}
			for n := c.MinLen(); n < len(c.lens)+3; n++ {
				x := make([]byte, n)
				for i := range x {
					x[i] = byte(rng.IntN(radix))
				}
				y, was := bytes.Clone(x), bytes.Clone(x)
				if err := c.Encrypt(x, &s); err != nil {
					t.Fatal(err)
				}
				if c.long(y, true); !bytes.Equal(x, y) {
					t.Fatalf("radix %d, %d numerals, tweak of %d: %v and %v", radix, n, tweak, x, y)
				}
				if c.Decrypt(x, &s); !bytes.Equal(x, was) {
					t.Fatalf("radix %d, %d numerals: not back", radix, n)
				}
			}
		}
	}
}

func fill(rng *rand.Rand, p []byte) {
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
}

// TestPermutation encrypts a whole domain: every value once, and its digits
// are as uniform as chance (chi-square, 9 degrees of freedom, one in 10^9).
func TestPermutation(t *testing.T) {
	n := 6
	if *whole {
		n = 7
	}
	c, _ := New(make([]byte, 32), []byte("ssn"), 10)
	size := 1
	for range n {
		size *= 10
	}
	seen := make([]bool, size)
	var s Scratch
	x := make([]byte, n)
	kept := 0
	for v := range size {
		c.str(x, uint64(v))
		if c.Encrypt(x, &s) != nil {
			t.Fatal("refused")
		}
		y := c.num(x)
		if seen[y] {
			t.Fatalf("%d twice", y)
		}
		seen[y] = true
		if int(y) == v {
			kept++
		}
	}
	if kept > 12 { // one is expected
		t.Errorf("%d values stay what they are", kept)
	}
}

// TestUniform: tokens of values that differ little have uniform digits, in
// every place, and pairs of neighbours too.
func TestUniform(t *testing.T) {
	c, _ := New([]byte("0123456789abcdef"), []byte("card"), 10)
	const n, width = 200_000, 16
	var one [width][10]int
	var two [width - 1][100]int
	var s Scratch
	x := make([]byte, width)
	for v := range uint64(n) {
		c.str(x, 4111_1111_0000_0000+v)
		c.Encrypt(x, &s)
		for i, d := range x {
			one[i][d]++
			if i > 0 {
				two[i-1][x[i-1]*10+d]++
			}
		}
	}
	for i := range one {
		if chi := chiSquare(one[i][:], n); chi > 61 { // 9 degrees: p = 1e-9
			t.Errorf("digit %d: chi-square %.1f", i, chi)
		}
	}
	for i := range two {
		if chi := chiSquare(two[i][:], n); chi > 199 { // 99 degrees: p = 1e-8
			t.Errorf("digits %d and %d: chi-square %.1f", i, i+1, chi)
		}
	}
}

func chiSquare(counts []int, n int) (chi float64) {
	want := float64(n) / float64(len(counts))
	for _, c := range counts {
		d := float64(c) - want
		chi += d * d / want
	}
	return chi
}

func TestBits(t *testing.T) {
	c, _ := New(make([]byte, 32), nil, 2)
	rng := rand.New(rand.NewPCG(3, 4))
	var s Scratch
	for n := c.MinLen(); n <= MaxBits; n++ {
		hi, lo := rng.Uint64(), rng.Uint64()
		if n <= 64 {
			hi, lo = 0, lo>>(64-n)
		} else {
			hi >>= 128 - n
		}
		x := make([]byte, n)
		for i := range x { // the same number as numerals
			if k := n - 1 - i; k >= 64 {
				x[i] = byte(hi >> (k - 64) & 1)
			} else {
				x[i] = byte(lo >> k & 1)
			}
		}
		c.Encrypt(x, &s)
		eh, el := c.EncryptBits(hi, lo, n, &s)
		for i := range x {
			bit := byte(0)
			if k := n - 1 - i; k >= 64 {
				bit = byte(eh >> (k - 64) & 1)
			} else {
				bit = byte(el >> k & 1)
			}
			if bit != x[i] {
				t.Fatalf("%d bits: bit %d", n, i)
			}
		}
		if h, l := c.DecryptBits(eh, el, n, &s); h != hi || l != lo {
			t.Fatalf("%d bits: %x %x, want %x %x", n, h, l, hi, lo)
		}
	}
}

func TestRefused(t *testing.T) {
	for radix, want := range map[int]int{2: 20, 10: 6, 16: 5, 26: 5, 36: 4, 62: 4, 256: 3} {
		if got := MinLen(radix); got != want {
			t.Errorf("radix %d: at least %d numerals, want %d", radix, got, want)
		}
	}
	c, _ := New(make([]byte, 16), nil, 10)
	var s Scratch
	for _, x := range [][]byte{nil, make([]byte, 5), make([]byte, MaxLen+1), {1, 2, 3, 4, 5, 10}} {
		if c.Encrypt(x, &s) == nil || c.Decrypt(x, &s) == nil {
			t.Errorf("%d numerals pass", len(x))
		}
	}
	if err := c.Encrypt(make([]byte, MaxLen), &s); err != nil {
		t.Error(err)
	}
	for _, bad := range []func() (*Cipher, error){
		func() (*Cipher, error) { return New(make([]byte, 15), nil, 10) },
		func() (*Cipher, error) { return New(make([]byte, 16), nil, 1) },
		func() (*Cipher, error) { return New(make([]byte, 16), nil, 257) },
		func() (*Cipher, error) { return New(make([]byte, 16), make([]byte, MaxTweak+1), 10) },
	} {
		if _, err := bad(); err == nil {
			t.Error("a bad cipher is made")
		}
	}
	if got := fmt.Sprintf("%v %+v %#v", c, c, c); got != "ff1 of radix 10 ff1 of radix 10 ff1 of radix 10" {
		t.Errorf("prints as %s", got)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), []byte("t"), 10, []byte{1, 2, 3, 4, 5, 6})
	f.Fuzz(func(t *testing.T, key, tweak []byte, radix int, x []byte) {
		c, err := New(key, tweak, radix)
		if err != nil {
			return
		}
		for i := range x {
			x[i] %= byte(min(radix, 255))
		}
		was := bytes.Clone(x)
		var s Scratch
		if c.Encrypt(x, &s) != nil {
			if len(x) >= c.MinLen() && len(x) <= MaxLen {
				t.Fatal("refused")
			}
			return
		}
		for _, d := range x {
			if int(d) >= radix {
				t.Fatal("beyond the radix")
			}
		}
		if c.Decrypt(x, &s) != nil || !bytes.Equal(x, was) {
			t.Fatal("not back")
		}
	})
}

func TestAllocations(t *testing.T) {
	c, _ := New(make([]byte, 32), []byte("card"), 10)
	var s Scratch
	x := make([]byte, 38)
	if n := testing.AllocsPerRun(100, func() { c.Encrypt(x, &s); c.Decrypt(x, &s) }); n != 0 {
		t.Errorf("%.1f allocations", n)
	}
}

// BenchmarkEncrypt has math/big beside it in the same run.
func BenchmarkEncrypt(b *testing.B) {
	for _, c := range []struct {
		name  string
		radix int
		n     int
	}{{"ssn", 10, 9}, {"card", 10, 16}, {"text36", 36, 20}, {"text62-long", 62, 40}} {
		f, _ := New(make([]byte, 32), []byte("customers.card"), c.radix)
		x := make([]byte, c.n)
		var s Scratch
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Encrypt(x, &s)
			}
		})
		b.Run(c.name+"-big", func(b *testing.B) {
			for b.Loop() {
				f.long(x, true)
			}
		})
	}
}
