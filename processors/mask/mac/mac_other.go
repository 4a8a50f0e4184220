//go:build !amd64 || purego

package mac

const (
	instructions = false
	wide         = false
	permutes     = false
)

func blocks(*state, *byte, int)             { panic("mac: no instructions") }
func one(*Key, *Block, *Sum)                { panic("mac: no instructions") }
func two(_, _ *Key, _, _ *Block, _, _ *Sum) { panic("mac: no instructions") }
func sixteen(*Group)                        { panic("mac: no instructions") }
func fill(*Block, *byte, int)               { panic("mac: no instructions") }
func tokens(*byte, *int, *Sum, int)         { panic("mac: no instructions") }
