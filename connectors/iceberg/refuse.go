package iceberg

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go/table"

	"sluice/connectors/iceberg/column"
	"sluice/topology/stream"
)

// fits is fit for all shapes of a table, as far as evolve allows. Its errors are states.
func (s *Sink) fits(name string, t *table.Table, shapes []*shape) ([]column.Field, []change, error) {
	want, err := union(shapes)
	if err != nil {
		return nil, nil, err
	}
	fields, changes, err := fit(name, t.Schema(), t.Metadata().LastColumnID(), want)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range changes {
		if of := retypedOf(shapes, c.name); of != "" && s.cfg.Evolve == "strict" {
			return nil, nil, parked(name, fmt.Sprintf("column %q changed its type and would go on as %q, and evolve is strict", of, c.name), "change the table, or say evolve: auto")
		}
	}
	if len(changes) > 0 && s.cfg.Evolve == "freeze" {
		return nil, nil, parked(name, fmt.Sprintf("column %q would be added or widened, and evolve is freeze", changes[0].name), "change the table, or say evolve: auto")
	}
	if _, ok := findSpec(t, shapes[0].parts); !ok {
		return nil, nil, parked(name, fmt.Sprintf("it is partitioned by %v, the config says otherwise", t.Spec()), "make partition in the config the same, or change the table's spec")
	}
	return fields, changes, nil
}

// refusing are the topics whose rows alone do not fit the table, with why; all of
// them, for err, if each would fit without the others.
func (s *Sink) refusing(name string, t *table.Table, shapes []*shape, err error) (refused []stream.Refusal) {
	of := map[string][]*shape{}
	for _, x := range shapes {
		of[x.topic] = append(of[x.topic], x)
	}
	topics := slices.Sorted(maps.Keys(of))
	add := func(err error, topics ...string) {
		if state, is := errors.AsType[*stream.StateError](err); is {
			refused = append(refused, stream.Refusal{StateError: state, Topics: topics})
		}
	}
	for _, topic := range topics {
		var alone error
		if t != nil {
			_, _, alone = s.fits(name, t, of[topic])
		} else {
			_, alone = union(of[topic])
		}
		if alone != nil {
			add(alone, topic)
		}
	}
	if refused == nil {
		add(err, topics...)
	}
	return refused
}
