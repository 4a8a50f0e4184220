package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice/processors/mask/subject"
	"sluice/topology"
)

// vault opens the keys of data subjects of a pipeline file; first makes the store.
func (a *app) vault(file string, first bool) (*subject.Vault, error) {
	p, _, _, err := a.keysOf(file)
	if err != nil {
		return nil, err
	}
	env := topology.System(a.log())
	ring, err := p.Ring(env)
	if err != nil {
		return nil, exit(exitStore, err)
	}
	defer ring.Close()
	v, err := p.Vault(ring, env, first)
	if errors.Is(err, subject.ErrNoStore) {
		return nil, exit(exitStore, err)
	}
	if err != nil {
		return nil, exit(exitUsage, err)
	}
	return v, nil
}

func keysInitCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "init FILE", Short: "Make the store of keys of data subjects, once", Args: cobra.ExactArgs(1), Example: "  sluice keys init pipeline.yaml",
		Long: `Makes the folder that subjects: store: names, with a key of its own under which it
knows subjects. Doing it again changes nothing. A pipeline does not make it: a volume
that is not mounted would look like a store without keys, and everybody would get a
new one.

The keys in it are wrapped under the policy's primary key. Keep it apart from that
key and from the tables, and back it up for no longer than a destroyed key may live.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := a.vault(args[0], true); err != nil {
				return err
			}
			return a.print(map[string]any{"ready": true}, func(w io.Writer) { fmt.Fprintln(w, "the store is ready") })
		},
	}
}

// shredded is what keys shred did; it never names the subject. // P1
type shredded struct {
	Key string `json:"key"` // its id, which stands in tokens; "": there was none
}

func keysShredCommand(a *app) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use: "shred FILE SUBJECT|-", Short: "Destroy the key of a data subject: nothing leads back from its tokens", Args: cobra.ExactArgs(2),
		Long: `Destroys the key under which {tokenize: {subject: {column: C}}} and hash, synthetic,
shift and noise with a subject masked the rows whose column C is SUBJECT, and prints
the id of the key, which stands in tokens. They stay in the stores, and say
"destroyed" to reveal; nobody can tell any more what the hashes among them, and
persons, dates and numbers that were made up, are of. If a row of SUBJECT comes
again it gets another key.

SUBJECT is the canonical text of the column: an integer's digits, a text as it is;
- reads one a line from standard input, so that none stands in the shell's history.

Instances that run learn of it with their next batch. What is not under a
subject's key, such as plain hashes, dead letters and topics, is not touched, nor
are copies and backups of the store.

Exit code 4: some have no key, be it that none was made or that it was destroyed.`,
		Example: "  sluice keys shred pipeline.yaml 4711\n  sluice keys shred pipeline.yaml - --kind customer < erase.txt",
		RunE: func(c *cobra.Command, args []string) error {
			names := [][]byte{[]byte(args[1])}
			if args[1] == "-" {
				var err error
				if names, err = linesOf(c.InOrStdin()); err != nil {
					return exit(exitUsage, err)
				}
				if len(names) == 0 {
					return exit(exitUsage, errors.New("no subject: give one a line on standard input"))
				}
			}
			v, err := a.vault(args[0], false)
			if err != nil {
				return err
			}
			all, none := []shredded{}, 0
			for _, name := range names {
				id, err := v.Shred(c.Context(), kind, name)
				if err != nil {
					return exit(exitStore, fmt.Errorf("%d of %d are done: %w", len(all), len(names), err))
				}
				all = append(all, shredded{id})
				if id == "" {
					none++
				}
			}
			err = a.print(all, func(w io.Writer) {
				for _, x := range all {
					if x.Key == "" {
						fmt.Fprintln(w, "no key")
					} else {
						fmt.Fprintln(w, x.Key, "destroyed")
					}
				}
			})
			if err == nil && none > 0 {
				err = exit(exitFinding, fmt.Errorf("%d of %d subjects have no key: look at --kind and at how the column spells them", none, len(names)))
			}
			return err
		},
	}
	c.Flags().StringVar(&kind, "kind", "", "kind of the subjects, as the policy's subject: {column, kind} says it")
	return c
}

func keysRewrapCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rewrap FILE", Short: "Wrap the keys of data subjects under the primary key", Args: cobra.ExactArgs(1), Example: "  sluice keys rewrap pipeline.yaml",
		Long: `After a rotation: wraps every key of the store anew under the policy's primary key.
The subjects' keys and their tokens stay as they are; afterwards the older key is
not needed for them. It may run while the pipeline runs, and again if it is stopped.
Every instance must know the new key before.`,
		RunE: func(c *cobra.Command, args []string) error {
			v, err := a.vault(args[0], false)
			if err != nil {
				return err
			}
			n, err := v.Rewrap(c.Context())
			if err != nil {
				return exit(exitStore, fmt.Errorf("%d are done: %w", n, err))
			}
			return a.print(map[string]int{"rewrapped": n}, func(w io.Writer) { fmt.Fprintln(w, n, "keys are wrapped anew") })
		},
	}
}
