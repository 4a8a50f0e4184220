package schemas

import "testing"

func TestConnectColumn(t *testing.T) {
	for _, c := range []struct {
		base, name string
		params     map[string]string
		want       Type
		wire       Wire
	}{
		{"int8", "", nil, Type{Kind: Int32}, WirePlain},
		{"int64", "", nil, Type{Kind: Int64}, WirePlain},
		{"float", "", nil, Type{Kind: Float32}, WirePlain},
		{"double", "", nil, Type{Kind: Float64}, WirePlain},
		{"bytes", "", nil, Type{Kind: Binary}, WireBase64},
		{"struct", "io.debezium.data.geometry.Point", nil, Type{Kind: JSON}, WirePlain},
		{"array", "", nil, Type{Kind: JSON}, WirePlain},
		{"string", "com.example.Unknown", nil, Type{Kind: String}, WirePlain},
		{"int32", "io.debezium.time.Date", nil, Type{Kind: Date}, WireDays},
		{"int64", "io.debezium.time.NanoTimestamp", nil, Type{Kind: Timestamp}, WireNanos},
		{"string", "io.debezium.time.ZonedTimestamp", nil, Type{Kind: Instant}, WireISO},
		{"int64", "io.debezium.time.ZonedTimestamp", nil, Type{Kind: Int64}, WirePlain},
		{"string", "io.debezium.time.Interval", nil, Type{Kind: String}, WirePlain},
		{"int64", "org.apache.kafka.connect.data.Timestamp", nil, Type{Kind: Timestamp}, WireMillis},
		{"string", "io.debezium.data.Json", nil, Type{Kind: JSON}, WirePlain},
		{"bytes", "io.debezium.data.Bits", nil, Type{Kind: Binary}, WireBase64},
		{"struct", "io.debezium.data.VariableScaleDecimal", nil, Type{Kind: String}, WireVarDecimal},
		{"bytes", "org.apache.kafka.connect.data.Decimal", map[string]string{"scale": "5", "connect.decimal.precision": "30"}, Type{Decimal, 30, 5}, WireBase64},
		{"bytes", "org.apache.kafka.connect.data.Decimal", map[string]string{"scale": "2"}, Type{Decimal, 38, 2}, WireBase64},
		{"bytes", "org.apache.kafka.connect.data.Decimal", map[string]string{"scale": "2046"}, Type{Kind: String}, WireBase64},
		{"bytes", "org.apache.kafka.connect.data.Decimal", map[string]string{"scale": "9999"}, Type{Kind: Binary}, WireBase64},
		{"bytes", "org.apache.kafka.connect.data.Decimal", map[string]string{"scale": "30", "connect.decimal.precision": "65"}, Type{Kind: String, Scale: 30}, WireBase64},
		{"nonsense", "", nil, Type{Kind: JSON}, WirePlain},
	} {
		got, wire := (&Connect{Type: c.base, Name: c.name, Parameters: c.params}).Column()
		if got != c.want || wire != c.wire {
			t.Errorf("%s %s: %v wire %d, want %v wire %d", c.base, c.name, got, wire, c.want, c.wire)
		}
	}
}

func TestParseColumn(t *testing.T) {
	for _, c := range []struct {
		in       string
		want     Type
		wire     Wire
		explicit bool
		bad      bool
	}{
		{"int64", Type{Kind: Int64}, WirePlain, false, false},
		{"decimal(12, 2)", Type{Decimal, 12, 2}, WirePlain, false, false},
		{"decimal(12,2):base64", Type{Decimal, 12, 2}, WireBase64, true, false},
		{"timestamp", Type{Kind: Timestamp}, WireMicros, false, false},
		{"instant:millis", Type{Kind: Instant}, WireMillis, true, false},
		{"date", Type{Kind: Date}, WireDays, false, false},
		{"date:iso", Type{Kind: Date}, WireISO, true, false},
		{"decimal", Type{}, 0, false, true},
		{"decimal(39,2)", Type{}, 0, false, true},
		{"decimal(65,30):base64", Type{Kind: String, Scale: 30}, WireBase64, true, false},
		{"decimal(65,300):base64", Type{}, 0, false, true},
		{"decimal(4,5)", Type{}, 0, false, true},
		{"int64(3)", Type{}, 0, false, true},
		{"string:base64", Type{}, 0, false, true},
		{"time:days", Type{}, 0, false, true},
		{"unknown", Type{}, 0, false, true},
		{"varchar", Type{}, 0, false, true},
		{"", Type{}, 0, false, true},
	} {
		got, wire, explicit, err := ParseColumn(c.in)
		if (err != nil) != c.bad || err == nil && (got != c.want || wire != c.wire || explicit != c.explicit) {
			t.Errorf("%q: %v %d %v %v", c.in, got, wire, explicit, err)
		}
	}
}
