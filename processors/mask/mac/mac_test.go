package mac

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	base32std "encoding/base32"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// ways are New and what it falls back to.
func ways(key []byte) map[string]*Key {
	return map[string]*Key{"new": New(key), "crypto/hmac": newKey(key, false)}
}

func want(key, text []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil))
}

// all are the codes of text by every function that takes it.
func all(k *Key, text []byte) (codes []string) {
	var sums [4]Sum
	k.Of(&sums[0], text)
	codes = append(codes, hex.EncodeToString(sums[0][:]))
	var b Block
	if b.Fill(text) {
		k.One(&sums[1], &b)
		Two(k, k, &sums[2], &sums[3], &b, &b)
		var g Group
		group := [Lanes]*Key{}
		for i := range group {
			group[i] = k
		}
		codes = append(codes, groupOf(&g, group[:], slices.Repeat([][]byte{text}, Lanes))...)
		for i := range sums[1:] {
			codes = append(codes, hex.EncodeToString(sums[1+i][:]))
		}
	}
	return codes
}

// TestRFC4231 has the vectors of that RFC.
func TestRFC4231(t *testing.T) {
	for i, c := range []struct{ key, text, sum string }{
		{strings.Repeat("0b", 20), "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{strings.Repeat("aa", 20), strings.Repeat("dd", 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819", strings.Repeat("cd", 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
		{strings.Repeat("0c", 20), hex.EncodeToString([]byte("Test With Truncation")), "a3b6167473100ee06e0c796c2955552b"},
		{strings.Repeat("aa", 131), hex.EncodeToString([]byte("Test Using Larger Than Block-Size Key - Hash Key First")), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
		{strings.Repeat("aa", 131), hex.EncodeToString([]byte("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.")),
			"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	} {
		key, _ := hex.DecodeString(c.key)
		text, _ := hex.DecodeString(c.text)
		for way, k := range ways(key) {
			for _, got := range all(k, text) {
				if !strings.HasPrefix(got, c.sum) {
					t.Errorf("case %d, %s: %s, want %s", i+1, way, got, c.sum)
				}
			}
		}
	}
}

// TestLengths compares with crypto/hmac: texts of all lengths that pad in their
// own way, keys of every kind, and pairs of different keys and texts.
func TestLengths(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 231))
	random := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		return p
	}
	for _, size := range []int{0, 1, 31, 32, 63, 64, 65, 200} {
		key := random(size)
		for way, k := range ways(key) {
			for n := range 301 {
				text := random(n)
				for i, got := range all(k, text) {
					if got != want(key, text) {
						t.Fatalf("%s, key of %d bytes, text of %d, function %d: %s, want %s", way, size, n, i, got, want(key, text))
					}
				}
			}
		}
	}
	for range 2000 {
		key1, key2 := random(rng.IntN(80)), random(32)
		text1, text2 := random(rng.IntN(Short+1)), random(rng.IntN(Short+1))
		var b1, b2 Block
		b1.Fill(text1)
		b2.Fill(text2)
		var sum1, sum2 Sum
		for _, second := range []*Key{New(key2), newKey(key2, false)} {
			Two(New(key1), second, &sum1, &sum2, &b1, &b2)
			if hex.EncodeToString(sum1[:]) != want(key1, text1) || hex.EncodeToString(sum2[:]) != want(key2, text2) {
				t.Fatalf("two texts of %d and %d bytes", len(text1), len(text2))
			}
		}
	}
}

// groupOf are the codes of texts by a Group, which had others before.
func groupOf(g *Group, ks []*Key, texts [][]byte) (codes []string) {
	for i, text := range texts {
		if !g.Add(ks[i], text) {
			panic("a short text is refused")
		}
	}
	if g.Len() != len(texts) {
		panic("its length")
	}
	for _, sum := range g.Sums() {
		codes = append(codes, hex.EncodeToString(sum[:]))
	}
	return codes
}

// TestGroup compares with crypto/hmac: groups of every size, of one key and of
// many, of one way and of both.
func TestGroup(t *testing.T) {
	rng := rand.New(rand.NewPCG(16, 512))
	var secrets [4][]byte
	var fast, mixed [4]*Key
	for i := range secrets {
		secrets[i] = bytes.Repeat([]byte{byte(rng.Uint32())}, 1+rng.IntN(90))
		fast[i] = New(secrets[i])
		mixed[i] = newKey(secrets[i], i != 2 && fast[i].fast)
	}
	var g Group
	for run := range 3000 {
		n, many := run%(Lanes+1), 1+rng.IntN(len(secrets))
		pool := &fast
		if run%5 == 4 {
			pool = &mixed
		}
		var ks []*Key
		var texts [][]byte
		var expect []string
		for range n {
			text := make([]byte, rng.IntN(Short+1))
			for i := range text {
				text[i] = byte(rng.Uint32())
			}
			k := rng.IntN(many)
			ks, texts, expect = append(ks, pool[k]), append(texts, text), append(expect, want(secrets[k], text))
		}
		if got := groupOf(&g, ks, texts); !slices.Equal(got, expect) {
			t.Fatalf("run %d: %d texts under %d keys:\n%v\n%v", run, n, many, got, expect)
		}
	}
	if g.Add(fast[0], make([]byte, Short+1)) || g.Len() != 0 {
		t.Error("a long text is taken")
	}
	if g.Forget(); g != (Group{}) {
		t.Error("it forgets nothing")
	}
}

func FuzzOf(f *testing.F) {
	f.Add([]byte("key"), []byte("what do ya want for nothing?"))
	f.Fuzz(func(t *testing.T, key, text []byte) {
		for way, k := range ways(key) {
			for _, got := range all(k, text) {
				if got != want(key, text) {
					t.Fatal(way)
				}
			}
		}
	})
}

// TestFill: what does not fit is refused, and a block is the same whatever it
// held before.
func TestFill(t *testing.T) {
	var b, fresh Block
	for n := range 70 {
		text := bytes.Repeat([]byte{0xA5}, n)
		fresh = Block{}
		if ok := b.Fill(text); ok != (n <= Short) || ok != fresh.Fill(text) {
			t.Fatalf("%d bytes: %v", n, ok)
		}
		if b.Fill(text[:min(n, 3)]); n > 2 && !bytes.Equal(b.text(), text[:3]) {
			t.Fatal("a block keeps what it held")
		}
	}
}

// TestBase32 compares with the standard library, at places in any order.
func TestBase32(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 648))
	std := base32std.NewEncoding(Digits).WithPadding(base32std.NoPadding)
	for run := range 2000 {
		n := run % (Lanes + 1)
		sums, at := make([]Sum, n), rng.Perm(Lanes)
		for i := range sums {
			for j := range sums[i] {
				sums[i][j] = byte(rng.Uint32())
			}
		}
		const gap = 3
		got, alone := bytes.Repeat([]byte{'.'}, Lanes*(Base32Size+gap)), make([]byte, Base32Size)
		want := bytes.Clone(got)
		for i := range at {
			at[i] *= Base32Size + gap
		}
		Base32(got, at, sums)
		for i := range sums {
			std.Encode(want[at[i]:], sums[i][:16])
			if alone = AppendBase32(alone[:0], &sums[i]); !bytes.Equal(alone, want[at[i]:at[i]+Base32Size]) {
				t.Fatalf("alone %s", alone)
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d sums:\n%s\n%s", n, got, want)
		}
	}
}

// TestPrints: no key is in what is printed, nor what one could use as it. // P1
func TestPrints(t *testing.T) {
	for _, k := range ways([]byte("a secret of 32 bytes, and no more")) {
		holder := struct{ k *Key }{k}
		for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%#v", k), fmt.Sprintf("%+v", k), fmt.Sprintf("%+v", holder)} {
			if len(s) > 40 || strings.Contains(s, "secret") {
				t.Errorf("printed as %q", s)
			}
		}
	}
}

func TestAllocations(t *testing.T) {
	k, text := New([]byte("key")), bytes.Repeat([]byte("x"), 200)
	var sum Sum
	var g Group
	if n := testing.AllocsPerRun(100, func() { k.Of(&sum, text); k.Of(&sum, text[:20]); g.Add(k, text[:20]); g.Sums() }); n != 0 && k.fast {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkSum is one code of 24 bytes.
func BenchmarkSum(b *testing.B) {
	key, text := bytes.Repeat([]byte("k"), 32), []byte("+14155550132@example.com")
	k := New(key)
	var sum, sum2 Sum
	b.Run("of", func(b *testing.B) {
		for b.Loop() {
			k.Of(&sum, text)
		}
	})
	b.Run("two", func(b *testing.B) {
		var b1, b2 Block
		for b.Loop() {
			b1.Fill(text)
			b2.Fill(text)
			Two(k, k, &sum, &sum2, &b1, &b2)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2, "ns/code")
	})
	b.Run("group", func(b *testing.B) {
		var g Group
		for b.Loop() {
			for range Lanes {
				g.Add(k, text)
			}
			g.Sums()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/Lanes, "ns/code")
	})
	b.Run("baseline=crypto/hmac", func(b *testing.B) {
		h := hmac.New(sha256.New, key)
		for b.Loop() {
			h.Reset()
			h.Write(text)
			h.Sum(sum[:0])
		}
	})
}
