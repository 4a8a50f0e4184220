package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// marker is a text or a number that stands nowhere else.
type marker struct {
	text, where string
	kept        bool // the policy keeps it: it has to be found
}

// markers hands them out.
type markers struct {
	rng *rand.Rand
	all []marker
}

const markerLen = 16

func (m *markers) add(text, where string, kept bool) string {
	m.all = append(m.all, marker{text, where, kept})
	return text
}

// fresh is 16 letters and digits of both cases.
func (m *markers) fresh() string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, markerLen)
	for i := range b {
		b[i] = digits[m.rng.IntN(len(digits))]
	}
	return string(b)
}

func (m *markers) secret(where string) string { return m.add(m.fresh(), where, false) }
func (m *markers) kept(where string) string   { return m.add(m.fresh(), where, true) }

// number is a secret of 18 digits.
func (m *markers) number(where string) json.Number {
	return json.Number(m.add(strconv.FormatInt(100_000_000_000_000_000+m.rng.Int64N(800_000_000_000_000_000), 10), where, false))
}

// within is a secret that a longer text holds; the hashes of that are looked for as well.
func (m *markers) within(where, before, after string) string {
	return before + m.secret(where) + after
}

// form is one way a marker could hide: any piece of text that is at least that long.
type form struct {
	name  string
	text  []byte
	piece int
}

// forms are the ways of a text.
func forms(s string) (all []form) {
	raw := []byte(s)
	add := func(name string, p []byte, piece int) { all = append(all, form{name, p, min(piece, len(p))}) }
	part := 10
	if _, err := strconv.ParseInt(s, 10, 64); err == nil {
		part = 12 // digits alone are in clocks, too
		all = append(all, numberForms(s)...)
	}
	rev := slices.Clone(raw)
	slices.Reverse(rev)
	for name, p := range map[string][]byte{"raw": raw, "reversed": rev} {
		add(name, p, part)
		add(name+", lower case", bytes.ToLower(p), part)
		add(name+", upper case", bytes.ToUpper(p), part)
	}
	var percent, low, up, spaced, listed strings.Builder
	for _, c := range raw {
		fmt.Fprintf(&percent, "%%%02X", c)
		fmt.Fprintf(&low, `\u%04x`, c)
		fmt.Fprintf(&up, `\u%04X`, c)
		fmt.Fprintf(&spaced, "%d ", c)
		fmt.Fprintf(&listed, "%d,", c)
	}
	add("hex", []byte(hex.EncodeToString(raw)), 2*part)
	add("HEX", []byte(strings.ToUpper(hex.EncodeToString(raw))), 2*part)
	add("URL", []byte(percent.String()), 3*part)
	add("url", []byte(url.QueryEscape(s)), part)
	add(`\u`, []byte(low.String()), 6*part)
	add(`\U`, []byte(up.String()), 6*part)
	add("bytes as Go prints them", []byte(spaced.String()), 3*part)
	add("bytes as JSON numbers", []byte(listed.String()), 3*part)
	var le, be []byte
	for _, u := range utf16.Encode([]rune(s)) {
		le, be = binary.LittleEndian.AppendUint16(le, u), binary.BigEndian.AppendUint16(be, u)
	}
	add("UTF-16LE", le, 2*part)
	add("UTF-16BE", be, 2*part)
	for shift := range 3 { // base64 says the same in three ways, by where it begins
		p := append(make([]byte, shift), raw...)
		for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			e := enc.EncodeToString(p)
			add(name, []byte(e[4:len(e)-2]), 12)
		}
	}
	for name, sum := range digests(raw) {
		add(name+" without a key", sum, len(sum))
		add(name+" without a key, hex", []byte(hex.EncodeToString(sum)), 32)
		add(name+" without a key, HEX", []byte(strings.ToUpper(hex.EncodeToString(sum))), 32)
		add(name+" without a key, base64", []byte(base64.RawStdEncoding.EncodeToString(sum))[:20], 20)
		add(name+" without a key, as tokens are spelled", []byte(strings.ToLower(base32.StdEncoding.EncodeToString(sum)))[:12], 12)
	}
	return all
}

func digests(p []byte) map[string][]byte {
	a, b, c, d := md5.Sum(p), sha1.Sum(p), sha256.Sum256(p), sha512.Sum512(p)
	return map[string][]byte{"MD5": a[:], "SHA-1": b[:], "SHA-256": c[:], "SHA-512": d[:]}
}

// numberForms are the ways of a number that are no text.
func numberForms(s string) []form {
	n, _ := strconv.ParseInt(s, 10, 64)
	bits := math.Float64bits(float64(n))
	exp := strconv.FormatFloat(float64(n), 'e', -1, 64)
	u := func(name string, p []byte) form { return form{name, p, len(p)} }
	return []form{
		u("int64 LE", binary.LittleEndian.AppendUint64(nil, uint64(n))), u("int64 BE", binary.BigEndian.AppendUint64(nil, uint64(n))),
		u("float64 LE", binary.LittleEndian.AppendUint64(nil, bits)), u("float64 BE", binary.BigEndian.AppendUint64(nil, bits)),
		u("zigzag", binary.AppendVarint(nil, n)), u("varint", binary.AppendUvarint(nil, uint64(n))), u("with an exponent", []byte(exp)[:12]),
	}
}

// finder looks for every piece of every form of many markers in one pass.
type finder struct {
	marks  []marker
	bloom  [1 << 17]uint64
	pieces map[uint64][]piece // by its first 8 bytes
}

type piece struct {
	text []byte
	mark int
	form string
}

func newFinder(marks []marker) *finder {
	f := &finder{marks: marks, pieces: map[uint64][]piece{}}
	for i, m := range marks {
		for _, x := range forms(m.text) {
			for at := 0; at+x.piece <= len(x.text); at++ {
				p := x.text[at : at+x.piece]
				k := binary.LittleEndian.Uint64(p)
				f.bloom[f.slot(k)>>6] |= 1 << (f.slot(k) & 63)
				f.pieces[k] = append(f.pieces[k], piece{p, i, x.name})
			}
		}
	}
	return f
}

func (f *finder) slot(k uint64) uint64 { return k * 0x9E3779B97F4A7C15 >> 41 }

// find returns the form in which each marker that is in p was found first.
func (f *finder) find(p []byte) map[int]string {
	found := map[int]string{}
	for i := 0; i+8 <= len(p); i++ {
		k := binary.LittleEndian.Uint64(p[i:])
		if s := f.slot(k); f.bloom[s>>6]>>(s&63)&1 == 0 {
			continue
		}
		for _, x := range f.pieces[k] {
			if _, had := found[x.mark]; !had && bytes.HasPrefix(p[i:], x.text) {
				found[x.mark] = x.form
			}
		}
	}
	return found
}

// TestCanaryFinds: the search finds a marker in every form, cut at both ends,
// and nothing in what is only like one.
func TestCanaryFinds(t *testing.T) {
	m := &markers{rng: rand.New(rand.NewPCG(1, 1))}
	m.secret("text")
	m.number("number")
	others := &markers{rng: rand.New(rand.NewPCG(2, 1))}
	f := newFinder(m.all)
	for i, x := range m.all {
		all := forms(x.text)
		if len(all) < 39 {
			t.Errorf("%s: only %d forms", x.where, len(all))
		}
		for _, form := range all {
			for at := 0; at+form.piece <= len(form.text); at++ {
				p := append(append([]byte("before"), form.text[at:at+form.piece]...), "after"...)
				if _, ok := f.find(p)[i]; !ok {
					t.Errorf("%s: piece %d as %s is not found", x.where, at, form.name)
				}
			}
		}
	}
	for range 1000 {
		others.secret("")
		others.number("")
	}
	p, _ := json.Marshal(fmt.Sprint(others.all))
	if got := f.find(p); len(got) > 0 {
		t.Errorf("found in other markers: %v", got)
	}
}
