package schemas

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestProtoMergesInBounds (a megabyte took a quarter of a gigabyte): messages that
// come twice are joined, at every depth anew.
func TestProtoMergesInBounds(t *testing.T) {
	f, err := ParseProto([]byte(`syntax = "proto3"; message A { A a = 1; bytes b = 2; }`), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.At([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	p := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), make([]byte, 1<<18))
	for range 100 {
		q := protowire.AppendTag(nil, 1, protowire.BytesType)
		q = protowire.AppendBytes(q, nil)
		q = protowire.AppendTag(q, 1, protowire.BytesType)
		p = protowire.AppendBytes(q, p)
	}
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	_, err = m.AppendJSON(nil, p)
	runtime.ReadMemStats(&b)
	if !errors.Is(err, ErrProto) {
		t.Errorf("%v, want ErrProto", err)
	}
	if n := b.TotalAlloc - a.TotalAlloc; n > uint64(16*len(p)+1<<20) {
		t.Errorf("%d bytes were taken for %d", n, len(p))
	}
}

// TestProtoEntrySaysItsValueTwice (the first part was lost): the two are one message,
// which no serializer writes in parts; it is refused. Scalars are the last one.
func TestProtoEntrySaysItsValueTwice(t *testing.T) {
	f, err := ParseProto([]byte(`syntax = "proto3"; message A { map<string, B> b = 1; map<string, int32> n = 2; } message B { int32 x = 1; int32 y = 2; }`), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.At([]int{0})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := m.AppendJSON(nil, []byte{0x0A, 11, 0x0A, 1, 'k', 0x12, 2, 8, 1, 0x12, 2, 16, 1}); !errors.Is(err, ErrProto) {
		t.Errorf("%s %v", out, err)
	}
	if out, err := m.AppendJSON(nil, []byte{0x12, 7, 0x0A, 1, 'k', 16, 1, 16, 2}); err != nil || string(out) != `{"b":{},"n":{"k":2}}` {
		t.Errorf("%s %v", out, err)
	}
}

// TestProtoBracesWithinBraces (a megabyte of them took the compiler minutes): a
// text that nests them is refused, but not one that has them in comments and texts.
func TestProtoBracesWithinBraces(t *testing.T) {
	open := strings.Repeat("{", 1000)
	for text, ok := range map[string]bool{
		"/* " + open + " */ // " + open + "\nmessage A { string a = 1 [json_name = \"\\\"" + open + "\"]; }": true,
		"message A { }" + strings.Repeat("message B { ", 300) + strings.Repeat("}", 300):                     false,
		"message A { } option x = " + strings.Repeat("{a:", 300) + "1" + strings.Repeat("}", 300) + ";":      false,
	} {
		_, err := ParseProto([]byte(`syntax = "proto3"; `+text), nil)
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "braces within braces") {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}
