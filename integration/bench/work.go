package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// work is what a run loads and what the pipeline does with it.
type work struct {
	topics []string
	decode string // of the decode stage
	rules  string // of the mask stage
	// make is record i: the same one every time it is asked for in order.
	make func(i int) (topic string, key, value []byte)
}

// trips are events of a taxi company, 29 columns or six of them, none of which
// is personal. The Kafka key repeats the id and is no column of the event: it
// is not read.
func trips(narrow bool, seed uint64) work {
	rng, names := rand.New(rand.NewPCG(seed, seed+1)), fields(narrow)
	return work{
		topics: []string{"bench.trips"},
		decode: "{format: auto, event_keys: ignore}",
		rules:  "[{keep: {columns: [" + strings.Join(names, ", ") + "], because: no personal data}}]",
		make: func(i int) (string, []byte, []byte) {
			return "bench.trips", strconv.AppendInt(nil, int64(i), 10), trip(rng, names, i)
		},
	}
}

// fields are the columns of a trip (the schema of the public NYC taxi benchmark).
func fields(narrow bool) []string {
	if narrow {
		return strings.Fields("id vendor_id pickup_datetime passenger_count trip_distance total_amount")
	}
	return strings.Fields("id cab_type_id vendor_id pickup_datetime dropoff_datetime store_and_fwd_flag rate_code_id pickup_longitude pickup_latitude dropoff_longitude dropoff_latitude passenger_count trip_distance fare_amount extra mta_tax tip_amount tolls_amount ehail_fee improvement_surcharge congestion_surcharge airport_fee total_amount payment_type trip_type pickup_nyct2010_gid dropoff_nyct2010_gid pickup_location_id dropoff_location_id")
}

func trip(r *rand.Rand, names []string, i int) []byte {
	p := append(make([]byte, 0, 700), '{')
	for k, c := range names {
		if k > 0 {
			p = append(p, ',')
		}
		p = append(strconv.AppendQuote(p, c), ':')
		switch {
		case c == "id":
			p = strconv.AppendInt(p, int64(i), 10)
		case strings.HasSuffix(c, "datetime"):
			p = fmt.Appendf(p, `"2026-11-%02dT%02d:%02d:%02dZ"`, 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60))
		case strings.HasSuffix(c, "flag"):
			p = append(p, `"N"`...)
		case strings.HasSuffix(c, "_id") || strings.HasSuffix(c, "_gid") || strings.HasSuffix(c, "_type") || strings.HasSuffix(c, "count"):
			p = strconv.AppendInt(p, int64(r.IntN(260)), 10)
		case strings.HasSuffix(c, "tude"):
			p = strconv.AppendFloat(p, 40+r.Float64(), 'f', 6, 64)
		default:
			p = strconv.AppendFloat(p, float64(r.IntN(10000))/100+.01, 'f', 2, 64)
		}
	}
	return append(p, '}')
}

// recorded is what Debezium's connector for PostgreSQL published of a made-up
// shop: JSON without schemas, envelopes.
//
//go:embed changes.jsonl.gz
var recorded []byte

// changed are the tables of it that are replayed: each has a key and texts of people.
var changed = []string{"customers", "addresses", "orders", "order_items", "products", "accounts"}

// In a replay numbers of rows and the place in the log rise by a step, and
// every text of a person ends in the replay's number: else all tokens would
// have been made before.
var (
	rising   = regexp.MustCompile(`"(?:id|customer_id|order_id|product_id|lsn)":([0-9]+)`)
	personal = regexp.MustCompile(`"(?:first_name|last_name|email|phone|ssn|card_number|street|login)":"[^"\\]+()"`)
)

const step = 1_000_000

// template is a text with places where a replay writes its own.
type template struct {
	parts   [][]byte // between the places, one more than places
	numbers []int64  // what stands at a place; -1: nothing, a text ends here
}

func newTemplate(text []byte) (t template) {
	last := 0
	cut := func(from, to int, n int64) {
		t.parts, t.numbers = append(t.parts, text[last:from]), append(t.numbers, n)
		last = to
	}
	numbers, texts := rising.FindAllSubmatchIndex(text, -1), personal.FindAllSubmatchIndex(text, -1)
	for len(numbers)+len(texts) > 0 {
		if len(texts) == 0 || len(numbers) > 0 && numbers[0][2] < texts[0][2] {
			n, _ := strconv.ParseInt(string(text[numbers[0][2]:numbers[0][3]]), 10, 64)
			cut(numbers[0][2], numbers[0][3], n)
			numbers = numbers[1:]
		} else {
			cut(texts[0][2], texts[0][2], -1)
			texts = texts[1:]
		}
	}
	t.parts = append(t.parts, text[last:])
	return t
}

// replay is the text of replay number n.
func (t template) replay(n int) []byte {
	p := append(make([]byte, 0, 1000), t.parts[0]...)
	for i, x := range t.numbers {
		if x < 0 {
			p = strconv.AppendInt(p, int64(n), 10)
		} else {
			p = strconv.AppendInt(p, x+int64(n)*step, 10)
		}
		p = append(p, t.parts[i+1]...)
	}
	return p
}

// changes are recorded Debezium changes, replayed over and over; what is
// personal in them is hashed with a key.
func changes() (work, error) {
	type change struct {
		topic      string
		key, value template
	}
	var all []change
	w := work{
		decode: "{format: auto}",
		rules: `[{columns: {first_name: hash, last_name: hash, email: hash, phone: hash, ssn: hash, card_number: hash, street: hash, login: hash}},
      {keep: {columns: [id, customer_id, order_id, product_id, line_no, marketing, created_at, kind, city, zip, country, location, status, total, placed_at, shipped_on,
        quantity, unit_price, sku, name, price, weight, stock, attrs, tags, balance], because: no personal data}}]`,
	}
	z, err := gzip.NewReader(bytes.NewReader(recorded))
	if err != nil {
		return w, err
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r struct {
			Topic      string
			Key, Value []byte
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return w, err
		}
		for _, t := range changed {
			if strings.HasSuffix(r.Topic, ".shop."+t) && r.Value != nil { // tombstones are no changes
				all = append(all, change{"bench." + t, newTemplate(r.Key), newTemplate(r.Value)})
			}
		}
	}
	if len(all) == 0 {
		return w, fmt.Errorf("the recording has no change of %v", changed)
	}
	for _, t := range changed {
		w.topics = append(w.topics, "bench."+t)
	}
	w.make = func(i int) (string, []byte, []byte) {
		c := &all[i%len(all)]
		return c.topic, c.key.replay(i / len(all)), c.value.replay(i / len(all))
	}
	return w, lines.Err()
}
