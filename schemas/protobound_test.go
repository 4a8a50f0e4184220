package schemas

import (
	"errors"
	"runtime"
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
