//go:build !amd64 || purego

package schemas

func (s *avroScan) run(steps []avroStep, cells []Cell, i int) (at, n int, ok bool) {
	at, n = runAvro(s.p, steps, cells, i)
	return at, n, true
}
