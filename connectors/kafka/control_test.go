package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"sluice/topology/stream"
)

// follower is an instance that takes part in the control log.
type follower struct {
	stream.ControlLog
	mu   sync.Mutex
	got  [][]byte
	stop func() error
}

func follow(t *testing.T, c *kfake.Cluster, instance string) *follower {
	t.Helper()
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group, cfg.Instance = c.ListenAddrs(), []string{"t"}, "g", instance
	src, err := openSource(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{ControlLog: src.(stream.ControlKeeper).Control()}
	if err := f.Append(t.Context(), []byte("early")); err == nil {
		t.Error("appended before Follow opened the log")
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- f.Follow(ctx, func(_ int64, b []byte) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.got = append(f.got, bytes.Clone(b))
			return nil
		})
	}()
	f.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { f.stop() })
	return f
}

func (f *follower) count() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.got) }

func (f *follower) append(t *testing.T, b []byte) {
	t.Helper()
	until(t, "the record is appended", func() bool { return f.Append(t.Context(), b) == nil })
}

// TestControlLog: every instance reads every record from the beginning, in one
// order, and one of them leads; when it stops another does.
func TestControlLog(t *testing.T) {
	for _, static := range []bool{false, true} {
		t.Run(fmt.Sprintf("static=%v", static), func(t *testing.T) {
			id := func(n string) string {
				if static {
					return n
				}
				return ""
			}
			c := newBroker(t)
			a := follow(t, c, id("a"))
			a.append(t, []byte("one"))
			until(t, "a leads", a.Leads)
			b := follow(t, c, id("b"))
			b.append(t, bytes.Repeat([]byte("big"), 3<<20))
			a.append(t, []byte("three"))
			until(t, "both read all", func() bool { return a.count() >= 3 && b.count() == a.count() })
			if !slices.EqualFunc(a.got, b.got, bytes.Equal) {
				t.Error("they read in different orders")
			}
			if !a.Leads() || b.Leads() {
				t.Errorf("leading: %v, %v", a.Leads(), b.Leads())
			}
			if err := b.Append(t.Context(), make([]byte, controlBytes)); stream.KindOf(err) != stream.KindState {
				t.Errorf("a record over the limit: %v", err)
			}
			if err := b.Trim(t.Context(), 2); err != nil {
				t.Errorf("Trim: %v", err)
			}
			late := follow(t, c, id("late"))
			until(t, "the last record is read", func() bool { return late.count() == 1 })
			if string(late.got[0]) != "three" {
				t.Error("what was cut off is read")
			}
			late.stop()
			if err := a.stop(); err != nil {
				t.Error(err)
			}
			if a.Leads() {
				t.Error("leads after its end")
			}
			until(t, "b leads", b.Leads)
		})
	}
}

// TestControlLogRefuses: what the engine cannot read ends Follow.
func TestControlLogRefuses(t *testing.T) {
	c := newBroker(t)
	a := follow(t, c, "")
	a.append(t, []byte("one"))
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group = c.ListenAddrs(), []string{"t"}, "g"
	src, err := openSource(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	bad := errors.New("of a newer version")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := src.(stream.ControlKeeper).Control().Follow(ctx, func(int64, []byte) error { return bad }); !errors.Is(err, bad) {
		t.Errorf("Follow: %v", err)
	}
}
