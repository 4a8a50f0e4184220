package beside

import (
	"fmt"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology/stream"
)

// Classify says what the engine does about a request to Cloudflare that failed
// while staged data was applied: what passes is tried again under the code
// kind_CLASS, what a person has to mend parks the lanes, with todo where it is the
// way there; what is no answer at all ends the pipeline.
func Classify(kind string, err error, todo string) error {
	class := cloudflare.ClassOf(err)
	switch {
	case cloudflare.Ambiguous(err), cloudflare.Passing(err):
		return stream.Retry(kind+"_"+string(class), cloudflare.RetryAfter(err), err)
	case class == cloudflare.ClassUnauthorized, class == cloudflare.ClassNotFound:
		return &stream.StateError{State: stream.StateParked, Why: err.Error(), Todo: todo}
	case class != "": // a restart would meet it again
		return &stream.StateError{State: stream.StateParked, Why: "the store refused what is to be written: " + err.Error(),
			Todo: "mend what it names, or leave the topic out of this sink's topics"}
	}
	return fmt.Errorf("%s: %w", kind, err)
}
