// Package dev is the embedded stack of `sluice dev`: a Kafka broker, a feed of
// Debezium events, a Cloudflare account and an Iceberg catalog, each speaking
// its real protocol on a loopback port and keeping its state in one folder.
package dev

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// broker is kfake on a real port, with its log in a folder. It is a stand-in
// for development: do not kill it and trust what it acknowledged.
type broker struct {
	cluster *kfake.Cluster
	addr    string
	client  *kgo.Client
	admin   *kadm.Client
}

// startBroker listens on the wanted port, or on any if that one is taken.
// maxMessage is the largest message the broker takes: recordings have rows of megabytes.
const maxMessage = 64 << 20

func startBroker(dir string, port int) (*broker, error) {
	id, err := keep(filepath.Join(dir, "cluster.id"), func() string { return "sluice-dev-" + randomHex(4) })
	if err != nil {
		return nil, err
	}
	if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		port = l.Addr().(*net.TCPAddr).Port
		l.Close()
	} else {
		l.Close()
	}
	c, err := kfake.NewCluster(kfake.Ports(port), kfake.NumBrokers(1), kfake.ClusterID(id), kfake.DataDir(filepath.Join(dir, "kafka")),
		kfake.DefaultNumPartitions(2), kfake.BrokerConfigs(map[string]string{"log.segment.bytes": "16777216", "group.consumer.heartbeat.interval.ms": "1000", "message.max.bytes": strconv.Itoa(maxMessage)}))
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	b := &broker{cluster: c, addr: c.ListenAddrs()[0]}
	b.client, err = kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(maxMessage))
	if err != nil {
		c.Close()
		return nil, err
	}
	b.admin = kadm.NewClient(b.client)
	return b, nil
}

func (b *broker) close() { b.client.Close(); b.cluster.Close() }

// topic makes sure a topic exists with at least n partitions.
func (b *broker) topic(ctx context.Context, name string, n int32) error {
	r, err := b.admin.CreateTopic(ctx, n, 1, nil, name)
	if err == nil {
		err = r.Err
	}
	if err != nil && !strings.Contains(err.Error(), "TOPIC_ALREADY_EXISTS") {
		return fmt.Errorf("topic %s: %w", name, err)
	}
	return nil
}

// ends is the end offset of every partition of the topics that exist.
func (b *broker) ends(ctx context.Context, topics ...string) (map[string]map[int32]int64, error) {
	list, err := b.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	ends := map[string]map[int32]int64{}
	list.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			if ends[o.Topic] == nil {
				ends[o.Topic] = map[int32]int64{}
			}
			ends[o.Topic][o.Partition] = o.Offset
		}
	})
	return ends, nil
}

// keep reads a small file, or makes it.
func keep(path string, make func() string) (string, error) {
	p, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		p = []byte(make())
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, p, 0o600)
		}
	}
	return strings.TrimSpace(string(p)), err
}

func randomHex(n int) string {
	p := make([]byte, n)
	rand.Read(p)
	return hex.EncodeToString(p)
}
