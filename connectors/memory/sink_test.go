package memory_test

import (
	"testing"

	"sluice/connectors/memory"
	"sluice/connectors/sinktest"
	"sluice/topology/stream"
)

type harness struct{ *memory.Store }

func (h harness) Open(testing.TB) stream.Sink {
	return h.Store.Open(sinktest.Pipeline, sinktest.Sink)
}

func (h harness) LoseReply(n int)             { h.Fail(memory.LoseReply, n) }
func (h harness) Refuse(_, n int)             { h.Fail(memory.Refuse, n) }
func (h harness) Snapshot(testing.TB) any     { return h.Store.Snapshot() }
func (h harness) Restore(_ testing.TB, s any) { s.(func())() }

func (h harness) Rows(t testing.TB) (rows []sinktest.Row) {
	for _, r := range h.Store.Rows() {
		x := sinktest.Row{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Seq: r.Seq, Op: r.Op, Columns: map[string]string{}}
		for k, v := range r.Columns {
			x.Columns[k] = sinktest.Canonical(t, k, string(v))
		}
		rows = append(rows, x)
	}
	return rows
}

func TestContract(t *testing.T) {
	sinktest.Run(t, func(testing.TB) sinktest.Store { return harness{memory.NewStore()} })
}
