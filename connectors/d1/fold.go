package d1

import (
	"bytes"
	"hash/maphash"
	"unsafe"

	"sluice/topology/stream"
)

// span is a stretch of a run's buffer.
type span struct{ from, to int }

// change is what one record did to one row.
type change struct {
	src    stream.SourcePos
	time   int64
	offset int64
	key    span // JSON array of the key
	row    span // JSON array of the row, or again the key
	hash   uint64
	lane   int32 // place in the epoch's lanes
	seq    int32
	group  int32
	gone   bool // a delete
	void   bool // superseded
}

const changeSize = int64(unsafe.Sizeof(change{}))

// columnSet is a set of ordinals of a layout.
type columnSet [2]uint64

func (s *columnSet) add(i int)     { s[i>>6] |= 1 << (i & 63) }
func (s columnSet) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

// group is rows that one statement can write: the same columns.
type group struct {
	*layout
	keep columnSet // columns that stay as they are in the table
}

// run is what one writer has for one table.
type run struct {
	*target
	buf    []byte
	list   []change
	index  []int32 // open addressing: place in list + 1; of keyed tables
	groups []group
	keys   *layout // the last one of a keyed table: how deletes name their row
	cut    *change // the last truncate
	cutAt  lane
}

// group finds or adds a group; there are few.
func (r *run) group(l *layout, keep columnSet) int32 {
	for i := len(r.groups) - 1; i >= 0; i-- {
		if r.groups[i].layout == l && r.groups[i].keep == keep {
			return int32(i)
		}
	}
	r.groups = append(r.groups, group{l, keep})
	return int32(len(r.groups) - 1)
}

// place orders changes of one key.
type place struct {
	lane lane
	*change
}

// before reports whether a is older than b.
func (a place) before(b place) bool {
	p, q := a.place(), b.place()
	return p.Before(&q)
}

func (a place) place() stream.Place {
	return stream.Place{Lane: a.lane, Offset: a.offset, Seq: a.seq, Time: a.time, Src: a.src}
}

// put takes a change of a keyed table, the bytes of which begin at start. Of
// two changes of a key the later one stays.
func (r *run) put(e *epoch, c change, start int) {
	p := place{e.lanes[c.lane], &c}
	if r.cut != nil && p.before(place{r.cutAt, r.cut}) {
		e.counts[c.lane].Folded++
		r.buf = r.buf[:start]
		return
	}
	key := r.buf[c.key.from:c.key.to]
	c.hash = maphash.Bytes(e.sink.seed, key)
	i, slot := r.find(c.hash, key)
	if i < 0 {
		r.list = append(r.list, c)
		r.index[slot] = int32(len(r.list))
		e.counts[c.lane].Written++
		return
	}
	old := &r.list[i]
	switch {
	case old.void:
		e.counts[c.lane].Written++
	case p.before(place{e.lanes[old.lane], old}):
		e.counts[c.lane].Folded++
		if !r.merge(old, &c) {
			r.buf = r.buf[:start]
		}
		return
	default:
		e.counts[old.lane].Written--
		e.counts[old.lane].Folded++
		e.counts[c.lane].Written++
		r.merge(&c, old)
	}
	c.key = old.key
	if c.gone {
		c.row, r.buf = c.key, r.buf[:start]
	}
	*old = c
}

// truncate drops what is older than c, which empties the table.
func (r *run) truncate(e *epoch, c change) {
	p := place{e.lanes[c.lane], &c}
	e.counts[c.lane].Written++
	if r.cut != nil {
		if old := (place{r.cutAt, r.cut}); p.before(old) {
			return
		}
	}
	r.cut, r.cutAt = &c, p.lane
	for i := range r.list {
		old := &r.list[i]
		if !old.void && (place{e.lanes[old.lane], old}).before(p) {
			old.void = true
			e.counts[old.lane].Written--
			e.counts[old.lane].Folded++
		}
	}
}

// merge gives c the values it does not speak of and old, an earlier change of
// its row in this epoch, has: the placeholder is "keep what is there", and what
// is there was never written. It reports whether it made a new row.
func (r *run) merge(c, old *change) bool {
	if c.gone || r.groups[c.group].keep == (columnSet{}) {
		return false
	}
	g := r.groups[c.group]
	if old.gone { // nothing is there: such columns are null
		var keep columnSet
		for i := range g.cols {
			if g.keep.has(i) && g.cols[i].late {
				keep.add(i)
			}
		}
		c.group = r.group(g.layout, keep)
		return false
	}
	from := r.groups[old.group]
	mine, theirs := elements(r.buf[c.row.from:c.row.to]), elements(r.buf[old.row.from:old.row.to])
	row := span{from: len(r.buf)}
	var keep columnSet
	b := append(r.buf, '[')
	for i := range g.cols {
		v := mine[i]
		if g.keep.has(i) {
			if j := from.ordinal(g.cols[i].name); j >= 0 && !from.keep.has(j) {
				v = theirs[j]
			} else if j = from.ordinal(g.cols[i].of); j < 0 || from.keep.has(j) || g.cols[i].of == "" { // else the old one is in that column
				keep.add(i)
			}
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	r.buf = append(b, ']')
	row.to = len(r.buf)
	c.row, c.group = row, r.group(g.layout, keep)
	return true
}

// ordinal is the place of a column, or -1.
func (l *layout) ordinal(name string) int {
	for i := range l.cols {
		if l.cols[i].name == name {
			return i
		}
	}
	return -1
}

// elements splits a JSON array that this package wrote.
func elements(p []byte) (list [][]byte) {
	depth, start := 0, 1
	for i := 1; i < len(p); i++ {
		switch p[i] {
		case '"':
			for i++; p[i] != '"'; i++ {
				if p[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			depth++
		case ',', ']', '}':
			if depth > 0 {
				if p[i] != ',' {
					depth--
				}
				continue
			}
			list = append(list, p[start:i])
			start = i + 1
		}
	}
	return list
}

// join folds what several writers have for one table into one run.
func (s *Sink) join(runs []*run, of []*epoch) *run {
	if len(runs) == 1 {
		return runs[0]
	}
	all := &epoch{sink: s}
	at := map[lane]int32{}
	r := &run{target: runs[0].target}
	size := 0
	for _, x := range runs {
		size += len(x.buf)
		if x.keys != nil { // none of a truncate that came before any row
			r.target, r.keys = x.target, x.keys
		}
	}
	r.buf = make([]byte, 0, size)
	for i, x := range runs {
		to := make([]int32, len(of[i].lanes))
		for j, l := range of[i].lanes {
			if _, ok := at[l]; !ok {
				at[l] = int32(len(all.lanes))
				all.lanes, all.counts = append(all.lanes, l), append(all.counts, stream.Count{})
			}
			to[j] = at[l]
		}
		if x.cut != nil {
			c := *x.cut
			c.lane = to[c.lane]
			r.truncate(all, c)
		}
		for _, c := range x.list {
			if c.void {
				continue
			}
			c.lane = to[c.lane]
			if !c.gone {
				g := x.groups[c.group]
				c.group = r.group(g.layout, g.keep)
			}
			start := len(r.buf)
			key, row := x.buf[c.key.from:c.key.to], x.buf[c.row.from:c.row.to]
			r.buf = append(r.buf, key...)
			c.key = span{start, len(r.buf)}
			if c.row = c.key; !c.gone {
				r.buf = append(r.buf, row...)
				c.row = span{c.key.to, len(r.buf)}
			}
			if r.keyed {
				r.put(all, c, start)
			} else {
				r.list = append(r.list, c)
			}
		}
	}
	return r
}

// find is the place in list of a key, or -1, and the free slot.
func (r *run) find(hash uint64, key []byte) (at, slot int) {
	if 2*(len(r.list)+1) > len(r.index) {
		r.grow()
	}
	mask := len(r.index) - 1
	for slot = int(hash) & mask; ; slot = (slot + 1) & mask {
		i := int(r.index[slot]) - 1
		if i < 0 {
			return -1, slot
		}
		if c := &r.list[i]; c.hash == hash && bytes.Equal(r.buf[c.key.from:c.key.to], key) {
			return i, slot
		}
	}
}

// grow doubles the index.
func (r *run) grow() {
	r.index = make([]int32, max(64, 2*len(r.index)))
	mask := len(r.index) - 1
	for i := range r.list {
		slot := int(r.list[i].hash) & mask
		for r.index[slot] != 0 {
			slot = (slot + 1) & mask
		}
		r.index[slot] = int32(i + 1)
	}
}
