package mutation

// mutations are the broken rules, by invariant.
var mutations = []mutation{
	// Delivery.
	{"D1", "connectors/d1/fold.go", "cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.seq, b.seq)) < 0", "cmp.Or(cmp.Compare(b.offset, a.offset), cmp.Compare(a.seq, b.seq)) < 0", "connectors/d1", "Contract|Fold"},
	{"D1", "topology/pipeline.go", "p.workers[l.worker].queue.put(", "p.workers[int(b.From.Offset)%len(p.workers)].queue.put(", "topology", "Simulation"},
	{"D2", "connectors/d1/statement.go", "o.next <> l.value->>2 OR ", "", "connectors/d1", "Contract"},
	{"D2", "connectors/d1/statement.go", ` OR l.value->>5 <> '' AND o.topic_id <> '' AND o.topic_id <> l.value->>5`, "", "connectors/d1", "Contract"},
	{"D2", "connectors/iceberg/commit.go", "atFrom = atFrom && (ok && l.Next.Offset == sp.From.Offset && st.SameLog(l, sp) || !ok", "atFrom = atFrom && (ok || !ok", "connectors/iceberg", "Contract|Conform"},
	{"D2", "connectors/memory/store.go", "return stream.ErrFenced // D2", "break", "connectors/memory", "."},
	{"D2", "topology/join.go", "case known.TopicID != \"\" && info.TopicID != \"\" && known.TopicID != info.TopicID:", "case false:", "topology", "MadeAnewWhileDown"},
	{"D3", "topology/join.go", "case known.Next.Offset < info.LogStart:", "case false:", "topology", "Retention"},
	{"D3", "topology/pipeline.go", "return l.reading && b.From.Offset <= l.pos.Offset && l.pos.Offset < b.To.Offset", "return l.reading && l.pos.Offset < b.To.Offset", "topology", "Simulation"},
	{"D3", "topology/worker.go", "c.Filtered = c.In - c.Rejected", "c.Filtered = 0", "topology", "UnwantedTopic"},
	{"D3", "topology/output.go", "s.Count = s.Count.Add(x.part.Counts[l])", "_ = x.part.Counts[l]", "topology", "Simulation"},
	{"D4", "processors/mask/plan.go", "if f.Key && (!c.act.injective || c.inner != nil) && p.err == nil {", "if false {", "processors/mask", "."},
	{"D5", "connectors/iceberg/commit.go", "case ours && (atTo || len(todo) == 0 && s.reached(rec, staged, st)):", "case false:", "connectors/iceberg", "Contract|Conform"},
	{"D5", "connectors/queues/sink.go", "if err := s.store.SwapProgress(ctx, st.Epoch); err != nil {", "if err := s.store.SwapProgress(ctx, st.Epoch); false {", "connectors/queues", "."},
	{"D6", "connectors/memory/store.go", "next := x.clone()", "next := x", "connectors/memory", "."},
	{"D7", "topology/budget.go", "if b.used == 0 || b.used+n <= b.max {", "if true {", "topology", "."},
	{"D7", "topology/worker.go", "if q.head++; q.head > len(q.items)/2 {", "if q.head++; false {", "topology", "QueueForgets"},
}
