package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestDerive(t *testing.T) {
	raw := strings.Repeat("k", 32)
	r, err := New("k1", raw)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, x := range [][2]string{{"hash", ""}, {"hash", "email"}, {"hashemail", ""}, {"ff1", ""}, {"", "hash"}, {"hash1:", ""}, {"hash", "0:"}} {
		k := r.Primary().Derive(x[0], x[1])
		if was, is := seen[string(k)]; is || len(k) != 32 || bytes.Contains(k, []byte("kkkk")) {
			t.Errorf("%q and %q", x, was)
		}
		seen[string(k)] = fmt.Sprint(x)
	}
	for _, spelled := range []string{hex.EncodeToString([]byte(raw)), base64.StdEncoding.EncodeToString([]byte(raw))} {
		if q, err := New("k1", spelled); err != nil || !bytes.Equal(q.Primary().Derive("a", "b"), r.Primary().Derive("a", "b")) {
			t.Errorf("%q is another key: %v", spelled, err)
		}
	}
	for _, s := range []string{fmt.Sprint(r.Primary()), fmt.Sprintf("%+v", r.Primary()), fmt.Sprintf("%#v", r.Primary())} { // P1
		if s != "key k1" {
			t.Errorf("a key prints as %q", s)
		}
	}
	if r.Find("k1") != r.Primary() || r.Find("k2") != nil {
		t.Error("Find")
	}
}

func TestRefused(t *testing.T) {
	for id, secret := range map[string]string{"": strings.Repeat("k", 32), "K1": strings.Repeat("k", 32), "k_1": strings.Repeat("k", 32), "k1": "short"} {
		if _, err := New(id, secret); err == nil || strings.Contains(err.Error(), "short") {
			t.Errorf("%q: %v", id, err)
		}
	}
}
