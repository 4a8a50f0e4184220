package main

import (
	"fmt"
	"slices"

	"sluice/processors/mask/anonymity"
	"sluice/processors/mask/policy"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// tally feeds rows to a counter, and finds out which columns count.
type tally struct {
	in      *counting
	rules   *policy.Rules
	topic   string
	count   *anonymity.Counter
	at      map[string]int // column to its place; -1: it does not count
	values  [][]byte       // of the row at hand
	who     [][]byte       // of in.person
	text    []byte
	inside  []string
	skipped int64
	stored  bool // rows of a table: who knows by which policy they were written
}

func (in *counting) tally(rules *policy.Rules, topic string) *tally {
	return &tally{in: in, rules: rules, topic: topic, count: anonymity.New(in.o), at: map[string]int{}, who: make([][]byte, len(in.person))}
}

// place is where column f counts, -1 for nowhere.
func (t *tally) place(f *schemas.Field) int {
	i, known := t.at[f.Name]
	if known {
		return i
	}
	x, counts := anonymity.Column{Name: f.Name}, false
	if t.rules != nil && t.topic != "" {
		var inside []string
		x, counts, inside = t.rules.Identifying(t.topic, f)
		t.inside = append(t.inside, inside...)
		x.Shown = x.Shown && !t.stored // P1: an older policy may have kept the column
	}
	if len(t.in.columns) > 0 {
		counts = slices.Contains(t.in.columns, f.Name)
	}
	i = -1
	if counts {
		i = t.count.Columns()
		t.count.Add(x)
		t.values = append(t.values, nil)
	}
	t.at[f.Name] = i
	return i
}

// value takes a value of the row at hand; it is lent.
func (t *tally) value(f *schemas.Field, v []byte) {
	if i := t.place(f); i >= 0 {
		t.values[i] = append(make([]byte, 0, len(v)), v...)
	}
	if i := slices.Index(t.in.person, f.Name); i >= 0 {
		t.who[i] = slices.Clone(v)
	}
}

// row ends a row; one that is left out changes nothing.
func (t *tally) row(leave bool) error {
	defer func() { clear(t.values); clear(t.who) }()
	if leave {
		t.skipped++
		return nil
	}
	var person []byte
	if len(t.who) > 0 {
		person = []byte{}
		for _, v := range t.who {
			person = append(person, fmt.Sprintf("%d:%s", len(v), v)...)
		}
	}
	return t.count.Row(t.values, person)
}

// report is what was counted of name.
func (t *tally) report(name string) (counted, error) {
	for _, c := range slices.Concat(t.in.columns, t.in.person) {
		if _, seen := t.at[c]; !seen {
			return counted{}, exit(exitUsage, fmt.Errorf("no row of %s has a value in a column %q%s", name, c, topology.Suggest(c, t.names())))
		}
	}
	if t.count.Columns() == 0 {
		why := "the policy generalizes none of its columns"
		if t.topic == "" {
			why = "nobody knows which topic it holds, so that the policy says nothing: say --topic"
		}
		return counted{}, exit(exitUsage, fmt.Errorf("%s: %s; or name them, as --columns birth,zip", name, why))
	}
	r := t.count.Report()
	return counted{Name: name, Topic: t.topic, Person: append([]string{}, t.in.person...), Skipped: t.skipped, Inside: t.inside, Report: r}, nil
}

func (t *tally) names() (all []string) {
	for name := range t.at {
		if f := (schemas.Field{Name: name, Loose: true}); !f.MayBeData() { // P1
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// clean counts a row behind the gate: what a change left, in columns that were sent.
func (t *tally) clean(r *stream.CleanRow) error {
	leave := r.After == nil
	for at, cell := range r.After[:min(len(r.After), len(r.Table.Columns))] {
		f := &r.Table.Columns[at].Field
		switch {
		case cell.Flags&schemas.Unavailable != 0:
			leave = leave || t.place(f) >= 0
		case cell.Absent(), cell.IsNull():
			t.place(f)
		default:
			t.text = plainText(t.text[:0], f, cell, r.Bytes(cell))
			t.value(f, t.text)
		}
	}
	return t.row(leave)
}

// plainText is a value as stores show it: times in ISO 8601, without quotes.
func plainText(dst []byte, f *schemas.Field, c schemas.Cell, p []byte) []byte {
	switch f.Type.Kind {
	case schemas.Date, schemas.Time, schemas.Timestamp, schemas.Instant, schemas.Decimal:
		out := appendValue(dst, *f, c, p)
		if n := len(out); n > 1 && out[0] == '"' && out[n-1] == '"' {
			return append(out[:0], out[1:n-1]...)
		}
		return out
	}
	return schemas.AppendText(dst, c, p)
}
