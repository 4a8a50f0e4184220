package stream

import (
	"errors"
	"slices"
)

// ApartError is what Upload or Commit returns of an epoch in which the rows of
// some lanes cannot go to their tables as things are (a change of schema that a
// table refuses), and which left nothing of these lanes in the store. Every state
// names its lanes. The engine drops the epoch, keeps these lanes from this sink and
// reads the others from where the store says they are; it asks anew now and then.
type ApartError struct{ States []*StateError }

func (e *ApartError) Error() string { return errors.Join(e.Unwrap()...).Error() }

// Unwrap makes it a state to whoever cannot set lanes apart.
func (e *ApartError) Unwrap() (all []error) {
	for _, s := range e.States {
		all = append(all, s)
	}
	return all
}

// Refusal is why a table does not take the rows of some topics as things are: of
// lanes it knows nothing. The lanes of its state are not looked at.
type Refusal struct {
	*StateError
	Topics []string
}

// Apart is the ApartError of refusals in a commit of the epochs es, with the lanes
// that es has of their topics; nil if nothing was refused. A refusal of which es has
// no lane is a state of all of them: nobody could say which to set apart.
func Apart(refusals []Refusal, es ...Epoch) error {
	if len(refusals) == 0 {
		return nil
	}
	apart := &ApartError{}
	for _, r := range refusals {
		state := *r.StateError
		state.Lanes = nil
		for i := range es {
			for _, sp := range es[i].Spans {
				if slices.Contains(r.Topics, sp.Lane.Topic) && !slices.Contains(state.Lanes, sp.Lane) {
					state.Lanes = append(state.Lanes, sp.Lane)
				}
			}
		}
		if state.Lanes == nil {
			return &state
		}
		apart.States = append(apart.States, &state)
	}
	return apart
}
