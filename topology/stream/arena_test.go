package stream

import (
	"bytes"
	"testing"
)

// TestArenaIsEmpty: the arena that the next batch gets holds nothing of the one
// before, not behind its end either, where a cell that is wrong would reach. // P1
func TestArenaIsEmpty(t *testing.T) {
	b := NewBatch(Lane{Topic: "t"}, Position{}, nil)
	b.SetArena(append(b.Arena(), "CANARY CANARY"...))
	p := b.Arena()
	b.Release()
	if bytes.Contains(p, []byte("CANARY")) {
		t.Error("what a batch made lies in memory that the next one gets")
	}
}
