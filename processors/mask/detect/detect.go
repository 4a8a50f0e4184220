// Package detect finds personal data and secrets in free text: what it is, where,
// and how sure that is. It knows formats, check digits, issuer and numbering
// tables (package phone), and the words around a value: a bare number of ten
// digits is a phone where the text says so, and nothing elsewhere.
//
// Texts are read once. Digits and @ are looked for; everything else is skipped
// eight bytes at a time. What hides a value is undone first, and places are given
// in the text as it came: JSON escapes, percent encoding, full-width and other
// decimal digits, Unicode hyphens and spaces, characters of no width, and one
// level of base64.
//
// No word of a text is kept, logged or returned. // P1
package detect

import (
	"slices"

	"sluice/schemas"
)

// Span is a finding: bytes [Start, End) of the text.
type Span struct {
	Class      schemas.Class
	Start, End int
	Confidence float32 // 0 to 1
}

// Threshold is the confidence from which a finding counts by default.
const Threshold = 0.5

// Detector finds spans. It has scratch memory and serves one goroutine.
type Detector struct {
	min   float32
	user  []Pattern
	words []*Dictionary
	only  uint64 // a bit a class; 0: all

	p     []byte // the text that is looked at: as it came, or folded
	marks marks  // of p
	spans []Span
	num   number
	head  header // the first line, if it names columns
	found []Span // of Replace
	fold  folded
	inner *Detector // for what base64 holds
	plain []byte
	depth int

	encode int // where a long word ends that may be base64
	tries  int // words of it that were looked into

	tld  [maxDomain + 1]byte
	tlds [256]answer // by a hash of the label
}

// Options of a detector.
type Options struct {
	Min      float32         // 0: Threshold
	Patterns []Pattern       // the user's expressions
	Names    *Dictionary     // names of persons; nil: none are looked for
	Words    []*Dictionary   // others
	Classes  []schemas.Class // only these are reported; nil: all
}

// New returns a detector.
func New(o Options) *Detector {
	if o.Min == 0 {
		o.Min = Threshold
	}
	d := &Detector{min: o.Min, user: o.Patterns, words: o.Words}
	if o.Names != nil {
		d.words = append([]*Dictionary{o.Names}, o.Words...)
	}
	for _, c := range o.Classes {
		d.only |= 1 << c
	}
	return d
}

// Find appends the findings in text to dst in order of their start; none
// overlaps another. It allocates only while its scratch memory grows.
func (d *Detector) Find(dst []Span, text []byte) []Span {
	from := len(dst)
	hidden := d.look(text)
	dst = d.settle(dst, false)
	if hidden {
		for i := from; i < len(dst); i++ {
			dst[i] = d.asItCame(dst[i])
		}
	}
	d.p = nil
	return dst
}

// Replace appends text to dst with each finding replaced by what f appends for
// it; the rest stays byte for byte. s is the finding's place in text, value its
// plain form: escapes undone, full-width digits as ASCII. A finding within base64
// is the whole word, and value that word. value is lent until f returns. Findings
// are those of Find, but one that others overlap takes their places, too, so that
// nothing of a weaker finding stays; without any, the result is dst and text.
func (d *Detector) Replace(dst, text []byte, f func(dst []byte, s Span, value []byte) []byte) []byte {
	hidden := d.look(text)
	d.found = d.settle(d.found[:0], true)
	at := 0
	for _, s := range d.found {
		value := d.p[s.Start:s.End:s.End]
		if hidden {
			s = d.asItCame(s)
		}
		dst = append(dst, text[at:s.Start]...)
		dst = f(dst, s, value)
		at = s.End
	}
	d.p = nil
	return append(dst, text[at:]...)
}

// look fills d.spans with findings in d.p, which is text or, if hidden, text
// folded.
func (d *Detector) look(text []byte) (hidden bool) {
	d.spans = d.spans[:0]
	d.head.looked = false
	d.encode = 0
	d.p = text
	d.marks.set(text)
	if hidden = d.fold.make(text, &d.marks); hidden {
		d.p = d.fold.text
		d.marks.set(d.p)
	}
	d.scan()
	for i := range d.user {
		d.spans = d.user[i].find(d.spans, d.p)
	}
	for _, w := range d.words {
		d.spans = w.find(d.spans, d.p)
	}
	return hidden
}

// asItCame is a span of the folded text in the text as it came.
func (d *Detector) asItCame(s Span) Span {
	s.Start, _ = d.fold.place(s.Start)
	_, s.End = d.fold.place(s.End - 1)
	return s
}

// settle appends what counts and does not overlap a better finding. With whole,
// the better one takes the place of both. // P1
func (d *Detector) settle(dst []Span, whole bool) []Span {
	s := slices.DeleteFunc(d.spans, func(s Span) bool { return s.Confidence < d.min })
	slices.SortFunc(s, func(a, b Span) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	from := len(dst)
	for _, x := range s {
		if n := len(dst); n == from || x.Start >= dst[n-1].End {
			dst = append(dst, x)
			continue
		}
		last := &dst[len(dst)-1]
		better := x.Confidence > last.Confidence+0.1 || x.Confidence >= last.Confidence && x.End-x.Start > last.End-last.Start
		if !whole {
			if better {
				*last = x
			}
			continue
		}
		switch asked := d.wanted(x.Class); { // what was not asked for hides what is in it, not what goes beyond it
		case asked == d.wanted(last.Class):
		case asked:
			better = better || x.End > last.End
		default:
			better = better && x.Start == last.Start && x.End >= last.End
		}
		if better {
			last.Class, last.Confidence = x.Class, x.Confidence
		}
		last.End = max(last.End, x.End)
	}
	if d.only == 0 {
		return dst
	}
	n := from // what was not asked for has kept its place from others: no phone is in a card
	for _, x := range dst[from:] {
		if d.wanted(x.Class) {
			dst[n] = x
			n++
		}
	}
	return dst[:n]
}

// wanted reports a class that is reported.
func (d *Detector) wanted(c schemas.Class) bool { return d.only == 0 || d.only>>c&1 != 0 }

// add notes a finding in d.p.
func (d *Detector) add(c schemas.Class, start, end int, confidence float32) {
	d.spans = append(d.spans, Span{c, start, end, confidence})
}
