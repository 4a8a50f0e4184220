package mask

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/processors/mask/subject"
	"sluice/schemas"
	"sluice/topology"
	"sluice/topology/stream"
)

const customers = `{"id":1,"mail":"ann@x.example","who":7}`

// forgettable is a gate with keys of subjects in dir, and its policy.
func forgettable(t testing.TB, dir, more string) (*Gate, *policy.Rules, *keys.Ring) {
	t.Helper()
	g, p, ring, _ := subjectGate(t, dir, more, "tokenize: {subject: {column: who}}")
	return g, p, ring
}

// subjectGate is a gate whose action of mail takes keys of subjects in dir, and what it is made of.
func subjectGate(t testing.TB, dir, more, action string) (*Gate, *policy.Rules, *keys.Ring, *subject.Vault) {
	t.Helper()
	node := yamlOf(t, "key: env:KEY\nsubjects: {store: 'folder:"+dir+"'"+more+"}\nrules: [{columns: {id: {keep: r}, who: {keep: r}, mail: {"+action+"}}}]")
	p, err := policy.Read(node)
	if err != nil {
		t.Fatal(err)
	}
	env := topology.Env{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Secret: func(string) (string, error) { return strings.Repeat("k", 32), nil }}
	ring, err := p.Ring(env)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Vault(ring, env, true)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Factory.Open(node, env)
	if err != nil {
		t.Fatal(err)
	}
	return g.(*Gate), p, ring, v
}

func mails(t *testing.T, g *Gate, rows ...string) (tokens []string) {
	t.Helper()
	var changes []change
	for _, r := range rows {
		changes = append(changes, change{after: r})
	}
	x, err := g.Pass(batch(schemaOf(false, "", customers), changes...))
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Rows() {
		r := &x.Rows()[i]
		tokens = append(tokens, string(r.Bytes(r.After[1])))
	}
	return tokens
}

func whose(who int, mail string) string { return fmt.Sprintf(`{"id":1,"mail":%q,"who":%d}`, mail, who) }

// TestSubjects: tokens are of a subject and a value; instances, restarts and a
// small cache do not change them; a destroyed key leads back to nothing, and the
// next row has another one.
func TestSubjects(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	g, p, ring := forgettable(t, dir, "")
	got := mails(t, g, whose(7, "a@x"), whose(7, "b@x"), whose(8, "a@x"), whose(7, "a@x"))
	if got[0] != got[3] || got[0] == got[1] || got[0] == got[2] || got[0][:17] != got[1][:17] || !subject.CheckID([]byte(got[0][:16])) || got[0][16] != '_' {
		t.Fatalf("%q", got)
	}
	small, _, _ := forgettable(t, dir, ", cache: 2")
	var rows []string
	for i := range 50 {
		rows = append(rows, whose(i%10, "a@x"))
	}
	var tokens [4][]string
	var wg sync.WaitGroup
	for i := range tokens { // workers of two instances
		wg.Go(func() { tokens[i] = mails(t, []*Gate{g, small}[i%2], rows...) })
	}
	wg.Wait()
	for i := range rows {
		for _, w := range tokens[1:] {
			if tokens[0][i] != w[i] {
				t.Fatalf("row %d has two tokens", i)
			}
		}
	}
	if tokens[0][7] != got[0] {
		t.Error("a token changed")
	}
	spec, _, err := p.At(lane.Topic, &schemas.Field{Name: "mail", Type: schemas.Type{Kind: schemas.String}}, policy.Path{{Name: "mail"}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := spec.Revealer(ring)
	if err != nil {
		t.Fatal(err)
	}
	env := topology.Env{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
	if r.Vault, err = p.Vault(ring, env, false); err != nil {
		t.Fatal(err)
	}
	reveal := func(token string) string {
		v, err := r.Reveal(strategy.Token{Text: []byte(token)})
		if err != nil {
			return err.Error()
		}
		return string(v)
	}
	if reveal(got[0]) != "a@x" || reveal(got[1]) != "b@x" || reveal(got[2]) != "a@x" {
		t.Fatalf("%q", reveal(got[0]))
	}
	if v := reveal(got[2][:17] + got[0][17:]); v != strategy.ErrNoToken.Error() {
		t.Errorf("a token of another's key gives %q", v)
	}
	if id, err := r.Vault.Shred(t.Context(), "", []byte("7")); err != nil || id != got[0][:16] {
		t.Fatal(id, err)
	}
	if v := reveal(got[0]); !strings.Contains(v, "destroyed") || !errors.Is(errOf(r, got[0]), strategy.ErrShredded) {
		t.Error(v)
	}
	for _, x := range []*Gate{g, small} { // both have the key in memory
		next := mails(t, x, whose(7, "a@x"), whose(8, "a@x"))
		if next[0][:16] == got[0][:16] || next[1] != got[2] || reveal(next[0]) != "a@x" || reveal(got[1]) == "b@x" {
			t.Errorf("%q", next)
		}
	}
}

// TestSubjectsOfASmallCache: whichever half of the memory a key is in, its subject has that
// one, and none has it once it was destroyed. // P5
func TestSubjectsOfASmallCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	g, p, ring := forgettable(t, dir, ", cache: 4")
	env := topology.Env{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
	v, err := p.Vault(ring, env, false)
	if err != nil {
		t.Fatal(err)
	}
	for who := range 9 {
		mails(t, g, whose(10+who, "a@x"))
	}
	for _, who := range []int{1, 2, 3} { // 1 and 2 are in the older half, then 2 and 3, and so on
		was := mails(t, g, whose(1, "a@x"), whose(2, "a@x"), whose(3, "a@x"))
		if is := mails(t, g, whose(1, "a@x"), whose(2, "a@x"), whose(3, "a@x")); !slices.Equal(is, was) {
			t.Fatalf("%q, then %q", was, is)
		}
		if n := len(g.keyring.young) + len(g.keyring.old); n > 4 {
			t.Errorf("%d keys are held, 4 may be", n)
		}
		if _, err := v.Shred(t.Context(), "", fmt.Append(nil, who)); err != nil {
			t.Fatal(err)
		}
		is := mails(t, g, whose(1, "a@x"), whose(2, "a@x"), whose(3, "a@x"))
		for i := range is {
			if same := is[i] == was[i]; same != (i+1 != who) {
				t.Errorf("%d was destroyed: %q of %d became %q", who, was[i], i+1, is[i])
			}
		}
	}
}

func errOf(r *strategy.Revealer, token string) error {
	_, err := r.Reveal(strategy.Token{Text: []byte(token)})
	return err
}

// TestSubjectRefused: a value without a subject is refused with its record, fillers
// make no keys, and an update has one token in both images. // P2 P3
func TestSubjectRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	g, _, _ := forgettable(t, dir, "")
	s := schemaOf(false, "", customers)
	b := batch(s, change{after: `{"id":1,"mail":"a@x","who":null}`}, change{after: `{"id":1,"mail":null,"who":null}`}, change{before: whose(7, "a@x"), after: whose(7, "a@x")}, change{before: whose(0, "filler"), after: whose(6, "a@x")},
		change{after: `{"id":1,"mail":null,"who":5}`}, change{before: `{"id":1,"mail":"a@x","who":4}`}, change{after: whose(3, "short")}, change{after: whose(2, "undecoded")})
	b.Records[3].Full = false
	b.Records[6].After = b.Records[6].After[:1]
	b.Records[7].Schema = nil
	x, err := g.Pass(b)
	if err != nil || len(x.Rows()) != 6 || len(b.Rejects) != 2 || b.Rejects[0].Field != "mail" || b.Rejects[1].Code != codeUndecoded {
		t.Fatalf("%v, %d rows, %+v", err, len(x.Rows()), b.Rejects)
	}
	r := &x.Rows()[1]
	if !x.Rows()[0].After[1].IsNull() || string(r.Bytes(r.Before[1])) != string(r.Bytes(r.After[1])) {
		t.Error("images")
	}
	if c := r.Table.Columns[1]; c.Action != "tokenize:subject" || c.Bounds { // what the ledger attests
		t.Errorf("%+v", c)
	}
	found, _ := filepath.Glob(filepath.Join(dir, "subjects", "*", "*"))
	if len(found) != 3 {
		t.Errorf("%d subjects have a key, want those of 7, 6 and 4", len(found))
	}
	if x, _ := g.Pass(batch(schemaOf(false, "", `{"id":1,"mail":"a"}`), change{after: `{"id":1,"mail":"a"}`})); len(x.Rows()) != 0 {
		t.Error("a topic without the column")
	}
	if _, err := g.Pass(batch(schemaOf(false, "mail", customers), change{after: whose(7, "a"), key: `{"mail":"a"}`})); stream.KindOf(err) != stream.KindState { // D4
		t.Errorf("a key of tokens that differ: %v", err)
	}
}

// TestSubjectOutage: while the store is away batches fail as ones to try again, and
// are as they were; no key is made meanwhile. Keys in memory do not go on alone.
func TestSubjectOutage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	g, _, _ := forgettable(t, dir, "")
	was := mails(t, g, whose(7, "a@x"))
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	b := batch(schemaOf(false, "", customers), change{after: whose(7, "a@x")}, change{after: whose(9, "n@x")})
	for range 2 {
		if _, err := g.Pass(b); stream.KindOf(err) != stream.KindRetry || len(b.Records) != 2 || len(b.Rejects) != 0 || strings.Contains(err.Error(), "a@x") {
			t.Fatalf("%v, %d records", err, len(b.Records))
		}
	}
	known := batch(schemaOf(false, "", customers), change{after: whose(7, "a@x")})
	if _, err := g.Pass(known); stream.KindOf(err) != stream.KindRetry {
		t.Errorf("a key in memory went on alone: %v", err)
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "keys", was[0][1:3], was[0][:16]+".json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:30], 0o600); err != nil {
		t.Fatal(err)
	}
	restarted, _, _ := forgettable(t, dir, "")
	if _, err := restarted.Pass(known); stream.KindOf(err) != stream.KindRetry || len(known.Rejects) != 0 {
		t.Errorf("a damaged key: %v, %d refused", err, len(known.Rejects))
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := g.Pass(b)
	if err != nil || len(x.Rows()) != 2 {
		t.Fatal(err)
	}
	if r := &x.Rows()[0]; string(r.Bytes(r.After[1])) != was[0] {
		t.Error("a token changed")
	}
}

// TestSubjectAllocations: none a record when the keys are in memory.
func TestSubjectAllocations(t *testing.T) {
	g, _, _ := forgettable(t, filepath.Join(t.TempDir(), "s"), "")
	s := schemaOf(false, "", customers)
	per := func(n int) float64 {
		var changes []change
		for i := range n {
			changes = append(changes, change{before: whose(i%50, "a@x"), after: whose(i%50, fmt.Sprint(i, "@x"))})
		}
		b := batch(s, changes...)
		recs := b.Records
		run := func() {
			b.Records = recs
			b.SetArena(b.Arena()[:0])
			if _, err := g.Pass(b); err != nil {
				t.Fatal(err)
			}
		}
		run()
		return testing.AllocsPerRun(10, run)
	}
	if few, many := per(100), per(2000); many-few > 20 {
		t.Errorf("%.0f allocations for 100 records, %.0f for 2000", few, many)
	}
}

// BenchmarkSubjects is a batch of 1,000 rows of 200 subjects, and beside it the
// same under one key.
func BenchmarkSubjects(b *testing.B) {
	g, _, _ := forgettable(b, filepath.Join(b.TempDir(), "s"), "")
	plain := gateOf(b, "key: env:KEY\nrules: [{columns: {id: {keep: r}, who: {keep: r}, mail: tokenize}}]")
	var changes []change
	for i := range 1000 {
		changes = append(changes, change{after: whose(i%200, fmt.Sprint("somebody", i, "@x.example"))})
	}
	in := batch(schemaOf(false, "", customers), changes...)
	recs := in.Records
	if _, err := g.Pass(in); err != nil { // makes the keys
		b.Fatal(err)
	}
	for name, g := range map[string]*Gate{"one key": plain, "a key a subject": g} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				in.Records = recs
				in.SetArena(in.Arena()[:0])
				if _, err := g.Pass(in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
		})
	}
}
