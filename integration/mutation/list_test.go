package mutation

// mutations are the broken rules, by invariant.
var mutations = []mutation{
	// Privacy. First the gate, then each strategy gone.
	{"P1", "topology/worker.go", `text = digits.ReplaceAllString(re.Error(), "N")`, "text = re.Error()", "topology", "PanicTellsNoValues"},
	{"P1", "processors/mask/plan.go", "Bounds: c.keep}", "Bounds: true}", "processors/mask", "."},
	{"P1", "processors/mask/keys/keys.go", `return "key " + k.id`, `return "key " + k.id + string(k.root)`, "processors/mask/keys", "."},
	{"P2", "processors/mask/gate.go", "return nulled, enc == asNull // P2", "return nulled, true", "processors/mask", "."},
	{"P2", "processors/mask/gate.go", `if !ok || len(skipSpace(rest)) > 0 { // P2`, "if !ok && len(rest) > 1<<40 {", "processors/mask", "."},
	{"P2", "processors/mask/gate.go", `b.Reject(*r, stage, codeUndecoded, "") // P2`, "b.Filtered++", "processors/mask", "."},
	{"P2", "processors/decode/decode.go", "r.Key, r.Value = key, value // as it came: so it is sealed", "_, _ = key, value", "processors/decode", "."},
	{"P3", "processors/mask/gate.go", "if row.Before[i], ok = x.cell(c, r, r.Before[c.ord]); !ok {", "if row.Before[i], ok = r.Before[c.ord], true; !ok {", "processors/mask", "."},
	{"P3", "processors/mask/gate.go", "if row.Key[i], ok = x.cell(c, r, r.KeyRow[c.ord]); !ok {", "if row.Key[i], ok = r.KeyRow[c.ord], true; !ok {", "processors/mask", "."},
	{"P3", "processors/mask/plan.go", "ts := r.of(cmp.Or(f.Of, f.Name), says)", "ts := r.of(f.Name, says)", "processors/mask", "."},
	{"P4", "processors/mask/plan.go", "k := g.fallback(f.Type.Kind)", "k := Keep", "processors/mask", "."},
	{"P4", "topology/build.go", "if gates == 0 && s.Privacy != \"none\" {\n\t\tat := s.root", "if gates == -1 {\n\t\tat := s.root", "topology", "."},
	{"P5", "processors/mask/hash.go", "dst = append(append(dst, s.keyID...), '_')\n\treturn appendToken(dst, binary.BigEndian.Uint64(s.sum)", "dst = dst[:len(dst)-len(s.keyID)-1]\n\treturn appendToken(dst, binary.BigEndian.Uint64(s.sum)", "processors/mask", "."},
	{"P5", "processors/mask/keys/keys.go", "len(purpose), purpose, len(domain), domain)", "0, \"\", len(domain), domain)", "processors/mask/keys", "."},
	{"P6", "processors/mask/hash.go", "return appendToken(dst, binary.BigEndian.Uint64(s.sum), binary.BigEndian.Uint64(s.sum[8:])), schemas.EncText", "_ = binary.BigEndian.Uint64(s.sum)\n\treturn append(dst, text...), schemas.EncText", "processors/mask", "Canary"},
	{"P6", "processors/mask/action.go", `constant: "[redacted]"`, `mask: func(_ *scratch, dst []byte, _ *Spec, _ schemas.Kind, text []byte) ([]byte, schemas.Encoding) { return append(dst, text...), schemas.EncText }`, "processors/mask", "Canary"},

	// Delivery.
	{"D1", "topology/stream/order.go", "return cmp.Or(cmp.Compare(p.Offset, q.Offset), cmp.Compare(p.Seq, q.Seq)) < 0 // D1", "return cmp.Or(cmp.Compare(q.Offset, p.Offset), cmp.Compare(p.Seq, q.Seq)) < 0", "connectors/d1", "Contract|Fold"},
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
	{"D4", "processors/mask/plan.go", "if f.Key && (!c.spec.injective() || c.inner != nil) && p.err == nil {", "if false {", "processors/mask", "."},
	{"D5", "connectors/iceberg/commit.go", "case ours && (atTo || len(todo) == 0 && s.reached(rec, staged, st)):", "case false:", "connectors/iceberg", "Contract|Conform"},
	{"D5", "connectors/internal/beside/beside.go", "if err := k.store.SwapProgress(ctx, st.Epoch); err != nil {", "if err := error(nil); err != nil {", "connectors/queues", "."},
	{"D6", "connectors/memory/store.go", "next := x.clone()", "next := *x", "connectors/memory", "."},
	{"D7", "topology/budget.go", "if b.used == 0 || b.used+n <= b.max && (b.ahead == 0 || b.ahead+n <= b.max/aheadShare) {", "if true {", "topology", "."},
	{"D7", "topology/worker.go", "if q.head++; q.head > len(q.items)/2 {", "if q.head++; false {", "topology", "QueueForgets"},
}
