//go:build !amd64 || purego

package schemas

import "unsafe"

// marker is a way to make marks: here there is one.
type marker struct{}

var bestMarker marker

func markers() []marker { return []marker{{}} }

func (marker) mark(m *marks, p []byte) { m.set(p) }

func (marker) run(p unsafe.Pointer, m *marks, names []name, cells []Cell, _ []int32, i, limit, from int) (at, n int, named, check bool) {
	return run(p, m, names, cells, i, limit, from)
}
