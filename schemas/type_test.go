package schemas

import "testing"

// TestIsRetyped: every name that Retyped gives is known again, and no other.
func TestIsRetyped(t *testing.T) {
	for k := Bool; k <= JSON; k++ {
		typ := Type{Kind: k}
		if k == Decimal {
			typ.Precision, typ.Scale = 38, 2
		}
		if name := Retyped("a", typ); !IsRetyped(name, "a") || IsRetyped(name, "b") {
			t.Error(name)
		}
	}
	for _, name := range []string{"a", "a__", "a__unknown", "a__decimal", "a__decimal_1", "a__decimal_1_x", "a__note", "a_string", "b__string"} {
		if IsRetyped(name, "a") {
			t.Error(name)
		}
	}
}
