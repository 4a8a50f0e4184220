//go:build !amd64 || purego

package schemas

func (s *avroScan) run(steps []avroStep, cells []Cell, i int) (at, n int, ok bool) {
	return s.portable(steps, cells, i)
}
