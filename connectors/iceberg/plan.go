package iceberg

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// keepPlans is how many plans the ledger keeps: the one sinks stopped under
// and some before it.
const keepPlans = 8

// savedPlan is a plan's property.
type savedPlan struct {
	Format int    `json:"v"` // 1
	Time   int64  `json:"time"`
	Text   []byte `json:"text"`
}

// SavePlan is part of stream.PlanKeeper.
func (s *Sink) SavePlan(ctx context.Context, hash string, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, _, err := s.openLedger(ctx, s.env.Name); err != nil {
		return err
	}
	b, err := json.Marshal(savedPlan{1, s.env.Now().UnixMicro(), text})
	if err != nil {
		return err
	}
	return s.update(ctx, ledgerName(s.env.Pipeline), func(t *table.Table, tx *table.Transaction) error {
		if _, ok := t.Properties()[planKey(hash)]; ok {
			return nil
		}
		if old := oldPlans(t.Properties()); len(old) > 0 {
			if err := tx.RemoveProperties(old); err != nil {
				return err
			}
		}
		return tx.SetProperties(iceberg.Properties{planKey(hash): pack(b)})
	})
}

// oldPlans are the keys of plans that make room for one more.
func oldPlans(props iceberg.Properties) []string {
	times := map[string]int64{}
	var keys []string
	for k, v := range props {
		if !strings.HasPrefix(k, planKey("")) {
			continue
		}
		var p savedPlan
		if b, err := unpack(v); err == nil {
			_ = json.Unmarshal(b, &p) // a damaged one is the oldest
		}
		times[k], keys = p.Time, append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if times[a] != times[b] {
			return int(min(1, max(-1, times[a]-times[b])))
		}
		return strings.Compare(a, b)
	})
	return keys[:max(0, len(keys)-keepPlans+1)]
}

// LoadPlan is part of stream.PlanKeeper.
func (s *Sink) LoadPlan(ctx context.Context, hash string) ([]byte, error) {
	t, err := s.client.load(ctx, ledgerName(s.env.Pipeline))
	if err != nil {
		return nil, err
	}
	text := ""
	if t != nil {
		text = t.Properties()[planKey(hash)]
	}
	if text == "" {
		return nil, fmt.Errorf("plan %s: %w in table %s", hash, errGone, ledgerName(s.env.Pipeline))
	}
	b, err := unpack(text)
	if err != nil {
		return nil, fmt.Errorf("plan %s cannot be read: %w", hash, err)
	}
	var p savedPlan
	if err := json.Unmarshal(b, &p); err != nil || p.Format != 1 {
		return nil, fmt.Errorf("plan %s has a form this version does not read", hash)
	}
	return p.Text, nil
}
