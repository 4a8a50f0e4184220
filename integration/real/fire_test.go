package real

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/integration/stack/launch"
)

var (
	kills = flag.Int("kills", 5, "kill -9 of Sluice in TestRealFire/Sluice")
	again = flag.Int("again", 2, "times every other fault of TestRealFire is repeated")
)

// TestRealFire does to the running stack what happens at night, one fault after
// the other, each under a writer that goes on; after each, the databases, Kafka
// and every store agree, and the audit holds.
//
//	go test ./integration/real -run RealFire -v -seed 1 -kills 200 -timeout 60m
//	go test ./integration/real -run RealFire/Cut -v -seed 7 -again 10
func TestRealFire(t *testing.T) {
	w, x := newWorld(t), newWriter()
	rng := rand.New(rand.NewPCG(*seed, 11))
	nap := func(least, most time.Duration) { time.Sleep(least + time.Duration(rng.Int64N(int64(most-least)))) } // when is the point
	kill := func(p func() *launch.Process) func(*testing.T, *sluice) *sluice {
		return func(t *testing.T, c *sluice) *sluice {
			for range *again {
				nap(300*time.Millisecond, 2*time.Second)
				p().Kill()
				nap(100*time.Millisecond, 3*time.Second)
				if err := p().Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return c
		}
	}
	for _, f := range []struct {
		name string
		do   func(*testing.T, *sluice) *sluice // returns the instance that runs afterwards
	}{
		{"Sluice", func(t *testing.T, c *sluice) *sluice { // D5 D6
			for range *kills {
				nap(200*time.Millisecond, 2500*time.Millisecond)
				c.kill()
				c = w.run("a")
			}
			return c
		}},
		{"S3", kill(func() *launch.Process { return w.S3.Process })},
		{"Catalog", kill(func() *launch.Process { return w.Catalog.Process })},
		{"Kafka", kill(func() *launch.Process { return w.Kafka.Process })},
		{"Connect", func(t *testing.T, c *sluice) *sluice { // at least once by Debezium: what Kafka holds is what counts
			c = kill(func() *launch.Process { return w.Connect.Process })(t, c)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for _, n := range []string{"pg", "my"} {
				if err := w.Connect.Running(ctx, n); err != nil {
					t.Fatal(err)
				}
			}
			return c
		}},
		{"Zombie", func(t *testing.T, c *sluice) *sluice { // D2: paused for longer than its session, while another takes over
			other := w.run("b")
			for range *again {
				nap(3*time.Second, 5*time.Second)
				_ = c.Process.Signal(syscall.SIGSTOP)
				nap(8*time.Second, 10*time.Second)
				_ = c.Process.Signal(syscall.SIGCONT)
				c, other = other, c
			}
			nap(2*time.Second, 3*time.Second)
			other.stop(t)
			return c
		}},
		{"Rolling", func(t *testing.T, c *sluice) *sluice { // three instances, each restarted once
			all := []*sluice{c, w.run("b"), w.run("d")}
			nap(3*time.Second, 5*time.Second)
			for i, name := range []string{"e", "f", "g"} {
				all[i].leave(t)
				all[i] = w.run(name)
				nap(2*time.Second, 4*time.Second)
			}
			all[0].leave(t)
			all[1].leave(t)
			return all[2]
		}},
		{"Rebalance", func(t *testing.T, c *sluice) *sluice { // three stay, and every second one joins, leaves or dies
			stay := []*sluice{w.run("b"), w.run("d")}
			var guests []*sluice
			for i := range 10 * *again {
				if len(guests) < 2 && rng.IntN(2) == 0 {
					guests = append(guests, w.run(fmt.Sprintf("guest-%d", i)))
				} else if len(guests) > 0 {
					if rng.IntN(2) == 0 {
						guests[0].kill()
					} else {
						guests[0].leave(t)
					}
					guests = guests[1:]
				}
				nap(800*time.Millisecond, 1200*time.Millisecond)
			}
			for _, o := range guests {
				o.leave(t)
			}
			for _, o := range stay {
				o.stop(t)
			}
			return c
		}},
		{"Frozen", func(t *testing.T, c *sluice) *sluice { // a server that neither answers nor refuses
			for range *again {
				for _, p := range []*launch.Process{w.Kafka.Process, w.S3.Process, w.Catalog.Process, w.Edge.Process} {
					nap(300*time.Millisecond, 2*time.Second)
					p.Pause()
					nap(2*time.Second, 8*time.Second)
					p.Resume()
				}
			}
			return c
		}},
		{"Disk", func(t *testing.T, c *sluice) *sluice { // a store's disk is full; then Sluice's own, which it does not need
			for range *again {
				for _, d := range []disk{w.lakeDisk, w.edgeDisk} {
					nap(300*time.Millisecond, 2*time.Second)
					d.fill(t)
					nap(3*time.Second, 6*time.Second)
					d.empty(t)
				}
			}
			c.stop(t)
			w.ownDisk.fill(t)
			defer w.ownDisk.empty(t)
			c = w.runIn("a", w.ownDisk.dir)
			nap(5*time.Second, 6*time.Second)
			c.writesNothing(t)
			c.stop(t)
			return w.run("a")
		}},
		{"Partitions", func(t *testing.T, c *sluice) *sluice { // D3
			cl, err := kgo.NewClient(kgo.SeedBrokers(w.Kafka.Address))
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			for _, topic := range topics {
				if _, err := kadm.NewClient(cl).UpdatePartitions(t.Context(), 5, topic); err != nil {
					t.Fatal(err)
				}
			}
			nap(6*time.Second, 7*time.Second) // Connect's producer learns of them within metadata.max.age, ours within seconds
			return c
		}},
		{"Cut", func(t *testing.T, c *sluice) *sluice { // the network between Sluice and each store
			for range *again {
				for _, name := range []string{"S3", "Catalog", "Edge"} {
					for _, how := range []string{"cut", "silent"} {
						nap(300*time.Millisecond, 3*time.Second)
						w.lines[name].set(how)
						nap(time.Second, 6*time.Second)
						w.lines[name].set("")
					}
				}
			}
			return c
		}},
		{"Edge", func(t *testing.T, c *sluice) *sluice { // last: it takes the messages in the queue's memory with it
			for range *again {
				nap(300*time.Millisecond, 3*time.Second)
				old := w.queueAt(t)
				for until := time.Now().Add(time.Minute); len(old) == 0; old = w.queueAt(t) {
					if time.Now().After(until) {
						t.Fatal("the queue has no progress after a minute")
					}
					time.Sleep(100 * time.Millisecond)
				}
				nap(4*time.Second, 6*time.Second)
				w.consumed(t, old)
				w.Edge.Kill()
				w.excused = append(w.excused, [2]map[lane]int64{old, w.queueAt(t)})
				nap(100*time.Millisecond, 3*time.Second)
				if err := w.Edge.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return c
		}},
	} {
		// one name of -run NAME alone is fine: every fault begins with a fresh instance
		t.Run(f.name, func(t *testing.T) {
			writing, stop := context.WithCancel(t.Context())
			wrote := make(chan error, 1)
			go func() { wrote <- x.write(writing, w, 1<<30, 100*time.Millisecond) }()
			c := f.do(t, w.run("a"))
			stop()
			if err := <-wrote; err != nil && writing.Err() == nil {
				t.Fatal(err)
			}
			w.settle(t, x, 2*time.Minute)
			c.stop(t)
			w.verify(t)
			t.Logf("seed %d, scale %s, %d kills of Sluice or %d rounds", *seed, *scale, *kills, *again)
		})
	}
}
