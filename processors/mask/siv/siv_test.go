package siv

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// RFC 4493 section 4, and 800-38B for 256 bits.
func TestCMAC(t *testing.T) {
	const m = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
	for _, c := range []struct {
		key  string
		n    int
		want string
	}{
		{"2b7e151628aed2a6abf7158809cf4f3c", 0, "bb1d6929e95937287fa37d129b756746"},
		{"2b7e151628aed2a6abf7158809cf4f3c", 16, "070a16b46b4d4144f79bdd9dd04a287c"},
		{"2b7e151628aed2a6abf7158809cf4f3c", 40, "dfa66747de9ae63030ca32611497c827"},
		{"2b7e151628aed2a6abf7158809cf4f3c", 64, "51f0bebf7e3b9d92fc49741779363cfe"},
		{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 0, "028962f61b7bf89efc6b551f4667d983"},
		{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 16, "28a7023f452e8f82bd4bf28d8c37c35c"},
		{"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 64, "e1992190549f6ed5696a2c056c315410"},
	} {
		mac, err := NewCMAC(unhex(t, c.key))
		if err != nil {
			t.Fatal(err)
		}
		if got := mac.Sum(unhex(t, m)[:c.n], new(Scratch)); hex.EncodeToString(got[:]) != c.want {
			t.Errorf("%d bytes: %x, want %s", c.n, got, c.want)
		}
	}
}

// RFC 5297 appendix A.
func TestVectors(t *testing.T) {
	for _, c := range []struct {
		key, plain, sealed string
		data               []string
	}{
		{"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", "112233445566778899aabbccddee",
			"85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c", []string{"101112131415161718191a1b1c1d1e1f2021222324252627"}},
		{"7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f",
			"7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67205349562d414553",
			"7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d",
			[]string{"00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100", "102030405060708090a0", "09f911029d74e35bd84156c5635688c0"}},
	} {
		var data [][]byte
		for _, d := range c.data {
			data = append(data, unhex(t, d))
		}
		x, err := New(unhex(t, c.key), data...)
		if err != nil {
			t.Fatal(err)
		}
		var s Scratch
		if got := x.Seal(nil, unhex(t, c.plain), &s); hex.EncodeToString(got) != c.sealed {
			t.Errorf("got  %x\nwant %s", got, c.sealed)
		}
		if got, err := x.Open([]byte("at:"), unhex(t, c.sealed), &s); err != nil || !bytes.Equal(got[3:], unhex(t, c.plain)) {
			t.Errorf("open: %x, %v", got, err)
		}
	}
}

// TestChanged: a token with any bit changed, cut or of another domain is refused.
func TestChanged(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 64)
	x, _ := New(key, []byte("email"))
	other, _ := New(key, []byte("phone"))
	var s Scratch
	for n := range 50 {
		p := bytes.Repeat([]byte{'a'}, n)
		token := x.Seal(nil, p, &s)
		for i := range 8 * len(token) {
			token[i/8] ^= 1 << (i % 8)
			if got, err := x.Open(nil, token, &s); err != ErrOpen || len(got) != 0 {
				t.Fatalf("bit %d of %d bytes: %v", i, n, err)
			}
			token[i/8] ^= 1 << (i % 8)
		}
		for i := range token {
			if _, err := x.Open(nil, token[:i], &s); err == nil {
				t.Fatalf("%d of %d bytes open", i, len(token))
			}
		}
		if _, err := other.Open(nil, token, &s); err == nil {
			t.Fatal("another domain opens it")
		}
		if got, err := x.Open(nil, token, &s); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if _, err := New(key[:33]); err == nil {
		t.Error("a key of 33 bytes")
	}
	if got := fmt.Sprintf("%v %#v %v %#v", x, x, x.mac, x.mac); got != "siv siv cmac cmac" {
		t.Errorf("prints as %s", got)
	}
}

func FuzzOpen(f *testing.F) {
	x, _ := New(bytes.Repeat([]byte{7}, 32), []byte("email"))
	f.Add([]byte("ann@example.com"), x.Seal(nil, []byte("x"), new(Scratch)))
	f.Fuzz(func(t *testing.T, p, token []byte) {
		var s Scratch
		if got, err := x.Open(nil, x.Seal(nil, p, &s), &s); err != nil || !bytes.Equal(got, p) {
			t.Fatal("not back")
		}
		if got, err := x.Open(nil, token, &s); err == nil && !bytes.Equal(x.Seal(nil, got, &s), token) {
			t.Fatal("a token that was not made opens")
		}
	})
}

func TestAllocations(t *testing.T) {
	x, _ := New(make([]byte, 64), []byte("email"))
	var s Scratch
	p, buf, back := []byte("john.suzuki429@outlook.com"), make([]byte, 0, 64), make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		buf = x.Seal(buf[:0], p, &s)
		back, _ = x.Open(back[:0], buf, &s)
		x.Seal(buf[:0], p[:9], &s)
		x.mac.Expand(x.mac.Sum(p, &s), 1, &s)
	}); n != 0 {
		t.Errorf("%.1f allocations", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	x, _ := New(make([]byte, 64), []byte("email"))
	var s Scratch
	p, buf := []byte("john.suzuki429@outlook.com"), make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = x.Seal(buf[:0], p, &s)
	}
}
