package schemas

import "strconv"

// temporalNames are the members of the structured types; nanos was what
// picoseconds is in their first form.
var temporalNames = NewNames("year", "month", "day", "hour", "minute", "second", "picoseconds", "nanos", "offsetSeconds", "specialValue",
	"years", "months", "days", "hours", "minutes", "seconds")

const (
	partYear = iota
	partMonth
	partDay
	partHour
	partMinute
	partSecond
	partPicos
	partNanos
	partOffset
	partSpecial
	partYears
	partMonths
	partDays
	partHours
	partMinutes
	partSeconds
	parts
)

// append appends the ISO 8601 text of a structured value: as many digits of a
// second as it has, 24:00:00 as it is, a zone as its offset.
func (s structured) append(dst, p []byte) ([]byte, bool) {
	var cells [parts]Cell
	t := Target{Names: temporalNames, Cells: cells[:]}
	if _, err := ScanJSON(p, &t); err != nil || !t.Found {
		return dst, false
	}
	if c := t.Cells[partSpecial]; c.Enc == EncText {
		switch string(p[c.Off : c.Off+c.Len]) {
		case "POSITIVE_INFINITY":
			return append(dst, "infinity"...), true
		case "NEGATIVE_INFINITY":
			return append(dst, "-infinity"...), true
		}
		return dst, false
	}
	var v [parts]int64
	for i, c := range t.Cells {
		if c.Enc == EncNone {
			continue
		}
		n, code := parseInt(p[c.Off : c.Off+c.Len])
		if c.Enc != EncInt || code != "" {
			return dst, false
		}
		v[i] = n
	}
	picos := v[partPicos]
	if t.Cells[partPicos].Absent() {
		picos = v[partNanos] * 1000
	}
	has := func(i int) bool { return t.Cells[i].Enc == EncInt }
	if s == structuredDuration {
		return appendDuration(dst, &v, picos)
	}
	n := len(dst)
	if s == structuredDate || s == structuredTimestamp || s == structuredZonedTimestamp {
		if !has(partYear) || !has(partMonth) || !has(partDay) || v[partYear] != int64(int32(v[partYear])) ||
			v[partMonth] < 0 || v[partMonth] > 12 || v[partDay] < 0 || v[partDay] > 31 {
			return dst, false // a zero date of MySQL is a date like others here: its reader refuses it
		}
		dst = appendYear(dst, v[partYear])
		dst = pad(append(dst, '-'), v[partMonth], 2)
		dst = pad(append(dst, '-'), v[partDay], 2)
		if s == structuredDate {
			return dst, true
		}
		dst = append(dst, 'T')
	}
	if !has(partHour) || !has(partMinute) || v[partHour] < 0 || v[partMinute] < 0 || v[partMinute] > 59 || v[partSecond] < 0 || v[partSecond] > 60 ||
		picos < 0 || picos >= 1e12 {
		return dst[:n], false
	}
	dst = pad(dst, v[partHour], 2)
	dst = pad(append(dst, ':'), v[partMinute], 2)
	dst = appendSeconds(append(dst, ':'), v[partSecond], picos, 2)
	if s == structuredZonedTimestamp || s == structuredZonedTime && has(partOffset) {
		return appendOffset(dst, v[partOffset]), true
	}
	return dst, true
}

func appendYear(dst []byte, y int64) []byte {
	switch {
	case y < 0:
		dst, y = append(dst, '-'), -y
	case y > 9999:
		dst = append(dst, '+')
	}
	return pad(dst, y, 4)
}

// appendSeconds writes seconds with the digits that picos has: none, six, nine or twelve.
func appendSeconds(dst []byte, seconds, picos int64, width int) []byte {
	dst = pad(dst, seconds, width)
	switch {
	case picos == 0:
		return dst
	case picos%1_000_000 == 0:
		return pad(append(dst, '.'), picos/1_000_000, 6)
	case picos%1_000 == 0:
		return pad(append(dst, '.'), picos/1_000, 9)
	}
	return pad(append(dst, '.'), picos, 12)
}

// appendOffset writes an offset from UTC, in seconds, as Z or +hh:mm[:ss].
func appendOffset(dst []byte, seconds int64) []byte {
	if seconds == 0 {
		return append(dst, 'Z')
	}
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	dst = pad(append(dst, sign), seconds/3600, 2)
	dst = pad(append(dst, ':'), seconds/60%60, 2)
	if seconds%60 != 0 {
		dst = pad(append(dst, ':'), seconds%60, 2)
	}
	return dst
}

// appendDuration writes P1Y2M3DT4H5M6.789S, every part with its own sign, as
// the connector's interval.handling.mode=string does.
func appendDuration(dst []byte, v *[parts]int64, picos int64) ([]byte, bool) {
	if picos <= -1e12 || picos >= 1e12 || v[partSeconds] > 0 && picos < 0 || v[partSeconds] < 0 && picos > 0 {
		return dst, false
	}
	dst = append(dst, 'P')
	for _, x := range []struct {
		at   int
		unit byte
	}{{partYears, 'Y'}, {partMonths, 'M'}, {partDays, 'D'}, {partHours, 'H'}, {partMinutes, 'M'}} {
		if x.at == partHours {
			dst = append(dst, 'T')
		}
		dst = append(strconv.AppendInt(dst, v[x.at], 10), x.unit)
	}
	seconds := v[partSeconds]
	if seconds < 0 || picos < 0 {
		dst, seconds, picos = append(dst, '-'), -seconds, -picos
	}
	if seconds < 0 {
		return dst, false
	}
	return append(appendSeconds(dst, seconds, picos, 1), 'S'), true
}

// Recognise tells Debezium's structs by their members where no schema does:
// a decimal of variable scale is a String of WireVarDecimal, a structured time
// of WireStruct. Nothing that a connector writes besides has the same members.
// ok is false for all other objects. p is a JSON object.
func Recognise(p []byte) (t Type, w Wire, ok bool) {
	if len(p) < 10 || p[0] != '{' {
		return t, w, false
	}
	var cells [parts + 4]Cell
	target := Target{Names: structNames, Cells: cells[:]}
	if _, err := ScanJSON(p, &target); err != nil || !target.Found || len(target.Extra) > 0 {
		return t, w, false
	}
	var seen uint32
	for i, c := range target.Cells {
		if !c.Absent() {
			seen |= 1 << i
		}
	}
	if seen == maskVarDecimal {
		text := cells[parts+3].Enc == EncText && cells[parts+2].Enc == EncInt
		_, _, ok := varDecimal(p)
		return Type{Kind: String}, WireVarDecimal, ok && text
	}
	if seen&(1<<partPicos|1<<partNanos) == 1<<partPicos|1<<partNanos {
		return t, w, false
	}
	if seen&(1<<partNanos) != 0 { // the first form of the same
		seen = seen&^(1<<partNanos) | 1<<partPicos
	}
	for _, s := range structuredTypes {
		if seen == structuredMasks[s.of] || seen|1<<partSpecial == structuredMasks[s.of] {
			return Type{Kind: s.kind}, WireStruct, true
		}
	}
	return t, w, false
}

// RewriteAs is the rewrite of structured times for a column of WireStruct.
func RewriteAs(k Kind) *Rewrite {
	switch k {
	case Date:
		return &Rewrite{parts: structuredDate}
	case Time:
		return &Rewrite{parts: structuredZonedTime}
	case Timestamp:
		return &Rewrite{parts: structuredTimestamp}
	case Instant:
		return &Rewrite{parts: structuredZonedTimestamp}
	case String:
		return &Rewrite{parts: structuredDuration}
	}
	return nil
}

// structNames are the members of all of them.
var structNames = NewNames("year", "month", "day", "hour", "minute", "second", "picoseconds", "nanos", "offsetSeconds", "specialValue",
	"years", "months", "days", "hours", "minutes", "seconds", "precision", "zoneId", "scale", "value")

const (
	maskVarDecimal = 1<<(parts+2) | 1<<(parts+3)
	maskDay        = 1<<partYear | 1<<partMonth | 1<<partDay
	maskClock      = 1<<partHour | 1<<partMinute | 1<<partSecond | 1<<partPicos | 1<<parts
)

// structuredMasks are the members of each structured type.
var structuredMasks = [...]uint32{
	structuredDate:           maskDay | 1<<partSpecial,
	structuredTime:           maskClock,
	structuredTimestamp:      maskDay | maskClock | 1<<partSpecial,
	structuredZonedTime:      maskClock | 1<<partOffset,
	structuredZonedTimestamp: maskDay | maskClock | 1<<partOffset | 1<<(parts+1) | 1<<partSpecial,
	structuredDuration: 1<<partYears | 1<<partMonths | 1<<partDays | 1<<partHours | 1<<partMinutes | 1<<partSeconds |
		1<<partPicos | 1<<parts,
}
