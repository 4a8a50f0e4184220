//go:build !amd64 || purego

package detect

const vectors = false

func (m *marks) set([]byte) {}
