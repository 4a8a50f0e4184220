package column

import "fmt"

// Relabel gives the columns the names, ids, types and bounds of fields, which
// stand in the same order and have the same layout: the ids of a table are
// known only when it is there, which may be after its first rows, and a time
// may become the plain long it is stored as.
func (b *Buffer) Relabel(fields []Field) error {
	if err := sameLayout(fields, len(b.cols), func(i int) (physical, uint8) { return b.cols[i].phys, b.cols[i].width }); err != nil {
		return err
	}
	for i := range fields {
		b.cols[i].closed = b.cols[i].closed || !fields[i].bounded() // P1: what is there stays without bounds
	}
	b.fields = fields
	return nil
}

func sameLayout(fields []Field, n int, have func(i int) (physical, uint8)) error {
	if len(fields) != n {
		return fmt.Errorf("column: %d columns cannot be relabelled as %d: this is a bug, please report it", n, len(fields))
	}
	for i, f := range fields {
		p, w := layout(f.Type)
		if hp, hw := have(i); p != hp || w != hw {
			return fmt.Errorf("column %q: type %v has another layout than the rows: this is a bug, please report it", f.Name, f.Type)
		}
	}
	return nil
}
