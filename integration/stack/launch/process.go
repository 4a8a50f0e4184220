package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// keeper runs a command as the head of a process group and ends the group when
// the command ends, or when its own standard input does: the write end of that
// pipe is this process's, and the kernel closes it however this process dies.
// A signal to the group is for the command; the keeper itself waits on.
const keeper = `exec 3<&0 </dev/null
trap : TERM INT
"$@" 3<&- &
child=$!
(trap - TERM INT; read -r _ <&3; kill -KILL 0) &
exec 3<&-
while kill -0 $child 2>/dev/null; do wait $child; done
kill -KILL 0`

// Process is one server of the stack. Its methods are safe for concurrent use.
type Process struct {
	Name    string
	Address string // host:port or URL that clients use

	argv  []string
	env   []string // added to a small, clean environment
	dir   string   // working folder
	user  string   // runs as that user when we are root
	log   string
	ready func(context.Context) error
	end   syscall.Signal // asks it to stop

	mu       sync.Mutex
	cmd      *exec.Cmd
	lifeline *os.File
	gone     chan struct{}
}

// patience is how long a server may take to answer: seconds, and minutes on a
// machine that others keep busy. One that ends is noticed at once.
const patience = 5 * time.Minute

// Start runs the server and returns when it answers.
func (p *Process) Start(ctx context.Context) error {
	if err := p.spawn(); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		try, stop := context.WithTimeout(ctx, 5*time.Second)
		last = p.ready(try)
		stop()
		if last == nil {
			return nil
		}
		select {
		case <-p.gone:
			return fmt.Errorf("%s: ended before it was ready; the end of %s:\n%s", p.Name, p.log, tail(p.log))
		case <-ctx.Done():
			p.Kill()
			return fmt.Errorf("%s: not ready: %w; the end of %s:\n%s", p.Name, last, p.log, tail(p.log))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *Process) spawn() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		select {
		case <-p.gone:
		default:
			return errors.New("runs already")
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		write.Close()
		return err
	}
	defer out.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", keeper, p.Name}, p.argv...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = read, out, out, p.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "LANG=C.UTF-8", "TZ=UTC", "AWS_EC2_METADATA_DISABLED=true"}, p.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.user != "" && os.Getuid() == 0 {
		if cmd.SysProcAttr.Credential, err = credential(p.user); err != nil {
			write.Close()
			return err
		}
	}
	if err := cmd.Start(); err != nil {
		write.Close()
		return err
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it always ends by the keeper's own signal
		write.Close()
		close(gone)
	}()
	p.cmd, p.lifeline, p.gone = cmd, write, gone
	return nil
}

// PID is the process group's head; 0 when it does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	select {
	case <-p.gone:
		return 0
	default:
		return p.cmd.Process.Pid
	}
}

func (p *Process) signal(s syscall.Signal) (gone <-chan struct{}) {
	pid := p.PID()
	p.mu.Lock()
	defer p.mu.Unlock()
	if pid != 0 {
		_ = syscall.Kill(-pid, s) // it may have ended by now
	}
	return p.gone
}

// Kill is kill -9 of the server and all it started.
func (p *Process) Kill() {
	if gone := p.signal(syscall.SIGKILL); gone != nil {
		<-gone
	}
}

// Stop asks the server to end and kills it after ten seconds.
func (p *Process) Stop() {
	gone := p.signal(p.end)
	if gone == nil {
		return
	}
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		p.Kill()
	}
}

// Pause is SIGSTOP, Resume is SIGCONT.
func (p *Process) Pause()  { p.signal(syscall.SIGSTOP) }
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Log is the path of the server's output.
func (p *Process) Log() string { return p.log }

// RSS is the memory of the process group in bytes.
func (p *Process) RSS() (n int64) {
	pid := p.PID()
	if pid == 0 {
		return 0
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		_, rest, ok := strings.Cut(string(b), ") ")
		fields := strings.Fields(rest) // from field 3: state, ppid, pgrp, ...; rss is field 24 (proc_pid_stat(5))
		if !ok || len(fields) < 22 || fields[2] != strconv.Itoa(pid) {
			continue
		}
		pages, _ := strconv.ParseInt(fields[21], 10, 64)
		n += pages * int64(os.Getpagesize())
	}
	return n
}

// tail is the last two thousand bytes of a log.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return strings.ToValidUTF8(string(b[max(0, len(b)-2000):]), "?")
}
