//go:build !amd64 || purego

package detect

func everyMarks([]byte) []marks { return []marks{{}} }
