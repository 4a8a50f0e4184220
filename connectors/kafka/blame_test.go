package kafka

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/connectors/sinktest"
	"sluice/processors/mask"
	"sluice/schemas"
	"sluice/topology/stream"
)

// committing is a sink, and commits to it of what rows has of some topics.
func committing(t *testing.T, c *kfake.Cluster, rows map[string][]string) (stream.Sink, func(id string, topics ...string) error) {
	cfg := SinkDefault
	cfg.Brokers, cfg.Linger, cfg.Partitions = c.ListenAddrs(), 0, 1
	s, err := openSink(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, func(id string, topics ...string) error {
		w, e := s.Writer(), stream.Epoch{Pipeline: sinktest.Pipeline, Sink: sinktest.Sink, Commit: id, Plan: "p", Cluster: "k"}
		var lanes []stream.Lane
		for _, topic := range topics {
			l := stream.Lane{Topic: topic}
			b := stream.NewBatch(l, stream.Position{}, nil)
			schema := schemas.NewSchema(schemas.Schema{Topic: topic, Version: 1, Closed: true, Fields: []schemas.Field{{Name: "v", Type: schemas.Type{Kind: schemas.String}}}})
			for i, v := range rows[topic] {
				b.Records = append(b.Records, stream.Record{Offset: int64(i), Op: stream.Insert, Value: stream.ViewOf([]byte(v)), After: []schemas.Cell{{Len: uint32(len(v)), Enc: schemas.EncText, Flags: schemas.Present}}, Schema: schema})
			}
			n := int64(len(b.Records))
			b.In, b.To = n, stream.Position{Offset: n}
			clean, err := mask.KeepAll().Pass(b)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(clean); err != nil {
				t.Fatal(err)
			}
			lanes = append(lanes, l)
			e.Spans = append(e.Spans, stream.LedgerSpan{Span: stream.Span{Lane: l, To: b.To}, Count: stream.Count{In: n, Written: n}})
		}
		if _, err := s.Recover(t.Context(), lanes); err != nil {
			t.Fatal(err)
		}
		part, err := w.Seal()
		if err != nil {
			t.Fatal(err)
		}
		st, err := s.Upload(t.Context(), e, []stream.Part{part})
		if err != nil {
			t.Fatal(err)
		}
		st.Format, st.Epoch = 1, e
		return s.Commit(t.Context(), []stream.Staged{st})
	}
}

// TestBrokerMakesNoTopic (all lanes of the sink stood): a topic that is not there and
// cannot be made holds the lanes of its rows.
func TestBrokerMakesNoTopic(t *testing.T) {
	c := newBroker(t)
	c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if n := r.(*kmsg.CreateTopicsRequest).Topics[0].Topic; n == "b.masked" || n == "d.masked" {
			return refusing(r), nil, true
		}
		return nil, nil, false
	})
	_, commit := committing(t, c, map[string][]string{"a": {"1", "2"}, "b": {"3"}, "c": {"4"}, "d": {"5"}})
	err := commit("1", "a", "b", "c", "d")
	refused, is := errors.AsType[*stream.ApartError](err)
	if !is || len(refused.States) != 2 || !slices.Equal(refused.States[1].Lanes, []stream.Lane{{Topic: "d"}}) || !strings.Contains(refused.States[0].Why, "topic b.masked") {
		t.Fatalf("%v", err)
	}
	if err := commit("2", "a", "c"); err != nil {
		t.Fatal(err)
	}
	if rs := readAll(t, c, func(topic string) bool { return strings.HasSuffix(topic, ".masked") }); len(rs) != 3 {
		t.Errorf("%d rows, want 3", len(rs))
	}
	if err := c.CreateTopic("b.masked", 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := commit("3", "b"); err != nil { // somebody made it
		t.Error(err)
	}
}

// TestBrokerRefusesARow (all lanes of the sink stood): a row that is too large for its
// topic holds the lane that it came from, and the others of its commit go on.
func TestBrokerRefusesARow(t *testing.T) {
	c := newBroker(t)
	if err := c.CreateTopic("b.masked", 1, map[string]string{"max.message.bytes": "2000"}); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 8_000) // which no compression makes small
	for i := range noise {
		noise[i] = byte('!' + rand.N(90))
		if noise[i] == '"' || noise[i] == '\\' {
			noise[i] = 'x'
		}
	}
	rows := map[string][]string{"a": {"1", "2"}, "b": {"3", string(noise)}, "c": {"4"}}
	s, commit := committing(t, c, rows)
	err := commit("1", "a", "b", "c")
	refused, is := errors.AsType[*stream.ApartError](err)
	if !is || len(refused.States) != 1 || len(refused.States[0].Lanes) != 1 || refused.States[0].Lanes[0] != (stream.Lane{Topic: "b"}) || !strings.Contains(refused.States[0].Todo, "max.message.bytes") || strings.Contains(err.Error(), string(noise[:20])) {
		t.Fatalf("%v", err)
	}
	if err := commit("2", "a", "c"); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range readAll(t, c, func(topic string) bool { return strings.HasSuffix(topic, ".masked") }) {
		got[r.Topic]++
	}
	if got["a.masked"] != 2 || got["c.masked"] != 1 || got["b.masked"] != 0 {
		t.Errorf("%v", got)
	}
	p, err := s.(stream.Inspector).Inspect(t.Context())
	if err != nil || len(p.Lanes) != 2 {
		t.Errorf("%v, %v", p.Lanes, err)
	}
}
