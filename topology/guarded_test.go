package topology

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestP5DeadLetterKeyIsGuarded: the key that opens refused records, which are
// raw, is held to what the keys of masks are.
func TestP5DeadLetterKeyIsGuarded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dead.key")
	if err := os.WriteFile(path, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := guarded("file:" + path); err != nil {
		t.Error(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := guarded("file:" + path); err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), "kkkk") {
			t.Errorf("%o: %v", mode, err)
		}
		p := &Pipeline{env: Env{Secret: Secret}, home: -1}
		if err := p.openDeadLetters(DeadLetters{Home: "x", Key: "file:" + path}); err == nil || p.sealer != nil {
			t.Errorf("%o: the pipeline opened", mode)
		}
	}
	for _, ref := range []string{"env:NAME", "file:/run/secrets/dead", "file:" + path + "none"} {
		if err := guarded(ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
