package column

import "fmt"

// Relabel gives the columns the names, ids, types and bounds of fields, which
// stand in the same order and have the same layout: the ids of a table are
// known only when it is there, which may be after its first rows, and a time
// may become the plain long it is stored as.
func (b *Buffer) Relabel(fields []Field) error {
	if len(fields) != len(b.fields) {
		return fmt.Errorf("column: %d columns cannot be relabelled as %d: this is a bug, please report it", len(b.fields), len(fields))
	}
	for i, f := range fields {
		if p, w := layout(f.Type); p != b.cols[i].phys || w != b.cols[i].width {
			return fmt.Errorf("column %q: type %v has another layout than %v: this is a bug, please report it", f.Name, f.Type, b.fields[i].Type)
		}
	}
	for i := range fields {
		b.cols[i].closed = b.cols[i].closed || !fields[i].bounded() // P1: what is there stays without bounds
	}
	b.fields = fields
	return nil
}
