package stream

import "context"

// Source reads lanes and hands batches to a Feed.
type Source interface {
	// Run reads until ctx is done or the feed fails; on a clean end every
	// lane was revoked. It returns nil after ctx is done.
	Run(ctx context.Context, f Feed) error

	// Seek makes the next batches of lanes start at the positions given. It
	// does not wait; batches under way are told apart by their From. Lanes
	// that are not assigned are ignored. Seeks take effect in the order they
	// are made; one that comes while Assign runs is newer than its answer; one
	// that has not taken effect when its lane is revoked or lost is void.
	// Safe for concurrent use; the feed may hold locks, so Seek never calls it.
	Seek(at map[Lane]Position)

	// Commit tells the source what is durable in every sink. It is
	// informative (a consumer group's offsets for foreign lag tools): sinks
	// are believed. Safe for concurrent use.
	Commit(ctx context.Context, at map[Lane]Position) error
}

// Feed is what a Source talks to: the engine. Assign, Admit, Revoke, Lost and
// Report are called by one goroutine at a time.
type Feed interface {
	// Assign learns lanes and answers where to start reading each. A lane
	// missing from the answer is held by its state and not read until a Seek
	// names it. cluster is the Kafka cluster id.
	Assign(ctx context.Context, cluster string, lanes []LaneInfo) (map[Lane]Position, error)

	// Admit takes ownership of b. It blocks while the byte budget is spent. // D7
	// A batch that begins past the lane's position or ends before it is
	// released and ignored: it was under way when the lane was sought
	// elsewhere. Of one that begins before the position the rest is taken. // D3
	// One of another topic id than Assign was told of puts its lane into
	// StateParked: the topic was made anew.
	Admit(ctx context.Context, b *Batch) error

	// Revoke seals and commits what lanes have, within the deadline of ctx,
	// and forgets them. What did not commit in time is dropped or fenced:
	// always safe. // D2
	Revoke(ctx context.Context, lanes []Lane)

	// Lost forgets lanes that were taken without asking.
	Lost(lanes []Lane)

	// Report puts a lane into a state, such as StateDataLost with the span
	// that retention took, and stops reading it; StateRunning is never reported.
	Report(lane Lane, err *StateError)
}

// Raw is a processor before the gate: decode, in-process joins. It edits the
// batch in place: fills rows, drops, rejects. The same input gives the same
// result. It keeps no View. An error concerns the whole batch.
//
// A processor is called by many workers at once, by one at a time for any one lane.
type Raw interface {
	Process(b *Batch) error
}

// Gate is the one processor that turns raw into clean: mask, or its keep-all
// form for `privacy: none`. Only processors/mask can implement it. // P1
type Gate interface {
	Pass(b *Batch) (Clean, error)
}

// Stage is a processor behind the gate: route, quality, windows.
type Stage interface {
	Process(c Clean) (Clean, error)
}

// Sink writes Clean rows and positions to a store in one commit. Package
// connectors/sinktest states the contract in tests that every sink runs.
//
// Recover, Upload, Commit and Close are called by one goroutine, each Writer
// by the worker that owns it, all at the same time.
type Sink interface {
	// Recover reads the store's progress for lanes; lanes it never saw are
	// missing from the answer. What it read is what Commit compares against,
	// absence included.
	Recover(ctx context.Context, lanes []Lane) (Progress, error)

	// Writer returns a new, empty writer for one worker.
	Writer() Writer

	// Upload makes the parts of one epoch durable but invisible (data files,
	// spool) and returns plain data that any process could commit. It may be
	// called again for the same epoch after an error; it leaves nothing that
	// matters behind.
	Upload(ctx context.Context, e Epoch, parts []Part) (Staged, error)

	// Commit makes staged epochs visible and moves the progress of every span
	// from From to To, all or nothing. // D6
	//
	//   - stored progress is what this sink last saw, or what the span
	//     starts from, of the same log and plan (Epoch.Follows): it applies.
	//   - the store is at every To and holds this commit id: the reply to an
	//     earlier try was lost; nil.
	//   - anything else: nothing changes, ErrFenced. // D2
	//
	// An unknown outcome (time-out, cut connection, 5xx) is read back and
	// never guessed; if it cannot be read back, a RetryError: the engine
	// calls Commit again with the same staged. Commit never deletes files
	// that might be referenced.
	Commit(ctx context.Context, staged []Staged) error

	// Close frees resources and drops what was not committed.
	Close() error
}

// Writer takes the rows of one worker for one epoch, in memory or local spool,
// without network.
type Writer interface {
	// Write stages all rows of c or none. It keeps no View of c. A StateError
	// says that the lane cannot go to its table as things are: the engine drops
	// the epoch and keeps the lane from this sink, as of an ApartError.
	Write(c Clean) error

	// Size is the memory held, in bytes.
	Size() int64

	// Seal ends the epoch: the part holds what was written since the last
	// Seal or Discard, and the writer is empty.
	Seal() (Part, error)

	// Discard drops what was written since the last Seal.
	Discard()
}

// Part is what one writer wrote in one epoch.
type Part struct {
	Counts  map[Lane]Count // Written, Folded, Rejected of the rows this writer was handed
	Rejects []DeadLetter   // rows this store refuses: settled by this sink alone
	Data    any            // the sink's own; if it has Release(), that is called when the epoch has ended
}
