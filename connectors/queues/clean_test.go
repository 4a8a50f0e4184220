package queues

import (
	"sluice/processors/mask"
	"sluice/topology/stream"
)

// clean passes b through a gate that keeps all.
func clean(w *world, b *stream.Batch) stream.Clean {
	w.Helper()
	c, err := mask.KeepAll().Pass(b)
	if err != nil {
		w.Fatal(err)
	}
	return c
}
