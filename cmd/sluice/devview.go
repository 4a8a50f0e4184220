package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"sluice/cmd/sluice/dev"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/lag"
	"sluice/topology/stream"
)

// devView tells a person what the pipeline of dev does: first commits, a
// masked row beside the shape of its source, lag and rates. It sees Clean
// rows only. // P1
type devView struct {
	w io.Writer
	p *topology.Pipeline

	mu      sync.Mutex
	begin   time.Time
	first   map[string]bool
	sample  bool
	records int64
	rows    map[string]int64
}

func newDevView(w io.Writer, p *topology.Pipeline) *devView {
	return &devView{w: w, p: p, begin: time.Now(), first: map[string]bool{}, rows: map[string]int64{}}
}

func (v *devView) started(s *dev.Stack, once bool) {
	fmt.Fprintf(v.w, "Sluice dev. Everything is in this process and in %s.\n", s.Dir)
	t := tabwriter.NewWriter(v.w, 2, 8, 2, ' ', 0)
	fmt.Fprintf(t, "  Kafka\t%s\t(kfake: for development, not durable against kill -9)\n", s.Values["KAFKA"])
	fmt.Fprintf(t, "  Iceberg REST catalog\t%s\twarehouse \"dev\"\n", s.Values["CATALOG"])
	fmt.Fprintf(t, "  Cloudflare API\t%s\tD1 and Queues\n", s.Values["CLOUDFLARE"])
	t.Flush()
	if !once {
		fmt.Fprintln(v.w, "Ctrl-C stops it: it drains and commits first.")
	}
}

func (v *devView) replayed(n int) {
	if n == 0 {
		fmt.Fprintln(v.w, "The recorded Debezium events are in Kafka already; going on.")
		return
	}
	fmt.Fprintf(v.w, "%d recorded Debezium events are in Kafka.\n", n)
}

func (v *devView) observer() topology.Observer {
	return topology.Observer{
		Admitted: func(e topology.Admitted) {
			v.mu.Lock()
			v.records += e.Records
			v.mu.Unlock()
		},
		Committed: func(e topology.Committed) {
			v.mu.Lock()
			defer v.mu.Unlock()
			var in, rows int64
			for _, s := range e.Spans {
				in, rows = in+s.Count.In, rows+s.Count.Written
			}
			v.rows[e.Sink] += rows
			if in > 0 && !v.first[e.Sink] {
				v.first[e.Sink] = true
				fmt.Fprintf(v.w, "durable  %-8s first commit after %.1f s: %d records, %d rows, %d lanes, in %d ms\n", e.Sink,
					time.Since(v.begin).Seconds(), in, rows, len(e.Spans), e.Took.Milliseconds())
			}
		},
		Passed: v.passed,
	}
}

// passed shows the first row of a table with personal data, masked, beside the
// shape of what came in: names, types and actions, no value of the source.
func (v *devView) passed(c stream.Clean) {
	if len(c.Rows()) == 0 || !strings.HasSuffix(c.Lane().Topic, ".customers") {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	r := &c.Rows()[0]
	if v.sample || r.After == nil {
		return
	}
	v.sample = true
	fmt.Fprintf(v.w, "\nA row of %s at offset %d behind the gate:\n", c.Lane().Topic, r.Offset)
	t := tabwriter.NewWriter(v.w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(t, "  COLUMN\tTYPE\tACTION\tVALUE NOW")
	for i, col := range r.Table.Columns {
		value := "null"
		if cell := r.After[i]; cell.Has() {
			value = string(schemas.AppendText(nil, cell, r.Bytes(cell)))
		}
		if len(value) > 48 {
			value = value[:45] + "..."
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", col.Name, col.Type, col.Action, value)
	}
	t.Flush()
	fmt.Fprintln(v.w)
}

// next prints what to try in another terminal, while this one runs.
func (v *devView) next(s *dev.Stack, file string) {
	t := tabwriter.NewWriter(v.w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(v.w, "\nTry in another terminal:")
	fmt.Fprintf(t, "  sluice lag %s\twhere every sink stands, from broker and stores\n", file)
	fmt.Fprintf(t, "  sluice audit %s\tprove that nothing was lost or doubled\n", file)
	fmt.Fprintf(t, "  sluice dead list %s\twhat was refused, by position and code\n", file)
	fmt.Fprintf(t, "  sqlite3 -readonly %s 'SELECT * FROM shop_public_customers LIMIT 3'\tthe D1 replica\n", s.Database)
	fmt.Fprintf(t, "  kcat -b %s -L\tthe broker\n", s.Values["KAFKA"])
	t.Flush()
	fmt.Fprintf(v.w, "  the tables, from DuckDB:\n    INSTALL iceberg; LOAD iceberg;\n")
	fmt.Fprintf(v.w, "    ATTACH 'dev' AS lake (TYPE iceberg, ENDPOINT '%s', TOKEN '<%s>');\n", s.Values["CATALOG"], filepath.Join(s.Dir, "secrets", "catalog.token"))
	fmt.Fprintf(v.w, "    SELECT _op, count(*) FROM lake.bronze.shop_public_orders GROUP BY 1;\n\n")
}

// watch prints a line every few seconds until ctx is done.
func (v *devView) watch(ctx context.Context, s *dev.Stack, file string) error {
	t := time.NewTicker(5 * time.Second)
	defer t.Stop()
	last, lastRecords := time.Now(), int64(0)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		v.mu.Lock()
		rate := float64(v.records-lastRecords) / time.Since(last).Seconds()
		last, lastRecords = time.Now(), v.records
		total := v.records
		v.mu.Unlock()
		fmt.Fprintf(v.w, "%s  %d records, %.0f/s; %s\n", time.Now().Format("15:04:05"), total, rate, v.summary())
		switch n {
		case 0:
			v.next(s, file)
		case 2:
			v.lanes()
		}
	}
}

// summary is one verdict a sink: its worst lane.
func (v *devView) summary() string {
	worst, behind := map[string]string{}, map[string]int64{}
	var order []string
	for _, x := range v.p.Positions() {
		j := lag.Judge(x, time.Now())
		if _, ok := worst[x.Sink]; !ok {
			order, worst[x.Sink] = append(order, x.Sink), j.Verdict
		}
		worst[x.Sink] = lag.Worst(worst[x.Sink], j.Verdict)
		behind[x.Sink] += j.Lag
	}
	var parts []string
	for _, s := range order {
		parts = append(parts, fmt.Sprintf("%s %s lag %d", s, strings.ToLower(worst[s]), behind[s]))
	}
	return strings.Join(parts, ", ")
}

// lanes prints the lag of every lane of the made-up shop.
func (v *devView) lanes() {
	t := tabwriter.NewWriter(v.w, 2, 8, 2, ' ', 0)
	for _, x := range v.p.Positions() {
		if strings.HasPrefix(x.Lane.Topic, "webshop.public.") {
			j := lag.Judge(x, time.Now())
			fmt.Fprintf(t, "  %v\t%s\tdurable %d of %d\tlag %d\t%s\n", x.Lane, x.Sink, x.Durable, x.End, j.Lag, j.Verdict)
		}
	}
	t.Flush()
}

// untilDurable waits until every sink is durable to the end of every lane.
func (v *devView) untilDurable(ctx context.Context) error {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	limit := time.After(80 * time.Second)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-limit:
			return exit(exitRuntime, errors.New("the recording was not durable after 80 s: "+v.summary()))
		case <-t.C:
		}
		done := v.p.Started()
		for _, x := range v.p.Positions() {
			done = done && x.State == stream.StateRunning.String() && x.Durable >= x.End
		}
		if done {
			return nil
		}
	}
}

func (v *devView) stopped(s *dev.Stack, file string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintf(v.w, "\nStopped after %d records; everything that was read is durable.\n", v.records)
	fmt.Fprintf(v.w, "  D1 replica    sqlite3 -readonly %s .tables\n", s.Database)
	fmt.Fprintf(v.w, "  Iceberg       %s\n", s.Warehouse)
	fmt.Fprintf(v.w, "  pipeline      %s\n", file)
	fmt.Fprintf(v.w, "  go on         sluice dev --dir %s\n", s.Dir)
}
