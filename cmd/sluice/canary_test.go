package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/cmd/sluice/dev"
	"sluice/topology"
	"sluice/topology/stream"
)

// TestCanary runs the product whole, as a process, with every sink, over
// records that have a marker of their own in every place of value, key and
// headers, good records and refused ones, and looks for the markers in every
// byte that came out, encoded, cut and hashed forms too. What the policy keeps
// has to be found, so that the search means something. // P1 P2 P3 P4 P6
func TestCanary(t *testing.T) {
	for i, c := range []struct {
		home, messages string
		log            []string
	}{
		{"lake", "filter", nil},
		{"replica", "reject", []string{"--json"}},
	} {
		t.Run("dead letters in "+c.home, func(t *testing.T) {
			t.Parallel()
			y := newCanary(t, uint64(i), c.home, c.messages)
			y.live(t, c.log)
			y.verbs(t)
			y.panics(t)
			y.parks(t)
			y.collect(t, y.stack, y.plant)
			y.search(t)
		})
	}
}

// canary is a world whose outputs are kept.
type canary struct {
	*world
	*plant
	outputs
	home    string         // of dead letters
	spool   string         // the process's folder for temporary files
	letters map[string]int // dead letters by code
	opened  bytes.Buffer   // records of dead letters, by the key
}

func newCanary(t *testing.T, seed uint64, home, messages string) *canary {
	t.Helper()
	stack, err := dev.Start(t.Context(), dev.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stack.Close)
	y := &canary{world: &world{stack: stack}, home: home, outputs: outputs{m: map[string]*bytes.Buffer{}}, letters: map[string]int{}}
	y.plant = sow(t, &markers{rng: rand.New(rand.NewPCG(seed, 6))}, stack.Values["KAFKA"])
	y.spool = filepath.Join(stack.Dir, "spool")
	if err := os.Mkdir(y.spool, 0o755); err != nil {
		t.Fatal(err)
	}
	y.add("files of spool", nil) // as a rule there are none left
	for _, name := range []string{"CLOUDFLARE", "CATALOG"} {
		stack.Values[name] = y.wiretap(t, name, stack.Values[name])
	}
	text := []byte(strings.NewReplacer("HOME", home, "MESSAGES", messages, "PLACE", y.place).Replace(canaryPipeline))
	if y.file, err = stack.WritePipeline(text); err != nil {
		t.Fatal(err)
	}
	if out, talk, code := sluice(t, "keys", "init", y.file); code != exitOK {
		t.Fatalf("keys init: %d: %s%s", code, out, talk)
	}
	y.spec, err = topology.Parse(text, func(n string) (string, bool) { v, ok := stack.Values[n]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	return y
}

var served = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

// live runs the process until all is durable, twice, and asks what it serves.
// The second one goes on where the first ended, with more records.
func (y *canary) live(t *testing.T, flags []string) {
	t.Helper()
	for i := range 2 {
		log := filepath.Join(y.stack.Dir, fmt.Sprintf("run%d.log", i))
		c := y.process(t, flags, log)
		if i > 0 {
			y.accounts()
			y.plain()
		}
		y.produce(t)
		address := y.ready(t, log)
		y.untilDurable(t, 30*time.Second)
		for _, path := range []string{"/livez", "/readyz", "/startupz", "/metrics", "/lag"} {
			status, body, err := get(address + path)
			if err != nil || status != http.StatusOK {
				t.Errorf("%s: %d %v", path, status, err)
			}
			y.add("served "+path, body)
		}
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("a clean stop exits 0: %v", err)
		}
	}
}

// ready waits until the process says where it serves and that it is ready.
// What it says before that is kept as well.
func (y *canary) ready(t *testing.T, log string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		p, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(p), "\n") {
			if !strings.Contains(line, "health, metrics and lag are served") {
				continue
			}
			address := served.FindString(line)
			status, body, _ := get(address + "/readyz")
			if status == http.StatusOK {
				return address
			}
			y.add("served /readyz", body)
			if _, body, err = get(address + "/startupz"); err == nil {
				y.add("served /startupz", body)
			}
		}
	}
	t.Fatal("the process does not become ready")
	return ""
}

// get is an answer with its headers.
func get(url string) (status int, p []byte, err error) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, append(fmt.Appendf(nil, "%v\n", resp.Header), body...), err
}

// process starts `sluice run -v` with its output in a file.
func (y *canary) process(t *testing.T, flags []string, path string) *exec.Cmd {
	t.Helper()
	log, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], append(flags, "run", "-v", y.file)...)
	c.Env = append(os.Environ(), "SLUICE_MAIN=1", "TMPDIR="+y.spool)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); log.Close() })
	return c
}

// verbs asks every verb that only looks.
func (y *canary) verbs(t *testing.T) {
	t.Helper()
	verb := func(name string, args ...string) []byte {
		t.Helper()
		var out, talk bytes.Buffer
		a := &app{out: &out, talk: &talk}
		c := root(a)
		c.SetOut(&talk)
		c.SetErr(&talk)
		c.SetArgs(args)
		err := c.ExecuteContext(t.Context())
		y.add(name, fmt.Appendf(nil, "%s %s %v", out.Bytes(), talk.Bytes(), err))
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		return out.Bytes()
	}
	for _, f := range [][]string{nil, {"--json", "-v"}} {
		for _, name := range []string{"lag", "audit", "validate"} {
			verb(name, append(f, name, y.file)...)
		}
		verb("dead list", append(f, "dead", "list", "--limit", "1000", y.file)...)
	}
	verb("mask explain", "mask", "explain", "--json", y.file, y.place+".public.people")
	verb("keys", "keys", "status", y.file)
	verb("keys", "keys", "shred", "--kind", "citizen", y.file, y.citizen)
	for _, flag := range []string{"--json=false", "--json"} {
		out, talk, code := sluice(t, "mask", "verify", flag, y.file, y.place+"_public_people")
		if code != exitOK && code != exitFinding {
			t.Errorf("mask verify: %d: %s", code, talk)
		}
		y.add("mask verify", []byte(out+talk))
	}
	var list []stream.DeadLetter
	if err := json.Unmarshal(verb("dead list", "--json", "dead", "list", "--limit", "1000", y.file), &list); err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		y.letters[d.Stage+": "+d.Code]++
	}
	if len(list) > 0 {
		verb("dead show", "dead", "show", y.file, list[0].ID)
		verb("dead show", "--json", "dead", "show", y.file, list[0].ID)
	}
	p := y.open(t)
	defer p.Close()
	for _, d := range list {
		if d.Stage == "decode" || d.Stage == "mask" {
			full, err := p.Home().(stream.DeadLetters).GetDead(t.Context(), d.ID)
			if err != nil {
				t.Fatal(err)
			}
			l, err := p.Sealer().Open(full)
			if err != nil {
				t.Fatal(err)
			}
			y.add("sealed letters", full.Sealed)
			fmt.Fprintf(&y.opened, "%s %s\n", l.Key, l.Value)
		}
	}
}

// burst is a stage that panics with what it is given.
type burst func(*stream.Record)

func (f burst) Process(b *stream.Batch) error {
	for i := range b.Records {
		f(&b.Records[i])
	}
	return nil
}

// panics runs pipelines with a stage that panics before the gate.
func (y *canary) panics(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	index, _ := y.number("an index out of range").Int64()
	for i, f := range []burst{
		func(r *stream.Record) { panic(string(r.Value.Bytes())) },
		func(r *stream.Record) { panic(fmt.Errorf("cannot take %s", r.Value.Bytes())) },
		func(r *stream.Record) { panic(r) },
		func(*stream.Record) { _ = []int{}[index] },
		func(r *stream.Record) { _ = any(r).(fmt.Stringer).(error) },
	} {
		err := y.aside(ctx, t, fmt.Sprint("burst", i), f, "home: replica", topology.Observer{})
		if err == nil || !strings.Contains(err.Error(), "burst") || !strings.Contains(err.Error(), "stage at") {
			t.Errorf("panic %d ends the run with an error that says where: %v", i, err)
		}
	}
}

// parks runs a pipeline that has no place for refused records until a lane is held.
func (y *canary) parks(t *testing.T) {
	t.Helper()
	ctx, held := context.WithCancel(t.Context())
	defer held()
	why := ""
	y.aside(ctx, t, "parks", func(*stream.Record) {}, "home: \"\"", topology.Observer{LaneState: func(e topology.LaneChanged) { why += e.Why; held() }})
	if !strings.Contains(why, "refused by decode") {
		t.Errorf("no lane was held by a refused record: %q", why)
	}
}

// aside runs a pipeline of its own, with f as a stage and D1 as its only
// sink, and keeps its log and its error as the output of that name.
func (y *canary) aside(ctx context.Context, t *testing.T, name string, f burst, home string, o topology.Observer) error {
	t.Helper()
	text := regexp.MustCompile(`(?s)(sinks:\n).*(  - name: replica.*)  - name: events.*home: \w+`).ReplaceAllString(string(y.spec.Text()), "${1}${2}dead_letters: {"+home)
	text = strings.NewReplacer("id: canary", "id: "+name, "group: canary", "group: "+name, "  - mask:", "  - burst: {}\n  - mask:").Replace(text)
	spec, err := topology.Parse([]byte(text), func(n string) (string, bool) { v, ok := y.stack.Values[n]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	reg := components()
	reg.Raw = append(reg.Raw, topology.New("burst", struct{}{}, func(struct{}, topology.Env) (stream.Raw, error) { return f, nil }))
	p, err := reg.Build(spec, topology.System(log))
	if err != nil {
		t.Fatal(err)
	}
	err = run(ctx, log, spec, p, o)
	fmt.Fprintf(&out, "%v %+v %#v", err, err, err)
	y.add("run of "+strings.TrimRight(name, "0123456789"), out.Bytes())
	return err
}

// mustHold says how many kept markers each output has to hold at least; 1 is
// the name of a topic.
var mustHold = map[string]int{
	"Parquet pages": 50, "Parquet values": 50, "files: Parquet as it is": 20, "files: Avro as it is": 1, "files: Avro, inflated": 10, "files of catalog": 1, "files of warehouse": 1,
	"D1 rows": 30, "KV pairs": 20, "D1 tables of its own": 1, "files of cloudflare": 60, "queue": 60, "wire to CLOUDFLARE": 60, "wire to CATALOG": 1,
	"topics of the sink": 50, "topics of its own": 1, "group": 1, "files of run0.log": 1, "files of run1.log": 1, "files of pipeline.yaml": 1, "files of pipeline.env": 0,
	"served /livez": 0, "served /readyz": 0, "served /startupz": 0, "served /metrics": 1, "served /lag": 1,
	"lag": 1, "audit": 0, "validate": 0, "dead list": 1, "mask explain": 1, "mask verify": 1, "keys": 0, "dead show": 1, "sealed letters": 0, "run of burst": 1, "run of parks": 1,
	"files of secrets": 0, "files of subjects": 0, "files of spool": 0, "files of cluster.id": 0,
}

// mustRefuse is what the dead letters have to name: else a record did not go the way it was made for.
var mustRefuse = []string{"decode: bad_json", "decode: bad_key", "decode: not_object", "decode: unknown_op", "decode: no_row", "decode: type_mismatch", "decode: too_deep",
	"decode: too_many_fields", "decode: bad_schema", "mask: unmaskable"}

// sinkRefuses is what the home of D1 has to name, and that of Iceberg.
var sinkRefuses = map[string][]string{"replica": {"queues: message_too_large", "sink: row_too_large", "sink: null_key"}, "lake": {"iceberg: range"}}

// ofSubject is what a token under a key of a data subject begins with.
var ofSubject = regexp.MustCompile(`\bs[a-z2-7]{15}_`)

func (y *canary) search(t *testing.T) {
	t.Helper()
	for _, code := range append(mustRefuse, sinkRefuses[y.home]...) {
		if y.letters[code] == 0 {
			t.Errorf("no record was refused as %s", code)
		}
	}
	t.Logf("dead letters: %v", y.letters)
	f := newFinder(y.all)
	if n := len(f.find(y.opened.Bytes())); n < 100 {
		t.Errorf("letters that were opened hold %d markers: they do not keep the records", n)
	}
	if n := len(ofSubject.FindAll(y.m["D1 rows"].Bytes(), -1)); n < 10 {
		t.Errorf("%d tokens under keys of subjects are in D1", n)
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(y.m)) {
		out := y.m[name].Bytes()
		total += len(out)
		kept := min(1, bytes.Count(out, []byte(y.place)))
		for i, form := range f.find(out) {
			if m := f.marks[i]; !m.kept {
				t.Errorf("%s: holds %s as %s", name, m.where, form)
			}
		}
		for _, m := range y.all {
			if m.kept && bytes.Contains(out, []byte(m.text)) {
				kept++
			}
		}
		if want, known := mustHold[name]; !known || kept < want {
			t.Errorf("%s: %d kept markers are in its %d bytes, want %d: the search of it proves nothing", name, kept, len(out), want)
		}
		t.Logf("%-28s %9d bytes, %3d kept markers", name, len(out), kept)
	}
	for name := range mustHold {
		if y.m[name] == nil {
			t.Errorf("%s: there is none", name)
		}
	}
	t.Logf("%d markers, %d pieces of their forms, %d bytes", len(y.all), len(f.pieces), total)
}
