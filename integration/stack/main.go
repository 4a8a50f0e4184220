// Command stack runs the servers that the integration tests meet: see package
// launch.
//
//	go run ./integration/stack install           fetches everything and tries it once
//	go run ./integration/stack up [PART ...]     installs, starts, returns when all answer
//	go run ./integration/stack status [--json]   what runs, where, how large
//	go run ./integration/stack down              stops it and removes its data
//
// The servers live as long as a supervisor that `up` leaves in the background;
// `up --foreground` is the supervisor itself and ends by Ctrl-C. One stack a
// user; $SLUICE_STACK names the folder of another.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"sluice/integration/stack/launch"
)

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	usage := errors.New("say install, up [--foreground] [PART ...], status [--json] or down; parts: " + strings.Join(launch.Parts, ", "))
	if len(args) == 0 {
		return usage
	}
	dir := os.Getenv("SLUICE_STACK")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("sluice-stack-%d", os.Getuid()))
	}
	flag := func(name string) bool {
		i := slices.Index(args, name)
		if i > 0 {
			args = slices.Delete(args, i, i+1)
		}
		return i > 0
	}
	switch args[0] {
	case "up":
		if flag("--foreground") {
			return supervise(dir, args[1:])
		}
		return up(dir, args[1:])
	case "install":
		return install()
	case "status":
		return status(dir, flag("--json"))
	case "down":
		return down(dir)
	}
	return usage
}

// state is what the supervisor leaves for the other commands.
type state struct {
	Supervisor int            `json:"supervisor"` // process id
	Dir        string         `json:"dir"`
	Servers    []server       `json:"servers"`
	Secure     string         `json:"kafka_sasl_ssl,omitempty"`
	Secrets    launch.Secrets `json:"secrets"`
}

type server struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	PID     int    `json:"pid"`
	RSS     int64  `json:"rss_bytes"`
	Log     string `json:"log"`
}

func supervise(dir string, parts []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return fmt.Errorf("a stack runs in %s already: see `status`, or end it with `down`", dir)
	}
	began := time.Now()
	s, err := launch.Up(ctx, launch.Options{Dir: dir, Parts: parts, Say: func(f string, a ...any) { fmt.Printf(f+"\n", a...) }})
	if err != nil {
		return err
	}
	st := func() state {
		st := state{Supervisor: os.Getpid(), Dir: dir, Secrets: s.Secrets}
		if s.Kafka != nil {
			st.Secure = s.Kafka.Secure
		}
		for _, p := range s.Processes() {
			st.Servers = append(st.Servers, server{p.Name, p.Address, p.PID(), p.RSS(), p.Log()})
		}
		return st
	}
	write := func() {
		b, err := json.MarshalIndent(st(), "", "  ")
		if err == nil && os.WriteFile(filepath.Join(dir, "stack.json.new"), b, 0o644) == nil {
			_ = os.Rename(filepath.Join(dir, "stack.json.new"), filepath.Join(dir, "stack.json"))
		}
	}
	write()
	fmt.Printf("the stack is up in %.1f s\n", time.Since(began).Seconds())
	for tick := time.NewTicker(2 * time.Second); ; {
		select {
		case <-tick.C:
			write()
		case <-ctx.Done():
			s.Down()
			return os.RemoveAll(dir)
		}
	}
}

// install brings everything up in a folder of its own and ends it.
func install() error {
	dir, err := os.MkdirTemp("", "sluice-stack-install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := launch.Up(ctx, launch.Options{Dir: dir, Say: func(f string, a ...any) { fmt.Printf(f+"\n", a...) }})
	if err != nil {
		return err
	}
	s.Down()
	return nil
}

// up starts a supervisor and returns when its stack is up.
func up(dir string, parts []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{"up", "--foreground"}, parts...)...)
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = append(os.Environ(), "SLUICE_STACK="+dir)
	if err := cmd.Start(); err != nil {
		return err
	}
	write.Close()
	for lines := bufio.NewScanner(read); lines.Scan(); {
		fmt.Println(lines.Text())
		if strings.HasPrefix(lines.Text(), "the stack is up") {
			return status(dir, false)
		}
	}
	_ = cmd.Wait()
	return errors.New("it did not come up")
}

func load(dir string) (st state, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "stack.json"))
	if errors.Is(err, os.ErrNotExist) {
		return st, fmt.Errorf("no stack runs in %s: start one with `up`", dir)
	}
	if err == nil {
		err = json.Unmarshal(b, &st)
	}
	if err == nil && syscall.Kill(st.Supervisor, 0) != nil {
		err = fmt.Errorf("the supervisor of the stack in %s is gone, and its servers with it: `down` removes the data", dir)
	}
	return st, err
}

func status(dir string, asJSON bool) error {
	st, err := load(dir)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(st)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	for _, p := range st.Servers {
		where := p.Address
		if p.PID == 0 {
			where = "is down"
		}
		fmt.Fprintf(w, "%s\t%s\t%d MB\t%s\n", p.Name, where, p.RSS>>20, p.Log)
	}
	fmt.Fprintf(w, "secrets\t%s\t\t\n", st.Secrets.Dir)
	return w.Flush()
}

func down(dir string) error {
	st, err := load(dir)
	if st.Supervisor == 0 {
		return err
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} { // servers end with their supervisor, whichever way it does
		_ = syscall.Kill(st.Supervisor, sig)
		for range 300 {
			if syscall.Kill(st.Supervisor, 0) != nil {
				return os.RemoveAll(dir)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	return fmt.Errorf("the supervisor (process %d) does not end", st.Supervisor)
}
