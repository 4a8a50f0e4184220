package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/spf13/cobra"

	"sluice/topology"
	"sluice/topology/lag"
	"sluice/topology/stream"
)

// lagReport is what lag says: the text of it is in lag_text.go.
type lagReport struct {
	Pipeline string        `json:"pipeline"`
	Time     time.Time     `json:"time"`
	Verdict  string        `json:"verdict"` // the worst of Lanes
	Group    *stream.Group `json:"group,omitempty"`
	Notes    []string      `json:"notes,omitempty"` // who could not be asked
	unasked  bool          // no process was asked why lanes stand
	Lanes    []lag.Verdict `json:"lanes"`
}

func lagCommand(a *app) *cobra.Command {
	var fail, every bool
	var within time.Duration
	var processes []string
	c := &cobra.Command{
		Use: "lag FILE", Short: "Show where every sink stands, why it stands there and what to do",
		Long: `Asks every sink what is durable in it, the broker for the ends of the lanes, for
the age of what is not durable and for who reads, and the running process why a
lane stands. It works while the pipeline runs and when it is down, changes
nothing and takes no part in the group.

RECORDS counts offsets up to the last stable one; BEHIND is the age of the oldest
record that is not durable. Lanes that are well are counted, not shown: --all.
UNKNOWN is never well. A process is asked at http.listen of the file, which has
to name a port, or where --process says.`,
		Example: "  sluice lag pipeline.yaml\n  sluice lag --json pipeline.yaml\n  sluice lag --process http://10.0.3.17:8080,http://10.0.3.18:8080 pipeline.yaml\n  sluice lag --fail --within 5m pipeline.yaml || page somebody",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, p, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer p.Close()
			xs, failed := standings(c.Context(), p)
			if xs == nil {
				return exit(exitStore, failed)
			}
			r := lagReport{Pipeline: s.ID, Time: time.Now().UTC(), Verdict: "OK"}
			r.askProcesses(c.Context(), s, processes, xs)
			r.askReaders(c.Context(), p.Source(), xs)
			late := false
			for _, x := range xs {
				v := lag.Judge(x, r.Time)
				r.Lanes, r.Verdict = append(r.Lanes, v), lag.Worst(r.Verdict, v.Verdict)
				late = late || within > 0 && v.Behind > within
			}
			err = a.print(r, func(w io.Writer) { r.text(w, args[0], every) })
			switch {
			case err != nil:
			case failed != nil:
				err = exit(exitStore, failed)
			case fail && r.Verdict != "OK" && r.Verdict != "BEHIND":
				err = exit(exitFinding, errors.New(r.Verdict))
			case fail && late:
				err = exit(exitFinding, fmt.Errorf("behind by more than %v", within))
			}
			return err
		},
	}
	f := c.Flags()
	f.BoolVar(&fail, "fail", false, "exit 4 if a lane is neither OK nor BEHIND")
	f.DurationVar(&within, "within", 0, "with --fail, exit 4 as well if a record is older than this and not durable")
	f.BoolVar(&every, "all", false, "show lanes that are well, too")
	f.StringSliceVar(&processes, "process", nil, "URL of a running process, may be given many times (default: http.listen of the file)")
	return c
}

// survey is the verdicts by what the broker and the stores say.
func survey(ctx context.Context, p *topology.Pipeline) (all []lag.Verdict, err error) {
	xs, err := standings(ctx, p)
	for _, x := range xs {
		all = append(all, lag.Judge(x, time.Now()))
	}
	return all, err
}

// storePatience is how long a store may take to say where it stands.
const storePatience = 30 * time.Second

// standings joins what the broker and the stores say. Stores are asked first:
// lag is over- and never understated. A store that does not answer makes its
// own lines unknown and nobody else's; without the broker there are no lines.
func standings(ctx context.Context, p *topology.Pipeline) (xs []lag.Positions, err error) {
	names, sinks := p.Sinks()
	durable, failed := make([]stream.Progress, len(sinks)), make([]error, len(sinks))
	for i, s := range sinks {
		in, ok := s.(stream.Inspector)
		if !ok {
			continue
		}
		brief, cancel := context.WithTimeout(ctx, storePatience)
		durable[i], failed[i] = in.Inspect(brief)
		cancel()
		if failed[i] != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", names[i], failed[i]))
		}
	}
	sv, ok := p.Source().(stream.Surveyor)
	if !ok {
		return nil, errors.New("the source cannot list its lanes")
	}
	cluster, infos, err2 := sv.Survey(ctx)
	if err2 != nil {
		return nil, errors.Join(fmt.Errorf("source: %w", err2), err)
	}
	for _, info := range infos {
		for i, n := range names {
			x := stands(n, durable[i], cluster, info)
			if failed[i] != nil {
				x.State, x.Why, x.Todo = "UNKNOWN", "the store does not say: "+failed[i].Error(), "see whether the store is up and its credentials are right"
			}
			xs = append(xs, x)
		}
	}
	return xs, err
}

// stands is where a sink stands on a lane, by its store and the broker, which
// was asked behind it. A position that the broker's log does not reach is no
// end of work (it was OK): run parks such a lane.
func stands(sink string, prog stream.Progress, cluster string, info stream.LaneInfo) lag.Positions {
	x := lag.Positions{Lane: info.Lane, Sink: sink, LogStart: info.LogStart, End: info.End, Fetched: -1, Staged: -1, Durable: -1}
	at, ok := prog.Lanes[info.Lane]
	if !ok {
		return x
	}
	x.Durable = at.Next.Offset
	todo := fmt.Sprintf("sluice rebase FILE --lane %v --yes", info.Lane)
	switch {
	case prog.Cluster != "" && cluster != "" && prog.Cluster != cluster:
		x.Why, todo = fmt.Sprintf("the sink stands on cluster %s, this is %s", prog.Cluster, cluster), "sluice rebase FILE --all --yes"
	case at.TopicID != "" && info.TopicID != "" && at.TopicID != info.TopicID:
		x.Why = "the topic was deleted and made anew"
	case info.End >= 0 && x.Durable > info.End:
		x.Why = fmt.Sprintf("the log ends %d offsets before the sink's position, it was cut or is another", x.Durable-info.End)
	default:
		return x
	}
	x.State, x.Todo = stream.StateParked.String(), todo
	return x
}

// askReaders adds when what is not durable was produced, and who reads.
func (r *lagReport) askReaders(ctx context.Context, source stream.Source, xs []lag.Positions) {
	if d, ok := source.(stream.Dater); ok {
		r.date(ctx, d, xs)
	}
	g, ok := source.(stream.Grouped)
	if !ok {
		return
	}
	group, err := g.Readers(ctx)
	if err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("who reads is not known, nor whether another pipeline has the same group and takes lanes away: let the user DESCRIBE group %s: %v", group.Name, err))
		return
	}
	r.Group = &group
	reader := map[stream.Lane]string{}
	foreign := map[stream.Lane]bool{}
	for _, m := range group.Readers {
		who := m.Name + " at " + m.Host
		other := m.Client != "" && m.Client != "sluice" && m.Client != "sluice-"+r.Pipeline
		if other {
			who += fmt.Sprintf(", which does not run this pipeline (client id %q)", m.Client)
		}
		for _, l := range m.Lanes {
			reader[l], foreign[l] = who, other
		}
	}
	for i := range xs {
		x := &xs[i]
		who, ok := reader[x.Lane]
		switch {
		case x.State != "" && x.State != stream.StateRunning.String() || x.Durable >= x.End || x.Durable >= 0 && x.Durable < x.LogStart: // it has its own reason
		case foreign[x.Lane]:
			x.Why, x.Todo = "read by "+who, "stop that member, or give one of the two another group: its lanes never come here"
		case ok:
			x.Why = "read by " + who
		case len(group.Readers) == 0:
			x.Why, x.Todo = "nobody reads", "sluice run FILE"
		case group.State != "Stable":
			x.Why = "the group is sharing its lanes out"
		default:
			x.Why, x.Todo = "no member of the group has the lane", "see the members' logs: they may run another file, or wait for older partitions"
		}
	}
}

// date asks for the time of the first record that a sink does not have. Sinks
// of one lane mostly stand at one offset: each offset is asked for once.
func (r *lagReport) date(ctx context.Context, d stream.Dater, xs []lag.Positions) {
	ask := make([]map[stream.Lane]int64, 0, 4)
	of := make([]int, len(xs)) // place in ask
	for i, x := range xs {
		of[i] = -1
		if from := max(x.Durable, x.LogStart); from < x.End && x.State != "UNKNOWN" { // of a store that does not answer no record is known to be late
			for of[i] = 0; of[i] < len(ask); of[i]++ {
				if o, taken := ask[of[i]][x.Lane]; !taken || o == from {
					break
				}
			}
			if of[i] == len(ask) {
				ask = append(ask, map[stream.Lane]int64{})
			}
			ask[of[i]][x.Lane] = from
		}
	}
	times := make([]map[stream.Lane]int64, len(ask))
	for i := range ask {
		var err error
		if times[i], err = d.Produced(ctx, maps.Clone(ask[i])); err != nil {
			r.Notes = append(r.Notes, fmt.Sprintf("the age of records is not known: %v", err))
			return
		}
	}
	for i := range xs {
		if of[i] >= 0 && times[of[i]][xs[i].Lane] > 0 {
			xs[i].Oldest = times[of[i]][xs[i].Lane]
		}
	}
}
