package kafka

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"sluice/processors/mask"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// TestTopicsThatCannotBe (the broker refused the whole transaction, for ever; a
// pattern of the source that matched the sink's topics read every row again, and
// what became of that, without end): such rows stop their lane in this sink.
func TestTopicsThatCannotBe(t *testing.T) {
	env := topology.Env{Pipeline: "p", Name: "k", Log: slog.New(slog.DiscardHandler), Shared: topology.System(slog.New(slog.DiscardHandler)).Shared}
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Exclude = []string{"a:1", "b:1"}, []string{"shop.*"}, []string{"shop.done.*"}
	for _, x := range []struct{ brokers, topic, table, want string }{
		{"b:1", "{topic}.masked", "orders", "this pipeline reads it"},
		{"other:1", "{topic}.masked", "orders", ""}, // of another cluster
		{"b:1", "shop.done.{table}", "orders", ""},
		{"b:1", "masked.{table}", "orders", ""},
		{"b:1", "masked.{table}", "öre", "no name of a topic"},
		{"b:1", "masked.{table}", strings.Repeat("x", 243), "no name of a topic"},
		{"b:1", "{table}", "_sluice_progress_p", "Sluice's own"},
	} {
		if _, err := openSource(cfg, env); err != nil {
			t.Fatal(err)
		}
		c := SinkDefault
		c.Brokers, c.Topic = []string{x.brokers}, x.topic
		s, err := openSink(c, env)
		if err != nil {
			t.Fatal(err)
		}
		b := stream.NewBatch(stream.Lane{Topic: "shop.orders"}, stream.Position{}, nil)
		schema := schemas.NewSchema(schemas.Schema{Topic: "shop.orders", Version: 1, Closed: true, Table: x.table, Fields: []schemas.Field{{Name: "id", Type: schemas.Type{Kind: schemas.Int64}}}})
		b.Records = append(b.Records, stream.Record{Op: stream.Insert, Value: stream.ViewOf([]byte("7")), After: []schemas.Cell{{Len: 1, Enc: schemas.EncInt, Flags: schemas.Present}}, Schema: schema})
		b.In, b.To = 1, stream.Position{Offset: 1}
		rows, err := mask.KeepAll().Pass(b)
		if err != nil {
			t.Fatal(err)
		}
		w := s.Writer()
		err = w.Write(rows)
		var e *stream.StateError
		switch {
		case x.want == "" && err != nil:
			t.Errorf("%+v: %v", x, err)
		case x.want != "" && (!errors.As(err, &e) || !strings.Contains(e.Why, x.want) || e.Todo == "" || w.Size() > 0):
			t.Errorf("%+v: %v", x, err)
		}
	}
}

// TestLoops: what is read again and comes to an end is no loop (a sink was refused
// topics that the source reads for another one).
func TestLoops(t *testing.T) {
	gets := func(globs ...string) func(string) bool {
		return func(topic string) bool {
			return slices.ContainsFunc(globs, func(g string) bool { return topology.Glob(g, topic) })
		}
	}
	type sink struct {
		gets          func(string) bool
		brokers, name string
	}
	for _, x := range []struct {
		what  string
		sinks []sink
		want  bool
	}{
		{"it gets what it writes", []sink{{nil, "a:1", "{topic}.masked"}}, true},
		{"it does not", []sink{{gets("shop.x*", "old.*"), "a:1", "shop.done"}}, false},
		{"nor does a sink of another cluster", []sink{{gets("old.*"), "a:1", "shop.done"}, {nil, "other:1", "old.{table}"}}, false},
		{"another sink does, which writes elsewhere", []sink{{gets("old.*"), "a:1", "shop.done"}, {gets("shop.*"), "a:1", "new.{table}"}}, false},
		{"another sink does, and writes what this one gets", []sink{{gets("old.*"), "a:1", "shop.{table}"}, {gets("shop.*"), "a:1", "old.{table}"}}, true},
		{"there are three ways to go on each time", []sink{{nil, "a:1", "{topic}.a"}, {nil, "a:1", "{topic}.b"}, {nil, "a:1", "{topic}.c"}}, true}, // it took all memory
		{"another sink does, and writes what it gets itself", []sink{{gets("old.*"), "a:1", "shop.done"}, {gets("shop.*"), "a:1", "shop.{table}"}}, true},
	} {
		env := topology.Env{Pipeline: "p", Shared: topology.System(slog.New(slog.DiscardHandler)).Shared}
		cfg := Default
		cfg.Brokers, cfg.Topics = []string{"a:1"}, []string{"shop.*", "old.*"}
		if _, err := openSource(cfg, env); err != nil {
			t.Fatal(err)
		}
		var first *Sink
		for _, k := range x.sinks {
			env.Wants = k.gets
			c := SinkDefault
			c.Brokers, c.Topic = []string{k.brokers}, k.name
			s, err := openSink(c, env)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = s.(*Sink)
			}
		}
		from := &stream.Table{Topic: "old.orders", Database: "db", Table: "orders"}
		if err := first.refuses(first.cfg.topic(from), from); (err != nil) != x.want {
			t.Errorf("%s: %v", x.what, err)
		}
	}
}

// TestLoopsOfKnownTables (of topics that are named one by one nobody saw it: rows were
// written to the topic that they came from, and read again, without end): rows that are
// read back from a topic of change events have the names of its table.
func TestLoopsOfKnownTables(t *testing.T) {
	env := topology.Env{Pipeline: "p", Shared: topology.System(slog.New(slog.DiscardHandler)).Shared}
	cfg := Default
	cfg.Brokers, cfg.Topics = []string{"a:1"}, []string{"pg.public.orders", "pg.archive.orders"}
	table := func(namespace string) *stream.Table {
		return &stream.Table{Topic: "pg." + namespace + ".orders", Database: "shop", Namespace: namespace, Table: "orders"}
	}
	open := func(names ...string) (ks []*Sink) {
		if _, err := openSource(cfg, env); err != nil {
			t.Fatal(err)
		}
		for i, n := range names {
			if len(names) > 1 {
				env.Wants = func(topic string) bool { return topic == cfg.Topics[i] }
			}
			c := SinkDefault
			c.Brokers, c.Topic = cfg.Brokers, n
			s, err := openSink(c, env)
			if err != nil {
				t.Fatal(err)
			}
			ks = append(ks, s.(*Sink))
		}
		return ks
	}
	refuses := func(k *Sink, t *stream.Table) bool { return k.refuses(k.cfg.topic(t), t) != nil }
	if k := open("pg.{namespace}.{table}")[0]; !refuses(k, table("public")) {
		t.Error("rows go to the topic that they come from")
	}
	if k := open("pg.archive.{table}")[0]; refuses(k, table("public")) || !refuses(k, table("archive")) {
		t.Error("rows of public come once more, and those of archive without end")
	}
	ks := open("pg.archive.{table}", "pg.public.{table}")
	if one, two := refuses(ks[0], table("public")), refuses(ks[1], table("archive")); !two {
		t.Errorf("the circle is open: %v %v", one, two)
	}
}
