package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// canaryPipeline has every sink. PLACE is a kept marker in the names of topics
// and databases, so that whatever tells of a lane can be told to be searched.
const canaryPipeline = `
id: canary
source:
  kafka: {brokers: ["${KAFKA}"], topics: ["PLACE.*"], group: canary, session_timeout: 10s, rebalance_timeout: 20s}
stages:
  - decode:
      max_fields: 40
      messages: MESSAGES
      identity: {"PLACE.*": full}
      columns:
        "PLACE.public.people": {score: int64, amount: "decimal(12,2)", born: timestamp:micros, level: int64}
  - mask:
      key: "file:${STATE}/secrets/mask.key"
      key_id: dev1
      subjects: {store: "folder:${STATE}/subjects"}
      default: mask
      rules:
        - topics: ["PLACE.public.people"]
          columns:
            id: {keep: "surrogate key"}
            city: {keep: "coarse enough"}
            amount: {keep: "not personal"}
            level: {keep: "not personal"}
            first_name: redact
            last_name: hash
            email: hash
            phone: {partial: {keep_last: 4}}
            ssn: drop
            card: {partial: {keep_first: 2, keep_last: 2}}
            birth: "null"
            born: "null"
            pin: redact
            score: {partial: {keep_last: 4}}
            alias: tokenize
            citizen: drop
            pledge: {tokenize: {subject: {column: citizen, kind: citizen}}}
            oath: {hash: {subject: {column: citizen, kind: citizen}}}
            badge: {tokenize: {form: ff1}}
            nick: {synthetic: {kind: name}}
            debt: {noise: {percent: 10}}
            area: {generalize: {prefix: 2}}
            remark: scan
            "profile.tel": drop
            "profile.deep[*].name": hash
            "profile.deep[*].note": redact
            "packed.a.b": hash
        - topics: ["PLACE.public.accounts"]
          columns:
            email: hash
            plan: {keep: "a product"}
            owner: redact
            iban: {partial: {keep_last: 4}}
        - topics: ["PLACE.events", "PLACE.large"]
          columns:
            kind: {keep: "not personal"}
            user: hash
        - topics: ["PLACE.events"]
          columns:
            "who.mail": hash
            "who.phones[*]": redact
sinks:
  - name: lake
    commit: {every: 500ms}
    iceberg:
      catalog: {uri: "${CATALOG}", warehouse: dev, token: "file:${STATE}/secrets/catalog.token"}
      storage: {kind: local}
      namespace: bronze
      table: "{database}_{namespace}_{table}"
      partition: {"PLACE.public.people": ["truncate(4, email)"]}
  - name: replica
    commit: {every: 500ms}
    d1: {api: "${CLOUDFLARE}", account: dev, token: "file:${STATE}/secrets/cloudflare.token", database: "${D1_DATABASE}", requests: 0, table: "{database}_{namespace}_{table}"}
  - name: events
    commit: {every: 500ms}
    queues: {api: "${CLOUDFLARE}", account: dev, token: "file:${STATE}/secrets/cloudflare.token", queue: "${QUEUE}", progress: replica, requests: 0}
  - name: pairs
    topics: ["PLACE.public.*"]
    commit: {every: 500ms}
    kv: {api: "${CLOUDFLARE}", account: dev, token: "file:${STATE}/secrets/cloudflare.token", namespace: "${KV_NAMESPACE}", progress: replica, requests: 0}
  - name: bus
    topics: ["PLACE.public.*", "PLACE.events", "PLACE.opaque", "PLACE.large"]
    commit: {every: 500ms}
    kafka: {brokers: ["${KAFKA}"], topic: "bus.{topic}"}
dead_letters: {home: HOME, key: "file:${STATE}/secrets/deadletter.key", key_id: dev1}
engine: {budget: 64MiB}
`

// plant is what goes in.
type plant struct {
	*markers
	client  *kgo.Client
	place   string // part of the name of every topic
	citizen string // a data subject, who is forgotten afterwards
	recs    []*kgo.Record
	lsn     int64
}

type object = map[string]any

func jsonOf(v any) []byte {
	p, _ := json.Marshal(v)
	return p
}

// put adds a record with a marker in a header's name and value.
func (p *plant) put(topic string, key, value []byte, headers ...kgo.RecordHeader) {
	where := fmt.Sprintf("record %d of %s: ", len(p.recs), topic)
	headers = append(headers, kgo.RecordHeader{Key: p.secret(where + "name of a header"), Value: []byte(p.secret(where + "header"))})
	p.recs = append(p.recs, &kgo.Record{Topic: p.place + "." + topic, Key: key, Value: value, Headers: headers})
}

// source is Debezium's block about the source, and what users have it add.
func (p *plant) source(table string) object {
	p.lsn += 8
	return object{"version": "3.5.2.Final", "connector": "postgresql", "name": p.place, "ts_ms": 1_700_000_000_000, "snapshot": "false", "db": p.place, "schema": "public",
		"table": table, "txId": p.number("source.txId"), "lsn": p.lsn, "sequence": p.secret("source.sequence"), "query": p.within("source.query", "UPDATE x SET y = '", "'"), "note": p.secret("source.note")}
}

// envelope is a change event.
func (p *plant) envelope(table, op string, before, after object) object {
	x := object{"op": op, "ts_ms": 1_700_000_000_000, "source": p.source(table), "extra": p.secret("envelope.extra"),
		"transaction": object{"id": p.secret("transaction.id"), "total_order": 1, "data_collection_order": 1}, "before": nil, "after": nil}
	if before != nil {
		x["before"] = before
	}
	if after != nil {
		x["after"] = after
	}
	return x
}

// person is a row with a marker in every column but id. Names beside a path of
// the policy stay if they look like names of columns; all other names inside are
// data.
func (p *plant) person(id int, at string) object {
	s := func(c string) string { return p.secret("people." + c + " " + at) }
	n := func(c string) json.Number { return p.number("people." + c + " " + at) }
	citizen := s("citizen")
	if p.citizen == "" {
		p.citizen = citizen
	}
	packed := jsonOf(object{"a": object{"b": s("packed.a.b"), "c": s("packed.a.c")}, "m" + p.kept("packed: name beside a path "+at): s("packed: member"), s("packed: name that is data") + "@mail.example": s("packed: its member")})
	return object{"id": id, "city": p.kept("people.city " + at), "amount": "12.50", "level": 3, "first_name": s("first_name"), "last_name": s("last_name"),
		"email": p.within("people.email "+at, "", "@mail.example"), "phone": s("phone"), "ssn": s("ssn"), "card": s("card"), "birth": s("birth"),
		"born": n("born"), "pin": n("pin"), "score": n("score"), "stray": s("stray"), "salary": n("salary"), "tags": []any{s("tags[0]"), n("tags[1]"), object{s("tags: name"): s("tags: member")}},
		"profile": object{"tel": s("profile.tel"), "deep": []any{object{"name": s("profile.deep.name"), "note": s("profile.deep.note"), "more": s("profile.deep.more"), "n": n("profile.deep.n")}},
			"m" + p.kept("profile: name beside a path "+at): s("profile: member"), "2" + s("profile: name that is data"): s("profile: its member")},
		"citizen": citizen, "pledge": s("pledge"), "oath": s("oath"), "alias": s("alias"), "badge": n("badge"), "nick": s("nick"), "debt": n("debt"), "area": s("area"),
		"remark": "see " + p.kept("people.remark: what is nobody's "+at) + " or write to " + p.within("people.remark "+at, "", "@mail.example please"),
		"packed": string(packed), "quoted": "\"\\\n\u00e9\U0001F600" + s("quoted")}
}

func with(row object, more object) object {
	row = maps.Clone(row)
	maps.Copy(row, more)
	return row
}

func id(n int) []byte { return fmt.Appendf(nil, `{"id":%d}`, n) }

// people: Debezium without schemas, every operation, and records of that topic
// that are refused by decode, gate or sinks.
func (p *plant) people() {
	const topic = "public.people"
	var last object
	change := func(op string, n int, before, after object) {
		p.put(topic, id(n), jsonOf(p.envelope("people", op, before, after)))
	}
	for i, op := range []string{"r", "c", "c", "c"} {
		last = p.person(i+1, op)
		change(op, i+1, nil, last)
	}
	change("u", 4, last, with(p.person(4, "u"), object{"later": p.secret("people.later: a column that comes later")}))
	change("u", 1, p.person(1, "u, all of it new"), p.person(1, "u, all of it new"))
	change("d", 2, p.person(2, "d"), nil)
	p.put(topic, id(2), nil)
	p.put(topic, jsonOf(object{"id": 99, "was": p.secret("key of a tombstone")}), nil)
	// the key changes: a delete with the new key in a header, a tombstone, a create with the old one
	p.put(topic, id(3), jsonOf(p.envelope("people", "d", p.person(3, "d of a key change"), nil)), kgo.RecordHeader{Key: "__debezium.newkey", Value: []byte(p.secret("newkey"))})
	p.put(topic, id(3), nil)
	p.put(topic, id(30), jsonOf(p.envelope("people", "c", nil, p.person(30, "c of a key change"))), kgo.RecordHeader{Key: "__debezium.oldkey", Value: []byte(p.secret("oldkey"))})
	escaped := string(jsonOf(p.envelope("people", "c", nil, p.person(5, "escaped"))))
	at := strings.Index(escaped, `"last_name":"`) + len(`"last_name":"`)
	p.put(topic, id(5), fmt.Appendf(nil, `%s\u%04x%s`, escaped[:at], escaped[at], escaped[at+1:]))
	p.put(topic, id(6), jsonOf(p.envelope("people", "m", nil, p.person(6, "logical message"))))
	p.put(topic, id(6), jsonOf(object{"op": "m", "source": p.source("people"), "message": object{"prefix": p.secret("message.prefix"), "content": p.secret("message.content")}}))

	p.refused(topic)
	p.unstorable(topic)
}

// refused are records that decode or the gate refuse. // P2
func (p *plant) refused(topic string) {
	bad := func(what string) object { return p.envelope("people", "c", nil, p.person(7, what)) }
	whole := string(jsonOf(bad("bad JSON: cut")))
	p.put(topic, id(7), []byte(whole[:len(whole)-40]))
	p.put(topic, id(7), fmt.Appendf(nil, `{"op":"c","source":{},"after":{"email":%s}}`, p.secret("bad JSON: no quotes")))
	p.put(topic, id(7), fmt.Appendf(nil, `{"op":"c","source":{},"after":{"email":"%s\q"}}`, p.secret("bad JSON: escape")))
	p.put(topic, id(7), fmt.Appendf(nil, `{"op":"c","source":{},"after":{"pin":%sx}}`, p.number("bad JSON: number")))
	p.put(topic, id(7), jsonOf(p.secret("not an object: text")))
	p.put(topic, id(7), jsonOf([]any{p.secret("not an object: array")}))
	p.put(topic, []byte(p.secret("bad key")), jsonOf(bad("bad key")))
	p.put(topic, jsonOf(object{"id": p.secret("key of another type")}), jsonOf(bad("bad type of key")))
	p.put(topic, id(7), jsonOf(p.envelope("people", "x", p.person(7, "unknown op"), p.person(7, "unknown op"))))
	p.put(topic, id(7), jsonOf(p.envelope("people", p.secret("an op that is a marker"), nil, p.person(7, "unknown op"))))
	p.put(topic, id(7), jsonOf(p.envelope("people", "u", p.person(7, "no row"), nil)))
	p.put(topic, id(7), jsonOf(p.envelope("people", "c", nil, with(p.person(7, "mismatch"), object{"score": p.secret("people.score of another type"), "level": p.secret("people.level of another type"),
		"born": p.secret("people.born of another type"), "amount": p.secret("people.amount of another type")}))))
	deep := strings.Repeat(`{"a":`, 600) + string(jsonOf(p.secret("too deep"))) + strings.Repeat("}", 600)
	p.put(topic, id(7), fmt.Appendf(nil, `{"op":"c","source":{},"after":{"id":7,"profile":%s}}`, deep))
	p.put(topic, id(7), fmt.Appendf(nil, "{\"op\":\"c\",\"source\":{},\"after\":{\"id\":7,\"last_name\":\"%s\xff\xfe%s\"}}", p.secret("not UTF-8"), p.secret("not UTF-8")))
	p.put(topic, id(7), jsonOf(p.envelope("people", "c", nil, with(p.person(7, "another shape"), object{"profile": p.secret("a text where paths lead"), "packed": p.secret("no JSON where paths lead")}))))
	inside := object{"deep": []any{p.secret("an element where paths lead on")}}
	p.put(topic, id(7), jsonOf(p.envelope("people", "c", nil, with(p.person(7, "another shape inside"), object{"profile": inside}))))
	wide := p.person(7, "too many columns")
	for range 60 {
		wide[p.secret("name of a column too many")] = p.secret("column too many")
	}
	p.put(topic, id(7), jsonOf(p.envelope("people", "c", nil, wide)))
	for range 3 {
		p.put("opaque", []byte(p.secret("key of what is no JSON")), append([]byte{0, 0, 0, 0, 7, 0x20}, p.secret("what is no JSON")...))
	}
	p.put("opaque", nil, []byte(p.secret("what is no JSON, in text")))
}

// unstorable are rows that pass the gate and that sinks refuse, each for a
// limit of its own, and large ones that none does.
func (p *plant) unstorable(topic string) {
	change := func(n int, what string, more object) {
		p.put(topic, id(n), jsonOf(p.envelope("people", "c", nil, with(p.person(n, what), more))))
	}
	change(8, "over the column's digits", object{"amount": "999999999999999999999.99"})
	change(9, "larger than a message of the queue", object{"city": strings.Repeat("a", 200_000)})
	p.put("large", nil, jsonOf(object{"kind": strings.Repeat("a", 2_200_000), "user": p.secret("large.user"), "ip": p.secret("large.ip")})) // than a row of D1 or a message
	change(11, "large secret", object{"email": strings.Repeat(p.secret("people.email, 1 MB"), 1<<16), "stray": strings.Repeat(p.secret("people.stray, 1 MB"), 1<<16)})
	p.put(topic, []byte(`{}`), jsonOf(p.envelope("people", "c", nil, with(p.person(12, "no key"), object{"id": nil}))))
}

// accounts: Debezium with schemas, the key is personal.
func (p *plant) accounts() {
	col := func(name, typ string, more object) object {
		return with(object{"field": name, "type": typ, "optional": true, "doc": p.secret("doc of " + name)}, more)
	}
	row := func(field string) object {
		return object{"type": "struct", "optional": true, "field": field, "name": p.place + ".Value", "fields": []object{
			{"field": "email", "type": "string", "optional": false}, col("plan", "string", nil), col("owner", "string", object{"default": p.secret("default of owner")}),
			col("iban", "string", object{"parameters": object{"of": p.secret("parameter of iban")}}), col("note", "string", nil), col("pin", "int64", nil),
			col("opened", "int64", object{"name": "io.debezium.time.MicroTimestamp", "version": 1}), col("raw", "bytes", nil),
			{"field": "lines", "type": "array", "optional": true, "items": object{"type": "string", "optional": true}},
			col("level", "string", object{"name": "io.debezium.data.Enum", "parameters": object{"allowed": p.secret("an enum's values")}})}}
	}
	schema := object{"type": "struct", "optional": false, "name": p.place + ".Envelope", "fields": []object{row("before"), row("after"), {"field": "op", "type": "string", "optional": false}}}
	keySchema := object{"type": "struct", "optional": false, "name": p.place + ".Key", "fields": []object{{"field": "email", "type": "string", "optional": false}}}
	account := func(email, at string) object {
		s := func(c string) string { return p.secret("accounts." + c + " " + at) }
		return object{"email": email, "plan": p.kept("accounts.plan " + at), "owner": s("owner"), "iban": s("iban"), "note": s("note"), "pin": p.number("accounts.pin " + at),
			"opened": p.number("accounts.opened " + at), "raw": []byte(s("raw")), "lines": []string{s("lines[0]"), s("lines[1]")}, "level": s("level")}
	}
	put := func(op, email string, before, after object) {
		key := jsonOf(object{"schema": keySchema, "payload": object{"email": email}})
		p.put("public.accounts", key, jsonOf(object{"schema": schema, "payload": p.envelope("accounts", op, before, after)}))
		if op == "d" {
			p.put("public.accounts", key, nil)
		}
	}
	a, b, c := p.secret("accounts.email, the key"), p.secret("accounts.email, updated"), p.secret("accounts.email, deleted")
	put("c", a, nil, account(a, "c"))
	put("r", b, nil, account(b, "r"))
	put("u", b, account(b, "u"), account(b, "u"))
	put("c", c, nil, account(c, "c"))
	put("d", c, account(c, "d"), nil)
	put("c", a, nil, with(account(a, "another type"), object{"pin": p.secret("accounts.pin of another type")}))
	p.put("public.accounts", nil, jsonOf(object{"schema": object{"type": p.secret("a schema that is none"), "fields": p.secret("fields that are none")}, "payload": p.envelope("accounts", "c", nil, account(p.secret("accounts.email"), "bad schema"))}))
	p.put("ddl", jsonOf(object{"databaseName": p.place}), jsonOf(object{"source": p.source("accounts"), "databaseName": p.place, "schemaName": "public", "ts_ms": 1,
		"ddl": p.within("DDL", "ALTER TABLE accounts ALTER owner SET DEFAULT '", "'"), "tableChanges": []any{}}))
}

// plain are events without an envelope.
func (p *plant) plain() {
	for i, key := range [][]byte{[]byte(p.secret("key of an event")), jsonOf(p.secret("key of an event, quoted")), []byte(p.number("key of an event, a number")), nil} {
		at := fmt.Sprintf("event %d", i)
		s := func(c string) string { return p.secret("events." + c + " " + at) }
		p.put("events", key, jsonOf(object{"kind": p.kept("events.kind " + at), "user": s("user"), "ip": s("ip"), "count": p.number("events.count " + at),
			"who":   object{"mail": s("who.mail"), "phones": []any{s("who.phones[0]"), p.number("events.who.phones[1] " + at)}, "m" + p.kept("who: name beside a path "+at): s("who: member"), s("who: name that is data") + "@mail.example": s("who: its member")},
			"items": []any{object{"for": s("items.for"), s("items: name"): []any{s("items: element")}}}}))
	}
	p.put("events", []byte(p.secret("key of an event without value")), nil)
	p.put("events", []byte(p.secret("key of an event that is bad")), []byte(`{"user": "`+p.secret("an event that is cut")))
}

// sow makes the topics and the first records.
func sow(t *testing.T, m *markers, broker string) *plant {
	t.Helper()
	p := &plant{markers: m, lsn: 30_000_000, place: strings.ToLower("p" + m.fresh())}
	p.people()
	p.accounts()
	p.plain()
	var err error
	if p.client, err = kgo.NewClient(kgo.SeedBrokers(broker), kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerBatchCompression(kgo.NoCompression())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.client.Close)
	large := "8000000"
	for _, topic := range []string{"public.people", "public.accounts", "events", "opaque", "ddl", "large"} {
		r, err := kadm.NewClient(p.client).CreateTopic(t.Context(), 1, 1, map[string]*string{"max.message.bytes": &large}, p.place+"."+topic)
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
	}
	return p
}

// produce sends what was not sent yet.
func (p *plant) produce(t *testing.T) {
	t.Helper()
	if err := p.client.ProduceSync(t.Context(), p.recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	p.recs = nil
}
