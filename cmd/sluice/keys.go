package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sluice/processors/mask/keys"
	"sluice/processors/mask/policy"
	"sluice/topology"
)

func keysCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Look at the keys of a policy and rotate them",
		Long: `A policy names its keys by reference, the primary one first:

    keys:
      - {id: k2, ref: "file:/etc/sluice/k2"}                 # new tokens
      - {id: k1, ref: "file:/etc/sluice/k1", window: true}   # its tokens are still in stores

References: env:NAME, file:PATH (mode 0600), age:PATH#IDENTITY, awskms:ARN#file:PATH,
vault:https://HOST/transit/KEY#file:PATH. No key is ever printed.`}
	c.AddCommand(keysListCommand(a), keysStatusCommand(a), keysRotateCommand(a), keysInitCommand(a), keysShredCommand(a), keysRewrapCommand(a))
	return c
}

// keyLine is what is told of a key.
type keyLine struct {
	ID    string     `json:"id"`
	Use   string     `json:"use"` // primary, window, reveal
	Ref   string     `json:"ref"`
	State string     `json:"state,omitempty"` // opens, or why not
	Since *time.Time `json:"since,omitempty"` // of its file
}

// keysOf lists the keys of a policy.
func (a *app) keysOf(file string) (*policy.Rules, []keys.Config, []keyLine, error) {
	_, p, err := a.policyOf(file)
	if err != nil {
		return nil, nil, nil, err
	}
	if p == nil {
		return nil, nil, nil, exit(exitUsage, fmt.Errorf("%s: %w", file, policy.ErrNoGate))
	}
	list := p.KeyList()
	if len(list) == 0 {
		return nil, nil, nil, exit(exitUsage, errors.New(file+": the policy has no key: it masks nothing with one"))
	}
	lines := make([]keyLine, len(list))
	for i, c := range list {
		lines[i] = keyLine{ID: c.ID, Use: "reveal", Ref: c.Ref}
		switch {
		case i == 0:
			lines[i].Use = "primary"
		case c.Window:
			lines[i].Use = "window"
		}
	}
	return p, list, lines, nil
}

func keysListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list FILE", Short: "List the keys of a policy, without opening them", Args: cobra.ExactArgs(1), Example: "  sluice keys list pipeline.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			_, _, lines, err := a.keysOf(args[0])
			if err != nil {
				return err
			}
			return a.print(lines, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
				fmt.Fprintln(t, "ID\tUSE\tREFERENCE")
				for _, l := range lines {
					fmt.Fprintf(t, "%s\t%s\t%s\n", l.ID, l.Use, l.Ref)
				}
				t.Flush()
			})
		},
	}
}

func keysStatusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "status FILE", Short: "Open every key and say which are in order and how old they are", Args: cobra.ExactArgs(1), Example: "  sluice keys status pipeline.yaml",
		Long: `Opens every key of the policy: reads files, asks KMS and Vault. AGE is that of the
key's file; a variable has none. Exits 4 if a key does not open.

"sluice mask verify FILE TABLE" counts the tokens of a table by key id.`,
		RunE: func(c *cobra.Command, args []string) error {
			_, list, lines, err := a.keysOf(args[0])
			if err != nil {
				return err
			}
			env := topology.System(a.log())
			bad := 0
			for i, x := range list {
				lines[i].State = "opens"
				r, err := keys.Open(c.Context(), []keys.Config{x}, keys.Outside{Secret: env.Secret, HTTP: env.HTTP, Now: env.Now})
				if err != nil {
					lines[i].State = strings.TrimPrefix(err.Error(), "key "+x.ID+": ")
					bad++
				} else {
					r.Close()
				}
				if info, err := os.Stat(keys.File(x.Ref)); err == nil {
					at := info.ModTime().UTC().Truncate(time.Second)
					lines[i].Since = &at
				}
			}
			err = a.print(lines, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
				fmt.Fprintln(t, "ID\tUSE\tKIND\tAGE\tSTATE")
				for _, l := range lines {
					age := "-"
					if l.Since != nil {
						age = fmt.Sprintf("%d days", int(env.Now().Sub(*l.Since).Hours()/24))
					}
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", l.ID, l.Use, keys.Kind(l.Ref), age, l.State)
				}
				t.Flush()
			})
			if err == nil && bad > 0 {
				err = exit(exitFinding, fmt.Errorf("%d of %d keys do not open", bad, len(lines)))
			}
			return err
		},
	}
}

func keysRotateCommand(a *app) *cobra.Command {
	var out, id string
	c := &cobra.Command{
		Use: "rotate FILE", Short: "Make a new key and say what to write in the pipeline file", Args: cobra.ExactArgs(1),
		Example: "  sluice keys rotate pipeline.yaml --out /etc/sluice/k2",
		Long: `Makes a new key file with --out, for its owner alone, or says how KMS or Vault
makes a wrapped one, and prints the lines that make it the primary key and keep
the old ones for the time of the change. FILE is not edited.

A token cannot be made anew without its value, so stores hold tokens of both keys
until the rows are written again. With window: true look-ups try both.`,
		RunE: func(_ *cobra.Command, args []string) error {
			_, list, _, err := a.keysOf(args[0])
			if err != nil {
				return err
			}
			if id == "" {
				id = nextID(list)
			}
			if err := keys.CheckID(id); err != nil {
				return exit(exitUsage, err)
			}
			for _, c := range list {
				if c.ID == id {
					return exit(exitUsage, fmt.Errorf("key %s is there already: tokens could not tell the two apart", id))
				}
			}
			ref, how := newReference(list[0].Ref, id)
			if out != "" {
				if err := newKeyFile(out); err != nil {
					return exit(exitRuntime, err)
				}
				ref, how = "file:"+out, nil
			}
			text := []string{"keys:", fmt.Sprintf("  - {id: %s, ref: %q}", id, ref)}
			for _, c := range list {
				text = append(text, fmt.Sprintf("  - {id: %s, ref: %q, window: true}", c.ID, c.Ref))
			}
			return a.print(map[string]any{"id": id, "ref": ref, "made": out != "", "steps": how, "keys": text}, func(w io.Writer) {
				for _, s := range how {
					fmt.Fprintln(w, "#", s)
				}
				if out != "" {
					fmt.Fprintf(w, "# %s holds the new key. Back it up: what it masks cannot be revealed without it.\n", out)
				}
				fmt.Fprintln(w, "# This goes into the mask stage, in place of key, key_id or keys.")
				fmt.Fprintln(w, strings.Join(text, "\n"))
				fmt.Fprintln(w, "# Then stop the pipeline, which aligns its sinks, and start it again. Drop window,")
				fmt.Fprintln(w, "# and later the old key, when no store holds its tokens: sluice mask verify counts them,")
				fmt.Fprintln(w, "# but for those of form ff1, which do not say their key: the ledger does, and reveal")
				fmt.Fprintln(w, "# takes --key-id. Keys of data subjects: sluice keys rewrap, before the old key goes.")
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "write a new key to this file, which must not exist")
	c.Flags().StringVar(&id, "id", "", "id of the new key (default: the primary one's, counted up)")
	return c
}

// nextID counts the number at the end of the primary id up, until it is free.
func nextID(list []keys.Config) string {
	id := list[0].ID
	stem := strings.TrimRight(id, "0123456789")
	n, _ := strconv.Atoi(id[len(stem):])
	for {
		n++
		free := true
		for _, c := range list {
			free = free && c.ID != stem+strconv.Itoa(n)
		}
		if free {
			return stem + strconv.Itoa(n)
		}
	}
}

// newReference is a reference of the same kind for a new key, and how to make
// what it leads to.
func newReference(old, id string) (ref string, how []string) {
	kind, rest, _ := strings.Cut(old, ":")
	name, _, _ := strings.Cut(rest, "#")
	switch kind {
	case "env":
		return "env:SLUICE_MASK_KEY_" + strings.ToUpper(id), []string{"Put 32 random bytes there: openssl rand -hex 32"}
	case "age":
		return "age:PATH#IDENTITY", []string{"openssl rand -hex 32 | age -r RECIPIENT -o PATH"}
	case "awskms":
		return "awskms:" + name + "#file:PATH", []string{"aws kms generate-data-key-without-plaintext --key-id " + name + " --key-spec AES_256 --query CiphertextBlob --output text > PATH"}
	case "vault":
		i := strings.LastIndexByte(name, '/')
		mount := name[strings.LastIndexByte(name[:i], '/')+1 : i]
		return "vault:" + name + "#file:PATH", []string{"vault write -field=ciphertext -f " + mount + "/datakey/wrapped/" + name[i+1:] + " > PATH"}
	}
	return "file:PATH", []string{"sluice keys rotate FILE --out PATH makes the file; or: (umask 077; openssl rand -hex 32 > PATH)"}
}

// newKeyFile writes 32 random bytes in hex to a file that is not there yet.
func newKeyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	var p [32]byte
	rand.Read(p[:])
	text := []byte(hex.EncodeToString(p[:]) + "\n")
	_, err = f.Write(text)
	clear(text)
	clear(p[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path) // an empty file would be in the way of the next try
	}
	return err
}
