package stream

import "cmp"

// Place is where a change stands among the changes of its key.
type Place struct {
	Lane   Lane
	Offset int64
	Seq    int32
	Time   int64 // microseconds since 1970 UTC
	Src    SourcePos
}

// Before reports whether p is older than q. Within a lane the offset decides,
// always; across lanes the source's position, then the event time: a key is on
// more than one lane only if its topic grew.
func (p *Place) Before(q *Place) bool {
	if p.Lane == q.Lane {
		return cmp.Or(cmp.Compare(p.Offset, q.Offset), cmp.Compare(p.Seq, q.Seq)) < 0 // D1
	}
	var none SourcePos
	if p.Src != none && q.Src != none {
		if c := p.Src.Compare(q.Src); c != 0 {
			return c < 0
		}
	}
	return cmp.Or(cmp.Compare(p.Time, q.Time), cmp.Compare(p.Offset, q.Offset), p.Lane.Compare(q.Lane)) < 0
}
