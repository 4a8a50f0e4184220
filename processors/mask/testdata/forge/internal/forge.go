// Package forge must not compile: the door is internal to topology/stream.
package forge

import (
	"sluice/topology/stream"
	"sluice/topology/stream/internal/door"
)

func Clean(b *stream.Batch) stream.Clean { return stream.NewClean(door.Open(), b, nil) }
