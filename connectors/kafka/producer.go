package kafka

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// client is the transactional producer, made anew after a fence or an error.
// Its id is taken at the broker before any claim names it: taken later it
// would undo a fence that came between.
func (s *Sink) client(ctx context.Context) (*kgo.Client, error) {
	if s.cl != nil {
		return s.cl, nil
	}
	id := make([]byte, 8)
	rand.Read(id)
	txid := fmt.Sprintf("sluice-%s-%s-%s", s.env.Pipeline, s.env.Name, hex.EncodeToString(id))
	cl, err := s.producer(txid)
	if err != nil {
		return nil, err
	}
	if _, _, err := cl.ProducerID(ctx); err != nil {
		cl.Close()
		return nil, err
	}
	s.cl, s.txid, s.mine[txid] = cl, txid, true
	return cl, nil
}

func (s *Sink) producer(txid string) (*kgo.Client, error) {
	return kgo.NewClient(append(slices.Clone(s.opts), kgo.TransactionalID(txid), kgo.TransactionTimeout(time.Duration(s.cfg.Timeout)),
		kgo.ProducerLinger(time.Duration(s.cfg.Linger)), kgo.ProducerBatchCompression(codecs[s.cfg.Compression]), kgo.RecordPartitioner(partitioner()),
		kgo.MaxBufferedRecords(1<<20), kgo.ProducerBatchMaxBytes(int32(s.cfg.MaxMessage)+messageBeside), kgo.RetryTimeout(20*time.Second))...)
}

// drop gives the producer up; settle ends what it left open.
func (s *Sink) drop() {
	if s.cl == nil {
		return
	}
	s.cl.Close()
	s.left = append(s.left, s.txid)
	s.cl, s.txid = nil, ""
}

// partitioner keeps rows of a key together, and rows without a key by the lane
// they came from, so that both keep their order. // D1
func partitioner() kgo.Partitioner {
	keyed := kgo.StickyKeyPartitioner(nil)
	return kgo.BasicConsistentPartitioner(func(topic string) func(*kgo.Record, int) int {
		k := keyed.ForTopic(topic)
		return func(r *kgo.Record, n int) int {
			if r.Key == nil {
				return int(r.Partition) % n
			}
			return k.Partition(r, n)
		}
	})
}
