// Command sluice reads Debezium and event topics from Kafka, masks personal
// data and commits rows and positions to Iceberg, D1 and Queues.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sluice/topology"
)

// Exit codes, stable.
const (
	exitOK      = 0
	exitRuntime = 1 // something failed while it ran
	exitUsage   = 2 // the command line or the pipeline file is wrong
	exitStore   = 3 // a broker or a store does not answer or refuses
	exitFinding = 4 // it ran, and what it looked at is not well
)

// exitError carries the exit code of an error.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exit(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code, err}
}

// app is what the verbs share: where they talk and how.
type app struct {
	out, talk io.Writer // data, and everything else
	json      bool
	verbose   bool
	env       string
}

func (a *app) log() *slog.Logger {
	level := slog.LevelInfo
	if a.verbose {
		level = slog.LevelDebug
	}
	if a.json {
		return slog.New(slog.NewJSONHandler(a.talk, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(slog.NewTextHandler(a.talk, &slog.HandlerOptions{Level: level}))
}

func root(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "sluice",
		Short: "Kafka and Debezium to Iceberg, D1 and Queues, masked, exactly once",
		Long: `Sluice reads Debezium and event topics from Kafka, masks personal data before
anything leaves the process, and commits rows and positions in one step to
Apache Iceberg, Cloudflare D1, Queues and KV, and Kafka.

Exit codes: 0 well, 1 failed while running, 2 wrong command line or pipeline
file, 3 a broker or store does not answer or refuses, 4 it ran and what it
looked at is not well (audit, lag --fail).`,
		Example: `  sluice dev                          # everything embedded, nothing to install
  sluice validate pipeline.yaml       # find mistakes before anything runs
  sluice run pipeline.yaml
  sluice lag pipeline.yaml            # where every sink stands, from the stores
  sluice audit pipeline.yaml          # prove that nothing was lost or doubled`,
		SilenceUsage: true, SilenceErrors: true,
	}
	f := c.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "one JSON document on standard output, logs as JSON")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "log more")
	f.StringVar(&a.env, "env", "", "file of NAME=VALUE lines for ${NAME} in the pipeline file (default: the .env file beside it, if there is one)")
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exit(exitUsage, fmt.Errorf("%w%s", err, nearFlag(c, err)))
	})
	for _, g := range []struct {
		title string
		verbs []*cobra.Command
	}{
		{"Run a pipeline:", []*cobra.Command{devCommand(a), validateCommand(a), runCommand(a), alignCommand(a)}},
		{"See where it stands, and mend it:", []*cobra.Command{lagCommand(a), auditCommand(a), deadCommand(a), acceptLossCommand(a), rebaseCommand(a)}},
		{"Look at data:", []*cobra.Command{decodeCommand(a), schemaCommand(a), contractCommand(a)}},
		{"Personal data:", []*cobra.Command{profileCommand(a), detectCommand(a), maskCommand(a), keysCommand(a), revealCommand(a)}},
	} {
		c.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, v := range g.verbs {
			v.GroupID = g.title
			c.AddCommand(v)
		}
	}
	c.AddCommand(versionCommand(a))
	for _, family := range c.Commands() {
		if family.HasSubCommands() && !family.Runnable() {
			members(family)
		}
	}
	return c
}

// members has a command that only holds others refuse what is none of them: cobra
// prints the help then, and a script goes on.
func members(c *cobra.Command) {
	c.Args, c.DisableFlagsInUseLine = cobra.ArbitraryArgs, true
	c.Example = c.Commands()[0].Example
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		var known []string
		for _, x := range c.Commands() {
			known = append(known, x.Name())
		}
		return exit(exitUsage, fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), topology.Suggest(args[0], known)))
	}
}

func main() {
	a := &app{out: os.Stdout, talk: os.Stderr}
	ctx, stop := signals()
	defer stop()
	c, err := root(a).ExecuteContextC(ctx)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "sluice:", err)
	if usage(err) && c.HasParent() {
		fmt.Fprintf(os.Stderr, "usage: %s; %s --help says more\n", c.UseLine(), c.CommandPath())
	}
	os.Exit(exitCode(err))
}

// exitCode is the code that err ends the process with.
func exitCode(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.code
	case usage(err):
		return exitUsage
	}
	return exitRuntime
}

// usage reports cobra's own complaints about the command line.
func usage(err error) bool {
	for _, s := range []string{"unknown command", "unknown flag", "accepts ", "requires at least", "required flag", "invalid argument"} {
		if len(err.Error()) >= len(s) && err.Error()[:len(s)] == s {
			return true
		}
	}
	return false
}

// nearFlag suggests the flag of c that an unknown one may have been meant for.
func nearFlag(c *cobra.Command, err error) string {
	name, is := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !is {
		return ""
	}
	var have []string
	for _, m := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(c.UsageString(), -1) {
		have = append(have, m[1])
	}
	if s := topology.Suggest(name, have); !strings.HasPrefix(s, ", have") { // --help lists them better
		return s
	}
	return ""
}

// signals returns a context that ends at the first SIGINT or SIGTERM; a second
// one stops the process at once.
func signals() (context.Context, func()) {
	ctx, stop := context.WithCancel(context.Background())
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ch
		stop()
		if s, ok := (<-ch).(syscall.Signal); ok {
			os.Exit(128 + int(s))
		}
	}()
	return ctx, stop
}

// version is set by the release build; a build from source tells its revision.
var version = "dev"

func versionText() (text, revision, goVersion string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, "", ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return version, revision, info.GoVersion
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v, rev, gov := versionText()
			return a.print(map[string]string{"version": v, "revision": rev, "go": gov}, func(w io.Writer) {
				fmt.Fprintln(w, "sluice", v, rev, gov)
			})
		},
	}
}
