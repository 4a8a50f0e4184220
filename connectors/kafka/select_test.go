package kafka

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"sluice/topology/stream"
)

// counting is a feed that takes every batch and releases it at once.
type counting struct{ got chan int }

func (c counting) Assign(_ context.Context, _ string, lanes []stream.LaneInfo) (map[stream.Lane]stream.Position, error) {
	at := map[stream.Lane]stream.Position{}
	for _, l := range lanes {
		at[l.Lane] = stream.Position{Epoch: -1}
	}
	return at, nil
}

func (c counting) Admit(ctx context.Context, b *stream.Batch) error {
	n := len(b.Records)
	b.Release()
	select {
	case c.got <- n:
	case <-ctx.Done():
	}
	return nil
}

func (counting) Revoke(context.Context, []stream.Lane)  {}
func (counting) Lost([]stream.Lane)                     {}
func (counting) Report(stream.Lane, *stream.StateError) {}

// selecting is a feed that tells which topics were assigned, and reads none.
type selecting struct {
	counting
	topics chan []string
}

func (f selecting) Assign(_ context.Context, _ string, lanes []stream.LaneInfo) (map[stream.Lane]stream.Position, error) {
	var ts []string
	for _, l := range lanes {
		ts = append(ts, l.Lane.Topic)
	}
	slices.Sort(ts)
	f.topics <- slices.Compact(ts)
	return nil, nil
}

// TestTopicSelection: the group's member and Survey agree on what is read, and
// a pattern never reads what sluice itself writes.
func TestTopicSelection(t *testing.T) {
	all := []string{"shop.a", "shop.b", "shopping", "other", "_sluice_ledger_x"}
	c := newBroker(t, kfake.SeedTopics(1, all...))
	for _, x := range []struct{ topics, exclude, want string }{
		{"shop.a", "", "shop.a"},
		{"shop.a shop.b", "shop.b", "shop.a"}, // (b was read: names ignored exclusions)
		{"shop.*", "", "shop.a shop.b"},
		{"shop.*", "*.b", "shop.a"},
		{"/shop.*/", "", "shop.a shop.b shopping"},
		{"*", "other", "shop.a shop.b shopping"},
		{"*", "/sh.*/", "other"},
		{"_sluice_ledger_*", "", "_sluice_ledger_x"},
		{"_sluice_ledger_x shop.*", "", "_sluice_ledger_x shop.a shop.b"},
	} {
		for _, protocol := range []string{"classic", "consumer"} {
			cfg := Default
			cfg.Brokers, cfg.Topics, cfg.Exclude = c.ListenAddrs(), strings.Fields(x.topics), strings.Fields(x.exclude)
			cfg.Protocol, cfg.Group = protocol, t.Name()+protocol+x.topics+x.exclude
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			src, err := openSource(cfg, testEnv())
			if err != nil {
				t.Fatal(err)
			}
			var surveyed []string
			_, lanes, err := src.(*Source).Survey(t.Context())
			for _, l := range lanes {
				surveyed = append(surveyed, l.Lane.Topic)
			}
			f := selecting{counting{make(chan int)}, make(chan []string, 10)}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- src.Run(ctx, f) }()
			assigned := strings.Join(<-f.topics, " ")
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if got := strings.Join(surveyed, " "); err != nil || got != x.want || assigned != x.want {
				t.Errorf("%s, topics %s, exclude %q: Survey has %q (%v), the member %q; want %q", protocol, x.topics, x.exclude, got, err, assigned, x.want)
			}
		}
	}
}

// FuzzPattern: what a topic text of the file matches, as a whole.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{"a", "shop.*", "/x|y/", "/(/", "*", "/", "//", "a*b*", "_sluice_x", "[", "a$", "\\Q"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := Default
		c.Brokers, c.Topics = []string{"b:1"}, []string{text}
		if c.Validate() != nil {
			return
		}
		if c.plainNames() && !c.reads(text) && !strings.HasPrefix(text, "_sluice_") {
			t.Errorf("%q does not read itself", text)
		}
		c.reads("shop.public.customers")
	})
}
