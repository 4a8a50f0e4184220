package kafka

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/connectors/sinktest"
	"sluice/processors/mask"
	"sluice/schemas"
	"sluice/topology/stream"
)

// TestBrokerRefusesARow (all lanes of the sink stood): a row that is too large for its
// topic holds the lane that it came from, and the others of its commit go on.
func TestBrokerRefusesARow(t *testing.T) {
	c := newBroker(t)
	if err := c.CreateTopic("b.masked", 1, map[string]string{"max.message.bytes": "2000"}); err != nil {
		t.Fatal(err)
	}
	cfg := SinkDefault
	cfg.Brokers, cfg.Linger, cfg.Partitions = c.ListenAddrs(), 0, 1
	s, err := openSink(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	noise := make([]byte, 8_000) // which no compression makes small
	for i := range noise {
		noise[i] = byte('!' + rand.N(90))
		if noise[i] == '"' || noise[i] == '\\' {
			noise[i] = 'x'
		}
	}
	rows := map[string][]string{"a": {"1", "2"}, "b": {"3", string(noise)}, "c": {"4"}}
	commit := func(id string, topics ...string) error {
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
	err = commit("1", "a", "b", "c")
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
