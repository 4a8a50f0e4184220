package stream

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrorKind says what the engine does about an error.
type ErrorKind uint8

// The kinds. An error nobody classified is Fatal: stopping is safe, a restart
// recovers from the sinks' positions.
const (
	KindNone   ErrorKind = iota
	KindRetry            // passing: the same call again, without end, with backoff
	KindFenced           // another writer moved the lanes: drop the epoch, recover, seek
	KindState            // lanes stop in a state that a person mends; others flow on
	KindFatal            // stop the pipeline
)

var kindNames = [...]string{"none", "retry", "fenced", "state", "fatal"}

func (k ErrorKind) String() string { return kindNames[k] }

// ErrFenced means the stored progress is not what this process last saw and
// not what it just wrote.
var ErrFenced = errors.New("fenced by another writer")

// RetryError is a passing failure. Code is short and stable: a metric label.
type RetryError struct {
	Code  string
	After time.Duration // wait at least this long
	Err   error
}

func (e *RetryError) Error() string { return e.Code + ": " + e.Err.Error() }
func (e *RetryError) Unwrap() error { return e.Err }

// Retry marks err as passing.
func Retry(code string, after time.Duration, err error) error {
	return &RetryError{Code: code, After: after, Err: err}
}

// StateError puts lanes (all lanes of the sink when Lanes is empty) into a
// state. Todo says what a person does about it, as a command where there is one.
type StateError struct {
	State LaneState
	Lanes []Lane
	Why   string
	Todo  string
}

func (e *StateError) Error() string { return fmt.Sprintf("%v: %s: %s", e.State, e.Why, e.Todo) }

// KindOf classifies err. A state inside a RetryError is a suspicion that its
// sink wants to look at again before anybody is told.
func KindOf(err error) ErrorKind {
	if err == nil {
		return KindNone
	}
	var r *RetryError
	var s *StateError
	switch {
	case errors.Is(err, ErrFenced):
		return KindFenced
	case errors.As(err, &s) && (!errors.As(err, &r) || !errors.As(r.Err, &s)):
		return KindState
	case errors.Is(err, context.Canceled):
		return KindFatal
	case errors.As(err, &r):
		return KindRetry
	}
	return KindFatal
}
