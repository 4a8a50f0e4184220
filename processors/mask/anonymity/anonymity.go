// Package anonymity counts how many people share what a table says of them: the
// k of k-anonymity (L. Sweeney, "k-anonymity: a model for protecting privacy",
// 2002) over columns that together may tell who a row is about, such as year of
// birth, region and job. A class is the rows with the same values in all of these
// columns; k is the number of people in the smallest one.
//
// It sees values as they were written, behind the gate, and keeps them for as
// long as it counts. Memory: about 150 bytes a class beside its values, and 8
// bytes a person of it until as many were seen as matter (Options.AtLeast, at
// least 100); a question about coarser values takes as much again while it is
// answered. The number of classes is bounded: beyond it counting ends with an
// error, never with a figure of a part.
package anonymity

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// Column is one that may help to tell who a row is about.
type Column struct {
	Name  string
	Shown bool // its values went through an action and may be printed // P1

	// To is the next coarser action, Coarser what that makes of a value that went
	// through the present one; "" and nil: there is none but to drop the column.
	To      string
	Coarser func(value string) (string, bool)
}

// Options bound and direct the counting.
type Options struct {
	AtLeast int // the k that is wanted
	Classes int // at most so many classes
	Show    int // so many of the smallest classes are listed
}

// exact is how many people of a class are told apart at least.
const exact = 100

// Counter counts rows. It serves one goroutine.
type Counter struct {
	o       Options
	keep    int // people of a class that are told apart
	columns []Column
	classes map[string]*class
	rows    int64
	seed    maphash.Seed
	tuple   []byte
}

// class is the rows of equal values.
type class struct {
	rows   int64
	people []uint64 // hashes of them, each once; full at Counter.keep
}

// New counts by the given columns; more may come while it counts.
func New(o Options, columns ...Column) *Counter {
	return &Counter{o: o, keep: max(o.AtLeast, exact), columns: columns, classes: map[string]*class{}, seed: maphash.MakeSeed()}
}

// Add is one more column: the rows before had nothing in it.
func (c *Counter) Add(x Column) { c.columns = append(c.columns, x) }

// Columns is how many there are.
func (c *Counter) Columns() int { return len(c.columns) }

// Row counts one row: a value a column, nil where there is none, and who it is
// about. An empty person is one that is not named, the same for all rows; nil says
// that each row is about somebody else. Values are lent. The error says that there
// are too many classes.
func (c *Counter) Row(values [][]byte, person []byte) error {
	c.rows++
	c.tuple = appendTuple(c.tuple[:0], values)
	x := c.classes[string(c.tuple)]
	if x == nil {
		if len(c.classes) >= c.o.Classes {
			return fmt.Errorf("there are more than %d classes after %d rows: the columns tell nearly every row apart; look at fewer of them, or allow more classes", c.o.Classes, c.rows)
		}
		x = &class{}
		c.classes[string(c.tuple)] = x
	}
	x.rows++
	if len(x.people) >= c.keep {
		return nil
	}
	who := uint64(c.rows)
	if person != nil {
		who = maphash.Bytes(c.seed, person)
	}
	if !slices.Contains(x.people, who) {
		x.people = append(x.people, who)
	}
	return nil
}

// A tuple is a value a column: 0 for none, else its length plus one, then itself.
// Columns without a value at the end are left out, so that one may come later.
func appendTuple(dst []byte, values [][]byte) []byte {
	end := len(dst)
	for _, v := range values {
		if v == nil {
			dst = append(dst, 0)
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(len(v))+1)
		dst = append(dst, v...)
		end = len(dst)
	}
	return dst[:end]
}

// split is the values of a tuple.
func (c *Counter) split(tuple string) [][]byte {
	values := make([][]byte, len(c.columns))
	p := []byte(tuple)
	for i := 0; len(p) > 0; i++ {
		n, w := binary.Uvarint(p)
		if p = p[w:]; n > 0 {
			values[i], p = p[:n-1:n-1], p[n-1:]
		}
	}
	return values
}

// Report is what was counted.
type Report struct {
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
	Classes int      `json:"classes"`
	K       int      `json:"k"`              // people of the smallest class; 0 without rows
	More    bool     `json:"more,omitempty"` // there are K or more of them
	AtLeast int      `json:"at_least"`
	Under   Under    `json:"under"`              // classes of fewer people than AtLeast
	Least   []Class  `json:"smallest,omitempty"` // the smallest of them
	Steps   []Step   `json:"steps,omitempty"`    // what would help, if there are any
}

// Under is how much lies in classes that are too small.
type Under struct {
	Classes int     `json:"classes"`
	Rows    int64   `json:"rows"`
	Share   float64 `json:"share"` // of all rows, 0 to 1
}

// Class is one class; a value that may not be shown is nil. // P1
type Class struct {
	People int       `json:"people"`
	Rows   int64     `json:"rows"`
	Values []*string `json:"values"`
}

// Step is what one change of the policy would do.
type Step struct {
	Columns []string `json:"columns"`
	To      []string `json:"to"` // the action's parameters, or "drop"
	K       int      `json:"k"`
	More    bool     `json:"more,omitempty"`
	Share   float64  `json:"share"` // of rows that would be left in classes that are too small
	Reaches bool     `json:"reaches"`
}

// Report says what was counted and, where k is less than it should be, what one
// step more of each column would do. Steps are worked out from the values that
// are there: rounding twice may differ from rounding once.
func (c *Counter) Report() Report {
	r := Report{Rows: c.rows, Classes: len(c.classes), AtLeast: c.o.AtLeast}
	for _, x := range c.columns {
		r.Columns = append(r.Columns, x.Name)
	}
	r.K, r.More, r.Under = c.measure(c.classes)
	if r.Under.Classes == 0 {
		return r
	}
	r.Least = c.smallest()
	every := Step{}
	for i, x := range c.columns {
		to := x.To
		if to == "" {
			to = "drop"
		}
		every.Columns, every.To = append(every.Columns, x.Name), append(every.To, to)
		r.Steps = append(r.Steps, c.step(Step{Columns: []string{x.Name}, To: []string{to}}, i, i+1))
	}
	if len(c.columns) > 1 && !slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Reaches }) {
		r.Steps = append(r.Steps, c.step(every, 0, len(c.columns)))
	}
	slices.SortStableFunc(r.Steps, func(a, b Step) int {
		switch {
		case a.Share < b.Share:
			return -1
		case a.Share > b.Share:
			return 1
		}
		return b.K - a.K
	})
	return r
}

func (c *Counter) measure(classes map[string]*class) (k int, more bool, u Under) {
	first := true
	for _, x := range classes {
		if n := len(x.people); first || n < k {
			k, first = n, false
		}
		if len(x.people) < c.o.AtLeast {
			u.Classes++
			u.Rows += x.rows
		}
	}
	if c.rows > 0 {
		u.Share = float64(u.Rows) / float64(c.rows)
	}
	return k, !first && k >= c.keep, u
}

// smallest lists classes that are too small, by people, rows and values.
func (c *Counter) smallest() (all []Class) {
	type named struct {
		tuple string
		*class
	}
	var list []named
	order := func(a, b named) int {
		if n := len(a.people) - len(b.people); n != 0 {
			return n
		}
		if a.rows != b.rows {
			return int(min(max(a.rows-b.rows, -1), 1))
		}
		return strings.Compare(a.tuple, b.tuple)
	}
	for t, x := range c.classes {
		if len(x.people) >= c.o.AtLeast {
			continue
		}
		list = append(list, named{t, x})
		if len(list) >= 2*c.o.Show+64 {
			slices.SortFunc(list, order)
			list = list[:c.o.Show]
		}
	}
	slices.SortFunc(list, order)
	for _, x := range list[:min(len(list), c.o.Show)] {
		k := Class{People: len(x.people), Rows: x.rows, Values: make([]*string, len(c.columns))}
		for i, v := range c.split(x.tuple) {
			if text := string(v); c.columns[i].Shown && v != nil { // P1
				k.Values[i] = &text
			}
		}
		all = append(all, k)
	}
	return all
}

// step is s with what it would do: columns from to to are one step coarser.
func (c *Counter) step(s Step, from, to int) Step {
	merged := make(map[string]*class, len(c.classes))
	for t, x := range c.classes {
		values := c.split(t)
		for i := from; i < to; i++ {
			switch f := c.columns[i].Coarser; {
			case f == nil:
				values[i] = nil
			case values[i] != nil:
				if v, ok := f(string(values[i])); ok {
					values[i] = []byte(v)
				}
			}
		}
		c.tuple = appendTuple(c.tuple[:0], values)
		m := merged[string(c.tuple)]
		if m == nil {
			m = &class{}
			merged[string(c.tuple)] = m
		}
		m.rows += x.rows
		for _, who := range x.people {
			if len(m.people) < c.keep && !slices.Contains(m.people, who) {
				m.people = append(m.people, who)
			}
		}
	}
	var u Under
	s.K, s.More, u = c.measure(merged)
	s.Share, s.Reaches = u.Share, u.Classes == 0
	return s
}
