package dev

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// generator is a made-up shop whose database changes for ever: customers,
// addresses and orders, in transactions over several tables, as a Debezium
// connector for PostgreSQL would publish them (JSON without schemas, replica
// identity default). Every name, address, number and card is invented.
type generator struct {
	b     *broker
	path  string
	rng   *rand.Rand
	state shop
}

// shop is the database; it is kept in generator.json between runs.
type shop struct {
	Seed      uint64     `json:"seed"`
	Next      [3]int64   `json:"next"` // ids of customers, addresses, orders
	LSN       int64      `json:"lsn"`
	Tx        int64      `json:"tx"`
	Customers []customer `json:"customers"`
	Orders    []order    `json:"orders"`
}

type customer struct {
	ID        int64  `json:"id"`
	First     string `json:"first_name"`
	Last      string `json:"last_name"`
	Email     string `json:"email"`
	Phone     string `json:"phone"`
	SSN       string `json:"ssn"`
	Card      string `json:"card_number"`
	Birth     int32  `json:"birth_date"` // io.debezium.time.Date
	Notes     string `json:"notes"`
	Marketing bool   `json:"marketing"`
	Created   string `json:"created_at"` // io.debezium.time.ZonedTimestamp
}

type address struct {
	ID       int64  `json:"id"`
	Customer int64  `json:"customer_id"`
	Street   string `json:"street"`
	City     string `json:"city"`
	Zip      string `json:"zip"`
	Country  string `json:"country"`
}

type order struct {
	ID       int64   `json:"id"`
	Customer int64   `json:"customer_id"`
	Status   string  `json:"status"`
	Total    string  `json:"total"` // decimal.handling.mode=string
	Weight   float64 `json:"weight"`
	Placed   int64   `json:"placed_at"` // io.debezium.time.MicroTimestamp
	ShipTo   *string `json:"ship_to"`
}

const (
	genPrefix  = "webshop"
	genParts   = 3
	genTx      = genPrefix + ".transaction"
	keepOrders = 500
)

var genTables = []string{"customers", "addresses", "orders"}

func newGenerator(ctx context.Context, b *broker, dir string) (*generator, error) {
	g := &generator{b: b, path: filepath.Join(dir, "generator.json")}
	g.state = shop{Seed: rand.Uint64(), Next: [3]int64{1, 1, 1}, LSN: 30_000_000, Tx: 1000}
	if p, err := os.ReadFile(g.path); err == nil {
		if err := json.Unmarshal(p, &g.state); err != nil {
			return nil, fmt.Errorf("%s: %w", g.path, err)
		}
	}
	g.rng = rand.New(rand.NewPCG(g.state.Seed, uint64(g.state.Tx)))
	for _, t := range genTables {
		if err := b.topic(ctx, genPrefix+".public."+t, genParts); err != nil {
			return nil, err
		}
	}
	return g, b.topic(ctx, genTx, 1)
}

// run commits about rate row changes a second until ctx is done.
func (g *generator) run(ctx context.Context, rate int) error {
	const ticks = 10
	t := time.NewTicker(time.Second / ticks)
	defer t.Stop()
	owed := 0
	for {
		select {
		case <-ctx.Done():
			return g.save()
		case <-t.C:
		}
		for owed += max(1, rate/ticks); owed > 0; {
			n, err := g.transaction(ctx)
			if err != nil {
				g.save()
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			owed -= n
		}
	}
}

func (g *generator) save() error {
	p, err := json.Marshal(g.state)
	if err != nil {
		return err
	}
	tmp := g.path + ".new"
	if err := os.WriteFile(tmp, p, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, g.path)
}

// tx collects the events of one transaction.
type tx struct {
	g    *generator
	id   int64
	now  time.Time
	recs []*kgo.Record
	n    int
	each map[string]int
}

// transaction makes one transaction of 1 to 5 changes and publishes it.
func (g *generator) transaction(ctx context.Context) (changes int, err error) {
	g.state.Tx++
	x := &tx{g: g, id: g.state.Tx, now: time.Now(), each: map[string]int{}}
	s := &g.state
	roll := g.rng.IntN(100)
	switch {
	case len(s.Customers) < 5 || roll < 15:
		g.signUp(x)
	case roll < 60:
		g.buy(x)
	case roll < 80:
		g.move(x)
	case roll < 90:
		g.ship(x)
	case roll < 95:
		g.changeID(x)
	default:
		g.forget(x)
	}
	begin := x.meta("BEGIN", nil)
	counts := []map[string]any{}
	for _, t := range genTables {
		if x.each[t] > 0 {
			counts = append(counts, map[string]any{"data_collection": "public." + t, "event_count": x.each[t]})
		}
	}
	recs := append(append([]*kgo.Record{begin}, x.recs...), x.meta("END", counts))
	return x.n, g.b.client.ProduceSync(ctx, recs...).FirstErr()
}

func (g *generator) signUp(x *tx) {
	s := &g.state
	c := customer{ID: s.Next[0], First: pick(g.rng, firstNames), Last: pick(g.rng, lastNames), Birth: int32(g.rng.IntN(18000)),
		Phone: fmt.Sprintf("+1-202-555-%04d", g.rng.IntN(10000)), SSN: fmt.Sprintf("%03d-%02d-%04d", 100+g.rng.IntN(500), 1+g.rng.IntN(98), 1+g.rng.IntN(9998)),
		Card: card(g.rng), Marketing: g.rng.IntN(2) == 0, Created: x.now.UTC().Format("2006-01-02T15:04:05.000000Z")}
	c.Email = fmt.Sprintf("%s.%s%d@mail.example", lower(c.First), lower(c.Last), c.ID)
	c.Notes = "call " + c.Phone + " or write to " + c.Email
	s.Next[0]++
	s.Customers = append(s.Customers, c)
	x.change("customers", "c", c.ID, nil, c)
	x.change("addresses", "c", s.Next[1], nil, g.address(c.ID))
	s.Next[1]++
}

func (g *generator) address(customer int64) address {
	return address{ID: g.state.Next[1], Customer: customer, Street: fmt.Sprintf("%d %s Street", 1+g.rng.IntN(999), pick(g.rng, lastNames)),
		City: pick(g.rng, cities), Zip: fmt.Sprintf("%05d", g.rng.IntN(100000)), Country: "US"}
}

func (g *generator) buy(x *tx) {
	s := &g.state
	for range 1 + g.rng.IntN(3) {
		c := &s.Customers[g.rng.IntN(len(s.Customers))]
		o := order{ID: s.Next[2], Customer: c.ID, Status: "placed", Total: fmt.Sprintf("%d.%02d", 1+g.rng.IntN(900), g.rng.IntN(100)),
			Weight: float64(g.rng.IntN(10000)) / 64, Placed: x.now.UnixMicro()}
		s.Next[2]++
		s.Orders = append(s.Orders, o)
		x.change("orders", "c", o.ID, nil, o)
	}
	if len(s.Orders) > keepOrders {
		s.Orders = s.Orders[len(s.Orders)-keepOrders:]
	}
}

func (g *generator) move(x *tx) {
	c := &g.state.Customers[g.rng.IntN(len(g.state.Customers))]
	c.Phone = fmt.Sprintf("+1-202-555-%04d", g.rng.IntN(10000))
	c.Notes = "moved; new number " + c.Phone
	x.change("customers", "u", c.ID, nil, *c)
	x.change("addresses", "c", g.state.Next[1], nil, g.address(c.ID))
	g.state.Next[1]++
}

func (g *generator) ship(x *tx) {
	if len(g.state.Orders) == 0 {
		g.signUp(x)
		return
	}
	o := &g.state.Orders[g.rng.IntN(len(g.state.Orders))]
	to := "to the attention of " + pick(g.rng, firstNames) + " " + pick(g.rng, lastNames)
	o.Status, o.ShipTo = "shipped", &to
	x.change("orders", "u", o.ID, nil, *o)
}

// changeID is a primary key change: Debezium writes a delete with its
// tombstone under the old key and a create under the new one.
func (g *generator) changeID(x *tx) {
	s := &g.state
	c := &s.Customers[g.rng.IntN(len(s.Customers))]
	old := c.ID
	c.ID = s.Next[0]
	s.Next[0]++
	x.change("customers", "d", old, fillers(old), nil)
	x.tombstone("customers", old)
	x.change("customers", "c", c.ID, nil, *c)
}

func (g *generator) forget(x *tx) {
	s := &g.state
	i := g.rng.IntN(len(s.Customers))
	id := s.Customers[i].ID
	s.Customers = append(s.Customers[:i], s.Customers[i+1:]...)
	x.change("customers", "d", id, fillers(id), nil)
	x.tombstone("customers", id)
}

// fillers is the `before` of a delete under replica identity default: the key,
// and what Debezium invents for columns that are NOT NULL.
func fillers(id int64) map[string]any {
	return map[string]any{"id": id, "first_name": "", "last_name": "", "email": nil, "phone": nil, "ssn": nil, "card_number": nil,
		"birth_date": nil, "notes": nil, "marketing": false, "created_at": "1970-01-01T00:00:00.000000Z"}
}

func (x *tx) change(table, op string, id int64, before, after any) {
	x.n++
	x.each[table]++
	s := &x.g.state
	s.LSN += 56
	if after == nil {
		after = json.RawMessage("null")
	}
	v, err := json.Marshal(map[string]any{
		"before": before, "after": after, "op": op, "ts_ms": x.now.UnixMilli(),
		"source": map[string]any{"version": "3.5.2.Final", "connector": "postgresql", "name": genPrefix, "ts_ms": x.now.UnixMilli(), "ts_us": x.now.UnixMicro(),
			"snapshot": "false", "db": "shop", "schema": "public", "table": table, "txId": x.id, "lsn": s.LSN,
			"sequence": fmt.Sprintf(`["%d","%d"]`, s.LSN-8, s.LSN)},
		"transaction": map[string]any{"id": fmt.Sprintf("%d:%d", x.id, s.LSN), "total_order": x.n, "data_collection_order": x.each[table]},
	})
	if err != nil {
		panic(fmt.Sprintf("dev: %T does not encode", after))
	}
	x.put(table, id, v)
}

func (x *tx) tombstone(table string, id int64) { x.put(table, id, nil) }

func (x *tx) put(table string, id int64, value []byte) {
	key := fmt.Appendf(nil, `{"id":%d}`, id)
	h := fnv.New32a()
	h.Write(key)
	x.recs = append(x.recs, &kgo.Record{Topic: genPrefix + ".public." + table, Partition: int32(h.Sum32() % genParts), Key: key, Value: value, Timestamp: x.now,
		Headers: []kgo.RecordHeader{{Key: "__debezium.context.connectorName", Value: []byte("postgresql")}}})
}

func (x *tx) meta(status string, collections []map[string]any) *kgo.Record {
	id := fmt.Sprintf("%d:%d", x.id, x.g.state.LSN)
	v := map[string]any{"status": status, "id": id, "ts_ms": x.now.UnixMilli(), "event_count": nil, "data_collections": nil}
	if status == "END" {
		v["event_count"], v["data_collections"] = x.n, collections
	}
	p, _ := json.Marshal(v)
	return &kgo.Record{Topic: genTx, Key: fmt.Appendf(nil, `{"id":%q}`, id), Value: p, Timestamp: x.now}
}
