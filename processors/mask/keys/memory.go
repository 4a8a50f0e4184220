package keys

import "sync"

// locked is a key in memory of its own: not swapped and not in core dumps
// where the system allows that, and wiped when it is given up.
type locked struct {
	mu  sync.RWMutex
	mem []byte // nil after wipe
	p   []byte
}

// lock takes p over and wipes it.
func lock(p []byte) *locked {
	mem := page(len(p))
	l := &locked{mem: mem, p: mem[:copy(mem, p)]}
	clear(p)
	return l
}

// bytes lends the key; nil: it was wiped.
func (l *locked) bytes() []byte {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.p
}

func (l *locked) wipe() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.mem)
	l.p = nil // the page stays: a reader may hold it
}

// String and GoString tell nothing. // P1
func (l *locked) String() string   { return "[key]" }
func (l *locked) GoString() string { return "[key]" }
