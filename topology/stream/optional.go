package stream

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
)

// What a sink may offer beyond Sink, in one list.

// LedgerRow is one lane's part of one commit as a store keeps it.
type LedgerRow struct {
	Seq    int64  `json:"seq"`
	Sink   string `json:"sink"`
	Commit string `json:"commit"`
	Plan   string `json:"plan"`
	Time   int64  `json:"time"`
	LedgerSpan
}

// Auditor is a sink whose store can prove what it holds.
type Auditor interface {
	// Ledger reads the ledger rows in order of seq.
	Ledger(ctx context.Context) iter.Seq2[LedgerRow, error]
	// Rows counts what the store holds that Written promises, or -1 where it
	// cannot be counted (a replica counts keys, not changes).
	Rows(ctx context.Context) (int64, error)
}

// TableReader is a sink whose rows can be read back: `mask verify` looks at them.
type TableReader interface {
	// ReadTable hands f every value of a table that is not null, as text, with
	// the name of its column, row after row, counted from 0; rows that were deleted
	// but still lie in files too. value is lent. It stops after limit rows, 0 for none, and returns how many
	// there were and the topic they are of, "" where the store does not say;
	// ErrNoTable if there is no such table.
	ReadTable(ctx context.Context, name string, limit int64, f func(row int64, column string, value []byte)) (rows int64, topic string, err error)
}

// ErrNoTable says that a store has no table of a name.
var ErrNoTable = errors.New("there is no such table")

// DeadLetters is a transactional sink that can be the home of dead letters:
// it stores Epoch.Rejects in the same commit, once.
type DeadLetters interface {
	// ListDead leaves out those that were sent again.
	ListDead(ctx context.Context, limit int) ([]DeadLetter, error)
	GetDead(ctx context.Context, id string) (DeadLetter, error)
	// MarkRedriven notes that the letter was sent again at time at.
	MarkRedriven(ctx context.Context, id string, at int64) error
}

// PlanKeeper is a transactional sink that keeps plans, so that align can run
// the one a sink stopped under. A plan is the pipeline file without secrets.
type PlanKeeper interface {
	SavePlan(ctx context.Context, hash string, text []byte) error
	LoadPlan(ctx context.Context, hash string) ([]byte, error)
}

// ProgressStore keeps the progress of sinks whose own store cannot (Queues,
// KV). Swap is one compare-and-set: From against what is stored for each
// span's lane (a missing lane is at any From only if absence is what was last
// seen), answering nil when the store already is at every To with this commit.
type ProgressStore interface {
	LoadProgress(ctx context.Context, sink string, lanes []Lane) (Progress, error)
	SwapProgress(ctx context.Context, e Epoch) error
	ProgressLedger(ctx context.Context, sink string) iter.Seq2[LedgerRow, error]
}

// SortedLanes lists the keys of m in order.
func SortedLanes[V any](m map[Lane]V) []Lane {
	return slices.SortedFunc(maps.Keys(m), Lane.Compare)
}

// Surveyor is a source that lists its lanes without taking part in the group.
type Surveyor interface {
	Survey(ctx context.Context) (cluster string, lanes []LaneInfo, err error)
}

// Dater is a source that can say when records were produced.
type Dater interface {
	// Produced is the time of the first record at or behind each offset, in
	// microseconds since 1970 UTC, of committed records alone; nothing else of
	// them is looked at. Lanes without an answer within some seconds are left out.
	Produced(ctx context.Context, at map[Lane]int64) (map[Lane]int64, error)
}

// Grouped is a source whose lanes are shared out over processes.
type Grouped interface {
	// Readers asks who reads, without taking part.
	Readers(ctx context.Context) (Group, error)
}

// Group is the processes that share the lanes of a source.
type Group struct {
	Name    string   `json:"name"`
	State   string   `json:"state"` // Kafka's word: Stable, Empty, PreparingRebalance, ...
	Readers []Reader `json:"readers"`
}

// Reader is one of them.
type Reader struct {
	Name   string `json:"name"`   // its instance_id, or the name the broker gave it
	Client string `json:"client"` // its client id, as it says
	Host   string `json:"host"`   // as the broker sees it
	Lanes  []Lane `json:"lanes"`

	Topics []string `json:"-"` // that it wants; empty: the broker does not say
}

// Pauser is a source that can stop to fetch a lane that is assigned.
type Pauser interface {
	// Pause ends the reading of lanes until a Seek names them. It takes effect in
	// the order of the seeks, and is otherwise as one: it does not wait, and one
	// that has not taken effect when its lane is revoked or lost is void. Without
	// it what is fetched of a lane that nobody takes is thrown away.
	Pause(lanes []Lane)
}

// Inspector is a sink whose progress can be read, all lanes of it, without
// taking part: nothing is created, fenced or finished. Lag and audit use it.
type Inspector interface {
	Inspect(ctx context.Context) (Progress, error)
}

// Maintainer is a sink that looks after its store, so that it does not grow without
// end.
type Maintainer interface {
	// Maintain does a small part of what is due. It is called by the goroutine that
	// commits, once in commit.every, whether anything was committed or not; the next
	// commit waits for it. Nothing depends on it: it says itself what goes wrong, and
	// does it again another time.
	Maintain(ctx context.Context)
}

// ControlKeeper is a source that can keep a ControlLog.
type ControlKeeper interface {
	// Control makes the source take part in keeping the log. It is called
	// once, before Run.
	Control() ControlLog
}

// ControlLog is one log that all processes of a pipeline append to and read.
// It names one of them to commit. It only orders: stores compare positions, so
// that a record that comes twice, an old leader and two of them do no harm.
// Safe for concurrent use.
type ControlLog interface {
	// Append adds a record. After an error it may have been added or not.
	Append(ctx context.Context, record []byte) error
	// Follow hands f every record that is kept and then every new one, in
	// order, with its offset, until ctx is done or f fails. The log is open as
	// long as Follow runs.
	Follow(ctx context.Context, f func(offset int64, record []byte) error) error
	// Trim gives up records before offset: whoever starts reads only the rest.
	Trim(ctx context.Context, before int64) error
	// Leads reports whether this process is the one that commits, as far as it knows.
	Leads() bool
}

// OneCommitter is a sink whose store bears few commits, whoever makes them: an
// Iceberg catalog. Where a pipeline has many instances (`scale: group`) one of
// them commits what all of them uploaded. Its Commit takes several epochs in
// order, all or nothing.
type OneCommitter interface {
	OneCommitter()
}
