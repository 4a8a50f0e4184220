package readers

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// decodedRow is a line of sluice decode.
type decodedRow struct {
	Topic       string
	Partition   int32
	Offset      int64
	Seq         int32
	Op          string
	Table       string
	Source      string // orders the changes of one database
	Key         map[string]json.RawMessage
	After       map[string]json.RawMessage
	Unavailable []string
}

// expected are the rows of a table and the types of its columns.
type expected struct {
	types map[string]string
	rows  []decodedRow
}

// decoded reads what sluice decode and decode --schema printed, by table.
func decoded(t *testing.T, lines, models []byte) map[string]*expected {
	t.Helper()
	all := map[string]*expected{}
	each := func(p []byte, v func() any, f func()) {
		for d := json.NewDecoder(strings.NewReader(string(p))); ; f() {
			if err := d.Decode(v()); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	var m struct {
		Table  string
		Fields []struct{ Name, Type string }
	}
	each(models, func() any { m.Fields = nil; return &m }, func() {
		e := &expected{types: map[string]string{}}
		for _, f := range m.Fields {
			e.types[f.Name] = f.Type
		}
		if m.Table != "" {
			all[m.Table] = e
		}
	})
	var r decodedRow
	each(lines, func() any { r = decodedRow{}; return &r }, func() {
		if e := all[r.Table]; e != nil {
			e.rows = append(e.rows, r)
		}
	})
	return all
}

// inLake holds the rows that an engine read against e and returns how many
// cells agree.
func (e *expected) inLake(t *testing.T, what string, lines []string) (agree int) {
	t.Helper()
	got := map[string]map[string]json.RawMessage{}
	for _, l := range lines {
		row := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(l), &row); err != nil {
			t.Fatal(err)
		}
		got[fmt.Sprintf("%s/%s/%s", row["_partition"], row["_offset"], row["_seq"])] = row
	}
	rows := slices.DeleteFunc(slices.Clone(e.rows), e.beyond)
	if len(got) != len(rows) || len(lines) != len(got) {
		t.Errorf("%s: %d rows at %d places, want %d", what, len(lines), len(got), len(rows))
	}
	for _, r := range rows {
		place := fmt.Sprintf("%d/%d/%d", r.Partition, r.Offset, r.Seq)
		row := got[place]
		for name, raw := range r.After {
			want, have := lakeForm(e.types[name], raw), string(row[name])
			if strings.HasPrefix(have, `"`) {
				have = unquote(row[name])
			}
			if strings.HasPrefix(have, "f64:7ff8") {
				have = "f64:7ff8000000000000" // every NaN is one
			}
			if want != have {
				t.Errorf("%s %s: %s %s: %.200s, want %.200s", what, place, name, e.types[name], have, want)
				return agree
			}
			agree++
		}
	}
	return agree
}

// beyond reports a row with a time that microseconds in 64 bits cannot count: it
// is a dead letter of the lake.
func (e *expected) beyond(r decodedRow) bool {
	for name, raw := range r.After {
		if typ := e.types[name]; typ == "timestamp" || typ == "instant" {
			day, _, _ := strings.Cut(plainForm(raw), "T")
			if n, ok := days(day); ok && (n > 106_751_991 || n < -106_751_992) {
				return true
			}
		}
	}
	return false
}

// lakeForm is how read.py prints a decoded value of a type.
func lakeForm(typ string, raw json.RawMessage) string {
	text := string(raw)
	if text == "null" {
		return text
	}
	if text[0] == '"' {
		text = unquote(raw)
	}
	switch kind, _, _ := strings.Cut(typ, "("); kind {
	case "float32", "float64":
		bits := 64
		if kind == "float32" {
			bits = 32
		}
		f, _ := strconv.ParseFloat(text, bits)
		if f != f {
			return "f64:7ff8000000000000"
		}
		return fmt.Sprintf("f64:%016x", math.Float64bits(f))
	case "binary":
		p, _ := base64.StdEncoding.DecodeString(text)
		return "0x" + hex.EncodeToString(p)
	case "date":
		n, ok := days(text)
		if ok && n >= -719162 && n <= 2932896 {
			return text
		}
		return fmt.Sprintf("day:%d", n)
	case "time":
		return strconv.FormatInt(clockMicros(strings.TrimSuffix(text, "Z")), 10)
	case "timestamp", "instant":
		day, clock, found := strings.Cut(text, "T")
		if !found {
			return map[string]string{"infinity": "day:106751991T04:00:25.200000Z", "-infinity": "day:-106751992T19:59:27.600000Z"}[text]
		}
		n, _ := days(day)
		if n < -719162 || n > 2932896 {
			day = fmt.Sprintf("day:%d", n)
		}
		clock, zone := strings.CutSuffix(clock, "Z")
		if len(clock) < 15 {
			clock = (clock + "." + strings.Repeat("0", 15))
			if strings.Count(clock, ".") > 1 {
				clock = strings.TrimSuffix(clock, "."+strings.Repeat("0", 15)) + "000000"
			}
			clock = clock[:15]
		}
		if zone {
			clock += "Z"
		}
		return day + "T" + clock
	}
	return text
}

func unquote(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// days counts those from 1970-01-01 to a proleptic Gregorian date of any year.
func days(s string) (int64, bool) {
	sign := int64(1)
	if s != "" && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	var y, m, d int64
	if n, _ := fmt.Sscanf(s, "%d-%d-%d", &y, &m, &d); n != 3 {
		return 0, false
	}
	y *= sign
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	of := y - era*400
	day := (153*((m+9)%12)+2)/5 + d - 1
	return era*146097 + of*365 + of/4 - of/100 + day - 719468, true
}

// clockMicros reads [-]h:mm:ss.ffffff.
func clockMicros(s string) int64 {
	s, neg := strings.CutPrefix(s, "-")
	var h, m int64
	var sec float64
	p := strings.SplitN(s, ":", 3)
	if len(p) != 3 {
		return -1
	}
	h, _ = strconv.ParseInt(p[0], 10, 64)
	m, _ = strconv.ParseInt(p[1], 10, 64)
	sec, _ = strconv.ParseFloat(p[2], 64)
	us := (h*60+m)*60_000_000 + int64(math.Round(sec*1e6))
	if neg {
		return -us
	}
	return us
}

// readSQLite prints the rows of a table as JSON, blobs as 0x and hex.
const readSQLite = `
import json, sqlite3, sys
c = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
c.text_factory = lambda b: b.decode()
cur = c.execute('select * from "%s"' % sys.argv[2])
names = [d[0] for d in cur.description]
form = lambda v: "0x" + v.hex() if isinstance(v, bytes) else repr(v) if isinstance(v, float) else v
for row in cur:
    print(json.dumps({n: form(v) for n, v in zip(names, row)}, ensure_ascii=False))
`

// inReplica holds the rows that SQLite reads against what is left of e: the
// last row of each key.
func (e *expected) inReplica(t *testing.T, home, file, table string) (agree int) {
	t.Helper()
	left, keyed, truncated := map[string]decodedRow{}, true, ""
	for _, r := range e.rows { // one partition has it, all are meant
		if r.Op == "truncate" {
			truncated = max(truncated, r.Source)
		}
	}
	for _, r := range e.rows {
		k, _ := json.Marshal(r.Key)
		switch {
		case r.Op == "truncate" || r.Source < truncated:
			continue
		case r.Key == nil:
			keyed = false
			continue
		case r.Op == "delete":
			delete(left, string(k))
			continue
		}
		if len(r.Unavailable) > 0 {
			for name, v := range left[string(k)].After {
				if slices.Contains(r.Unavailable, name) {
					r.After[name] = v
				}
			}
		}
		left[string(k)] = r
	}
	if !keyed {
		return 0 // a table without a key has no replica
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(home, "bin", "python"), "-c", readSQLite, file, table).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", table, err, out)
		return 0
	}
	got := map[string]map[string]json.RawMessage{}
	for l := range strings.Lines(string(out)) {
		row := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(l), &row); err != nil {
			t.Fatal(err)
		}
		for k, r := range left {
			same := true
			for name, raw := range r.Key {
				same = same && replicaForm(e.types[name], raw) == plainForm(row[name])
			}
			if same {
				got[k] = row
			}
		}
	}
	for k, r := range left {
		row := got[k]
		if e.hasNaN(r) {
			if row != nil {
				t.Errorf("D1 %s %s: SQLite cannot hold NaN, and the row is there", table, k)
			}
			continue
		}
		for name, raw := range r.After {
			typ := e.types[name]
			want, have := replicaForm(typ, raw), plainForm(row[name])
			if strings.HasPrefix(typ, "float") && have != "" {
				have = replicaForm(typ, row[name])
			}
			if want != have {
				t.Errorf("D1 %s %s: %s %s: %.200s, want %.200s", table, k, name, typ, have, want)
				return agree
			}
			agree++
		}
	}
	return agree
}

// hasNaN reports a row that is a dead letter of D1.
func (e *expected) hasNaN(r decodedRow) bool {
	for name, raw := range r.After {
		if strings.HasPrefix(e.types[name], "float") && plainForm(raw) == "NaN" {
			return true
		}
	}
	return false
}

func plainForm(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] == '"' {
		return unquote(raw)
	}
	return string(raw)
}

// replicaForm is how a decoded value stands in SQLite.
func replicaForm(typ string, raw json.RawMessage) string {
	text := plainForm(raw)
	if string(raw) == "null" {
		return "null"
	}
	switch kind, _, _ := strings.Cut(typ, "("); kind {
	case "bool":
		return map[string]string{"true": "1", "false": "0"}[text]
	case "binary":
		p, _ := base64.StdEncoding.DecodeString(text)
		return "0x" + hex.EncodeToString(p)
	case "float32", "float64":
		f, _ := strconv.ParseFloat(text, 64)
		return fmt.Sprint(f + 0) // SQLite keeps no sign of zero
	}
	return text
}
