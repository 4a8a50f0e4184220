package topology

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/topology/stream"
)

// TestQueueForgets (grew for ever): a queue that is never empty holds what is
// in it and not what went through it. // D7
func TestQueueForgets(t *testing.T) {
	var q queue
	q.wake.L = &q.mu
	for range 10 {
		q.put(item{})
	}
	for i := range 100_000 {
		q.put(item{mask: uint64(i)})
		q.take()
	}
	if n := cap(q.items); n > 100 {
		t.Errorf("room for %d items, 10 are in it", n)
	}
	for want := range 10 {
		if i, _ := q.take(); i.mask != uint64(100_000-10+want) {
			t.Fatalf("took %d, want %d", i.mask, 100_000-10+want)
		}
	}
}

//go:noinline
func breaks(card int64, rows []int) int64 {
	return card + int64(rows[card])
}

// TestPanicTellsNoValues: the runtime prints the arguments of every function
// of a stack, and one of them may be a value. // P1
func TestPanicTellsNoValues(t *testing.T) {
	var err error
	p := &Pipeline{abort: func(e error) { err = e }}
	w := &worker{p: p}
	w.guard("stage", stream.Span{}, func() error { breaks(0x5a17c0de, nil); return nil })
	if err == nil || !strings.Contains(err.Error(), "worker_test.go") || !strings.Contains(err.Error(), "breaks") {
		t.Fatalf("the place is not told: %v", err)
	}
	for _, secret := range []string{"5a17c0de", "1511506142", "0x"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s is in %v", secret, err)
		}
	}
	w.guard("stage", stream.Span{}, func() error { panic("4111111111111111") })
	if strings.Contains(err.Error(), "4111") {
		t.Errorf("a panic's value is told: %v", err)
	}
}

// flaky is a gate whose keys do not answer for a while.
type flaky struct {
	err   error
	fails int
	calls int
}

func (f *flaky) Pass(*stream.Batch) (stream.Clean, error) {
	f.calls++
	if f.calls <= f.fails {
		return stream.Clean{}, f.err
	}
	return stream.Clean{}, nil
}

// TestGateIsAskedAgain: a batch waits for what its gate needs and goes nowhere
// without it; the end of the pipeline ends the wait, and other errors do not wait. // P2
func TestGateIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		try := func(f *flaky) error {
			p := &Pipeline{gate: f, over: over}
			p.env.Log = slog.New(slog.DiscardHandler)
			_, err := (&worker{p: p}).pass(&stream.Batch{})
			return err
		}
		out := stream.Retry("keys", 0, errors.New("no answer"))
		began := time.Now()
		if f := (&flaky{err: out, fails: 20}); try(f) != nil || f.calls != 21 || time.Since(began) < time.Minute {
			t.Errorf("%d calls in %v", f.calls, time.Since(began))
		}
		if f := (&flaky{err: errors.New("broken"), fails: 20}); try(f) == nil || f.calls != 1 {
			t.Errorf("%d calls", f.calls)
		}
		time.AfterFunc(time.Hour, func() { close(over) })
		if f := (&flaky{err: out, fails: 1 << 30}); !errors.Is(try(f), out) {
			t.Error("the end is not told")
		}
	})
}
