package queues

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	emulator "sluice/connectors/emulator/cloudflare"
	"sluice/connectors/internal/cloudflare"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

// The form of messages is a promise to consumers.
func TestMessageForm(t *testing.T) {
	w := newWorld(t)
	s := w.open(func(c *Config) { c.Include = append(c.Include, "truncate") })
	b := stream.NewBatch(laneA, at(7), nil)
	b.To = at(12)
	b.Records = []stream.Record{record(7, stream.Insert, "é / <b>"), record(8, stream.Update, `say \"hi\"`), record(9, stream.Delete, ""), record(10, stream.Truncate, ""), record(11, stream.Insert, "s")}
	b.Records[1].After[1].Enc = schemas.EncJSONString
	b.Records[1].Before, b.Records[1].Full = b.Records[1].After, true
	b.Records[3].KeyRow = nil
	b.Records[4].Snapshot, b.Records[4].Seq = true, 2
	b.Records[4].After[1].Flags |= schemas.Unavailable // left out
	b.In = 5
	w.again(s, w.stage(s, b))
	ms, err := w.e.Messages(w.queue)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"id":"conformance/events/0/7/0","op":"insert","topic":"events","partition":0,"offset":7,"ts":1700000000000007,"key":{"id":7},"after":{"id":7,"note":"é / <b>"}}`,
		`{"id":"conformance/events/0/8/0","op":"update","topic":"events","partition":0,"offset":8,"ts":1700000000000008,"key":{"id":8},"before":{"id":8,"note":"say \"hi\""},"after":{"id":8,"note":"say \"hi\""}}`,
		`{"id":"conformance/events/0/9/0","op":"delete","topic":"events","partition":0,"offset":9,"ts":1700000000000009,"key":{"id":9}}`,
		`{"id":"conformance/events/0/10/0","op":"truncate","topic":"events","partition":0,"offset":10,"ts":1700000000000010}`,
		`{"id":"conformance/events/0/11/2","op":"insert","snapshot":true,"topic":"events","partition":0,"offset":11,"ts":1700000000000011,"key":{"id":11},"after":{"id":11}}`,
	}
	for i, m := range ms {
		if string(m.Body) != want[i] {
			t.Errorf("message %d is\n%s\nwant\n%s", i, m.Body, want[i])
		}
	}
	if len(ms) != len(want) {
		t.Errorf("%d messages", len(ms))
	}
}

// The payload of what is staged is a persisted format: version 1 stays readable.
func TestPayloadV1(t *testing.T) {
	const golden = "\x01\x7e" + `{"id":"conformance/events/0/7/0","op":"delete","topic":"events","partition":0,"offset":7,"ts":1700000000000007,"key":{"id":7}}` +
		"\x7e" + `{"id":"conformance/events/0/8/0","op":"delete","topic":"events","partition":0,"offset":8,"ts":1700000000000008,"key":{"id":8}}`
	w := newWorld(t)
	b := stream.NewBatch(laneA, at(7), nil)
	b.To, b.In = at(9), 2
	b.Records = []stream.Record{record(7, stream.Delete, ""), record(8, stream.Delete, "")}
	if st := w.stage(w.open(), b); string(st.Payload) != golden {
		t.Errorf("written as\n%q, want\n%q", st.Payload, golden)
	}
	ms, err := frames([]byte(golden))
	if err != nil || len(ms) != 2 || string(ms[0].Body) != golden[2:128] || string(ms[1].Body) != golden[129:] {
		t.Errorf("read as %v %v", ms, err)
	}
}

// Operations that are left out are settled, counted as filtered.
func TestInclude(t *testing.T) {
	w := newWorld(t)
	s := w.open(func(c *Config) { c.Include = []string{"delete"} })
	b := stream.NewBatch(laneA, at(0), nil)
	b.To, b.In = at(3), 3
	b.Records = []stream.Record{record(0, stream.Insert, "a"), record(1, stream.Delete, ""), record(2, stream.Update, "b")}
	st := w.stage(s, b)
	if c := st.Spans[0].Count; c.Written != 1 || c.Filtered != 2 {
		t.Errorf("%+v", c)
	}
	w.again(s, st)
	w.want("0/1/0*1")
	w.stands(3)
}

// A row too large for a queue is this sink's own reject, and holds no row. // P1
func TestTooLargeIsRejected(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	b := batch1(laneA, 0, 3, "ok")
	b.Records[1] = record(1, stream.Insert, strings.Repeat("x", 127_900))
	st := w.stage(s, b)
	w.again(s, st)
	w.want("0/0/0*1", "0/2/0*1")
	if d := w.truth.Dead; len(d) != 1 || d[0].ID != "conformance/events/0/1/0" || d[0].Code != "message_too_large" || d[0].Sink != "sink" || d[0].Offset != 1 || d[0].Sealed != nil {
		t.Errorf("dead letters: %+v", d)
	}
	// The largest message that a queue takes.
	empty := int64(len(`{"id":"conformance/events/0/3/0","op":"insert","topic":"events","partition":0,"offset":3,"ts":1700000000000003,"key":{"id":3},"after":{"id":3,"note":""}}`))
	w.again(s, w.stage(s, batch1(laneA, 3, 4, strings.Repeat("x", int(127_900-empty)))))
	if n := len(w.ids()); n != 3 || len(w.truth.Dead) != 1 {
		t.Errorf("%d messages, %d dead letters", n, len(w.truth.Dead))
	}
}

// Requests hold 100 messages and 256,000 bytes at most.
func TestBatches(t *testing.T) {
	for _, c := range []struct {
		rows int64
		note int
		want int // requests
	}{{0, 1, 0}, {1, 1, 1}, {100, 1, 1}, {101, 1, 2}, {250, 1, 3}, {30, 25_000, 3}, {4, 127_000, 2}, {3, 127_600, 2}} {
		w := newWorld(t)
		s := w.open()
		n := 0
		st := w.stage(s, batch1(laneA, 0, c.rows, strings.Repeat("x", c.note)))
		ms, err := frames(st.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(ms); n++ {
			i += batch(ms[i:], 100)
		}
		if n != c.want {
			t.Errorf("%d rows of %d bytes: %d requests, want %d", c.rows, c.note, n, c.want)
		}
		w.again(s, st)
		w.want(span(laneA, 0, c.rows, 1)...)
	}
}

func TestDelay(t *testing.T) {
	w := newWorld(t)
	s := w.open(func(c *Config) { c.Delay = 60 })
	w.again(s, w.stage(s, batch1(laneA, 0, 1, "x")))
	if got, err := s.client.(*cloudflare.Client).QueuePull(t.Context(), w.queue, 10, 1000); err != nil || len(got) != 0 {
		t.Errorf("%d messages before their delay, %v", len(got), err)
	}
	w.want("0/0/0*1")
}

// Each way a push can fail: nothing is lost, what may be there twice has equal
// ids, what is known to be there is not sent again.
func TestPushFails(t *testing.T) {
	for _, c := range []struct {
		kind    emulator.Kind
		doubled bool
	}{
		{emulator.LoseReply, true}, {emulator.LoseReply502, true}, {emulator.Cut, false},
		{emulator.Status429, false}, {emulator.Status500, false}, {emulator.Status503, false}, {emulator.Slow, false},
	} {
		t.Run(fmt.Sprint(c.kind), func(t *testing.T) {
			w := newWorld(t)
			s := w.open()
			st := w.stage(s, batch1(laneA, 0, 250, "x")) // requests of 100, 100 and 50
			w.e.Fail(emulator.Fault{Path: "queues/*/messages/batch", Kind: c.kind, Skip: 1, Delay: 3 * time.Second})
			err := w.commit(s, st)
			if c.kind == emulator.Slow {
				if err != nil {
					t.Fatal(err)
				}
			} else {
				var re *stream.RetryError
				if !errors.As(err, &re) || stream.KindOf(err) != stream.KindRetry || !strings.HasPrefix(re.Code, "queue_") {
					t.Fatal(err)
				}
				if c.kind == emulator.Status429 && re.After != 3*time.Second {
					t.Errorf("after %v", re.After)
				}
				w.stands(0)
				w.again(s, st)
			}
			second := 1
			if c.doubled {
				second = 2
			}
			want := slices.Concat(span(laneA, 0, 100, 1), span(laneA, 100, 200, second), span(laneA, 200, 250, 1))
			slices.Sort(want)
			w.want(want...)
			w.stands(250)
			if len(s.pushed) != 0 {
				t.Error("progress of a settled commit is kept")
			}
		})
	}
}

// A crash between push and progress: another process reads the lane again, in
// other batches; ids are equal, none is lost.
func TestCrashBetweenPushAndProgress(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	w.again(s, w.stage(s, batch1(laneA, 0, 3, "x")))
	st := w.stage(s, batch1(laneA, 3, 9, "x"))
	w.truth.Refuse = 1
	if err := w.commit(s, st); stream.KindOf(err) != stream.KindRetry {
		t.Fatal(err)
	}
	w.stands(3)
	next := w.open()
	w.again(next, w.stage(next, batch1(laneA, 3, 5, "x")))
	w.again(next, w.stage(next, batch1(laneA, 5, 12, "x")))
	want := slices.Concat(span(laneA, 0, 3, 1), span(laneA, 3, 9, 2), span(laneA, 9, 12, 1))
	slices.Sort(want)
	w.want(want...)
	w.stands(12)
	// The crashed one was only paused: fenced, and its queue stays as it was.
	if err := w.commit(s, st); !errors.Is(err, stream.ErrFenced) {
		t.Errorf("%v", err)
	}
	w.want(want...)
}

// The reply of the swap was lost: the second try finds its own commit id.
func TestLostSwapReply(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	a, b := w.stage(s, batch1(laneA, 0, 2, "x")), w.stage(s, batch1(laneA, 2, 4, "x"), batch1(laneB, 0, 1, "x"))
	w.truth.Lose = 1
	if err := w.commit(s, a, b); stream.KindOf(err) != stream.KindRetry {
		t.Fatal(err)
	}
	w.again(s, a, b)
	w.again(s, a, b) // and all of it again
	w.want("0/0/0*1", "0/1/0*1", "0/2/0*1", "0/3/0*1", "1/0/0*1")
	w.stands(4)
}

// Another process took the lane while this one pushed: its swap decides.
func TestFencedBetweenPushAndSwap(t *testing.T) {
	w := newWorld(t)
	old, next := w.open(), w.open()
	st, other := w.stage(old, batch1(laneA, 0, 2, "x")), w.stage(next, batch1(laneA, 0, 3, "x"))
	w.truth.Before = func() {
		w.truth.Before = nil
		w.again(next, other)
	}
	if err := w.commit(old, st); !errors.Is(err, stream.ErrFenced) {
		t.Fatal(err)
	}
	w.want("0/0/0*2", "0/1/0*2", "0/2/0*1")
	w.stands(3)
}

// Progress that this process saw and that is gone stops it (was lost).
func TestWipedProgressStops(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	w.again(s, w.stage(s, batch1(laneA, 0, 2, "x")))
	clear(w.truth.P.Lanes)
	for _, from := range []int64{2, 0} {
		if err := w.commit(s, w.stage(s, batch1(laneA, from, from+2, "x"))); !errors.Is(err, stream.ErrFenced) {
			t.Errorf("from %d: %v", from, err)
		}
		if _, err := s.Recover(t.Context(), []stream.Lane{laneA}); err != nil {
			t.Error(err)
		}
	}
	w.want("0/0/0*1", "0/1/0*1")
}

// What a person has to mend holds the lanes and says what to do; what no one
// can mend by waiting stops.
func TestPermanentErrors(t *testing.T) {
	w := newWorld(t)
	s := w.open(func(c *Config) { c.Queue = "0123456789abcdef0123456789abcdef" })
	err := w.commit(s, w.stage(s, batch1(laneA, 0, 1, "x")))
	var se *stream.StateError
	if !errors.As(err, &se) || se.State != stream.StateParked || !strings.Contains(se.Todo, "queue id of sink sink") {
		t.Errorf("%v", err)
	}
	s = w.open()
	st := w.stage(s, batch1(laneA, 0, 1, "x"))
	for _, damage := range [][]byte{nil, {2}, {1, 0}, {1, 5, 'a'}, {1, 0xff}} {
		st.Payload = damage
		if err := w.commit(s, st); stream.KindOf(err) != stream.KindFatal {
			t.Errorf("payload %v: %v", damage, err)
		}
	}
	w.want()
}

func TestConfigMistakes(t *testing.T) {
	good := Default()
	good.Account, good.Token, good.Queue, good.Progress = "a", "env:T", "q", "d1"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"account is missing":                    func(c *Config) { c.Account = "" },
		"token is missing":                      func(c *Config) { c.Token = "" },
		"queue is missing":                      func(c *Config) { c.Queue = "" },
		"progress is missing":                   func(c *Config) { c.Progress = "" },
		"include is empty":                      func(c *Config) { c.Include = nil },
		`unknown operation "insret", did you`:   func(c *Config) { c.Include = []string{"insret"} },
		"delay_seconds is 43201: 0 to 43200":    func(c *Config) { c.Delay = 43_201 },
		"requests is below 0: 0 means no limit": func(c *Config) { c.Requests = -1 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := open(good, topology.Env{Secret: func(string) (string, error) { return "tok", nil }}); err == nil || !strings.Contains(err.Error(), "progress") {
		t.Errorf("%v", err)
	}
}

func TestLedgerAndInspect(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	w.again(s, w.stage(s, batch1(laneA, 0, 2, "x"), batch1(laneB, 0, 1, "x")))
	p, err := s.Inspect(t.Context())
	if err != nil || len(p.Lanes) != 2 || p.Lanes[laneA].Next != at(2) {
		t.Errorf("%+v %v", p, err)
	}
}

// Write allocates for no row.
func TestWriteAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	s := w.open()
	wr := s.Writer()
	c := clean(w, batch1(laneA, 0, 100, "some text"))
	if n := testing.AllocsPerRun(50, func() {
		if err := wr.Write(c); err != nil {
			t.Fatal(err)
		}
		wr.Discard()
	}); n > 4 { // of a batch, not of a row
		t.Errorf("%v allocations for 100 rows", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	w := newWorld(b)
	wr := w.open().Writer()
	c := clean(w, batch1(laneA, 0, 1000, strings.Repeat("some text ", 20)))
	b.ReportAllocs()
	for b.Loop() {
		if err := wr.Write(c); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(wr.Size())
		wr.Discard()
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte{1, 1, 'a', 2, 'b', 'c'})
	f.Add([]byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01})
	f.Fuzz(func(t *testing.T, p []byte) {
		ms, err := frames(p)
		if err != nil {
			return
		}
		total := 1
		for _, m := range ms {
			total += len(m.Body)
		}
		if total > len(p) {
			t.Fatal("messages are longer than their payload")
		}
	})
}
