package mask

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/processors/mask/policy"
	"sluice/processors/mask/siv"
	"sluice/processors/mask/strategy"
	"sluice/processors/mask/subject"
	"sluice/processors/mask/synth"
)

// drawn are the strategies that draw under keys of subjects, each with what it makes
// of a value by that key, worked out here once more.
var drawn = map[string]struct {
	action, purpose string
	of              func(m *siv.CMAC, value string) string
}{
	"synthetic": {"synthetic: {kind: card, domain: d, %s}", "synthetic", func(m *siv.CMAC, _ string) string {
		d := synth.Of(m, []byte("subject"), &siv.Scratch{})
		return string(d.Card(nil))
	}},
	"shift": {"shift: {days: 3000, domain: d, %s}", "shift", func(m *siv.CMAC, value string) string {
		tag := m.Sum([]byte("subject"), &siv.Scratch{})
		n, _ := bits.Mul64(binary.BigEndian.Uint64(tag[:]), 6000)
		off := int(n) - 3000
		if off >= 0 {
			off++
		}
		day, err := time.Parse(time.DateOnly, value)
		if err != nil {
			return err.Error()
		}
		return day.AddDate(0, 0, off).Format(time.DateOnly)
	}},
	"noise": {"noise: {within: 1000000, domain: d, %s}", "noise", func(m *siv.CMAC, value string) string {
		tag := m.Sum([]byte(value), &siv.Scratch{})
		u := (float64(binary.BigEndian.Uint64(tag[:])>>11) + 0.5) / (1 << 53)
		var v float64
		fmt.Sscan(value, &v)
		return fmt.Sprintf("%.0f", v+(2*u-1)*1_000_000)
	}},
}

// TestSubjectDraws: what is made up, shifted or blurred under a key of a subject comes
// from that key alone, is the same wherever that person is, and with the key gone
// nobody can draw it again, whoever has the root key. // P5 D5
func TestSubjectDraws(t *testing.T) {
	for name, x := range drawn {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "s")
			const who = "subject: {column: who, kind: customer}"
			g, p, _, vault := subjectGate(t, dir, "", fmt.Sprintf(x.action, who))
			ids, _, _ := hashing(t, dir) // shows the ids of the keys
			keyOf := func(customer int) (id string, m *siv.CMAC) {
				t.Helper()
				id = mails(t, ids, whose(customer, "a"))[0][:16]
				root, err := vault.Find(t.Context(), id)
				if err != nil || !subject.CheckID([]byte(id)) {
					t.Fatal(err)
				}
				key, err := hkdf.Key(sha256.New, root, nil, "sluice subject "+x.purpose+" 1 1:d", 32)
				if err != nil {
					t.Fatal(err)
				}
				if m, err = siv.NewCMAC(key); err != nil {
					t.Fatal(err)
				}
				return id, m
			}
			values := []string{"1985-04-12", "1990-01-01"}
			if name == "noise" {
				values = []string{"51234", "60000"}
			}
			rows := []string{whose(7, values[0]), whose(8, values[0]), whose(7, values[1]), whose(7, values[0])}
			got := mails(t, g, rows...)
			id, seven := keyOf(7)
			_, eight := keyOf(8)
			want := []string{x.of(seven, values[0]), x.of(eight, values[0]), x.of(seven, values[1]), x.of(seven, values[0])}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%q, want %q", got, want)
			}
			restarted, _, _, _ := subjectGate(t, dir, ", cache: 1", fmt.Sprintf(x.action, who))
			if again := mails(t, restarted, rows...); fmt.Sprint(got) != fmt.Sprint(again) {
				t.Errorf("another instance makes %q of what became %q", again, got)
			}
			if gone, err := vault.Shred(t.Context(), "customer", []byte("7")); err != nil || gone != id {
				t.Fatal(gone, err)
			}
			if _, err := vault.Find(t.Context(), id); !errors.Is(err, strategy.ErrShredded) {
				t.Errorf("the key is still there: %v", err)
			}
			next := mails(t, g, rows...) // which had both keys in memory
			other, fresh := keyOf(7)
			if other == id || next[0] != x.of(fresh, values[0]) || next[1] != got[1] || next[2] != x.of(fresh, values[1]) {
				t.Errorf("%q became %q", got, next)
			}
			b := batch(schemaOf(false, "", customers), change{after: `{"id":1,"mail":"` + values[0] + `","who":null}`}, change{before: whose(8, values[0]), after: whose(8, values[0])})
			c, err := g.Pass(b)
			if err != nil || len(c.Rows()) != 1 || len(b.Rejects) != 1 || b.Rejects[0].Field != "mail" { // P2
				t.Fatalf("%v, %d rows, %+v", err, len(c.Rows()), b.Rejects)
			}
			r := &c.Rows()[0]
			if string(r.Bytes(r.Before[1])) != got[1] || string(r.Bytes(r.After[1])) != got[1] || r.Table.Columns[1].Action != name+":subject" { // P3
				t.Errorf("%q %q %s", r.Bytes(r.Before[1]), r.Bytes(r.After[1]), r.Table.Columns[1].Action)
			}
			if !p.UsesSubjects() {
				t.Error("the policy takes no keys of subjects")
			}
			for params, want := range map[string]string{
				"subject: {kind: customer}":              "name the column",
				"subject: {column: who}, by: id":         "by",
				"subject: {column: who, kidn: customer}": "kidn",
			} {
				text := fmt.Sprintf(x.action, params)
				if _, err := policy.Read(yamlOf(t, "key: env:KEY\nrules: [{columns: {mail: {"+text+"}}}]")); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", text, err)
				}
			}
			if _, err := policy.Read(yamlOf(t, "key: env:KEY\nrules: [{columns: {mail: {"+fmt.Sprintf(x.action, "subject: {column: who}")+"}}}]")); err == nil || !strings.Contains(err.Error(), "subjects: store") {
				t.Error(err)
			}
		})
	}
}

// TestSubjectKinds: what one person is called, mailed at and born on goes together
// under the key of that person, and kinds of draws do not tell each other.
func TestSubjectKinds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	var made []string
	for _, kind := range []string{"given", "email", "username", "birth_date, days: 3000", "email, unique: true"} {
		g, _, _, _ := subjectGate(t, dir, "", "synthetic: {kind: "+kind+", subject: {column: who}}")
		made = append(made, mails(t, g, whose(7, "1985-04-12"))[0])
	}
	given := strings.ToLower(made[0])
	if !strings.HasPrefix(made[1], given+".") || !strings.HasPrefix(made[2], given+"_") || !strings.HasPrefix(made[4], given+".") || len(made[4]) < len(made[1])+16 {
		t.Errorf("%q", made)
	}
	if _, err := time.Parse(time.DateOnly, made[3]); err != nil || made[3] == "1985-04-12" {
		t.Error(made[3])
	}
}
