package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkPass masks 1.4 KB of before and after, 8 hashed fields, against a
// map round trip with crypto/hmac made anew for every value.
func BenchmarkPass(b *testing.B) {
	m := map[string]any{"id": 42}
	for i := range 8 {
		m[fmt.Sprintf("pii%d", i)] = fmt.Sprintf("some personal text number %d of a person", i)
	}
	for i := range 6 {
		m[fmt.Sprintf("plain%d", i)] = strings.Repeat("x", 30)
	}
	p, _ := json.Marshal(m)
	in := string(p)
	s := schemaOf(false, "id", in)
	g := policy(b, "key: env:KEY\nrules: [{columns: {id: {keep: r}, plain0: {keep: r}, plain1: {keep: r}, plain2: {keep: r}, plain3: {keep: r}, plain4: {keep: r}, plain5: {keep: r}}}]")
	const n = 500
	for _, c := range []struct{ name, before string }{{"unchanged", in}, {"changed", strings.ReplaceAll(in, "personal", "familiar")}, {"insert", ""}} {
		changes := make([]change, n)
		for i := range changes {
			changes[i] = change{before: c.before, after: in, key: `{"id":42}`}
		}
		x := batch(s, changes...)
		recs := x.Records
		b.Run("gate/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(n * (len(in) + len(c.before))))
			b.ReportAllocs()
			for b.Loop() {
				x.Records = recs
				x.SetArena(x.Arena()[:0])
				if _, err := g.Pass(x); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("map/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(n * (len(in) + len(c.before))))
			b.ReportAllocs()
			for b.Loop() {
				for range n {
					naive(c.before)
					naive(in)
				}
			}
		})
	}
}

func naive(row string) []byte {
	var m map[string]any
	if row == "" || json.Unmarshal([]byte(row), &m) != nil {
		return nil
	}
	for k, v := range m {
		if s, ok := v.(string); ok && strings.HasPrefix(k, "pii") {
			h := hmac.New(sha256.New, []byte(strings.Repeat("k", 32)))
			h.Write([]byte(s))
			m[k] = "k1_" + base32.StdEncoding.EncodeToString(h.Sum(nil)[:16])
		}
	}
	p, _ := json.Marshal(m)
	return p
}
