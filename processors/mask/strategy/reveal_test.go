package strategy

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"sluice/schemas"
)

var tenMillion = flag.Bool("ten-million", false, "collisions among 10^7 values, not 10^6")

// TestRevealMillion: 10^6 values of each form, there and back.
func TestRevealMillion(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 10_000
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for action, make := range map[string]func(i int) []byte{
		"{tokenize: {domain: email}}":              func(i int) []byte { return fmt.Appendf(nil, "user.%d@mail%d.example", rng.Uint64(), i%99) },
		"{tokenize: {form: ff1, domain: ssn}}":     func(i int) []byte { return fmt.Appendf(nil, "%03d-%02d-%04d", i/1000, i%100, rng.IntN(10000)) },
		"{tokenize: {form: ff1, card: true}}":      func(i int) []byte { return luhned(fmt.Appendf(nil, "4111%011d", rng.IntN(1e11))) },
		"{tokenize: {form: ff1, width: 7}}":        func(i int) []byte { return strconv.AppendInt(nil, int64(i), 10) },
		"{tokenize: {form: ff1, alphabet: class}}": func(i int) []byte { return fmt.Appendf(nil, "AB-%07d-xy", i) },
	} {
		t.Run(action, func(t *testing.T) {
			m, s := bound(t, action)
			r, _ := NewRevealer(ringOf(t), m)
			k := schemas.String
			if strings.Contains(action, "width") {
				k = schemas.Int64
			}
			seen := map[string]bool{}
			var out []byte
			for i := range n {
				in := make(i)
				var enc schemas.Encoding
				if out, enc = m.Mask(s, out[:0], k, in); enc == Refused {
					t.Fatalf("value %d is refused", i)
				}
				if k == schemas.Int64 { // a permutation: no token twice
					if seen[string(out)] {
						t.Fatalf("value %d: a token twice", i)
					}
					seen[string(out)] = true
				}
				if strings.Contains(action, "card") && luhn(numeralsOf(out)) == 0 {
					t.Fatalf("value %d: a token passes Luhn's check", i)
				}
				back, err := r.Reveal(Token{Text: out, Type: schemas.Type{Kind: k}, KeyID: "k1"})
				if err != nil || !bytes.Equal(back, in) {
					t.Fatalf("value %d: %v", i, err)
				}
			}
		})
	}
}

func luhned(p []byte) []byte {
	p = append(p, '0')
	p[len(p)-1] += (10 - luhn(numeralsOf(p))) % 10
	return p
}

func numeralsOf(p []byte) []byte {
	out := bytes.Clone(p)
	for i := range out {
		out[i] -= '0'
	}
	return out
}

// TestCardPermutation: cards with kept ends, all 10^5 middles that pass Luhn:
// every token once, none valid, or with luhn all valid.
func TestCardPermutation(t *testing.T) {
	for action, valid := range map[string]bool{"{tokenize: {form: ff1, card: true, keep_ends: true}}": false, "{tokenize: {form: ff1, card: true, keep_ends: true, luhn: true}}": true} {
		m, s := bound(t, action)
		seen := map[string]bool{}
		for middle := range 1_000_000 {
			in := fmt.Appendf(nil, "424242%06d4242", middle)
			if luhn(numeralsOf(in)) != 0 {
				continue
			}
			out, enc := m.Mask(s, nil, schemas.String, in)
			if enc != schemas.EncText || seen[string(out)] || (luhn(numeralsOf(out)) == 0) != valid || string(out[:6]) != "424242" || string(out[12:]) != "4242" {
				t.Fatalf("%s: %s", in, out)
			}
			seen[string(out)] = true
		}
		if len(seen) != 100_000 {
			t.Fatalf("%d middles", len(seen))
		}
	}
}

// TestNoCollision: no two of 10^6 values, or 10^7 with -ten-million, have one
// token, also where only 80 bits are left for keys.
func TestNoCollision(t *testing.T) {
	n := 1_000_000
	switch {
	case *tenMillion:
		n = 10_000_000
	case testing.Short():
		n = 100_000
	}
	for _, action := range []string{"hash", "{hash: {bits: 80}}", "tokenize", "{synthetic: {kind: email, unique: true}}"} {
		m, s := bound(t, action)
		seen := make(map[[16]byte]struct{}, n)
		var out, in []byte
		var digits [32]int
		for i := range n {
			in = strconv.AppendInt(append(in[:0], "user"...), int64(i), 10)
			out, _ = m.Mask(s, out[:0], schemas.String, in)
			tail := out
			if _, made := m.(*synthetic); made { // what makes it unique
				at := bytes.IndexByte(out, '@')
				tail = out[at-16 : at]
			}
			var key [16]byte
			copy(key[:], tail[len(tail)-16:]) // 80 bits of it
			if _, is := seen[key]; is {
				t.Fatalf("%s: two of %d values have one token", action, i)
			}
			seen[key] = struct{}{}
			if c := tail[len(tail)-16]; true {
				digits[strings.IndexByte(base32Digits, c)]++
			}
		}
		chi := 0.0
		for _, c := range digits {
			d := float64(c) - float64(n)/32
			chi += d * d / (float64(n) / 32)
		}
		if chi > 100 { // 31 degrees: p = 4e-9
			t.Errorf("%s: chi-square of a character %.1f", action, chi)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	actions := []string{"tokenize", "{tokenize: {form: ff1}}", "{tokenize: {form: ff1, alphabet: class}}", "{tokenize: {form: ff1, card: true}}", "{tokenize: {form: ff1, alphabet: base62}}",
		"{tokenize: {form: ff1, width: 9}}", "{tokenize: {form: ff1, card: true, keep_ends: true}}"}
	type one struct {
		m Masker
		s *Scratch
		r *Revealer
	}
	var all []one
	for _, a := range actions {
		m, s := bound(f, a)
		r, _ := NewRevealer(ringOf(f), m)
		all = append(all, one{m, s, r})
	}
	f.Add("219-09-9999", uint8(1), uint8(0))
	f.Add("4111 1111 1111 1111", uint8(3), uint8(0))
	f.Add("AB-1234.xyz", uint8(2), uint8(0))
	f.Add("-123", uint8(5), uint8(1))
	f.Fuzz(func(t *testing.T, in string, which, kind uint8) {
		x := all[int(which)%len(all)]
		typ := schemas.Type{Kind: []schemas.Kind{schemas.String, schemas.Int64, schemas.Int32, schemas.UUID}[kind%4]}
		if typ.Kind == schemas.Int64 || typ.Kind == schemas.Int32 { // gates see integers in one spelling
			v, err := strconv.ParseInt(in, 10, 64)
			if err != nil || typ.Kind == schemas.Int32 && v != int64(int32(v)) {
				return
			}
			in = strconv.FormatInt(v, 10)
		}
		out, enc := x.m.Mask(x.s, nil, typ.Kind, []byte(in))
		if enc == Refused {
			return
		}
		if enc == schemas.EncInt {
			v, err := strconv.ParseInt(string(out), 10, 64)
			if err != nil || typ.Kind == schemas.Int32 && v != int64(int32(v)) || strconv.FormatInt(v, 10) != string(out) {
				t.Fatalf("%q is no %v", out, typ)
			}
		}
		back, err := x.r.Reveal(Token{Text: out, Type: typ, KeyID: "k1"})
		if err != nil || string(back) != in {
			t.Fatalf("%q becomes %q and that %q, %v", in, out, back, err)
		}
		x.r.Reveal(Token{Text: []byte(in), Type: typ}) // no panic
	})
}
