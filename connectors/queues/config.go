// Package queues writes rows to a Cloudflare Queue, one JSON message a row
// (message.go says its form).
//
// A queue cannot compare and set, so that progress lives in a transactional
// sink of the same pipeline (`progress:`), and delivery is at least once with
// stable ids: first the messages, then the progress. A crash or a lost reply
// between the two sends messages again, with equal ids and equal bytes; a
// consumer that remembers ids sees each change once. What was pushed is never
// behind what the progress says: no id is lost.
//
// A queue has no order. Consumers that need it compare offset within a lane
// (topic, partition).
//
// Limits are production's: 100 messages or 256,000 bytes a request, 128,000
// bytes a message; a larger one is this sink's own reject. Requests of all
// sinks of one account share 1,200 in five minutes: through this API an account
// sends at most 400 messages a second. A bridge (`via: bridge`) has no such cap;
// a queue itself takes 5,000 messages a second.
package queues

import (
	"errors"
	"fmt"
	"strings"

	"sluice/connectors/internal/cloudflare"
	"sluice/topology"
	"sluice/topology/stream"
)

// Config is the sink's YAML.
type Config struct {
	cloudflare.Connection `yaml:",inline"`

	Queue    string   `yaml:"queue"`                 // queue id; by a bridge, the name of its binding
	Progress string   `yaml:"progress" check:"sink"` // a transactional sink of this pipeline that stands before this one
	Include  []string `yaml:"include"`               // operations that become messages: insert, update, delete, truncate
	Delay    int      `yaml:"delay_seconds"`         // before a message can be pulled, at most 43,200
}

// Default are the values of fields that are left out.
func Default() Config {
	return Config{Connection: cloudflare.DefaultConnection(), Include: []string{"insert", "update", "delete"}}
}

// Factory makes queues sinks.
var Factory = topology.New("queues", Default(), open)

// Validate finds mistakes that need no I/O.
func (c *Config) Validate() error {
	var errs []error
	for _, f := range [...]struct{ name, value, what string }{
		{"queue", c.Queue, "the queue's id (not its name); by a bridge, the name of its binding"},
		{"progress", c.Progress, "the name of a transactional sink of this pipeline (d1, kafka) that keeps this sink's positions: a queue cannot"},
	} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("queues: %s is missing: give %s", f.name, f.what))
		}
	}
	for _, err := range c.Check("Queues") {
		errs = append(errs, fmt.Errorf("queues: %w", err))
	}
	if _, err := operations(c.Include); err != nil {
		errs = append(errs, err)
	}
	if c.Delay < 0 || c.Delay > cloudflare.MaxDelay {
		errs = append(errs, fmt.Errorf("queues: delay_seconds is %d: 0 to %d", c.Delay, cloudflare.MaxDelay))
	}
	return errors.Join(errs...)
}

// opSet says which operations become messages.
type opSet [stream.Truncate + 1]bool

func operations(names []string) (set opSet, err error) {
	var known []string
	for op := stream.Insert; op <= stream.Truncate; op++ {
		known = append(known, op.String())
	}
	for _, n := range names {
		found := false
		for op := stream.Insert; op <= stream.Truncate; op++ {
			if n == op.String() {
				set[op], found = true, true
			}
		}
		if !found {
			return set, fmt.Errorf("queues: include: unknown operation %q%s: one of %s", n, topology.Suggest(n, known), strings.Join(known, ", "))
		}
	}
	if set == (opSet{}) {
		return set, errors.New("queues: include is empty: no record would become a message")
	}
	return set, nil
}
