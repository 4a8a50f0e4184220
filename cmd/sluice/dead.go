package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"sluice/connectors/kafka"
	"sluice/topology"
	"sluice/topology/stream"
)

func deadCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "dead", Short: "Look at refused records and send them again",
		Long: `Records that were refused before the gate are kept sealed in the home of the
pipeline's dead letters. list and show tell position, code and field; only show
--unseal opens the record itself, with the key of the pipeline file.`}
	c.AddCommand(deadList(a), deadShow(a), deadRedrive(a))
	return c
}

// home opens a pipeline and the store of its dead letters.
func (a *app) home(file string) (*topology.Pipeline, stream.DeadLetters, error) {
	_, p, err := a.open(file)
	if err != nil {
		return nil, nil, err
	}
	h, ok := p.Home().(stream.DeadLetters)
	if !ok {
		p.Close()
		return nil, nil, exit(exitUsage, errors.New(file+": this pipeline has no dead_letters home"))
	}
	return p, h, nil
}

func deadList(a *app) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "list FILE", Short: "List dead letters that were not sent again", Args: cobra.ExactArgs(1), Example: "  sluice dead list pipeline.yaml",
		RunE: func(c *cobra.Command, args []string) error {
			p, h, err := a.home(args[0])
			if err != nil {
				return err
			}
			defer p.Close()
			all, err := h.ListDead(c.Context(), limit)
			if err != nil {
				return exit(exitStore, err)
			}
			for i := range all {
				all[i].Sealed = nil // P1
			}
			return a.print(all, func(w io.Writer) {
				if len(all) == 0 {
					fmt.Fprintln(w, "no dead letters: nothing was refused, or all of it was sent again")
					return
				}
				t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
				fmt.Fprintln(t, "ID\tTIME\tSTAGE\tCODE\tFIELD\tSINK")
				for _, d := range all {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, time.UnixMicro(d.Time).UTC().Format(time.RFC3339), d.Stage, d.Code, d.Field, d.Sink)
				}
				t.Flush()
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 100, "how many")
	return c
}

func deadShow(a *app) *cobra.Command {
	var unseal bool
	c := &cobra.Command{
		Use: "show FILE ID", Short: "Show one dead letter", Args: cobra.ExactArgs(2), Example: "  sluice dead show pipeline.yaml dev/shop.orders/0/17/0",
		RunE: func(c *cobra.Command, args []string) error {
			p, h, err := a.home(args[0])
			if err != nil {
				return err
			}
			defer p.Close()
			d, err := h.GetDead(c.Context(), args[1])
			if err != nil {
				return exit(exitStore, err)
			}
			var letter *topology.Letter
			if unseal {
				l, err := p.Sealer().Open(d)
				if err != nil {
					return exit(exitStore, err)
				}
				letter = &l
			}
			size := len(d.Sealed)
			d.Sealed = nil
			return a.print(map[string]any{"letter": d, "sealed_bytes": size, "record": letter}, func(w io.Writer) {
				fmt.Fprintf(w, "%s\n  refused by %s: %s %s\n  record of %s, %d bytes sealed under %s\n", d.ID, d.Stage, d.Code, d.Field,
					time.UnixMicro(d.Time).UTC().Format(time.RFC3339), size, d.KeyID)
				if letter != nil {
					fmt.Fprintf(w, "  key   %s\n  value %s\n", text(letter.Key), text(letter.Value))
				}
			})
		},
	}
	c.Flags().BoolVar(&unseal, "unseal", false, "open the record: it may hold personal data")
	return c
}

func text(p []byte) string {
	switch {
	case p == nil:
		return "null"
	case utf8.Valid(p):
		return string(p)
	}
	return fmt.Sprintf("%d bytes, not text", len(p))
}

func deadRedrive(a *app) *cobra.Command {
	var topic string
	var all, again bool
	c := &cobra.Command{
		Use: "redrive FILE [ID...]", Short: "Send refused records again, as they were", Args: cobra.MinimumNArgs(1),
		Long: `Opens the letters and produces the records, key, value and headers as they were,
with a header sluice-redrive that holds the letter's id, to --topic or to the
topic they came from. A row that changed since then is overwritten by the older
one: look before you redrive changes of keyed tables.`,
		Example: "  sluice dead redrive pipeline.yaml dev/shop.orders/0/17/0\n  sluice dead redrive pipeline.yaml --all --topic shop.retry",
		RunE: func(c *cobra.Command, args []string) error {
			p, h, err := a.home(args[0])
			if err != nil {
				return err
			}
			defer p.Close()
			ids, skipped := args[1:], 0
			if all {
				letters, err := h.ListDead(c.Context(), redriveMost)
				if err != nil {
					return exit(exitStore, err)
				}
				ids = redrivable(letters)
				if skipped = len(letters) - len(ids); len(letters) == redriveMost {
					defer fmt.Fprintf(c.ErrOrStderr(), "there may be more than %d letters: run it again\n", redriveMost)
				}
			}
			n, err := redrive(c.Context(), p, h, ids, topic, again)
			if err != nil {
				return exit(exitStore, fmt.Errorf("after %d records: %w", n, err))
			}
			return a.print(map[string]int{"redriven": n, "skipped": skipped}, func(w io.Writer) {
				fmt.Fprintln(w, n, "records sent again")
				if skipped > 0 {
					fmt.Fprintln(w, skipped, "letters of rows that a sink refused: their records are in their topics, at the offset the letter says")
				}
			})
		},
	}
	c.Flags().StringVar(&topic, "topic", "", "topic to send to (default: where the record came from)")
	c.Flags().BoolVar(&all, "all", false, "every letter")
	c.Flags().BoolVar(&again, "again", false, "letters that were sent before, too")
	return c
}

// redriveMost is how many letters --all sends in one go.
const redriveMost = 10_000

// redrivable are the ids of letters that hold a record, in the order of their
// logs: a key's changes go again as they came.
func redrivable(letters []stream.DeadLetter) (ids []string) {
	slices.SortStableFunc(letters, func(a, b stream.DeadLetter) int {
		return cmp.Or(a.Lane.Compare(b.Lane), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Seq, b.Seq))
	})
	for _, d := range letters {
		if d.Sink == "" { // else a sink refused the row, and the store has no record
			ids = append(ids, d.ID)
		}
	}
	return ids
}

func redrive(ctx context.Context, p *topology.Pipeline, h stream.DeadLetters, ids []string, topic string, again bool) (n int, err error) {
	src, ok := p.Source().(*kafka.Source)
	if !ok {
		return 0, errors.New("the source is not Kafka")
	}
	for _, id := range ids {
		d, err := h.GetDead(ctx, id)
		if err != nil {
			return n, err
		}
		if d.Redriven != 0 && !again { // else a record is there twice, and nobody said so
			return n, fmt.Errorf("%s: it was sent again at %s: --again sends it once more", id, time.UnixMicro(d.Redriven).UTC().Format(time.RFC3339))
		}
		if d.Sealed == nil {
			return n, fmt.Errorf("%s: sink %s refused the row behind the gate, which keeps no record: it is in %v at offset %d", id, d.Sink, d.Lane, d.Offset)
		}
		l, err := p.Sealer().Open(d)
		if err != nil {
			return n, err
		}
		to := topic
		if to == "" {
			to = d.Lane.Topic
		}
		headers := []stream.Header{{Key: "sluice-redrive", Value: stream.ViewOf([]byte(id))}}
		for _, x := range l.Headers {
			headers = append(headers, stream.Header{Key: x.Key, Value: stream.ViewOf(x.Value)})
		}
		if err := src.Produce(ctx, to, l.Key, l.Value, headers); err != nil {
			return n, err
		}
		if err := h.MarkRedriven(ctx, id, time.Now().UnixMicro()); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
