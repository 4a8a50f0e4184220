package cloudflare

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/cloudflare/cloudflare-go/v7/d1"
	"github.com/cloudflare/cloudflare-go/v7/kv"
	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/queues"
)

// account is an emulator in memory behind a real socket.
func account(t *testing.T, o Options) (*Emulator, []option.RequestOption) {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(e)
	t.Cleanup(func() { s.Close(); e.Close() })
	return e, []option.RequestOption{option.WithBaseURL(s.URL + "/client/v4/"), option.WithAPIToken("tok"), option.WithMaxRetries(0)}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func d1Query(body sdk.DatabaseQueryParamsBody) sdk.DatabaseQueryParams {
	var p sdk.DatabaseQueryParams
	p.AccountID.Value, p.AccountID.Present = "acc", true
	p.Body = body
	return p
}

func sqlBody(sql string, params ...any) (b sdk.DatabaseQueryParamsBody) {
	b.Sql.Value, b.Sql.Present = sql, true
	if params != nil {
		b.Params.Value, b.Params.Present = params, true
	}
	return b
}

// The official client understands the answers for D1.
func TestContractD1(t *testing.T) {
	e, o := account(t, Options{})
	id := must(e.CreateDatabase("db"))
	db, ctx := sdk.NewDatabaseService(o...), context.Background()

	var batch sdk.DatabaseQueryParamsBody
	batch.Batch.Value, batch.Batch.Present = []any{
		map[string]any{"sql": "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT) STRICT"},
		map[string]any{"sql": "INSERT INTO t SELECT value->>0, value->>1 FROM json_each(?1)", "params": []any{`[[9007199254740993,"a"],[2,null]]`}},
	}, true
	r, err := db.Query(ctx, id, d1Query(batch))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Result) != 2 || !r.Result[1].Success || r.Result[1].Meta.Changes != 2 || !r.Result[1].Meta.ChangedDB || !r.Result[1].Meta.ServedByPrimary || r.Result[1].Meta.SizeAfter == 0 {
		t.Fatalf("batch: %+v", r.Result)
	}

	r = must(db.Query(ctx, id, d1Query(sqlBody("SELECT id, cast(id AS text) AS x, name FROM t ORDER BY id DESC"))))
	if got := r.Result[0].JSON.RawJSON(); !strings.Contains(got, `[{"id":9007199254740992,"x":"9007199254740993","name":"a"},{"id":2,"x":"2","name":null}]`) {
		t.Fatal(got)
	}

	var rp sdk.DatabaseRawParams
	var rb sdk.DatabaseRawParamsBody
	rp.AccountID.Value, rp.AccountID.Present = "acc", true
	rb.Sql.Value, rb.Sql.Present = "SELECT typeof(?1), typeof(?2), typeof(?3), typeof(?4)", true
	rb.Params.Value, rb.Params.Present = []any{5, nil, "x", true}, true
	rp.Body = rb
	rr := must(db.Raw(ctx, id, rp))
	if got := must(json.Marshal(rr.Result[0].Results.Rows)); string(got) != `[["real","null","text","real"]]` {
		t.Fatalf("%s", got)
	}

	_, err = db.Query(ctx, id, d1Query(sqlBody("SELECT * FROM nope")))
	var apierr interface{ Error() string }
	if !errors.As(err, &apierr) || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "no such table: nope: SQLITE_ERROR") {
		t.Fatal(err)
	}
	if _, err = db.Query(ctx, "00000000-0000-0000-0000-000000000000", d1Query(sqlBody("SELECT 1"))); err == nil || !strings.Contains(err.Error(), "404") {
		t.Fatal(err)
	}

	var lp sdk.DatabaseListParams
	lp.AccountID.Value, lp.AccountID.Present = "acc", true
	if l := must(db.List(ctx, lp)); len(l.Result) != 1 || l.Result[0].UUID != id || l.Result[0].Name != "db" {
		t.Fatalf("%+v", l.Result)
	}
	var np sdk.DatabaseNewParams
	np.AccountID.Value, np.AccountID.Present = "acc", true
	np.Name.Value, np.Name.Present = "other", true
	if n := must(db.New(ctx, np)); n.Name != "other" || n.UUID == "" {
		t.Fatalf("%+v", n)
	}
}

// The official client understands the answers for Queues.
func TestContractQueues(t *testing.T) {
	e, o := account(t, Options{})
	id, ctx := must(e.CreateQueue("q")), context.Background()
	q := queues.NewMessageService(o...)

	var pp queues.MessagePushParams
	pp.AccountID.Value, pp.AccountID.Present = "acc", true
	var pb queues.MessagePushParamsBodyMqQueueMessageText
	pb.Body.Value, pb.Body.Present = "hello", true
	pb.ContentType.Value, pb.ContentType.Present = "text", true
	pp.Body = pb
	if r := must(q.Push(ctx, id, pp)); r.Metadata.Metrics.BacklogCount != 1 || r.Metadata.Metrics.BacklogBytes != 5 {
		t.Fatalf("%+v", r)
	}
	var bp queues.MessageBulkPushParams
	bp.AccountID.Value, bp.AccountID.Present = "acc", true
	var m1 queues.MessageBulkPushParamsMessagesMqQueueMessageJson
	m1.Body.Value, m1.Body.Present = map[string]any{"a": 1}, true
	m1.ContentType.Value, m1.ContentType.Present = "json", true
	bp.Messages.Value, bp.Messages.Present = []queues.MessageBulkPushParamsMessageUnion{m1}, true
	if r := must(q.BulkPush(ctx, id, bp)); r.Metadata.Metrics.BacklogCount != 2 {
		t.Fatalf("%+v", r)
	}

	var lp queues.MessagePullParams
	lp.AccountID.Value, lp.AccountID.Present = "acc", true
	lp.BatchSize.Value, lp.BatchSize.Present = 10, true
	r := must(q.Pull(ctx, id, lp))
	if len(r.Messages) != 2 || r.Messages[0].Body != "hello" || r.Messages[1].Body != base64.StdEncoding.EncodeToString([]byte(`{"a":1}`)) || r.Messages[0].Attempts != 1 {
		t.Fatalf("%+v", r.Messages)
	}
	var ap queues.MessageAckParams
	ap.AccountID.Value, ap.AccountID.Present = "acc", true
	var a1 queues.MessageAckParamsAck
	a1.LeaseID.Value, a1.LeaseID.Present = r.Messages[0].LeaseID, true
	ap.Acks.Value, ap.Acks.Present = []queues.MessageAckParamsAck{a1}, true
	var r1 queues.MessageAckParamsRetry
	r1.LeaseID.Value, r1.LeaseID.Present = r.Messages[1].LeaseID, true
	ap.Retries.Value, ap.Retries.Present = []queues.MessageAckParamsRetry{r1}, true
	if a := must(q.Ack(ctx, id, ap)); a.AckCount != 1 || a.RetryCount != 1 {
		t.Fatalf("%+v", a)
	}
	if r := must(q.Pull(ctx, id, lp)); len(r.Messages) != 1 || r.Messages[0].Attempts != 2 {
		t.Fatalf("%+v", r.Messages)
	}
	if _, err := q.Push(ctx, "0123456789abcdef0123456789abcdef", pp); err == nil || !strings.Contains(err.Error(), "10104") {
		t.Fatal(err)
	}
}

// The official client understands the answers for KV.
func TestContractKV(t *testing.T) {
	e, o := account(t, Options{})
	id, ctx := must(e.CreateKV("ns")), context.Background()
	ns := kv.NewNamespaceService(o...)

	var up kv.NamespaceBulkUpdateParams
	up.AccountID.Value, up.AccountID.Present = "acc", true
	pair := func(k, v string) (u kv.NamespaceBulkUpdateParamsBody) {
		u.Key.Value, u.Key.Present = k, true
		u.Value.Value, u.Value.Present = v, true
		u.ExpirationTTL.Value, u.ExpirationTTL.Present = 60, true
		return u
	}
	up.Body = []kv.NamespaceBulkUpdateParamsBody{pair("a", "1"), pair("a/b", "2"), pair("c", "3")}
	if r := must(ns.BulkUpdate(ctx, id, up)); r.SuccessfulKeyCount != 3 {
		t.Fatalf("%+v", r)
	}
	var gp kv.NamespaceBulkGetParams
	gp.AccountID.Value, gp.AccountID.Present = "acc", true
	gp.Keys.Value, gp.Keys.Present = []string{"a", "zz"}, true
	if r := must(ns.BulkGet(ctx, id, gp)); r.JSON.RawJSON() != `{"values":{"a":"1","zz":null}}` {
		t.Fatal(r.JSON.RawJSON())
	}
	var kp kv.NamespaceKeyListParams
	kp.AccountID.Value, kp.AccountID.Present = "acc", true
	kp.Prefix.Value, kp.Prefix.Present = "a", true
	if r := must(ns.Keys.List(ctx, id, kp)); len(r.Result) != 2 || r.Result[0].Name != "a" || r.Result[0].Expiration == 0 {
		t.Fatalf("%+v", r.Result)
	}
	var vp kv.NamespaceValueGetParams
	vp.AccountID.Value, vp.AccountID.Present = "acc", true
	v := must(ns.Values.Get(ctx, id, "a%2Fb", vp))
	if b := must(io.ReadAll(v.Body)); string(b) != "2" || v.Header.Get("Expiration") == "" {
		t.Fatalf("%s", b)
	}
	var dp kv.NamespaceBulkDeleteParams
	dp.AccountID.Value, dp.AccountID.Present = "acc", true
	dp.Body = []string{"a"}
	must(ns.BulkDelete(ctx, id, dp))
	if _, err := ns.Values.Get(ctx, id, "a", vp); err == nil || !strings.Contains(err.Error(), "404") {
		t.Fatal(err)
	}
}
