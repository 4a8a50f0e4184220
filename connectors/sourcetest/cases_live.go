package sourcetest

import (
	"math/rand/v2"

	"sluice/topology/stream"
)

// recreated: offsets of another topic of the same name mean nothing. The lane
// is reported, or assigned anew with the new topic's id.
func recreated(w *world) {
	h := hook[Recreate](w)
	w.fill(0, 20)
	f, stop := w.member(nil)
	w.until("the lanes are read", func() bool { return w.count() == 60 })
	w.mu.Lock()
	id := w.ids[lane(0)]
	w.mu.Unlock()
	h.Recreate(w.T)
	w.fill(1000, 30) // more than the old topic had: the old offset is in range
	known := func() bool {
		if f.reported(lane(0)) != nil {
			return true
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.infos[lane(0)].TopicID != id
	}
	w.until("the change is known", known)
	if f.reported(lane(0)) == nil {
		stop()
		return
	}
	w.until("every lane is reported", func() bool { return f.reported(lane(1)) != nil && f.reported(lane(2)) != nil })
	if n := w.count(); n != 60 {
		w.Errorf("%d records of the new topic were read at positions of the old one", n-60)
	}
	for i := range int32(Partitions) {
		f.rebase(lane(i))
	}
	w.until("the new topic is read from its start", func() bool { return w.count() == 150 })
	stop()
}

// grows: a partition that appears is assigned and read from its start.
func grows(w *world) {
	h := hook[Grow](w)
	w.fill(0, 5)
	_, stop := w.member(nil)
	w.until("the lanes are read", func() bool { return w.count() == 15 })
	h.Grow(w.T)
	w.Produce(w.T, lane(Partitions), Record{Value: []byte("new")})
	w.until("the new lane is read", func() bool { return w.count() == 16 })
	stop()
}

// seeks: back and forward while records come. The feed fails the test when a
// batch of the old position follows one of the new.
func seeks(w *world) {
	f, stop := w.member(nil)
	w.until("the lanes are assigned", func() bool { return f.holds() == Partitions })
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 40 {
		w.fill(50*round, 50)
		l := lane(int32(r.IntN(Partitions)))
		if at := w.at(l); at > 0 {
			f.seek(l, r.Int64N(at+1))
		}
		if round%3 == 0 { // twice, the second before the first took effect
			f.seek(l, 0)
		}
	}
	w.until("all are read", func() bool { return w.count() == 3*2000 })
	stop()
	w.whole(2000)
}

func held(w *world) {
	w.fill(0, 40)
	f, stop := w.member(func(f *Feed) { f.hold[lane(2)] = true })
	w.until("the other lanes are read", func() bool { return w.count() == 80 })
	w.fill(40, 40)
	w.until("and go on", func() bool { return w.count() == 160 })
	if n := len(w.records(lane(2))); n > 0 {
		w.Errorf("%d records of a held lane were read", n)
	}
	f.seek(lane(2), 0)
	w.until("the held lane is read", func() bool { return w.count() == 240 })
	stop()
	w.whole(80)
}

// paused: a lane that is let rest is not read until it is sought, wherever the
// pause falls; the others go on, and the newer of a pause and a seek counts.
func paused(w *world) {
	f, stop := w.member(nil)
	p, ok := f.src.(stream.Pauser)
	if !ok {
		stop()
		w.Skip("it is no stream.Pauser")
	}
	w.until("the lanes are assigned", func() bool { return f.holds() == Partitions })
	w.fill(0, 40)
	w.until("the lanes are read", func() bool { return w.count() == 120 })
	p.Pause([]stream.Lane{lane(2), {Topic: "other"}})
	f.seek(lane(2), 40)
	p.Pause([]stream.Lane{lane(2)})
	f.seek(lane(1), 40)
	p.Pause([]stream.Lane{lane(1)})
	f.seek(lane(1), 40)
	w.fill(40, 40)
	w.until("the other lanes are read", func() bool { return w.count() >= 200 })
	w.fill(80, 40)
	w.until("and go on", func() bool { return w.count() >= 280 })
	if n := len(w.records(lane(2))); n > 40 {
		w.Errorf("%d records of a resting lane were read", n)
	}
	f.seek(lane(2), 20)
	w.until("the lane is read again", func() bool { return w.count() == 360 })
	p.Pause([]stream.Lane{lane(0)})
	stop()
	w.whole(120)
}

// foreign: a seek of a lane that is not assigned reads nothing.
func foreign(w *world) {
	w.fill(0, 10)
	f, stop := w.member(nil)
	w.until("the lanes are read", func() bool { return w.count() == 30 })
	f.src.Seek(map[stream.Lane]stream.Position{{Topic: Topic, Partition: 99}: {Epoch: -1}, {Topic: "other", Partition: 0}: {Epoch: -1}})
	w.fill(10, 10)
	w.until("the lanes go on", func() bool { return w.count() == 60 })
	if err := f.src.Commit(w.Context(), map[stream.Lane]stream.Position{{Topic: Topic, Partition: 99}: {Offset: 5}, lane(0): {Offset: 20}}); err != nil {
		w.Errorf("Commit: %v", err)
	}
	stop()
	w.whole(20)
}

// blocked: a feed whose budget is spent does not keep a source from stopping.
func blocked(w *world) {
	w.fill(0, 10)
	f, stop := w.member(func(f *Feed) { f.gate = make(chan struct{}) })
	w.until("the lanes are assigned", func() bool { return f.holds() == Partitions })
	stop()
	if n := w.count(); n != 0 {
		w.Errorf("%d records", n)
	}
}

func stops(w *world) {
	w.fill(0, 10)
	f, stop := w.member(nil)
	w.until("the lanes are read", func() bool { return w.count() == 30 })
	stop()
	for p := range int32(Partitions) {
		if !f.revoked[lane(p)] {
			w.Errorf("%v was not revoked", lane(p))
		}
	}
	_, stop = w.member(nil) // and the group is free at once
	w.fill(10, 10)
	w.until("the next one reads", func() bool { return w.count() == 60 })
	stop()
	w.whole(20)
}

// alone: a lane in trouble does not hold the others, through a change of the group.
func alone(w *world) {
	h := hook[Trim](w)
	w.fill(0, 50)
	w.next[lane(0)] = stream.Position{Offset: 3, Epoch: -1}
	h.Trim(w.T, lane(0), 20)
	f, stop := w.member(nil)
	w.until("the loss is reported", func() bool { return f.reported(lane(0)) != nil })
	g, stop2 := w.member(nil)
	w.until("the lanes are shared", func() bool { return g.holds() > 0 })
	w.fill(50, 50)
	w.until("the other lanes go on", func() bool { return len(w.records(lane(1))) == 100 && len(w.records(lane(2))) == 100 })
	if n := w.at(lane(0)); n != 3 {
		w.Errorf("the lane went on to %d", n)
	}
	stop()
	stop2()
}
