package d1

import (
	"slices"

	"sluice/topology/stream"
)

// rowStatements is how many statements of rows one commit has at most where it can
// be split: the rest of D1's 1,000 is for our own tables, the fence, letters and
// positions.
const rowStatements = 900

// share is a commit: some topics of epochs.
type share struct {
	es []stream.Epoch
	ps []payload
}

// split shares epochs with more rows than one transaction takes out over several
// commits: to each all lanes of some topics, with their rows, letters, ledger and
// positions, which go together as ever. // D2 D3 D6
// It looks at nothing but what is staged: another try, by whomever, splits alike and
// finds done what is. Rows of one topic stay together.
func split(es []stream.Epoch, ps []payload, most int) []share {
	sum, of := 0, map[string]int{} // statements of the rows of each topic
	for i := range ps {
		for j := range ps[i].Tables {
			n := ps[i].Tables[j].statements()
			sum += n
			of[ps[i].Tables[j].Topic] += n
		}
	}
	if sum <= most {
		return []share{{es, ps}}
	}
	var topics []string
	for i := range es {
		for _, sp := range es[i].Spans {
			topics = append(topics, sp.Lane.Topic)
		}
	}
	slices.Sort(topics)
	var shares []share
	var some []string
	n := 0
	for _, topic := range slices.Compact(topics) {
		if len(some) > 0 && n+of[topic] > most {
			shares = append(shares, shareOf(es, ps, some))
			some, n = nil, 0
		}
		some, n = append(some, topic), n+of[topic]
	}
	return append(shares, shareOf(es, ps, some))
}

// partly says that some shares of epochs, of which this is the last, are applied.
type partly struct {
	commit         string
	epochs, shares int
}

// behind is how many shares of es this process has applied, while there are more: a
// database that has too much to do does not get them again with each try of the rest.
func (s *Sink) behind(es []stream.Epoch) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.partly[es[0].Sink]; x.commit == es[len(es)-1].Commit && x.epochs == len(es) {
		return x.shares
	}
	return 0
}

func (s *Sink) setBehind(es []stream.Epoch, shares int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partly[es[0].Sink] = partly{es[len(es)-1].Commit, len(es), shares}
}

// shareOf is what epochs have of topics, which are in order.
func shareOf(es []stream.Epoch, ps []payload, topics []string) (x share) {
	other := func(topic string) bool { _, found := slices.BinarySearch(topics, topic); return !found }
	for i := range es {
		e := es[i]
		e.Spans = slices.DeleteFunc(slices.Clone(e.Spans), func(sp stream.LedgerSpan) bool { return other(sp.Lane.Topic) })
		e.Rejects = slices.DeleteFunc(slices.Clone(e.Rejects), func(d stream.DeadLetter) bool { return other(d.Lane.Topic) })
		if len(e.Spans) == 0 {
			continue
		}
		p := ps[i]
		p.Tables = slices.DeleteFunc(slices.Clone(p.Tables), func(t tablePlan) bool { return other(t.Topic) })
		x.es, x.ps = append(x.es, e), append(x.ps, p)
	}
	return x
}

// topicsOf are the topics that have rows.
func topicsOf(ps []payload) (topics []string) {
	for i := range ps {
		for j := range ps[i].Tables {
			topics = append(topics, ps[i].Tables[j].Topic)
		}
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// statements is how many the rows of t take.
func (t *tablePlan) statements() int {
	if t.Clear {
		return 1 + len(t.Ops)
	}
	return len(t.Ops)
}

// chunks are the numbers of what of p was brought to _sluice_staged.
func (p *payload) chunks() []int {
	ns := []int{}
	for i := range p.Tables {
		for _, o := range p.Tables[i].Ops {
			if o.Chunk > 0 {
				ns = append(ns, o.Chunk)
			}
		}
	}
	return ns
}
