package registry

import (
	"encoding/binary"
	"testing"
)

// TestMessagesAreKeptOnce (each spelling of an index was kept, without end): one
// message is one schema, however its varints are spelled, and one that cannot be
// compiled is tried once.
func TestMessagesAreKeptOnce(t *testing.T) {
	s, err := protobuf([]byte(`syntax = "proto2"; message A { } message B { } message G { optional group C = 1 { } }`), nil)
	if err != nil {
		t.Fatal(err)
	}
	long := func(v int64, size int) []byte {
		p := binary.AppendVarint(nil, v)
		for len(p) < size {
			p[len(p)-1] |= 0x80
			p = append(p, 0)
		}
		return p
	}
	var first *Schema
	for a := 1; a < 10; a++ {
		for b := 1; b < 10; b++ {
			m, rest, err := s.Message(append(append(long(1, a), long(1, b)...), 'x'), "")
			if err != nil || string(rest) != "x" || first != nil && m != first {
				t.Fatalf("%d and %d bytes: %p %q %v", a, b, m, rest, err)
			}
			first = m
		}
	}
	_, _, err = s.Message([]byte{2, 4}, "")
	if _, _, again := s.Message([]byte{2, 4}, ""); err == nil || again != err {
		t.Errorf("%v, then %v", err, again)
	}
	for range 3 {
		for _, name := range []string{"A", "B", "none", "G"} {
			s.Message(nil, name)
		}
		s.Message([]byte{2, 18}, "")
	}
	if len(s.messages) != 5 { // B and G by index, and three by name
		t.Errorf("%d messages are kept", len(s.messages))
	}
}
