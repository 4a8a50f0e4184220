package topology

import (
	"testing"
	"testing/synctest"
)

// TestBudgetAhead: what waits for workers takes a quarter of the budget, what
// waits for commits all of it, and neither stops for good.
func TestBudgetAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, pressed, taken := newBudget(1000), 0, 0
		go func() {
			for range 12 {
				if b.take(t.Context(), 100, 0, func() { pressed++ }) != nil {
					return
				}
				taken++
			}
		}()
		for i, step := range []struct {
			do      func()
			taken   int
			pressed bool
		}{
			{func() {}, 2, false}, // a quarter is 250 bytes
			{func() { b.done(100, 0) }, 3, false},
			{func() {
				for range 6 { // the workers keep up: what they read waits for a commit
					b.done(100, 0)
					synctest.Wait()
				}
			}, 9, false},
			{func() { b.done(100, 0) }, 10, true}, // the budget is spent
			{func() { b.done(100, 0); b.give(100) }, 11, true},
			{func() { b.done(100, 0); b.give(100) }, 12, true},
		} {
			step.do()
			synctest.Wait()
			if taken != step.taken || pressed > 0 != step.pressed {
				t.Fatalf("step %d: %d taken, pressed %d times", i, taken, pressed)
			}
		}
	})
}

// TestBudgetLarge: a batch larger than its share goes alone.
func TestBudgetLarge(t *testing.T) {
	b := newBudget(1000)
	for range 3 {
		if err := b.take(t.Context(), 5000, 100, func() {}); err != nil {
			t.Fatal(err)
		}
		b.done(5000, 100)
		b.give(4900)
	}
	if b.used != 0 || b.ahead != 0 || b.reading != 0 {
		t.Errorf("left: used %d, ahead %d, reading %d", b.used, b.ahead, b.reading)
	}
}
