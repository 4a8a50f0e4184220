package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topics makes sure topics exist. Its error is a missingTopics if it is about some of
// them that rows go to and will be the same the next time.
func (s *Sink) topics(ctx context.Context, cl *kgo.Client, names ...string) error {
	adm, missing := kadm.NewClient(cl), missingTopics{}
	for _, n := range names {
		if s.made[n] {
			continue
		}
		parts, conf := s.cfg.Partitions, map[string]*string{}
		for k, v := range s.settings(n) {
			parts, conf[k] = 1, kadm.StringPtr(v)
		}
		r, err := adm.CreateTopic(ctx, parts, s.cfg.Replication, conf, n)
		if err == nil {
			err = r.Err
		}
		switch {
		case errors.Is(err, kerr.TopicAlreadyExists), mayNot(err) && there(ctx, cl, n):
			s.hold(ctx, adm, n)
		case err != nil && !strings.HasPrefix(n, "_sluice_") && forGood(err):
			missing[n] = err
			continue
		case err != nil:
			return fmt.Errorf("topic %s: %w", n, err)
		}
		s.made[n] = true
	}
	if len(missing) > 0 {
		return missing
	}
	return nil
}

func forGood(err error) bool {
	ke, is := errors.AsType[*kerr.Error](err)
	return is && !ke.Retriable
}

// mayNot reports that the user has no right to create a topic. A broker says so before
// it looks whether there is one.
func mayNot(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed) || errors.Is(err, kerr.PolicyViolation)
}

// there reports whether somebody else made the topic. kadm would say what it was a
// while ago.
func there(ctx context.Context, cl *kgo.Client, topic string) bool {
	req, t := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, cl)
	return err == nil && len(resp.Topics) == 1 && resp.Topics[0].ErrorCode == 0
}

// settings are those of a topic of Sluice's own, none of others: progress is
// compacted, the ledger and letters stay (a broker's default took the proof, and the
// audit failed of idle lanes).
func (s *Sink) settings(topic string) map[string]string {
	switch {
	case topic == s.progressTopic():
		return map[string]string{"cleanup.policy": "compact"}
	case strings.HasPrefix(topic, "_sluice_"):
		return map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
	}
	return nil
}

// hold sees to the settings of a topic of Sluice's own that is there already: by
// those of a broker the proof was gone after a week. What cannot be is told: rows are
// exact without it, and nothing waits for it.
func (s *Sink) hold(ctx context.Context, adm *kadm.Client, topic string) {
	want := s.settings(topic)
	if want == nil {
		return
	}
	set, chosen, err := restore(ctx, adm, topic, want)
	if err == nil && set != nil {
		s.env.Log.Info("kafka: a topic of this pipeline had settings of the broker, by which its records go", "topic", topic, "set", set)
	}
	if err == nil && chosen == nil {
		return
	}
	var config []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		config = append(config, k+"="+want[k])
	}
	s.env.Log.Warn("kafka: a topic of this pipeline may lose records to its settings, and `sluice audit` fails then", "topic", topic, "chosen", chosen, "error", err,
		"todo", "kafka-configs.sh --bootstrap-server "+s.cfg.Brokers[0]+" --alter --entity-type topics --entity-name "+topic+" --add-config "+strings.Join(config, ","))
}

// restore gives topic, which is the pipeline's by its name, those settings of want
// for which it has a broker's, and returns them; and what somebody chose for this
// very topic, which stays.
func restore(ctx context.Context, adm *kadm.Client, topic string, want map[string]string) (set, chosen []string, err error) {
	all, err := adm.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return nil, nil, err
	}
	has, err := all.On(topic, func(r *kadm.ResourceConfig) error { return r.Err })
	if err != nil {
		return nil, nil, err
	}
	var alter []kadm.AlterConfig
	for _, c := range has.Configs {
		v, ours := want[c.Key]
		switch {
		case !ours || c.MaybeValue() == v:
		case c.Source == kmsg.ConfigSourceDynamicTopicConfig:
			chosen = append(chosen, c.Key+"="+c.MaybeValue())
		default:
			set = append(set, c.Key+"="+v)
			alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: c.Key, Value: &v})
		}
	}
	if alter == nil {
		return nil, chosen, nil
	}
	done, err := adm.AlterTopicConfigs(ctx, alter, topic)
	if err == nil {
		_, err = done.On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	return set, chosen, err
}
