package schemas

import "strconv"

// appendMoment says an integer that counts days or parts of seconds as ISO 8601 text.
func appendMoment(dst []byte, k Kind, w Wire, p []byte) ([]byte, string) {
	v, code := parseInt(p)
	if code != "" {
		return dst, code
	}
	var per int64 // units a second
	switch w {
	case WireDays:
		per = 0
	case WireMillis:
		per = 1_000
	case WireMicros:
		per = 1_000_000
	case WireNanos:
		per = 1_000_000_000
	default:
		return dst, CodeType
	}
	dst = append(dst, '"')
	if per == 0 {
		if k != Date || v > 1<<40 || v < -1<<40 {
			return dst[:len(dst)-1], CodeRange
		}
		return append(AppendDate(dst, v), '"'), ""
	}
	if k == Time {
		if v < 0 { // MySQL's TIME has a sign
			dst, v = append(dst, '-'), -v
			if v < 0 {
				return dst[:len(dst)-2], CodeRange
			}
		}
		return append(appendClock(dst, v, per), '"'), ""
	}
	day := per * 86_400
	days := v / day
	if v -= days * day; v < 0 {
		days, v = days-1, v+day
	}
	dst = AppendDate(dst, days)
	if k == Date {
		return append(dst, '"'), ""
	}
	dst = appendClock(append(dst, 'T'), v, per)
	if k == Instant {
		dst = append(dst, 'Z')
	}
	return append(dst, '"'), ""
}

// appendClock writes hours, minutes, seconds and six digits, nine for nanoseconds.
func appendClock(dst []byte, v, per int64) []byte {
	seconds, frac := v/per, v%per
	dst = pad(dst, seconds/3600, 2)
	dst = pad(append(dst, ':'), seconds/60%60, 2)
	dst = pad(append(dst, ':'), seconds%60, 2)
	if per == 1_000_000_000 {
		return pad(append(dst, '.'), frac, 9)
	}
	return pad(append(dst, '.'), frac*(1_000_000/per), 6)
}

// AppendDate writes a day, counted from 1970-01-01, as 2006-01-02. Years
// before 0 and after 9999 have a sign, as ISO 8601 wants.
func AppendDate(dst []byte, days int64) []byte {
	z := days + 719_468 // from 0000-03-01 (H. Hinnant, chrono-compatible low-level date algorithms)
	era := z / 146_097
	if z < 0 && z%146_097 != 0 {
		era--
	}
	doe := z - era*146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	y := yoe + era*400
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d := doy - (153*mp+2)/5 + 1
	m := mp + 3
	if m > 12 {
		m -= 12
	}
	if m <= 2 {
		y++
	}
	dst = pad(append(appendYear(dst, y), '-'), m, 2)
	return pad(append(dst, '-'), d, 2)
}

// pad writes v, which is not negative, with at least n digits.
func pad(dst []byte, v int64, n int) []byte {
	for limit := int64(10); n > 1; n, limit = n-1, limit*10 {
		if v < limit {
			for ; n > 1; n-- {
				dst = append(dst, '0')
			}
			break
		}
	}
	return strconv.AppendInt(dst, v, 10)
}
