// Package mutation breaks the product on purpose, one rule at a time, and wants
// a test to fail each time: the numbered invariants are held by tests, not by
// luck. A mutation is an overlay of one source file (`go build -overlay`):
// nothing in the tree is touched.
//
//	go test ./integration/mutation                               # each mutation still names one place in the source
//	go test ./integration/mutation -mutate -v -timeout 60m       # run them: each has to be caught
//	go test ./integration/mutation -mutate -run 'Mutations/P1'   # those of one invariant
package mutation

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var mutate = flag.Bool("mutate", false, "run the mutations, each by the tests that have to catch it")

// mutation is one broken rule.
type mutation struct {
	rule     string // the invariant it breaks
	file     string // from the root of the module
	old, new string // old stands once in the file
	pkg, run string // what has to fail
}

const root = "../.."

// TestMutations wants each mutation to be caught. Without -mutate it only
// looks whether what they change is still there: a mutation that changes
// nothing proves nothing.
func TestMutations(t *testing.T) {
	seen := map[string]bool{}
	for i, m := range mutations {
		seen[m.rule] = true
		t.Run(fmt.Sprintf("%s/%d", m.rule, i), func(t *testing.T) {
			name, overlay := m.overlay(t)
			if !*mutate {
				return
			}
			out, err := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-short", "-timeout", "5m", "-run", m.run, "sluice/"+m.pkg).CombinedOutput()
			text := string(out)
			switch {
			case err == nil && strings.Contains(text, "no tests to run"):
				t.Errorf("%s: there is no test %s", m.pkg, m.run)
			case err == nil:
				t.Errorf("%s: %q for %q: nothing noticed", name, m.new, m.old)
			case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
				t.Errorf("%s does not compile:\n%s", name, text)
			case !strings.Contains(text, "--- FAIL") && !strings.Contains(text, "panic: "):
				t.Errorf("%s: failed in another way:\n%s", name, text)
			}
		})
	}
	for _, rule := range []string{"P1", "P2", "P3", "P4", "P5", "P6", "D1", "D2", "D3", "D4", "D5", "D6", "D7"} {
		if !seen[rule] {
			t.Errorf("no mutation breaks %s", rule)
		}
	}
}

// overlay writes the changed file and the list that go build reads.
func (m *mutation) overlay(t *testing.T) (name, list string) {
	t.Helper()
	name, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), m.old); n != 1 {
		t.Fatalf("%s has %q %d times: the mutation has to follow the source", m.file, m.old, n)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, filepath.Base(name))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(src), m.old, m.new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := json.Marshal(map[string]map[string]string{"Replace": {name: changed}})
	if err != nil {
		t.Fatal(err)
	}
	list = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, p, 0o644); err != nil {
		t.Fatal(err)
	}
	return name, list
}
