package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sluice/topology/lag"
)

// lagLines is how many lanes are shown without --all, and lagTodo how many
// things to do.
const lagLines, lagTodo = 40, 10

// text is for the one who is called at night: who reads, each sink in a line,
// the lanes that are not well with the worst first, and what to do.
func (r *lagReport) text(w io.Writer, file string, every bool) {
	fmt.Fprintf(w, "pipeline %s at %s", r.Pipeline, r.Time.Format("2006-01-02 15:04:05 UTC"))
	if g := r.Group; g != nil {
		fmt.Fprintf(w, ", group %s: %s, readers: %d", g.Name, g.State, len(g.Readers))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	if r.Group != nil {
		for _, m := range r.Group.Readers {
			fmt.Fprintf(t, "  %s\tat %s\t%d lanes\n", m.Name, m.Host, len(m.Lanes))
		}
		t.Flush()
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, "note:", n)
	}
	r.sinks(t)
	r.lanes(w, t, every)
	r.todo(w, file)
	if r.unasked && r.Verdict != "OK" && r.Group != nil && len(r.Group.Readers) > 0 {
		fmt.Fprintln(w, "no process was asked why lanes stand: --process http://HOST:PORT asks one, its http.listen names the port")
	}
	fmt.Fprintf(w, "%s: %d lanes and sinks\n", strings.ToLower(r.Verdict), len(r.Lanes))
}

// sinks is a line a sink.
func (r *lagReport) sinks(t *tabwriter.Writer) {
	type sum struct {
		name        string
		lanes, well int
		records     int64
		unknown     bool
		behind      time.Duration
		worst       string
	}
	var all []*sum
	for _, v := range r.Lanes {
		i := slices.IndexFunc(all, func(s *sum) bool { return s.name == v.Sink })
		if i < 0 {
			i, all = len(all), append(all, &sum{name: v.Sink, worst: "OK"})
		}
		s := all[i]
		s.lanes++
		s.records += v.Lag
		s.unknown = s.unknown || unasked(v)
		s.behind, s.worst = max(s.behind, v.Behind), lag.Worst(s.worst, v.Verdict)
		if v.Verdict == "OK" {
			s.well++
		}
	}
	fmt.Fprintln(t, "\nSINK\tLANES\tOK\tRECORDS\tBEHIND\tWORST")
	for _, s := range all {
		records := fmt.Sprint(s.records)
		if s.unknown {
			records = "?"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\n", s.name, s.lanes, s.well, records, age(s.behind, s.records > 0), s.worst)
	}
	t.Flush()
}

// lanes shows those that are not well, the worst and the oldest first.
func (r *lagReport) lanes(w io.Writer, t *tabwriter.Writer, every bool) {
	var show []lag.Verdict
	for _, v := range r.Lanes {
		if every || v.Verdict != "OK" {
			show = append(show, v)
		}
	}
	if len(show) == 0 {
		return
	}
	slices.SortStableFunc(show, func(a, b lag.Verdict) int {
		if a.Verdict != b.Verdict {
			if lag.Worst(a.Verdict, b.Verdict) == a.Verdict {
				return -1
			}
			return 1
		}
		return cmp.Or(-cmp.Compare(a.Behind, b.Behind), -cmp.Compare(a.Lag, b.Lag))
	})
	more := 0
	if !every && len(show) > lagLines {
		show, more = show[:lagLines], len(show)-lagLines
	}
	fmt.Fprintln(t, "\nSINK\tTOPIC\tPART\tDURABLE\tEND\tRECORDS\tBEHIND\tVERDICT\tWHY")
	for _, v := range show {
		durable, records := fmt.Sprint(v.Durable), fmt.Sprint(v.Lag)
		if v.Durable < 0 {
			durable = "-"
		}
		if unasked(v) {
			durable, records = "?", "?"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%d\t%s\t%s\t%s\t%s\n", v.Sink, v.Lane.Topic, v.Lane.Partition, durable, v.End, records, age(v.Behind, v.Lag > 0), v.Verdict, v.Detail)
	}
	t.Flush()
	if more > 0 {
		fmt.Fprintf(w, "... and %d more, none worse: --all\n", more)
	}
}

// unasked reports a line whose store did not answer.
func unasked(v lag.Verdict) bool { return v.State == "UNKNOWN" }

// todo lists what a person has to do, each thing once, the worst first.
func (r *lagReport) todo(w io.Writer, file string) {
	type deed struct {
		verdict, what string
		lanes         int
	}
	var all []*deed
	for _, v := range r.Lanes {
		if v.Todo == "" || v.Verdict == "OK" {
			continue
		}
		what := strings.ReplaceAll(v.Todo, " FILE", " "+file)
		i := slices.IndexFunc(all, func(d *deed) bool { return d.what == what && d.verdict == v.Verdict })
		if i < 0 {
			i, all = len(all), append(all, &deed{verdict: v.Verdict, what: what})
		}
		all[i].lanes++
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b *deed) int {
		switch {
		case a.verdict == b.verdict:
			return 0
		case lag.Worst(a.verdict, b.verdict) == a.verdict:
			return -1
		}
		return 1
	})
	fmt.Fprintln(w, "\nto do:")
	for i, d := range all {
		if i == lagTodo {
			fmt.Fprintf(w, "  ... and %d more: --json has them\n", len(all)-i)
			break
		}
		fmt.Fprintf(w, "  %s (%d): %s\n", d.verdict, d.lanes, d.what)
	}
	fmt.Fprintln(w)
}

// age is a duration as people read it; "-" where nothing waits, "?" where that
// is not known.
func age(d time.Duration, waits bool) string {
	switch {
	case !waits:
		return "-"
	case d <= 0:
		return "?"
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
