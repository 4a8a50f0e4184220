package kafka

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"sluice/topology"
	"sluice/topology/stream"
)

// run starts a source; ended has what Run returned.
func run(t *testing.T, cfg Config, f stream.Feed) (cancel func(), ended <-chan error) {
	t.Helper()
	src, err := openSource(cfg, testEnv())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- src.Run(ctx, f) }()
	return stop, done
}

// TestSameInstance: of two processes with one instance_id the older one ends
// and says why, else both would take the lanes from each other without end.
func TestSameInstance(t *testing.T) {
	c := topicOf3(t)
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group, cfg.Instance = c.ListenAddrs(), []string{"t"}, "g", "pod-0"
	cfg.SessionTimeout = topology.Duration(6 * time.Second)
	a, b := selecting{counting{}, make(chan []string, 10)}, selecting{counting{}, make(chan []string, 10)}
	_, endedA := run(t, cfg, a)
	<-a.topics
	stop, endedB := run(t, cfg, b)
	select {
	case err := <-endedA:
		if err == nil || !strings.Contains(err.Error(), "instance_id") {
			t.Errorf("Run: %v, want an error that names instance_id", err)
		}
	case err := <-endedB:
		t.Fatalf("the newer one ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("both run")
	}
	<-b.topics
	stop()
	if err := <-endedB; err != nil {
		t.Error(err)
	}
}

// TestForeignGroup: a group of members that cannot share lanes with this one.
func TestForeignGroup(t *testing.T) {
	c := topicOf3(t)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.Balancers(kgo.RangeBalancer()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	until(t, "the foreign member is in the group", func() bool { g := c.GroupInfo("g"); return g != nil && g.State == "Stable" })
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group = c.ListenAddrs(), []string{"t"}, "g"
	_, ended := run(t, cfg, selecting{counting{}, make(chan []string, 10)})
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "another group") {
			t.Errorf("Run: %v, want an error that says what to do", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it runs, without lanes")
	}
}

// TestConsumerProtocolOfAnOlderBroker: the classic one is used instead.
func TestConsumerProtocolOfAnOlderBroker(t *testing.T) {
	c := newBroker(t, kfake.SeedTopics(1, "t"), kfake.MaxVersions(kversion.V3_6_0()))
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group, cfg.Protocol = c.ListenAddrs(), []string{"t"}, "g", "consumer"
	f := selecting{counting{}, make(chan []string, 10)}
	stop, ended := run(t, cfg, f)
	select {
	case <-f.topics:
	case err := <-ended:
		t.Fatalf("Run: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("no lanes")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestToken: client credentials are exchanged for a token; no answer and no
// error holds the secret.
func TestToken(t *testing.T) {
	const secret = "right-secret"
	for _, x := range []struct {
		status int
		body   string
		ok     bool
	}{{200, `{"access_token":"abc","token_type":"bearer"}`, true}, {200, `{}`, false}, {200, `no json`, false},
		{401, `{"error":"invalid_client","secret":"` + secret + `"}`, false}, {500, `{"access_token":"abc"}`, false}} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_id") != "id" || r.FormValue("client_secret") != secret {
				t.Errorf("asked with %v", r.Form["grant_type"])
			}
			w.WriteHeader(x.status)
			w.Write([]byte(x.body))
		}))
		s := SASL{Mechanism: "OAUTHBEARER", TokenURL: srv.URL, ClientID: "id", ClientSecret: "env:" + secret}
		env := testEnv()
		env.HTTP = http.DefaultTransport
		got, err := s.token(t.Context(), env)
		if x.ok != (err == nil && got == "abc") {
			t.Errorf("%d %s: %q, %v", x.status, x.body, got, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error holds the secret: %v", err)
		}
		srv.Close()
	}
	s := SASL{Mechanism: "OAUTHBEARER", Token: "env:static"}
	if got, err := s.token(t.Context(), testEnv()); err != nil || got != "static" {
		t.Errorf("a static token: %q, %v", got, err)
	}
	if m, err := s.mechanism(testEnv()); err != nil || m.Name() != "OAUTHBEARER" {
		t.Errorf("mechanism %v, %v", m, err)
	}
}

// TestTwoPipelinesInOneGroup (each store lacked what the other one was given, and
// nobody said so): lanes are not taken beside members that run something else.
func TestTwoPipelinesInOneGroup(t *testing.T) {
	for _, protocol := range []string{"classic", "consumer"} {
		t.Run(protocol, func(t *testing.T) {
			c := newBroker(t, kfake.SeedTopics(3, "t", "other"))
			start := func(pipeline string, topics ...string) (f selecting, said *saying, stop func()) {
				cfg := Default
				cfg.Brokers, cfg.Topics, cfg.Group, cfg.Protocol = c.ListenAddrs(), append(topics, "t")[:1], "g", protocol
				env := testEnv()
				said = &saying{}
				env.Pipeline, env.Log = pipeline, slog.New(slog.NewTextHandler(said, nil))
				src, err := openSource(cfg, env)
				if err != nil {
					t.Fatal(err)
				}
				f = selecting{counting{}, make(chan []string, 10)}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- src.Run(ctx, f) }()
				return f, said, func() {
					cancel()
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
			}
			a, _, stopA := start("one")
			<-a.topics
			b, said, stopB := start("two")
			until(t, "the other pipeline says why it takes nothing", func() bool { return said.has("which does not run pipeline two") })
			stopB()
			if len(b.topics) > 0 {
				t.Errorf("the other pipeline takes %v", <-b.topics)
			}
			b, _, stopB = start("one") // a second instance of the same
			<-b.topics
			stopB()
			b, _, stopB = start("two", "other") // which shares no topic: nothing is taken from anybody
			select {
			case <-b.topics:
			case <-time.After(20 * time.Second):
				t.Error("it takes nothing beside a pipeline that reads other topics")
			}
			stopB()
			stopA()
		})
	}
}

// TestGroupThatMayNotBeDescribed: who else has the group is not known then, which
// was said nowhere.
func TestGroupThatMayNotBeDescribed(t *testing.T) {
	c := topicOf3(t)
	c.ControlKey(int16(kmsg.DescribeGroups), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := r.ResponseKind().(*kmsg.DescribeGroupsResponse)
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group, g.ErrorCode = "g", kerr.GroupAuthorizationFailed.Code
		resp.Groups = append(resp.Groups, g)
		return resp, nil, true
	})
	cfg := Default
	cfg.Brokers, cfg.Topics, cfg.Group = c.ListenAddrs(), []string{"t"}, "g"
	env, said := testEnv(), &saying{}
	env.Log = slog.New(slog.NewTextHandler(said, nil))
	src, err := openSource(cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	f := selecting{counting{}, make(chan []string, 10)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- src.Run(ctx, f) }()
	select {
	case <-f.topics:
	case <-time.After(20 * time.Second):
		t.Error("no lanes")
	}
	if !said.has("DESCRIBE the group") {
		t.Error("nobody says that the group was not looked at")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// saying is a log.
type saying struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *saying) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *saying) has(part string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), part)
}
