package topology

import (
	"context"
	"sync"
	"unsafe"

	"sluice/schemas"
	"sluice/topology/stream"
)

// budget is the byte budget: taken once, at admission, and given back when the
// last sink committed. Only the source ever waits for it, so that it cannot
// deadlock with sealing. // D7
//
// What a record costs beside its bytes while it is read (record structs, cells)
// counts too, until its worker is done with the batch: small records cost a
// multiple of their bytes.
//
// Of the budget a quarter is for what waits for workers. More of it would not
// keep them busier: it would only be more memory for the collector to look at
// while the rows that wait for a commit need the rest.
type budget struct {
	mu      sync.Mutex
	max     int64
	used    int64
	reading int64         // the part of used that goes when workers are done
	ahead   int64         // the part of used that workers have not read yet, reading among it
	free    chan struct{} // closed and replaced when bytes come back
}

// aheadShare is the part of the budget that may wait for workers.
const aheadShare = 4

// recordCost is what a record of a batch holds beside its bytes: its struct,
// the client's, and cells of some columns before and behind the gate.
const recordCost = 2*int64(unsafe.Sizeof(stream.Record{})) + 32*int64(unsafe.Sizeof(schemas.Cell{}))

func newBudget(n int64) *budget { return &budget{max: n, free: make(chan struct{})} }

// take waits until n bytes are free, of which reading are given back by done.
// A batch larger than the whole budget passes alone. pressed is called when it
// has to wait for commits, not only for workers.
func (b *budget) take(ctx context.Context, n, reading int64, pressed func()) error {
	for {
		b.mu.Lock()
		if b.used == 0 || b.used+n <= b.max && (b.ahead == 0 || b.ahead+n <= b.max/aheadShare) {
			b.used += n
			b.reading += reading
			b.ahead += n
			b.mu.Unlock()
			return nil
		}
		free, staged := b.free, b.used-b.reading
		b.mu.Unlock()
		if staged+n > b.max { // the workers alone will not make room
			pressed()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-free:
		}
	}
}

// done gives back what was taken for reading, of n that were taken.
func (b *budget) done(n, reading int64) {
	b.mu.Lock()
	b.reading -= reading
	b.ahead -= n
	b.mu.Unlock()
	b.give(reading)
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
