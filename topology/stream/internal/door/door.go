// Package door holds the token that makes a Clean. Being internal to
// topology/stream, nobody outside of it can name the type; floors_test allows
// one importer of topology/stream/gate: processors/mask. // P1
package door

// Door is asked for by stream.NewClean. Its unexported field keeps an untyped
// literal from standing in for it, and its zero value, which type inference
// can make without naming it, opens nothing.
type Door struct{ open bool }

// Open is the one Door that opens.
func Open() Door { return Door{true} }

// Check panics unless d came from Open.
func (d Door) Check() {
	if !d.open {
		panic("stream: Clean is made by topology/stream/gate alone")
	}
}
