package mask

import (
	"sluice/processors/mask/detect"
	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
)

// scratch is what one worker needs while it masks: no allocation a record.
type scratch struct {
	strategy.Scratch

	rules   *policy.Rules
	rest    policy.Kind // of what nobody classified inside of JSON
	waiting strategy.Waiting
	text    []byte // the canonical text of one value
	more    []byte // the JSON text that is walked, and leaves of it
	memo    memo

	person []byte    // what By is in
	people []someone // whom the row at hand is about, for actions inside of a JSON value
	whose  []byte    // what those are in

	// What scans use: see scan.go.
	det     *detect.Detector
	names   bool   // the detector knows names: any word may be one
	under   []byte // the name of the column or member whose value is looked at
	seen    []byte // what the detector sees
	num     []byte // digits of a number
	spelled []byte // a value of binary data, as JSON spells it
	context []byte // a name with its escapes undone
	spans   []detect.Span

	scan    *policy.Scanning // of the text at hand
	name    int              // how long the name before it is
	hits    int              // findings in it
	replace func([]byte, detect.Span, []byte) []byte
}

func newScratch(g *Gate) *scratch {
	s := &scratch{rules: g.rules, rest: g.rules.Rest, det: detect.New(g.rules.Detector), names: g.rules.AnyWord()}
	if g.memo {
		s.memo = newMemo()
	}
	if g.keyring != nil {
		s.Subjects = strategy.NewSubjects(g.keyring.vault)
	}
	s.replace = s.replaced
	return s
}

const keptScratch = 1 << 20 // larger buffers, of one huge value, are not kept

// forget clears what is left of values: nothing raw outlives its batch. // P1
func (s *scratch) forget() {
	s.under = nil
	if s.det != nil {
		s.det.Forget()
	}
	for _, p := range []*[]byte{&s.text, &s.more, &s.person, &s.whose, &s.seen, &s.num, &s.spelled, &s.context} {
		clear((*p)[:cap(*p)])
		if cap(*p) > keptScratch {
			*p = nil
		}
	}
	s.waiting.Forget()
	s.Scratch.Forget()
}
