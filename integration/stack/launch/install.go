package launch

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
)

// What is installed is pinned here, in maven/*.xml (class paths) and in the lock
// file of deploy/worker.
const versitygw = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

//go:embed maven/pom.xml
var pom []byte

//go:embed maven/catalog.xml
var catalogPom []byte

// Plugins and archives that are unpacked, not put on a class path.
const (
	debeziumPostgres = "io.debezium:debezium-connector-postgres:3.5.2.Final:tar.gz:plugin"
	debeziumMariaDB  = "io.debezium:debezium-connector-mariadb:3.5.0.Final:tar.gz:plugin"
	apicurio         = "io.apicurio:apicurio-registry-app:3.3.3:tar.gz:all"
)

// cache installs into a folder, each thing once, whoever asks.
type cache struct {
	dir string
	say func(format string, a ...any)
}

// CacheDir is where the stack installs to: sluice-stack in the user's cache
// folder, or $SLUICE_STACK_CACHE.
func CacheDir() (string, error) {
	if d := os.Getenv("SLUICE_STACK_CACHE"); d != "" {
		return filepath.Abs(d)
	}
	d, err := os.UserCacheDir()
	return filepath.Join(d, "sluice-stack"), err
}

// get returns the folder of name as fill left it. pin names the versions: with
// another pin it is filled anew. A folder that is there is whole.
func (c *cache) get(ctx context.Context, name string, pin []byte, fill func(ctx context.Context, dir string) error) (string, error) {
	sum := sha256.Sum256(pin)
	dir := filepath.Join(c.dir, name+"-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(c.dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err == nil { // another process was faster
		return dir, nil
	}
	c.say("installing %s", name)
	half, err := os.MkdirTemp(c.dir, name+"-half-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(half)
	if err := fill(ctx, half); err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	if err := os.Chmod(half, 0o755); err != nil {
		return "", err
	}
	return dir, os.Rename(half, dir)
}

// run is a command of an installation; what it printed is in the error.
func run(ctx context.Context, dir string, env []string, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out[max(0, len(out)-2000):])
	}
	return nil
}

func maven(ctx context.Context, dir string, args ...string) error {
	if _, err := exec.LookPath("mvn"); err != nil {
		return errors.New("mvn is not there: install Maven (Debian: maven)")
	}
	return run(ctx, dir, nil, append([]string{"mvn", "-q", "-B"}, args...)...)
}

// jars is a folder with the class path of a pom.
func (c *cache) jars(ctx context.Context, name string, pom []byte) (string, error) {
	return c.get(ctx, name, pom, func(ctx context.Context, dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom, 0o644); err != nil {
			return err
		}
		return maven(ctx, dir, "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=.")
	})
}

// archive is a folder with an artifact's archive unpacked.
func (c *cache) archive(ctx context.Context, name, artifact string) (string, error) {
	return c.get(ctx, name, []byte(artifact), func(ctx context.Context, dir string) error {
		if err := maven(ctx, dir, "dependency:copy", "-Dartifact="+artifact, "-DoutputDirectory=dl"); err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(dir, "dl", "*.tar.gz"))
		if err != nil || len(files) != 1 {
			return fmt.Errorf("%s: %d archives came", artifact, len(files))
		}
		if err := run(ctx, dir, nil, "tar", "xzf", files[0]); err != nil {
			return err
		}
		return os.RemoveAll(filepath.Join(dir, "dl"))
	})
}

// gateway is the path of versitygw.
func (c *cache) gateway(ctx context.Context) (string, error) {
	dir, err := c.get(ctx, "versitygw", []byte(versitygw), func(ctx context.Context, dir string) error {
		return run(ctx, dir, []string{"GOBIN=" + dir, "GOFLAGS=-mod=mod"}, "go", "install", versitygw)
	})
	return filepath.Join(dir, "versitygw"), err
}

// packages are npm packages by a lock file; their scripts do not run.
func (c *cache) packages(ctx context.Context, name string, files fs.FS, list ...string) (string, error) {
	var pin bytes.Buffer
	for _, f := range list {
		b, err := fs.ReadFile(files, f)
		if err != nil {
			return "", err
		}
		pin.Write(b)
	}
	return c.get(ctx, name, pin.Bytes(), func(ctx context.Context, dir string) error {
		if _, err := exec.LookPath("npm"); err != nil {
			return errors.New("npm is not there: install Node.js (Debian: npm)")
		}
		for _, f := range list {
			b, _ := fs.ReadFile(files, f)
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o644); err != nil {
				return err
			}
		}
		// install keeps to the lock file; ci wants binaries of other systems in it, too
		return run(ctx, dir, nil, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund")
	})
}

// program is a server's binary: in PATH, in one of Debian's folders, or, for
// root on Debian, installed now from its packages.
func (c *cache) program(ctx context.Context, name, pkg string, globs ...string) (string, error) {
	find := func() string {
		for _, g := range globs {
			if found, _ := filepath.Glob(g); len(found) > 0 {
				sort.Strings(found)
				return found[len(found)-1]
			}
		}
		p, _ := exec.LookPath(name)
		return p
	}
	if p := find(); p != "" {
		return p, nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Getuid() != 0 {
		return "", fmt.Errorf("%s is not there: install it (Debian: apt-get install %s)", name, pkg)
	}
	c.say("installing %s", pkg)
	env := []string{"DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"} // no server of the system's own starts
	install := append([]string{apt, "install", "-y", "-qq", "--no-install-recommends"}, strings.Fields(pkg)...)
	if err := run(ctx, "/", env, install...); err != nil {
		if err := run(ctx, "/", env, apt, "update", "-qq"); err != nil {
			return "", err
		}
		if err := run(ctx, "/", env, install...); err != nil {
			return "", err
		}
	}
	if p := find(); p != "" {
		return p, nil
	}
	return "", fmt.Errorf("%s is not there, although %s is installed", name, pkg)
}

// java is a Java of at least that version: $JAVA_HOME, PATH, then Debian's folder.
func java(ctx context.Context, least int) (string, error) {
	var tries []string
	if h := os.Getenv("JAVA_HOME"); h != "" {
		tries = append(tries, filepath.Join(h, "bin", "java"))
	}
	if p, err := exec.LookPath("java"); err == nil {
		tries = append(tries, p)
	}
	more, _ := filepath.Glob("/usr/lib/jvm/*/bin/java")
	for _, p := range append(tries, more...) {
		out, err := exec.CommandContext(ctx, p, "-version").CombinedOutput()
		if err != nil {
			continue
		}
		_, v, _ := strings.Cut(string(out), `"`)
		major, _, _ := strings.Cut(v, ".")
		major = strings.TrimRight(major, `"`)
		if n, err := strconv.Atoi(major); err == nil && n >= least {
			return p, nil
		}
	}
	return "", fmt.Errorf("no Java %d or newer: install one (Debian: openjdk-17-jre-headless; Temurin for newer ones) or set JAVA_HOME", least)
}

// credential is what a process of that user has.
func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

// give makes a folder the user's, when we are root.
func give(dir, name string) error {
	if os.Getuid() != 0 {
		return nil
	}
	c, err := credential(name)
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, int(c.Uid), int(c.Gid))
	})
}

// copyFiles writes a tree to a folder.
func copyFiles(to string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(p))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		in, err := files.Open(p)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(target)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		return errors.Join(err, out.Close())
	})
}
