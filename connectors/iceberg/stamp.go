package iceberg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"sluice/topology/stream"
)

// touched loads the tables of a commit, in order of name, and checks their
// stamps. No tables and no error: the ledger moved meanwhile.
func (s *Sink) touched(ctx context.Context, led *table.Table, rec record, adds map[string]*addition) ([]string, []*table.Table, error) {
	names := slices.Sorted(maps.Keys(adds))
	tabs := make([]*table.Table, len(names))
	odd := make([]error, len(names))
	err := s.each(len(names), func(_, i int) error {
		t, err := s.reload(ctx, names[i])
		if err != nil {
			return err
		}
		tabs[i] = t
		odd[i], err = s.checkStamp(t, names[i], rec, adds[names[i]])
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(odd, func(e error) bool { return e != nil })
	if i < 0 {
		s.suspect = 0
		return names, tabs, nil
	}
	// Ledger and tables were read one after another: what looks torn may be
	// another instance's commit in between.
	now, _, err := s.readLedger(ctx, rec.Progress.Sink)
	if err != nil {
		return nil, nil, err
	}
	if now == nil || head(now) != head(led) {
		return nil, nil, nil
	}
	if s.suspect++; s.suspect < suspicions {
		return nil, nil, stream.Retry("stamp_suspect", time.Second, odd[i])
	}
	return nil, nil, odd[i]
}

// suspicions is how often in a row a table has to be odd, some time apart,
// before it is said to be: a request that was cut may still be under way.
const suspicions = 3

func head(t *table.Table) int64 {
	if sn := t.CurrentSnapshot(); sn != nil {
		return sn.SnapshotID
	}
	return 0
}

// checkStamp compares what a table says with what the ledger says of it. odd
// is what may come from reading the two at different times.
func (s *Sink) checkStamp(t *table.Table, name string, rec record, a *addition) (odd, err error) {
	key := stampKey(s.env.Pipeline, s.env.Name)
	want := rec.Tables[name]
	if t == nil {
		if want > 0 {
			return s.rewound(name, fmt.Sprintf("it is gone, and the ledger says that commit %d wrote it", want)), nil
		}
		return nil, fmt.Errorf("table %s went away since its files were written: %w", name, stream.ErrFenced)
	}
	if other := s.foreign(t); other != "" && !s.cfg.Adopt {
		return nil, parked(name, "it carries the stamp "+other+" of another pipeline or sink, and two writers that do not know of each other double rows",
			"name another table, or set adopt: true for this sink")
	}
	got := number(t.Properties()[key])
	switch {
	case got > rec.Progress.Seq:
		return &stream.StateError{State: stream.StateTorn, Why: fmt.Sprintf("table %s: it was written by commit %d, the ledger stands at %d: the catalog's transaction was not atomic", name, got, rec.Progress.Seq),
			Todo: "set intent: true for this sink and this catalog; then accept what is in the table by setting its property " + key + " to " + fmt.Sprint(want) + ", after rows of commit " + fmt.Sprint(got) + " were deleted"}, nil
	case got < want:
		return s.rewound(name, fmt.Sprintf("its stamp is %d, the ledger says that commit %d wrote it", got, want)), nil
	case want > 0 && !holds(t, key, want):
		return s.rewound(name, fmt.Sprintf("its current snapshot does not descend from the one of commit %d", want)), nil
	}
	for _, st := range a.staged {
		if st.UUID != t.Metadata().TableUUID().String() {
			return nil, fmt.Errorf("table %s was made anew since its files were written: %w", name, stream.ErrFenced)
		}
	}
	return nil, nil
}

func (s *Sink) rewound(name, why string) error {
	return &stream.StateError{State: stream.StateRewound, Why: "table " + name + ": " + why,
		Todo: "restore the table to its newest snapshot; or replay it from the topic; or accept what is left: set its property " + acceptKey(s.env.Pipeline, s.env.Name) + " to the id of its current snapshot"}
}

// acceptKey is the property with which a person accepts that a table was
// rolled back: the id of the snapshot it is to go on from.
func acceptKey(pipeline, sink string) string { return "sluice." + pipeline + "." + sink + ".accepted" }

// holds reports whether the main branch still has the snapshot of commit seq,
// or one after it. Properties outlive a rollback of the branch, the ancestry
// does not. An ancestry that was cut by expiry proves nothing.
func holds(t *table.Table, key string, seq int64) bool {
	accepted := number(t.Properties()[strings.TrimSuffix(key, ".seq")+".accepted"])
	for sn := t.CurrentSnapshot(); sn != nil; {
		if sn.Summary != nil {
			if v, ok := sn.Summary.Properties[key]; ok {
				return number(v) >= seq || accepted != 0 && sn.SnapshotID == accepted
			}
		}
		if accepted != 0 && sn.SnapshotID == accepted {
			return true
		}
		if sn.ParentSnapshotID == nil {
			return false
		}
		if sn = t.Metadata().SnapshotByID(*sn.ParentSnapshotID); sn == nil {
			return true // expired
		}
	}
	return false
}

// foreign is another pipeline's or sink's stamp on t, or "".
func (s *Sink) foreign(t *table.Table) string {
	own := stampKey(s.env.Pipeline, s.env.Name)
	for _, k := range slices.Sorted(maps.Keys(t.Properties())) {
		if k != own && strings.HasPrefix(k, "sluice.") && strings.HasSuffix(k, ".seq") {
			return k
		}
	}
	return ""
}

var errAgain = errors.New("other writers keep changing the table")
