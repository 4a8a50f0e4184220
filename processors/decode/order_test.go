package decode

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/processors/proctest"
	"sluice/topology/stream"
)

// TestOrder: what each connector says of a change's place orders changes as the
// database does: the same for every pair, for every three, and in the order of
// the parts that the connector's documentation names.
func TestOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	small := func(n int64) int64 { return rnd.Int64N(n) } // so that parts are often equal
	for name, source := range map[string]func() (block string, place []int64){
		"postgresql": func() (string, []int64) {
			commit, lsn := 27340000+small(5), 27340000+small(5)
			return fmt.Sprintf(`"sequence":"[\"%d\",\"%d\"]","lsn":%d`, commit, lsn, lsn), []int64{commit, lsn}
		},
		"mysql": func() (string, []int64) {
			file, pos, row := 8+small(4), 90+small(20), small(3) // over 9 to 10, 99 to 100: no order of texts
			return fmt.Sprintf(`"file":"mysql-bin.%06d","pos":%d,"row":%d,"gtid":"24bc7850-2c16-11e6-a073-0242ac110002:%d"`, file, pos, row, rnd.Int64()), []int64{file, pos, row}
		},
		"mariadb": func() (string, []int64) {
			file, pos, row := 999998+small(4), 4+small(5), small(3)
			return fmt.Sprintf(`"file":"binlog.%06d","pos":%d,"row":%d`, file, pos, row), []int64{file, pos, row}
		},
		"sqlserver": func() (string, []int64) {
			a, b, c, d, e := 0x25+small(2), 0xfff+small(3), small(3), small(3), small(3)
			return fmt.Sprintf(`"commit_lsn":"%08x:%08x:%04x","change_lsn":"%08x:%08x:%04x","event_serial_no":%d`, a, b, c, a, b, d, e), []int64{a, b, c, d, e}
		},
		"db2": func() (string, []int64) {
			b, c, d := 0xfff+small(3), small(3), small(3)
			return fmt.Sprintf(`"commit_lsn":"00000000:%08x:%04x","change_lsn":"00000000:%08x:%04x"`, b, c, b, d), []int64{b, c, d}
		},
		"informix": func() (string, []int64) {
			commit, change := 1<<40+small(4), 1<<40+small(4)
			return fmt.Sprintf(`"commit_lsn":"%d","change_lsn":"%d"`, commit, change), []int64{commit, change}
		},
		"oracle": func() (string, []int64) {
			commit, scn := 1<<53+small(4), 9+small(3)
			return fmt.Sprintf(`"scn":"%d","commit_scn":"%d"`, scn, commit), []int64{commit, scn}
		},
		"mongodb": func() (string, []int64) {
			second, ord := 1558965508+small(3), small(12)
			return fmt.Sprintf(`"ts_ms":%d,"collection":"c","ord":%d`, second*1000, ord), []int64{second, ord}
		},
		"vitess": func() (string, []int64) { // every transaction adds to one shard's set
			a, b := 8+small(4), 98+small(4)
			return fmt.Sprintf(`"vgtid":"[{\"keyspace\":\"k\",\"shard\":\"-80\",\"gtid\":\"MySQL56/u:1-%d\"},{\"keyspace\":\"k\",\"shard\":\"80-\",\"gtid\":\"MySQL56/v:1-%d\"}]"`, a, b), []int64{a + b}
		},
		"spanner": func() (string, []int64) {
			us, seq, mod := 1670955531785000+small(3), 9+small(3), small(3)
			return fmt.Sprintf(`"ts_us":%d,"record_sequence":"%08d","mod_number":%d`, us, seq, mod), []int64{us, seq, mod}
		},
	} {
		t.Run(name, func(t *testing.T) {
			type point struct {
				src   stream.SourcePos
				place []int64
			}
			var all []point
			for range 60 {
				block, place := source()
				b, out := decode(t, Default, proctest.JSON("", `{"before":null,"after":{"id":1},"source":{"connector":"`+name+`",`+block+`,"db":"d","table":"t"},"op":"c"}`))
				if len(b.Records) != 1 {
					t.Fatal(block, out)
				}
				all = append(all, point{b.Records[0].Src, place})
			}
			for _, a := range all {
				for _, b := range all {
					got, want := a.src.Compare(b.src), slices.CompareFunc(a.place, b.place, cmp.Compare)
					if got != want || got != -b.src.Compare(a.src) {
						t.Fatalf("%v %v: %d, want %d", a, b, got, want)
					}
					for _, c := range all {
						if got <= 0 && b.src.Compare(c.src) <= 0 && a.src.Compare(c.src) > 0 {
							t.Fatalf("%v <= %v <= %v, and not %v", a, b, c, a)
						}
					}
				}
			}
		})
	}
}
