// Package topology turns a pipeline file into a running pipeline. It is the
// only package that starts goroutines: one a worker, one a sink, one for the
// source.
//
//	source -> Admit (budget, split at sinks' positions) -> worker of the lane
//	       -> decode -> gate -> stages -> Writer of each sink
//	marker in every worker's queue -> Seal -> Upload -> Commit by the sink's goroutine
//
// Where to find what:
//
//	the file          spec.go its fields, strict.go syntax.go spot.go cross.go its mistakes, component.go build.go its parts
//	a plan            plan.go its hash; join.go asks every sink where it stands and under which plan, claim.go puts lanes under this one
//	a lane            feed.go comes and goes, state.go stops and goes on, positions.go where every sink stands
//	records           worker.go, stages.go, budget.go, deadletter.go
//	an epoch          output.go seals, uploads and commits; fence.go what a lost compare means; apart.go what a table refuses
//	scale: group      control.go the log, lead.go who commits for all
//	what is proved    audit.go, attest.go; repair.go what a person settles; observer.go what is seen
//
// # What stops, and what flows
//
// What cannot be read or decided of a lane (DATA_LOST, PARKED by a stage, another
// log) holds the lane for all sinks. A store that fails is asked again without end
// and holds its sink; once the byte budget is full, the pipeline. A table that
// refuses the rows of a lane, since their schema changed, is of one sink and one
// topic: the epoch is dropped, that sink gets nothing more of the lanes of that
// topic but now and then a try, its other lanes and the other sinks go on
// (apart.go). Their positions stay where they are durable, so that nothing is
// skipped when the table takes them again.
//
// # The plan is of a lane
//
// Whether, where and as what a row goes is a function of the record, the plan and
// the state at its offset. So no offset may go by one plan to one sink and by
// another to the next. A sink's progress names the plan of its last commit, and
// of each lane the plan that goes on with it (stream.LanePos.Under): an instance
// that is assigned lanes claims each of them, at the position where it stands, in
// every sink, and believes the positions it was told once they were told again
// after all claims (join.go, claim.go). What an instance of another plan had sent
// before, and lands later, is refused by the store, lane by lane. While sinks
// stand apart under another plan than this one, the start is refused: Align runs
// the recorded plan up to the furthest of them first.
package topology
