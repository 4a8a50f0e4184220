package topology

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"reflect"
	"time"

	"go.yaml.in/yaml/v3"

	"sluice/topology/stream"
)

// Env is all a component may know of the outside: time, chance, goroutines
// and I/O come from it alone, so that a simulation can swap them.
type Env struct {
	// Pipeline is the immutable id; Name is the component's, unique in its pipeline.
	Pipeline string
	Name     string
	Plan     string // hash of the plan
	Workers  int

	Log    *slog.Logger
	Now    func() time.Time
	Rand   *rand.Rand // not safe for concurrent use
	HTTP   http.RoundTripper
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Spawn  func(func())                     // starts a goroutine that ends with the pipeline
	Secret func(ref string) (string, error) // ref is env:NAME or file:PATH // P5
	Dir    string                           // local scratch and spool

	// Wants reports whether a sink gets the rows of a topic that the source reads;
	// nil: of every one.
	Wants func(topic string) bool

	// Progress lends the progress store of another sink of the pipeline.
	Progress func(sink string) (stream.ProgressStore, error)

	// Shared lends what the components of a process have in common, made by
	// open when its key is first asked for: the rate limit of an account. Nil
	// shares nothing.
	Shared func(key string, open func() any) any
}

// Factory builds components of one kind from their YAML.
type Factory[T any] struct {
	Name   string
	config reflect.Type
	decode func(node *yaml.Node) any // the config, whether it is valid or not
	// Check decodes and validates node without opening anything.
	Check func(node *yaml.Node) error
	// Open decodes, validates and opens.
	Open func(node *yaml.Node, env Env) (T, error)
}

// New returns a factory. Fields absent from the YAML keep the values of
// defaults, unknown fields are errors with line and column, and if *C has
// Validate() error it runs before open; what it returns is placed by the field it
// begins with. Fields are named by their yaml tag; spot.go has the tag check.
func New[C, T any](name string, defaults C, open func(C, Env) (T, error)) Factory[T] {
	decode := func(node *yaml.Node) (C, error) {
		c := defaults
		if err := Strict(node, &c); err != nil {
			return c, err
		}
		if v, ok := any(&c).(interface{ Validate() error }); ok {
			if err := v.Validate(); err != nil {
				return c, placeEach(node, err)
			}
		}
		return c, nil
	}
	return Factory[T]{
		Name:   name,
		config: reflect.TypeFor[C](),
		decode: func(node *yaml.Node) any { c, _ := decode(node); return c },
		Check:  func(node *yaml.Node) error { _, err := decode(node); return err },
		Open: func(node *yaml.Node, env Env) (zero T, err error) {
			c, err := decode(node)
			if err != nil {
				return zero, err
			}
			return open(c, env)
		},
	}
}

// Registry is the list of parts a binary has: a plain value built in
// cmd/sluice/components.go. There is no global one.
type Registry struct {
	Sources []Factory[stream.Source]
	Raw     []Factory[stream.Raw]
	Gates   []Factory[stream.Gate]
	Stages  []Factory[stream.Stage]
	Sinks   []Factory[stream.Sink]

	// KeepAll opens the gate of `privacy: none`. // P4
	KeepAll func() stream.Gate
}

// configType is the config of the component called name, or nil.
func (r Registry) configType(name string) reflect.Type {
	for _, t := range []reflect.Type{typeOf(r.Sources, name), typeOf(r.Raw, name), typeOf(r.Gates, name), typeOf(r.Stages, name), typeOf(r.Sinks, name)} {
		if t != nil {
			return t
		}
	}
	return nil
}

func typeOf[T any](fs []Factory[T], name string) reflect.Type {
	for _, f := range fs {
		if f.Name == name {
			return f.config
		}
	}
	return nil
}

// At puts the place of node in front of err.
func At(node *yaml.Node, err error) error {
	return fmt.Errorf("%d:%d: %w", node.Line, node.Column, err)
}
