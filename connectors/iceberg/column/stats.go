package column

// Stats is what an Iceberg DataFile says of a file. Maps are keyed by field id.
type Stats struct {
	Records      int64
	FileSize     int64          // bytes
	ColumnSizes  map[int]int64  // bytes in the file, page headers included
	ValueCounts  map[int]int64  // nulls included
	NullCounts   map[int]int64  //
	NaNCounts    map[int]int64  // of float columns with bounds
	Lower, Upper map[int][]byte // single values as Iceberg serializes them; of columns with bounds // P1
	SplitOffsets []int64        // where row groups start
}

func newStats(b *Buffer, groups []group, size int64) Stats {
	n := len(b.fields)
	s := Stats{Records: rowsOf(groups), FileSize: size, ColumnSizes: make(map[int]int64, n), ValueCounts: make(map[int]int64, n),
		NullCounts: make(map[int]int64, n), NaNCounts: map[int]int64{}, Lower: make(map[int][]byte, n), Upper: make(map[int][]byte, n)}
	for _, g := range groups {
		s.SplitOffsets = append(s.SplitOffsets, g.chunks[0].start())
	}
	for i, f := range b.fields {
		c := &b.cols[i]
		var all bounds
		var packed, values, nulls int64
		for _, g := range groups {
			k := &g.chunks[i]
			packed, values, nulls = packed+k.packed, values+k.values, nulls+k.nulls
			all.join(k.stats, c.phys)
		}
		s.ColumnSizes[f.ID], s.ValueCounts[f.ID], s.NullCounts[f.ID] = packed, values, nulls
		if c.closed { // P1
			continue
		}
		if c.phys == physFloat || c.phys == physDouble {
			s.NaNCounts[f.ID] = all.nan
		}
		lower, upper := all.iceberg(f.Type, c.phys)
		if lower.value != nil {
			s.Lower[f.ID] = lower.value
		}
		if upper.value != nil {
			s.Upper[f.ID] = upper.value
		}
	}
	return s
}
