package real

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// writer changes both databases at random: transactions of one to eight
// inserts, updates (of the key as well) and deletes, all kinds of values.
type writer struct {
	rng  *rand.Rand
	ids  map[string][]int64
	next int64
}

func newWriter() *writer {
	return &writer{rng: rand.New(rand.NewPCG(*seed, 7)), ids: map[string][]int64{}, next: 1}
}

// write runs n transactions in each database, in batches; pause is between batches.
func (x *writer) write(ctx context.Context, w *world, n int, pause time.Duration) error {
	for done := 0; done < n; {
		k := min(20, n-done)
		for _, db := range []string{"postgres", "mariadb"} {
			var sql strings.Builder
			for range k {
				x.transaction(&sql, db)
			}
			var err error
			if db == "postgres" {
				_, err = w.Postgres.Query(ctx, sql.String())
			} else {
				_, err = w.MariaDB.Query(ctx, sql.String())
			}
			if err != nil {
				return err
			}
		}
		done += k
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
	return nil
}

func (x *writer) transaction(sql *strings.Builder, db string) {
	fmt.Fprintf(sql, "BEGIN;\n")
	for range 1 + x.rng.IntN(8) {
		ids := x.ids[db]
		switch k := x.rng.IntN(10); {
		case k < 5 || len(ids) == 0:
			id := x.next * 7919 // spread over partitions, also beyond 32 bits at times
			if x.rng.IntN(20) == 0 {
				id += 1 << 53
			}
			x.next++
			fmt.Fprintf(sql, "INSERT INTO customers (%s) VALUES (%d, %s);\n", columns, id, strings.Join(x.row(), ", "))
			x.ids[db] = append(ids, id)
		case k < 8:
			fmt.Fprintf(sql, "UPDATE customers SET balance = %s, email = %s, tag = %s WHERE id = %d;\n", x.balance(), x.text("u", "@mail.example"), x.tag(), ids[x.rng.IntN(len(ids))])
		case k < 9:
			i := x.rng.IntN(len(ids))
			fmt.Fprintf(sql, "UPDATE customers SET id = %d WHERE id = %d;\n", x.next*7919, ids[i])
			ids[i] = x.next * 7919
			x.next++
		default:
			i := x.rng.IntN(len(ids))
			fmt.Fprintf(sql, "DELETE FROM customers WHERE id = %d;\n", ids[i])
			ids[i] = ids[len(ids)-1]
			x.ids[db] = ids[:len(ids)-1]
		}
	}
	fmt.Fprintf(sql, "COMMIT;\n")
}

func (x *writer) null(s string) string {
	if x.rng.IntN(8) == 0 {
		return "NULL"
	}
	return s
}

func (x *writer) text(before, after string) string {
	return x.null(fmt.Sprintf("'%s%d%s'", before, x.rng.IntN(1_000_000), after))
}

func (x *writer) balance() string {
	return x.null(fmt.Sprintf("%d.%02d", x.rng.Int64N(19_999_999_999)-9_999_999_999, x.rng.IntN(100)))
}

func (x *writer) tag() string {
	return x.null([]string{"''", "'plain'", "'Größe 日本 😀'", `'a "quoted" one'`, "'it''s'", "'null'", "' spaces '"}[x.rng.IntN(7)])
}

// row is every column but id.
func (x *writer) row() []string {
	return []string{x.text("Name ", ""), x.text("n", "@mail.example"), x.null(fmt.Sprintf("'+1202555%04d'", x.rng.IntN(10_000))), x.null(fmt.Sprintf("'219-09-%04d'", x.rng.IntN(10_000))),
		x.balance(), x.null([]string{"0", "1.5", "-0.1", "3.25", "12345678.875"}[x.rng.IntN(5)]), x.null([]string{"true", "false"}[x.rng.IntN(2)]),
		x.null(fmt.Sprintf("'19%02d-%02d-%02d'", x.rng.IntN(100), 1+x.rng.IntN(12), 1+x.rng.IntN(28))), x.null(fmt.Sprintf("'2026-03-04 05:06:%02d.123456'", x.rng.IntN(60))), x.tag()}
}

// settle waits until every sink is durable to the end of what the databases
// have: a last row of each has come through and no lane is behind.
func (w *world) settle(t *testing.T, x *writer, within time.Duration) {
	t.Helper()
	x.next++
	id := x.next * 7919
	for _, q := range []func(context.Context, string) (string, error){w.Postgres.Query, w.MariaDB.Query} {
		if _, err := q(t.Context(), fmt.Sprintf("INSERT INTO customers (id, tag) VALUES (%d, 'the last')", id)); err != nil {
			t.Fatal(err)
		}
	}
	x.next++
	var state string
	for until := time.Now().Add(within); time.Now().Before(until); time.Sleep(300 * time.Millisecond) {
		state = ""
		for _, topic := range topics {
			n, tab := 0, tables[topic]
			if db := w.database(t, tab); db == nil || db.QueryRow("SELECT count(*) FROM "+tab+" WHERE id = ?", id).Scan(&n) != nil || n == 0 {
				state = "the last row of " + topic + " is not in D1"
			}
		}
		if state != "" {
			continue
		}
		var lag struct {
			Lanes []struct {
				Sink, State, Detail string
				Lag                 float64
			}
		}
		w.verb(&lag, "lag", w.file)
		for _, l := range lag.Lanes {
			if l.Lag != 0 {
				state = fmt.Sprintf("%s is %v behind, %s %s", l.Sink, l.Lag, l.State, l.Detail)
			}
		}
		if state == "" && len(lag.Lanes) > 0 {
			return
		}
	}
	t.Fatalf("not durable within %v: %s", within, state)
}
