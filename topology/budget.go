package topology

import (
	"context"
	"sync"
)

// budget is the byte budget: taken once, at admission, and given back when the
// last sink committed. Only the source ever waits for it, so that it cannot
// deadlock with sealing. // D7
type budget struct {
	mu   sync.Mutex
	max  int64
	used int64
	free chan struct{} // closed and replaced when bytes come back
}

func newBudget(n int64) *budget { return &budget{max: n, free: make(chan struct{})} }

// take waits until n bytes are free. A batch larger than the whole budget
// passes alone. pressed is called once if it has to wait.
func (b *budget) take(ctx context.Context, n int64, pressed func()) error {
	for first := true; ; first = false {
		b.mu.Lock()
		if b.used == 0 || b.used+n <= b.max {
			b.used += n
			b.mu.Unlock()
			return nil
		}
		free := b.free
		b.mu.Unlock()
		if first {
			pressed()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-free:
		}
	}
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	b.used -= n
	close(b.free)
	b.free = make(chan struct{})
	b.mu.Unlock()
}

// inUse is the number of bytes taken.
func (b *budget) inUse() int64 { b.mu.Lock(); defer b.mu.Unlock(); return b.used }
