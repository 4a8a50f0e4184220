package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.yaml.in/yaml/v3"

	"sluice/topology/stream"
)

// TestProgressFormat: what version 1 wrote is read for ever, and is what is written.
func TestProgressFormat(t *testing.T) {
	const v1 = `{"v":1,"topic_id":"id","next":{"offset":7,"epoch":3},"sink":"sink","seq":5,"commit":"c","plan":"p","cluster":"k","writer":"sluice-a-b-00"}`
	var x laneRecord
	if err := json.Unmarshal([]byte(v1), &x); err != nil {
		t.Fatal(err)
	}
	want := laneRecord{Format: 1, LanePos: stream.LanePos{TopicID: "id", Next: stream.Position{Offset: 7, Epoch: 3}}, Sink: "sink", Seq: 5, Commit: "c", Plan: "p", Cluster: "k", Writer: "sluice-a-b-00"}
	if out, err := json.Marshal(x); x != want || err != nil || string(out) != v1 {
		t.Errorf("read as %+v, written as %s, %v", x, out, err)
	}
	for _, l := range []stream.Lane{{Topic: "a", Partition: 0}, {Topic: "a/b/9", Partition: 12}} {
		if got, err := parseLane(l.String()); err != nil || got != l {
			t.Errorf("%v is read as %v, %v", l, got, err)
		}
	}
}

// TestSinkConfig: mistakes are named before anything runs.
func TestSinkConfig(t *testing.T) {
	for text, want := range map[string]string{
		"brokers: [a:1]": "",
		"brokers: [a:1]\ncompression: lz4\ntopic: 'x.{database}.{table}'": "",
		"brokers: [a:1]\ncompression: zst":                                "zstd",
		"brokers: [a]":                                                    "port",
		"brokers: []":                                                     "at least one",
		"brokers: [a:1]\ntopic: '{topic}'":                                "source's own",
		"brokers: [a:1]\ntopic: '{tabel}'":                                "template",
		"brokers: [a:1]\nlingre: 1s":                                      "linger",
	} {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			t.Fatal(err)
		}
		if err := SinkFactory.Check(n.Content[0]); (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestTopicDeleted: a data topic that was deleted is made again; a progress
// topic that was deleted stops the sink, for positions are gone with it.
func TestTopicDeleted(t *testing.T) {
	c := newBroker(t)
	p := process(t, c, "a", newWire(-1))
	p.finish(2)
	if err := c.DeleteTopic("x.masked"); err != nil {
		t.Fatal(err)
	}
	if err := p.commit(p.stage(2, 4)); err != nil {
		t.Fatalf("after the data topic was deleted: %v", err)
	}
	if n := len(readAll(t, c, func(topic string) bool { return topic == "x.masked" })); n != 2 {
		t.Errorf("%d rows, want the 2 that were written since", n)
	}
	if err := c.DeleteTopic(p.progressTopic()); err != nil {
		t.Fatal(err)
	}
	if err := p.commit(p.stage(4, 6)); !errors.Is(err, stream.ErrFenced) {
		t.Errorf("after the progress topic was deleted: %v, want ErrFenced", err)
	}
	p.Recover(context.Background(), []stream.Lane{laneX})
	if err := p.commit(p.stage(0, 6)); !errors.Is(err, stream.ErrFenced) {
		t.Errorf("from the beginning into a store without progress: %v, want ErrFenced", err)
	}
}

// FuzzMessages: what is staged is plain data from a disk or a topic.
func FuzzMessages(f *testing.F) {
	p := &proc{}
	f.Add(p.stage(0, 3).Payload)
	f.Add([]byte{1})
	f.Add([]byte{})
	f.Add([]byte{1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		rs, err := decodeMessages(b)
		if err != nil && !errors.Is(err, errPayload) {
			t.Fatal(err)
		}
		if err == nil && len(rs) > len(b) {
			t.Fatalf("%d messages of %d bytes", len(rs), len(b))
		}
	})
}

// TestLedgerIsKept (a broker's default took it after a week, and the audit failed of
// lanes that were idle since): one that an older version made, too. What somebody set
// for the topic, and what the user may not set, is told with what to do.
func TestLedgerIsKept(t *testing.T) {
	topic := "_sluice_ledger_" + testEnv().Pipeline
	command := "--entity-name " + topic + " --add-config cleanup.policy=delete,retention.bytes=-1,retention.ms=-1"
	for _, x := range []struct {
		what      string
		made      map[string]string // nil: by the sink
		refuse    int16
		retention string
		told      bool
	}{
		{"it is new", nil, -1, "-1", false},
		{"an older version made it", map[string]string{}, -1, "-1", false},
		{"somebody set it", map[string]string{"retention.ms": "3600000"}, -1, "3600000", true},
		{"it may not be looked at", map[string]string{}, int16(kmsg.DescribeConfigs), "604800000", true},
		{"it may not be set", map[string]string{}, int16(kmsg.IncrementalAlterConfigs), "604800000", true},
	} {
		t.Run(x.what, func(t *testing.T) {
			c := newBroker(t)
			if x.made != nil {
				if err := c.CreateTopic(topic, 1, x.made); err != nil {
					t.Fatal(err)
				}
			}
			if x.refuse >= 0 {
				c.ControlKey(x.refuse, func(r kmsg.Request) (kmsg.Response, error, bool) { return refusing(r), nil, true })
			}
			p, said := process(t, c, "a", newWire(-1)), &saying{}
			p.env.Log = slog.New(slog.NewTextHandler(said, nil))
			p.finish(2)
			cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			rs, err := kadm.NewClient(cl).DescribeTopicConfigs(t.Context(), topic)
			if err != nil || len(rs) != 1 {
				t.Fatal(rs, err)
			}
			got := map[string]string{}
			for _, x := range rs[0].Configs {
				got[x.Key] = x.MaybeValue()
			}
			if got["retention.ms"] != x.retention || got["cleanup.policy"] != "delete" {
				t.Errorf("%s has %v", topic, got)
			}
			if said.has(command) != x.told {
				t.Errorf("told: %v, want %v: %s", !x.told, x.told, said.text.String())
			}
		})
	}
}

// TestTopicsThatSomebodyElseMade (the sink was parked for ever): a user who may create
// none writes to those that are there; of one that is not it is told.
func TestTopicsThatSomebodyElseMade(t *testing.T) {
	for _, x := range []struct {
		lacks string
		want  bool
	}{{"", true}, {"x.masked", false}, {"_sluice_ledger_" + testEnv().Pipeline, false}} {
		c := newBroker(t)
		for _, topic := range []string{"x.masked", "_sluice_progress_" + testEnv().Pipeline, "_sluice_ledger_" + testEnv().Pipeline} {
			if topic == x.lacks {
				continue
			}
			if err := c.CreateTopic(topic, 1, nil); err != nil {
				t.Fatal(err)
			}
		}
		c.ControlKey(int16(kmsg.CreateTopics), func(r kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			return refusing(r), nil, true
		})
		p := process(t, c, "a", newWire(-1))
		err := p.commit(p.stage(0, 2))
		if se, is := errors.AsType[*stream.StateError](err); x.want && err != nil || !x.want && (!is || !strings.Contains(se.Why, "topic "+x.lacks+": ")) {
			t.Errorf("without %q: %v", x.lacks, err)
		}
		if x.want {
			wantOnce(t, c, 2)
		}
	}
}

// refusing is a broker's answer to a user who may not.
func refusing(r kmsg.Request) kmsg.Response {
	switch r := r.(type) {
	case *kmsg.DescribeConfigsRequest:
		resp := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
		resp.Resources = []kmsg.DescribeConfigsResponseResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: r.Resources[0].ResourceName, ErrorCode: kerr.TopicAuthorizationFailed.Code}}
		return resp
	case *kmsg.IncrementalAlterConfigsRequest:
		resp := r.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
		resp.Resources = []kmsg.IncrementalAlterConfigsResponseResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: r.Resources[0].ResourceName, ErrorCode: kerr.TopicAuthorizationFailed.Code}}
		return resp
	case *kmsg.CreateTopicsRequest:
		resp := r.ResponseKind().(*kmsg.CreateTopicsResponse)
		resp.Topics = []kmsg.CreateTopicsResponseTopic{{Topic: r.Topics[0].Topic, ErrorCode: kerr.TopicAuthorizationFailed.Code}}
		return resp
	}
	return nil
}
