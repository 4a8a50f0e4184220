package keys

import "golang.org/x/sys/unix"

// page is n bytes outside of Go's heap, locked and left out of core dumps. A
// system that refuses (RLIMIT_MEMLOCK) gives plain memory: never a failure.
func page(n int) []byte {
	mem, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n)
	}
	_ = unix.Mlock(mem)
	_ = unix.Madvise(mem, unix.MADV_DONTDUMP)
	return mem
}
