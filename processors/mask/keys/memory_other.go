//go:build !linux

package keys

// page is plain memory: locking is done on Linux only.
func page(n int) []byte { return make([]byte, n) }
