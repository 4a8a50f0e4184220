package schemas

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/linkedin/goavro/v2"
)

// seasoned is an index that read other records before, and its target.
type seasoned struct {
	x    *AvroIndex
	deep bool
	got  *Target
}

func season(a *Avro, deep bool) *seasoned {
	s := &seasoned{deep: deep, got: avroTarget(a, deep, false)}
	var ok bool
	if s.x, ok = a.Index(s.got); !ok {
		return nil
	}
	return s
}

// check holds the index of p against that of its JSON.
func (s *seasoned) check(t *testing.T, a *Avro, p []byte) {
	t.Helper()
	var reset func(*Target)
	reset = func(g *Target) {
		clear(g.Cells)
		g.Reset(g.Cells)
		for _, sub := range g.Sub {
			if sub != nil {
				reset(sub)
			}
		}
	}
	reset(s.got)
	text, jsonErr := a.AppendJSON(nil, p)
	_, arena, err := s.x.Scan(p, 0, nil)
	if (err == nil) != (jsonErr == nil) {
		t.Fatalf("index %v, JSON %v: %x", err, jsonErr, p)
	}
	if err != nil {
		return
	}
	want := avroTarget(a, s.deep, false)
	if _, err := ScanJSON(text, want); err == nil {
		sameAvro(t, want, s.got, text, p, arena)
	} else if err != ErrDepth {
		t.Fatalf("%v: %s", err, text)
	}
}

// TestAvroGuesses: what an index learned of earlier records changes nothing, on
// data that mostly are alike, seldom alike, and broken.
func TestAvroGuesses(t *testing.T) {
	codec, err := goavro.NewCodec(everyAvro)
	if err != nil {
		t.Fatal(err)
	}
	every, err := ParseAvro([]byte(everyAvro))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(18, 19))
	schema, recs, _ := avroRecords(300)
	row, err := ParseAvro([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	for _, deep := range []bool{true, false} {
		s := season(every, deep)
		var p []byte
		for n := range 700 {
			if n%3 == 0 || p == nil {
				native, _ := randomAvro(r)
				if p, err = codec.BinaryFromNative(nil, native); err != nil {
					t.Fatal(err)
				}
			}
			s.check(t, every, p)
			s.check(t, every, broken(r, p))
		}
		s = season(row, deep)
		for range 2 {
			for _, p := range recs {
				s.check(t, row, p)
				s.check(t, row, broken(r, p))
			}
		}
	}
}

func broken(r *rand.Rand, p []byte) []byte {
	q := bytes.Clone(p)
	switch r.IntN(3) {
	case 0:
		q[r.IntN(len(q))] ^= 1 << r.IntN(8)
	case 1:
		q = q[:r.IntN(len(q))]
	case 2:
		q = append(q, byte(r.Uint32()))
	}
	return q
}

// TestAvroTexts: texts of every length with every two bytes among them, guessed
// and read, are taken if they are UTF-8.
func TestAvroTexts(t *testing.T) {
	a, err := ParseAvro([]byte(`{"type":"record","name":"r","fields":[{"name":"a","type":"string"},{"name":"b","type":["null","string"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := avroTarget(a, false, false)
	x, _ := a.Index(got)
	var p []byte
	hold := func(text []byte) {
		p = binary.AppendVarint(p[:0], int64(len(text)))
		p = append(append(p, text...), 2)
		p = append(binary.AppendVarint(p, int64(len(text))), text...)
		_, _, err := x.Scan(p, 0, nil)
		if valid := utf8.Valid(text); (err == nil) != valid {
			t.Fatalf("%x: %v", text, err)
		}
		if err == nil && (int(got.Cells[0].Len) != len(text) || got.Cells[0].Enc != EncText || got.Cells[1].Enc != EncText) {
			t.Fatalf("%x: %v", text, got.Cells)
		}
	}
	for _, n := range []int{2, 3, 15, 16, 17, 31, 32, 33, 64, 65, 100} {
		for _, at := range []int{0, min(n/2, n-2), n - 2} {
			text := bytes.Repeat([]byte("x"), n)
			for v := 0; v < 1<<16; v += 1 + n/4 {
				text[at], text[at+1] = byte(v>>8), byte(v)
				hold(text)
			}
		}
	}
	r := rand.New(rand.NewPCG(2, 3))
	pieces := []string{"a", "é", "Ж", "ש", "日", "😀", "\x80", "\xc3", "\xe0\x80", "\xed\xa0\x80", "\xc1\xbf", "\xf8", "߿", "ࠀ"}
	for range 100_000 {
		var text []byte
		for range r.IntN(20) {
			text = append(text, pieces[r.IntN(len(pieces))*r.IntN(2)]...)
		}
		if r.IntN(4) > 0 {
			text = bytes.ToValidUTF8(text, []byte("é"))
		}
		hold(text)
	}
}
