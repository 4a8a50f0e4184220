package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
	"sluice/topology"
)

// asked is what reveal is told.
type asked struct {
	column, topic, token, role, reason, roleKey, keyID, typ string
}

// use is one line of the audit file. It never holds a token or a value. // P1
type use struct {
	Format   int            `json:"v"` // 1
	Time     time.Time      `json:"time"`
	Who      string         `json:"who"` // of the system: name and number
	Sudo     string         `json:"sudo,omitempty"`
	Pipeline string         `json:"pipeline"`
	Role     string         `json:"role"`
	Reason   string         `json:"reason"`
	Column   string         `json:"column"` // TOPIC.COLUMN
	Tokens   int            `json:"tokens"`
	Revealed int            `json:"revealed"`
	Keys     map[string]int `json:"keys,omitempty"` // tokens by key id, as far as they say it; "subject": keys of subjects
	Refused  string         `json:"refused,omitempty"`
}

func revealCommand(a *app) *cobra.Command {
	var in asked
	c := &cobra.Command{
		Use: "reveal FILE", Short: "Lead tokens back to their values, for a role, written down", Args: cobra.ExactArgs(1),
		Long: `Reveals tokens that the action tokenize made, one with --token or one a line on
standard input, and prints one value a line in their order. The policy says who:

    reveal:
      audit: /var/lib/sluice/reveal.jsonl
      roles:
        support: {columns: ["shop.*.email"], key: "sha256:HEX"}

Tokens do not say which column they are of: columns that one role may reveal and
another not are of different domains, as {tokenize: {domain: email}}, or nothing
is revealed. The role shows its key by --role-key. Before a value is printed the use is appended
to the audit file: time, who, role, reason, column, key ids and counts, never a
value; refused ones too. If that fails nothing is revealed.

Exit code 4: some tokens are none of this column; their lines are empty.`,
		Example: "  sluice reveal pipeline.yaml --column shop.public.customers.email --token k1_abc... --role support --role-key file:support.key --reason 'ticket 4711'",
		RunE: func(c *cobra.Command, args []string) error {
			return a.reveal(c, args[0], in)
		},
	}
	f := c.Flags()
	f.StringVar(&in.column, "column", "", "TOPIC.COLUMN; with --topic a path, which may lead into a column")
	f.StringVar(&in.topic, "topic", "", "the topic, if --column is a path")
	f.StringVar(&in.token, "token", "", "the token (default: one a line on standard input)")
	f.StringVar(&in.role, "role", "", "a role of the policy")
	f.StringVar(&in.roleKey, "role-key", "env:SLUICE_ROLE_KEY", "reference to the role's key: env:NAME or file:PATH")
	f.StringVar(&in.reason, "reason", "", "why; it is written down")
	f.StringVar(&in.keyID, "key-id", "", "key of tokens that carry none (form ff1), as the column's action in the ledger names it (default: the policy's, if it has one alone)")
	f.StringVar(&in.typ, "type", "", "type of the column, for form ff1 (default: its contract's, else string)")
	for _, name := range []string{"column", "role", "reason"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

// field is the column of in, its topic and the path to it.
func (in *asked) field(s *topology.Spec) (topic string, f *schemas.Field, path policy.Path, err error) {
	topic, column := in.topic, in.column
	if topic == "" {
		i := strings.LastIndexByte(column, '.')
		if i < 1 {
			return "", nil, nil, fmt.Errorf("--column %q: want TOPIC.COLUMN", column)
		}
		topic, column = column[:i], column[i+1:]
	}
	if path, err = policy.ParsePath(column); err != nil {
		return "", nil, nil, err
	}
	f = &schemas.Field{Name: path[0].Name, Type: schemas.Type{Kind: schemas.String}}
	k, err := contractOf(s, topic)
	if err != nil {
		return "", nil, nil, err
	}
	if k != nil {
		if x := k.Field(f.Name); x != nil {
			f.Class, _ = schemas.ParseClass(x.PII)
			f.Tags = x.Tags
			in.typ = cmp.Or(in.typ, x.Type)
		}
	}
	if in.typ != "" && len(path) == 1 {
		if f.Type, _, _, err = schemas.ParseColumn(in.typ); err != nil {
			return "", nil, nil, fmt.Errorf("--type: %w", err)
		}
	}
	return topic, f, path, nil
}

func (a *app) reveal(c *cobra.Command, file string, in asked) error {
	if strings.TrimSpace(in.reason) == "" {
		return exit(exitUsage, errors.New("--reason: say why"))
	}
	s, p, err := a.policyOf(file)
	if err != nil {
		return err
	}
	if p == nil || len(p.Reveal.Roles) == 0 {
		return exit(exitUsage, errors.New(file+": the policy lets nobody reveal: it has no reveal.roles"))
	}
	topic, f, path, err := in.field(s)
	if err != nil {
		return exit(exitUsage, err)
	}
	tokens, err := in.tokens(c.InOrStdin())
	if err != nil {
		return exit(exitUsage, err)
	}
	env := topology.System(a.log())
	key, err := env.Secret(in.roleKey)
	if err != nil {
		return exit(exitUsage, fmt.Errorf("--role-key: %w", err))
	}
	column := topic + "." + path.String()
	u := use{Format: 1, Time: env.Now().UTC(), Pipeline: s.ID, Role: in.role, Reason: in.reason, Column: column, Tokens: len(tokens)}
	u.Who, u.Sudo = who()
	refuse := func(err error) error {
		u.Refused = err.Error()
		return exit(exitUsage, errors.Join(err, write(p.Reveal.Audit, u)))
	}
	if err := p.Reveal.Allow(in.role, key, column, len(tokens), env.Secret); err != nil {
		return refuse(err)
	}
	spec, _, err := p.At(topic, f, path)
	if err == nil && !spec.Reversible() {
		err = strategy.ErrIrreversible
	}
	if err == nil {
		err = p.Alone(in.role, topic, spec)
	}
	if err != nil {
		return refuse(err)
	}
	ring, err := p.Ring(env)
	if err != nil {
		return exit(exitStore, err)
	}
	defer ring.Close()
	r, err := spec.Revealer(ring)
	if err != nil {
		return refuse(err)
	}
	if spec.Subjects() {
		if r.Vault, err = p.Vault(ring, env, false); err != nil {
			return exit(exitStore, err)
		}
	}
	if err := ambiguous(ring, spec, in.keyID); err != nil {
		return refuse(err)
	}
	values, last := make([][]byte, len(tokens)), error(nil)
	u.Keys = map[string]int{}
	for i, t := range tokens {
		v, err := r.Reveal(strategy.Token{Text: t, Type: f.Type, KeyID: in.keyID})
		if err != nil {
			last = err
			continue
		}
		values[i] = v
		u.Revealed++
		id, _, _ := bytes.Cut(t, []byte("_"))
		if spec.Subjects() {
			u.Keys["subject"]++ // no root key led back
		} else if k := ring.Find(string(id)); k != nil && len(id) < len(t) {
			u.Keys[k.ID()]++
		} else {
			u.Keys[cmp.Or(in.keyID, ring.Primary().ID())]++
		}
	}
	if err := write(p.Reveal.Audit, u); err != nil {
		return exit(exitRuntime, err) // nothing was shown
	}
	return a.shown(values, u, last)
}

// ambiguous tells that nobody knows which key made the tokens: those of ff1 do not
// say it, and another key would give a value of the same form that is not the one.
func ambiguous(ring *keys.Ring, spec *policy.Spec, keyID string) error {
	all := ring.All()
	if keyID != "" || !spec.KeepsFormat() || len(all) < 2 {
		return nil
	}
	var ids []string
	for _, k := range all {
		ids = append(ids, k.ID())
	}
	return fmt.Errorf("a token of form ff1 does not say its key, and the policy has %s: say --key-id. The ledger's row of the lane and offset names it, as tokenize:%s", strings.Join(ids, ", "), ids[0])
}

// shown prints the values.
func (a *app) shown(values [][]byte, u use, last error) error {
	texts := make([]*string, len(values))
	for i, v := range values {
		if v != nil {
			s := string(v)
			texts[i] = &s
		}
	}
	err := a.print(map[string]any{"column": u.Column, "values": texts}, func(w io.Writer) {
		for _, v := range values {
			fmt.Fprintf(w, "%s\n", v)
		}
	})
	if err == nil && last != nil {
		err = exit(exitFinding, fmt.Errorf("%d of %d tokens: %w", u.Tokens-u.Revealed, u.Tokens, last))
	}
	return err
}

// tokens are those of the command line or of in, one a line.
func (in *asked) tokens(r io.Reader) (all [][]byte, err error) {
	if in.token != "" {
		return [][]byte{bytes.TrimSpace([]byte(in.token))}, nil
	}
	lines, err := linesOf(r)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		if l = bytes.TrimSpace(l); len(l) > 0 {
			all = append(all, l)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no token: say --token, or give one a line on standard input")
	}
	return all, nil
}

// linesOf are the lines of standard input that are not empty, without what ends them;
// spaces are of a value.
func linesOf(r io.Reader) (all [][]byte, err error) {
	const most = 1 << 20
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, most)
	n := 0
	for ; sc.Scan(); n++ {
		if len(sc.Bytes()) > 0 {
			all = append(all, bytes.Clone(sc.Bytes()))
		}
	}
	if errors.Is(sc.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d of standard input is longer than %d bytes", n+1, most)
	}
	return all, sc.Err()
}

// write appends a line to the audit file and has it on disk before it returns.
func write(path string, u use) error {
	line, err := json.Marshal(u)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("reveal: audit: %w: nothing is revealed", err)
	}
	if info, err := f.Stat(); err == nil && info.Size() > 0 { // a full disk may have cut the line before
		var end [1]byte
		if _, err := f.ReadAt(end[:], info.Size()-1); err == nil && end[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = f.Write(append(line, '\n')) // one write: uses at once do not mix
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("reveal: audit: %w: nothing is revealed", err)
	}
	return nil
}

// who runs the process, and who had it run by sudo.
func who() (name, sudo string) {
	name = fmt.Sprintf("uid %d", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username + ", " + name
	}
	return name, os.Getenv("SUDO_USER")
}
