package real

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// disk is a file system of its own, where this process may mount one.
type disk struct{ dir string }

// newDisk mounts a small one. Without the right to, it is a folder, and what
// needs it full is skipped.
func newDisk(t *testing.T, size string, path ...string) disk {
	t.Helper()
	d := disk{filepath.Join(path...)}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if syscall.Mount("tmpfs", d.dir, "tmpfs", 0, "size="+size) != nil {
		return disk{}
	}
	t.Cleanup(func() { _ = syscall.Unmount(d.dir, syscall.MNT_DETACH) })
	return d
}

func (d disk) filler() string { return filepath.Join(d.dir, ".filler") }

// fill leaves no byte.
func (d disk) fill(t *testing.T) {
	t.Helper()
	if d.dir == "" {
		t.Skip("a disk of its own needs the right to mount one (root)")
	}
	f, err := os.Create(d.filler())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func (d disk) empty(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.filler()); err != nil {
		t.Fatal(err)
	}
}

// writesNothing wants a process that has no file open for writing but its
// output: nothing is spooled to a local disk.
func (c *sluice) writesNothing(t *testing.T) {
	t.Helper()
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", c.Process.Pid))
	if err != nil || len(fds) == 0 {
		t.Fatalf("its descriptors cannot be read: %v", err)
	}
	for _, info := range fds {
		n := filepath.Base(info)
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", c.Process.Pid, n))
		if err != nil || !filepath.IsAbs(at) || strings.HasPrefix(at, "/dev/") || n == "1" || n == "2" {
			continue // sockets, pipes, anonymous ones
		}
		text, err := os.ReadFile(info)
		if err != nil {
			continue
		}
		var flags int
		for line := range strings.Lines(string(text)) {
			_, _ = fmt.Sscanf(line, "flags: %o", &flags)
		}
		if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
			t.Errorf("it has %s open for writing", at)
		}
	}
}
