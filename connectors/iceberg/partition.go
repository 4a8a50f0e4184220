package iceberg

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"

	"sluice/connectors/iceberg/column"
)

// transform is one entry of a partition list: a function of one column
// (Iceberg spec, "Partition Transforms").
type transform struct {
	column.Transform
	column string
}

var transformText = regexp.MustCompile(`^\s*([a-z]+)\s*\(\s*(?:(\d+)\s*,\s*)?([^,()]+?)\s*\)\s*$`)

// parseTransform reads day(_ts), bucket(16, id), identity(col), or a bare
// column name, which is identity.
func parseTransform(s string) (transform, error) {
	m := transformText.FindStringSubmatch(s)
	if m == nil {
		if c := strings.TrimSpace(s); c != "" && !strings.ContainsAny(c, "(),") {
			return transform{column: c}, nil
		}
		return transform{}, fmt.Errorf("%q: want identity(column), bucket(N, column), truncate(N, column), year(column), month, day or hour", s)
	}
	sized := m[1] == "bucket" || m[1] == "truncate"
	if sized != (m[2] != "") {
		return transform{}, fmt.Errorf("%q: bucket and truncate take a number and a column, the others a column", s)
	}
	spec := m[1]
	if sized {
		spec += "[" + m[2] + "]"
	}
	t, err := column.ParseTransform(spec)
	if err != nil {
		return transform{}, err
	}
	return transform{t, m[3]}, nil
}

// iceberg is the transform as the library has it, and the name of its partition field.
func (t transform) iceberg() (iceberg.Transform, string) {
	n := int(t.N)
	switch t.Kind {
	case column.Bucket:
		return iceberg.BucketTransform{NumBuckets: n}, t.column + "_bucket_" + strconv.Itoa(n)
	case column.TruncateTo:
		return iceberg.TruncateTransform{Width: n}, t.column + "_trunc_" + strconv.Itoa(n)
	case column.Year:
		return iceberg.YearTransform{}, t.column + "_year"
	case column.Month:
		return iceberg.MonthTransform{}, t.column + "_month"
	case column.Day:
		return iceberg.DayTransform{}, t.column + "_day"
	case column.Hour:
		return iceberg.HourTransform{}, t.column + "_hour"
	case column.Void:
		return iceberg.VoidTransform{}, t.column + "_void"
	}
	return iceberg.IdentityTransform{}, t.column
}
