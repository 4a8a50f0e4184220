package mask

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/processors/mask/subject"
	"sluice/schemas"
	"sluice/topology/stream"
)

// hashing is a gate that hashes mail by who, and its vault.
func hashing(t *testing.T, dir string) (*Gate, *policy.Rules, *subject.Vault) {
	t.Helper()
	g, p, _, v := subjectGate(t, dir, "", "hash: {domain: email, canonical: email, subject: {column: who, kind: customer}}")
	return g, p, v
}

// TestSubjectHash: tokens are HMAC-SHA-256 under a key of the subject, by domain; with
// the key gone nobody can tell any more what they are of, whoever has the root key. // P5
func TestSubjectHash(t *testing.T) {
	g, p, vault := hashing(t, filepath.Join(t.TempDir(), "s"))
	got := mails(t, g, whose(7, "a@x.example"), whose(7, "b@x.example"), whose(8, "a@x.example"), whose(7, "A@X.example"))
	if got[0] != got[3] || got[0] == got[1] || got[0][:17] != got[1][:17] || got[0][17:] == got[2][17:] || !subject.CheckID([]byte(got[0][:16])) {
		t.Fatalf("%q", got)
	}
	of := func(key []byte, value string) string {
		k, err := hkdf.Key(sha256.New, key, nil, "sluice subject hash 1 5:email", 32)
		if err != nil {
			t.Fatal(err)
		}
		m := hmac.New(sha256.New, k)
		m.Write([]byte(value))
		return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(m.Sum(nil)[:16]))
	}
	key, err := vault.Find(t.Context(), got[0][:16])
	if err != nil || got[0][17:] != of(key, "a@x.example") {
		t.Fatalf("%v: %q, want %q", err, got[0], of(key, "a@x.example"))
	}
	if _, err := vault.Shred(t.Context(), "customer", []byte("7")); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Find(t.Context(), got[0][:16]); !errors.Is(err, strategy.ErrShredded) {
		t.Errorf("the key is still there: %v", err)
	}
	next := mails(t, g, whose(7, "a@x.example"), whose(8, "a@x.example")) // the gate had both in memory
	if next[0][:16] == got[0][:16] || next[0][17:] == got[0][17:] || next[1] != got[2] {
		t.Errorf("%q became %q", got, next)
	}
	spec, _, err := p.At(lane.Topic, &schemas.Field{Name: "mail", Type: schemas.Type{Kind: schemas.String}}, policy.Path{{Name: "mail"}})
	if err != nil || spec.Reversible() || spec.Injective() {
		t.Errorf("%v %+v", err, spec)
	}
}

// TestSubjectHashRefused: what nobody says whose it is is refused, both images have one
// token, the ledger's action says whose keys these are. // P2 P3 D4
func TestSubjectHashRefused(t *testing.T) {
	g, _, _ := hashing(t, filepath.Join(t.TempDir(), "s"))
	b := batch(schemaOf(false, "", customers), change{after: `{"id":1,"mail":"a@x","who":null}`}, change{before: whose(7, "a@x"), after: whose(7, "a@x")})
	x, err := g.Pass(b)
	if err != nil || len(x.Rows()) != 1 || len(b.Rejects) != 1 || b.Rejects[0].Field != "mail" {
		t.Fatalf("%v, %d rows, %+v", err, len(x.Rows()), b.Rejects)
	}
	r := &x.Rows()[0]
	if string(r.Bytes(r.Before[1])) != string(r.Bytes(r.After[1])) || r.Table.Columns[1].Action != "hash:subject" || r.Table.Columns[1].Bounds {
		t.Errorf("%q %q %+v", r.Bytes(r.Before[1]), r.Bytes(r.After[1]), r.Table.Columns[1])
	}
	if _, err := g.Pass(batch(schemaOf(false, "mail", customers), change{after: whose(7, "a"), key: `{"mail":"a"}`})); stream.KindOf(err) != stream.KindState {
		t.Errorf("a key of tokens that differ: %v", err)
	}
	for text, want := range map[string]string{
		"{hash: {subject: {kind: customer}}}":              "name the column",
		"{scan: {else: {hash: {subject: {column: who}}}}}": "cannot go by column",
		"{hash: {subject: {column: who, kidn: customer}}}": "kidn",
	} {
		if _, err := policy.Read(yamlOf(t, "key: env:KEY\nsubjects: {store: 'folder:/x'}\nrules: [{columns: {mail: "+text+"}}]")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := policy.Read(yamlOf(t, "key: env:KEY\nrules: [{columns: {mail: {hash: {subject: {column: who}}}}}]")); err == nil || !strings.Contains(err.Error(), "subjects: store") {
		t.Error(err)
	}
}
