package stream

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestKindOf(t *testing.T) {
	torn := &StateError{State: StateTorn, Why: "why", Todo: "todo"}
	for name, c := range map[string]struct {
		err  error
		want ErrorKind
	}{
		"none":                 {nil, KindNone},
		"unknown":              {errors.New("x"), KindFatal},
		"cancelled":            {context.Canceled, KindFatal},
		"fenced":               {fmt.Errorf("x: %w", ErrFenced), KindFenced},
		"passing":              {fmt.Errorf("x: %w", Retry("code", 0, errors.New("y"))), KindRetry},
		"cancelled, passing":   {Retry("code", 0, context.Canceled), KindFatal},
		"state":                {fmt.Errorf("x: %w", torn), KindState},
		"suspicion of a state": {Retry("code", 0, torn), KindRetry},
		"state and a failure":  {errors.Join(torn, Retry("code", 0, errors.New("y"))), KindState},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
