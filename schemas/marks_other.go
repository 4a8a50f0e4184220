//go:build !amd64 || purego

package schemas

const fastest = portable

// window is what is known of a text ahead of the scanner: here nothing.
type window struct{}

func (window) reset() {}

func (s *scanner) markedStop(i int) (at int, high bool) { return s.stop(i) }

func (s *scanner) markedMembers(i, next int, t *Target) (at, n int, named bool) {
	return i, next, false
}
