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

func newStats(columns []columnInfo, groups []group, size int64) Stats {
	n := len(columns)
	s := Stats{Records: rowsOf(groups), FileSize: size, ColumnSizes: make(map[int]int64, n), ValueCounts: make(map[int]int64, n),
		NullCounts: make(map[int]int64, n), NaNCounts: map[int]int64{}, Lower: make(map[int][]byte, n), Upper: make(map[int][]byte, n)}
	for _, g := range groups {
		s.SplitOffsets = append(s.SplitOffsets, g.chunks[0].start())
	}
	for i := range columns {
		c := &columns[i]
		var all bounds
		var packed, values, nulls int64
		for _, g := range groups {
			k := &g.chunks[i]
			packed, values, nulls = packed+k.packed, values+k.values, nulls+k.nulls
			all.join(k.stats, c.phys)
		}
		s.ColumnSizes[c.ID], s.ValueCounts[c.ID], s.NullCounts[c.ID] = packed, values, nulls
		if c.closed { // P1
			continue
		}
		if c.phys == physFloat || c.phys == physDouble {
			s.NaNCounts[c.ID] = all.nan
		}
		lower, upper := all.iceberg(c.Type, c.phys)
		if lower.value != nil {
			s.Lower[c.ID] = lower.value
		}
		if upper.value != nil {
			s.Upper[c.ID] = upper.value
		}
	}
	return s
}
