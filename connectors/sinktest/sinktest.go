// Package sinktest states the contract of stream.Sink in tests. Every sink
// runs it against a fake of its store that speaks the store's protocol, and
// against the real one in package integration.
//
// The tests play the engine: they pass hand-made records through the gate into
// writers, release the batches at once, seal, upload, encode and decode what
// was staged (it is plain data), and commit. Where the contract allows several
// answers, all of them pass; what must never happen is that a row is lost,
// doubled or changed.
package sinktest

import (
	"fmt"
	"testing"

	"sluice/topology/stream"
)

// The names a sink under test runs under: topology.Env's Pipeline and Name.
const (
	Pipeline = "conformance"
	Sink     = "sink"
)

// Row is one row as a reader of the store sees it.
type Row struct {
	Topic     string
	Partition int32
	Offset    int64
	Seq       int32
	Op        string // stream.Op's name

	// Columns are the values as JSON: numbers as digits (floats as
	// strconv.FormatFloat(v, 'g', -1, 64) writes them), true and false, null or
	// nothing for null, and as JSON strings: decimals with their digits,
	// dates 2006-01-02, times 15:04:05.000000, timestamps
	// 2006-01-02T15:04:05.000000, instants the same with Z, bytes in base64,
	// a JSON column's text. KindOf tells the type of a column.
	Columns map[string]string
}

// Store is what the sinks under test write to. It outlives them.
type Store interface {
	// Open returns a sink that shares nothing with earlier ones but the store:
	// a new process.
	Open(t testing.TB) stream.Sink
	// Rows is what a reader sees, in any order. A replica leaves Partition,
	// Offset, Seq and Op zero.
	Rows(t testing.TB) []Row
}

// What a store can be told to do, each its own interface; cases that need one
// a store does not have are skipped. The faults hit requests that would commit.
type (
	// LoseReply makes the next n commits apply and their answers vanish.
	LoseReply interface{ LoseReply(n int) }
	// Refuse answers the next n commits with an HTTP status (429, 500, 503) and applies nothing.
	Refuse interface{ Refuse(status, n int) }
	// Cut ends the connection of the next n commits before anything is applied.
	Cut interface{ Cut(n int) }
	// Slow lets the next n commits take longer than usual.
	Slow interface{ Slow(n int) }
	// Wipe empties the store.
	Wipe interface{ Wipe() }
	// Snapshot copies the store; Restore puts a copy back.
	Snapshot interface {
		Snapshot(t testing.TB) any
		Restore(t testing.TB, snapshot any)
	}
)

// Option says what kind of sink it is.
type Option func(*options)

type options struct {
	atLeastOnce bool
	replica     bool
	wholeRows   bool
}

// AtLeastOnce accepts a row that is there twice, exactly alike.
func AtLeastOnce() Option { return func(o *options) { o.atLeastOnce = true } }

// Replica has keyed rows written and compares the rows that are left by key.
func Replica() Option { return func(o *options) { o.replica = true } }

// WholeRows is a replica that refuses rows which leave unavailable columns out,
// because it cannot keep what is there.
func WholeRows() Option { return func(o *options) { o.wholeRows = true } }

// Run runs the contract; fresh makes an empty store.
func Run(t *testing.T, fresh func(t testing.TB) Store, opts ...Option) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	for _, c := range []struct {
		name string
		run  func(*world)
	}{
		{"RecoverEmpty", recoverEmpty},
		{"InvisibleUntilCommit", invisible},
		{"PositionsMoveWithRows", positions},
		{"EmptySpanMovesPosition", emptySpan},
		{"StartIsWrittenDown", start},
		{"DiscardDrops", discard},
		{"CloseDrops", closeDrops},
		{"CommitTwiceIsOnce", commitTwice},
		{"LostReplyIsOnce", lostReply},
		{"LostReplyThenCrash", lostReplyCrash},
		{"RefusedThenRetried", refused},
		{"SlowStore", slow},
		{"RetryKeepsWhatWasStaged", retryKeeps},
		{"FencesOldWriter", fences},
		{"FencesMixedSpans", mixed},
		{"RefusesGapAndOverlap", gap},
		{"TwoWritersOnTheirOwnLanes", disjoint},
		{"LaneMovesAndComesBack", moves},
		{"WipedStoreStops", wiped},
		{"RestoredStoreIsFenced", restored},
		{"CrashBeforeCommit", crashBefore},
		{"AnotherProcessCommits", another},
		{"UploadRepeated", uploadAgain},
		{"SeveralStaged", several},
		{"KeepsNoView", keepsNoView},
		{"ManyWriters", manyWriters},
		{"ManyRows", manyRows},
		{"SplitRecords", splitRecords},
		{"Values", values},
		{"Unavailable", unavailable},
		{"Ledger", ledger},
		{"DeadLettersOnce", deadLetters},
		{"PlanKept", plans},
		{"StartKeepsPlan", planKept},
		{"OtherLogIsFenced", otherLog},
		{"OtherPlanIsFenced", otherPlan},
		{"ProgressStore", progressStore},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(&world{T: t, o: o, store: fresh(t), topic: "events"})
		})
	}
}

var (
	laneA = stream.Lane{Topic: "events", Partition: 0}
	laneB = stream.Lane{Topic: "events", Partition: 1}
	both  = []stream.Lane{laneA, laneB}
)

// hook returns the store as an H, or skips the test.
func hook[H any](w *world) H {
	w.Helper()
	h, ok := w.store.(H)
	if !ok {
		var zero *H
		w.Skipf("the store has no %T", zero)
	}
	return h
}

func at(o int64) stream.Position { return stream.Position{Offset: o, Epoch: 7} }

func (r Row) String() string {
	return fmt.Sprintf("%s/%d@%d.%d %s %v", r.Topic, r.Partition, r.Offset, r.Seq, r.Op, r.Columns)
}
