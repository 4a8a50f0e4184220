// Package door holds the token that makes a Clean. Being internal to
// topology/stream, nobody outside of it can name the type; floors_test allows
// one importer of topology/stream/gate: processors/mask. // P1
package door

// Door is asked for by stream.NewClean. Its unexported field keeps an untyped
// literal from standing in for it.
type Door struct{ door int }
