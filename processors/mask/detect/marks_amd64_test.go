//go:build !purego

package detect

// everyMarks are the marks of p by every way this processor has.
func everyMarks(p []byte) (all []marks) {
	for _, w := range []bool{false, true} {
		if m := (marks{}); vectors && len(p) > 0 && (wide || !w) {
			m.room(len(p))
			for i := range m.events { // as another text left them
				m.events[i], m.suspects[i] = ^uint64(0), ^uint64(0)
			}
			m.fill(p, w)
			all = append(all, m)
		}
	}
	if !vectors || len(p) == 0 {
		all = append(all, marks{})
	}
	return all
}
