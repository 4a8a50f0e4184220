package topology_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors of the house, top level folder or package by package. A package
// imports what stands on a lower floor, and of its own floor only its room.
var floors = []struct {
	prefix string
	floor  int
}{
	{"schemas", 0},
	{"topology/stream", 1},
	{"topology", 2},
	{"connectors", 3},
	{"processors", 3},
	{"integration", 4},
	{"cmd", 4},
	{"deploy", 0}, // files to embed, no code
}

// shared packages of floor 3 that other rooms of it may import: conformance,
// clients, what stores without a compare-and-set have in common, and fakes that
// speak a protocol.
var shared = []string{
	"connectors/sinktest", "connectors/sourcetest", "processors/proctest",
	"connectors/internal/cloudflare", "connectors/internal/registry", "connectors/internal/beside", "connectors/internal/rowjson",
}

// conformance packages and tests may reach across rooms to make their inputs.
var conformance = []string{"connectors/sinktest", "connectors/sourcetest", "processors/proctest"}

// TestFloors fails on an import that goes up or sideways, on a folder that the
// plan of the house does not know, and on a maker of Clean rows besides mask. // P1
func TestFloors(t *testing.T) {
	out, err := exec.Command("go", "list", "-f",
		`{{.ImportPath}} {{join .Imports " "}}{{"\n"}}{{.ImportPath}}#test {{join .TestImports " "}} {{join .XTestImports " "}}`, "sluice/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		from, test := strings.CutSuffix(strings.TrimPrefix(f[0], "sluice/"), "#test")
		floor, room, ok := place(from)
		if !ok {
			t.Errorf("%s stands on no floor: add it to the list in this test, if it belongs here", from)
			continue
		}
		for _, imp := range f[1:] {
			to, ours := strings.CutPrefix(imp, "sluice/")
			if !ours || to == from {
				continue
			}
			toFloor, toRoom, ok := place(to)
			switch {
			case !ok:
				t.Errorf("%s imports %s, which stands on no floor", from, to)
			case to == "topology/stream/gate" && from != "processors/mask" && !(from == "topology" && test):
				t.Errorf("%s imports the gate: only processors/mask makes Clean rows", from) // P1
			case toFloor < floor, toFloor == floor && toRoom == room:
			case toFloor == 3 && floor == 3 && allowed(from, to, test):
			case strings.HasPrefix(from, "integration/") && strings.HasPrefix(to, "integration/"): // tests of the whole share the stack and the readers
			default:
				t.Errorf("%s (floor %d) must not import %s (floor %d)", from, floor, to, toFloor)
			}
		}
	}
}

func allowed(from, to string, test bool) bool {
	switch {
	case slices.Contains(shared, to):
		return true
	case strings.HasPrefix(to, "connectors/emulator/"):
		return test || strings.HasPrefix(from, "connectors/emulator/")
	case slices.Contains(conformance, from):
		return true
	}
	// tests of a connector may decode and keep all to make their rows
	return test && (to == "processors/mask" || to == "processors/decode")
}

func place(path string) (floor int, room string, ok bool) {
	parts := strings.Split(path, "/")
	room = strings.Join(parts[:min(2, len(parts))], "/")
	for _, f := range floors {
		if path == f.prefix || strings.HasPrefix(path, f.prefix+"/") {
			if f.floor == 2 {
				room = "topology"
			}
			return f.floor, room, true
		}
	}
	return 0, "", false
}
