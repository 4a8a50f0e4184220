package mask

import (
	"os/exec"
	"strings"
	"testing"

	"sluice/topology/stream"
)

// TestP1OnlyTheGateMakesClean: a stranger's attempts do not compile. That
// nobody but this room imports topology/stream/gate is for topology's
// TestFloors to see. // P1
func TestP1OnlyTheGateMakesClean(t *testing.T) {
	if testing.Short() {
		t.Skip("calls the compiler")
	}
	for _, c := range []struct {
		dir  string
		want []string
	}{
		{"internal", []string{"use of internal package sluice/topology/stream/internal/door not allowed"}},
		{"literal", []string{"forge.go:8:", "as door.Door value", "forge.go:12:", "forge.go:16:", "forge.go:21:", "as stream.Clean value"}},
	} {
		out, err := exec.Command("go", "build", "-o", "/dev/null", "./testdata/forge/"+c.dir).CombinedOutput()
		if err == nil {
			t.Errorf("%s compiled", c.dir)
		}
		for _, want := range c.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: no %q in\n%s", c.dir, want, out)
			}
		}
	}
}

// forged calls make with the zero value of a type it cannot name.
func forged[D any](make func(D, *stream.Batch, []stream.CleanRow) stream.Clean, b *stream.Batch) stream.Clean {
	var d D
	return make(d, b, nil)
}

// TestP1AnInferredDoorStaysShut: type inference compiles, and opens nothing. // P1
func TestP1AnInferredDoorStaysShut(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a Clean was made without the door")
		}
	}()
	forged(stream.NewClean, stream.NewBatch(lane, stream.Position{}, nil))
}
