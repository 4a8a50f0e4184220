package strategy

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"sluice/schemas"
)

// Dates and times that an action changes and writes again as they were
// written: integers of the same unit, texts of the same form.

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86_400 * microsPerSecond
)

// unit is what integers without a type of time count; "" if they are none.
type unit string

var units = map[unit]int64{"days": microsPerDay, "seconds": microsPerSecond, "millis": 1000, "micros": 1}

func (u unit) check() error {
	if u != "" && u != "nanos" && units[u] == 0 {
		return fmt.Errorf("unit %q: want days, seconds, millis, micros or nanos", u)
	}
	return nil
}

var (
	isoDate   = schemas.Field{Type: schemas.Type{Kind: schemas.Date}, Wire: schemas.WireISO}
	isoMoment = schemas.Field{Type: schemas.Type{Kind: schemas.Instant}, Wire: schemas.WireISO}
)

// moment is a value as days and microseconds of the day.
type moment struct {
	days, micros int64
	per          int64 // microseconds that an integer counts; 0: a text; -1: nanoseconds
	nanos        int64 // below a microsecond
	form         byte  // of a text: 'd' a date, else what stands between date and time
	zone         bool  // of a text
	endless      int64 // PostgreSQL's infinity and -infinity: no date, they stay
}

// PostgreSQL's infinities as Debezium writes them in microseconds.
const (
	infinity    = 9223372036825200000
	negInfinity = -9223372036832400000
)

// fitsMoment tells why f holds no dates.
func fitsMoment(f *schemas.Field, u unit) error {
	switch f.Type.Kind {
	case schemas.Date, schemas.Timestamp, schemas.Instant, schemas.String:
		return nil
	case schemas.Int32, schemas.Int64:
		if u != "" {
			return nil
		}
		return errors.New("an integer says not what it counts: give unit: days, seconds, millis, micros or nanos")
	}
	return fmt.Errorf("%v holds no date", f.Type)
}

// when reads the value at hand, of kind k and canonical text p.
func (s *Scratch) when(k schemas.Kind, p []byte, u unit) (m moment, ok bool) {
	f, c, raw := s.Field, s.Cell, s.Raw
	switch k {
	case schemas.Date:
		days, err := schemas.Int(f, c, raw)
		m = moment{days: days, form: 'd'}
		if c.Enc == schemas.EncInt {
			m.per = perUnit(f.Wire, microsPerDay)
		}
		return m, err == nil
	case schemas.Timestamp, schemas.Instant:
		us, err := schemas.Int(f, c, raw)
		m = split(us)
		if us == infinity || us == negInfinity {
			m.endless = us
		}
		m.form, m.zone = 'T', k == schemas.Instant
		if c.Enc == schemas.EncInt {
			if m.per = perUnit(f.Wire, 1); m.per < 0 && err == nil {
				v, _ := strconv.ParseInt(string(raw), 10, 64)
				m.nanos = v - floorDiv(v, 1000)*1000
			}
		}
		return m, err == nil
	case schemas.Int32, schemas.Int64:
		v, err := strconv.ParseInt(string(p), 10, 64) // does not escape: no allocation
		if err != nil || u == "" {
			return m, false
		}
		if u == "nanos" {
			m = split(floorDiv(v, 1000))
			m.per, m.nanos = -1, v-floorDiv(v, 1000)*1000
			return m, true
		}
		per := units[u]
		whole := floorDiv(v, microsPerDay/per)
		return moment{days: whole, micros: (v - whole*(microsPerDay/per)) * per, per: per}, true
	case schemas.String:
		text := schemas.Cell{Enc: schemas.EncText, Flags: schemas.Present, Len: uint32(len(p))}
		if len(p) == 10 {
			days, err := schemas.Int(&isoDate, text, p)
			return moment{days: days, form: 'd'}, err == nil
		}
		if len(p) < 10 || p[0] == 'i' || p[1] == 'i' { // infinity
			return m, false
		}
		us, err := schemas.Int(&isoMoment, text, p)
		m = split(us)
		m.form, m.zone = 'T', bytes.ContainsAny(p[10:], "Zz+-")
		if bytes.IndexByte(p, ' ') == 10 {
			m.form = ' '
		}
		return m, err == nil
	}
	return m, false
}

// perUnit is how many microseconds a wire's integer counts.
func perUnit(w schemas.Wire, plain int64) int64 {
	switch w {
	case schemas.WireDays:
		return microsPerDay
	case schemas.WireMillis:
		return 1000
	case schemas.WireMicros:
		return 1
	case schemas.WireNanos:
		return -1
	}
	return plain
}

func split(us int64) moment {
	days := floorDiv(us, microsPerDay)
	return moment{days: days, micros: us - days*microsPerDay}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// append writes m as it was read; refused if no integer of its unit holds it.
func (m *moment) append(dst []byte) ([]byte, schemas.Encoding) {
	const most = 1 << 62
	switch {
	case m.endless != 0 && m.per == 0 && m.endless < 0:
		return append(dst, "-infinity"...), schemas.EncText
	case m.endless != 0 && m.per == 0:
		return append(dst, "infinity"...), schemas.EncText
	case m.endless != 0 && m.per > 0:
		return strconv.AppendInt(dst, m.endless/m.per, 10), schemas.EncInt
	case m.per > 0:
		perDay := microsPerDay / m.per
		if m.days > most/perDay || m.days < -most/perDay {
			return dst, Refused
		}
		return strconv.AppendInt(dst, m.days*perDay+m.micros/m.per, 10), schemas.EncInt
	case m.per < 0:
		const perDay = microsPerDay * 1000
		if m.days > most/perDay || m.days < -most/perDay {
			return dst, Refused
		}
		return strconv.AppendInt(dst, m.days*perDay+m.micros*1000+m.nanos, 10), schemas.EncInt
	}
	dst = schemas.AppendDate(dst, m.days)
	if m.form == 'd' {
		return dst, schemas.EncText
	}
	dst = append(dst, m.form)
	for i, v := range [...]int64{m.micros / (3600 * microsPerSecond), m.micros / (60 * microsPerSecond) % 60, m.micros / microsPerSecond % 60} {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, byte('0'+v/10), byte('0'+v%10))
	}
	if frac := m.micros % microsPerSecond; frac > 0 {
		dst = append(dst, '.')
		for unit := int64(100_000); unit > 0 && frac > 0; unit /= 10 {
			dst = append(dst, byte('0'+frac/unit))
			frac %= unit
		}
	}
	if m.zone {
		dst = append(dst, 'Z')
	}
	return dst, schemas.EncText
}

// civil is the year and month of a day, daysOf the day of a date (H. Hinnant,
// chrono-compatible low-level date algorithms).
func civil(days int64) (year int64, month int) {
	z := days + 719_468
	era := floorDiv(z, 146_097)
	doe := z - era*146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := int((5*doy + 2) / 153)
	year, month = yoe+era*400, mp+3
	if month > 12 {
		month -= 12
	}
	if month <= 2 {
		year++
	}
	return year, month
}

func daysOf(year int64, month int) int64 {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	yoe := year - era*400
	doy := int64(153*((month+9)%12)+2) / 5
	return era*146_097 + yoe*365 + yoe/4 - yoe/100 + doy - 719_468
}
