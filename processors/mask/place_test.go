package mask

import (
	"strings"
	"testing"

	"sluice/processors/mask/policy"
	"sluice/processors/mask/strategy"
	"sluice/schemas"
)

// TestGeohashOfTwoColumns: latitude and longitude in columns of their own are one place,
// the longitude's own action aside; without a longitude there is none.
func TestGeohashOfTwoColumns(t *testing.T) {
	const in, text = `{"lat":57.64911,"lon":10.40744}`, "key: env:KEY\nrules: [{columns: {lat: {generalize: {geohash: 5, with: lon}}, lon: drop}}]"
	s := schemaOf(true, "", in)
	g := gateOf(t, text)
	b := batch(s, change{before: `{"lat":57.64911,"lon":-10.40744}`, after: in}, change{after: `{"lat":57.64911,"lon":null}`}, change{after: `{"lat":null,"lon":1.5}`}, change{after: `{"lat":91.5,"lon":1.5}`})
	x, err := g.Pass(b)
	if err != nil || len(x.Rows()) != 3 || len(b.Rejects) != 1 || b.Rejects[0].Field != "lat" { // P2
		t.Fatalf("%v, %d rows, %+v", err, len(x.Rows()), b.Rejects)
	}
	rows := x.Rows()
	if was, is := row(&rows[0], rows[0].Before), row(&rows[0], rows[0].After); was != "lat=gf0xg" || is != "lat=u4pru" {
		t.Errorf("%s, %s", was, is)
	}
	if a, b := row(&rows[1], rows[1].After), row(&rows[2], rows[2].After); a != "lat=null" || b != "lat=null" {
		t.Errorf("%s, %s", a, b)
	}
	if c := rows[0].Table.Columns[0]; c.Type.Kind != schemas.String || !c.Nullable {
		t.Errorf("%+v", c)
	}
	if _, err := gateOf(t, strings.Replace(text, "with: lon", "with: lonn", 1)).Pass(batch(s, change{after: in})); err == nil || !strings.Contains(err.Error(), `did you mean "lon"?`) {
		t.Error(err)
	}
	r, err := policy.Read(yamlOf(t, text))
	if err != nil {
		t.Fatal(err)
	}
	spec, _, err := r.At(lane.Topic, &s.Fields[0], policy.Path{{Name: "lat"}})
	if err != nil {
		t.Fatal(err)
	}
	written, of := strategy.Coarser(spec.Strategy, &rows[0].Table.Columns[0].Field)
	if next, ok := of("u4pru"); written != "{generalize: {geohash: 4, with: lon}}" || next != "u4pr" || !ok {
		t.Errorf("%s: %s", written, next)
	}
	for bad, want := range map[string]string{"{geohash: 5, with: lon, round: 2}": "want one of", "{with: lon}": "says nothing", "{round: 2, with: lon}": "want one of", "{geohash: 9, with: lon}": "1 to 8"} {
		if _, err := policy.Read(yamlOf(t, "rules: [{columns: {lat: {generalize: "+bad+"}}}]")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
