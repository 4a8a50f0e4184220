package beside

import (
	"errors"
	"testing"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology/stream"
)

// TestClassify: what an answer refuses stops the lanes, not the process, which
// would meet it again after every restart.
func TestClassify(t *testing.T) {
	answer := func(c cloudflare.Class) error { return &cloudflare.APIError{Op: "kv put", Class: c} }
	for _, c := range []struct {
		err  error
		want stream.ErrorKind
	}{
		{answer(cloudflare.ClassRateLimited), stream.KindRetry},
		{answer(cloudflare.ClassFull), stream.KindRetry},
		{answer(cloudflare.ClassUnavailable), stream.KindRetry},
		{answer(cloudflare.ClassUnauthorized), stream.KindState},
		{answer(cloudflare.ClassNotFound), stream.KindState},
		{answer(cloudflare.ClassRefused), stream.KindState},
		{answer(cloudflare.ClassTooLarge), stream.KindState},
		{&cloudflare.LimitError{Op: "kv put"}, stream.KindState},
		{errors.New("a staged payload is damaged"), stream.KindFatal},
	} {
		err := Classify("kv", c.err, "check the token")
		if got := stream.KindOf(err); got != c.want {
			t.Errorf("%v: %v, kind %v, want %v", c.err, err, got, c.want)
		}
		var se *stream.StateError
		if errors.As(err, &se) && (se.Why == "" || se.Todo == "") {
			t.Errorf("%v: %+v", c.err, se)
		}
	}
}
