package detect

import (
	"fmt"
	"strings"
	"testing"

	"sluice/schemas"
)

// TestRareForms: forms of values that few countries or makers write, each beside what looks
// like it and is none. A second value of a case tells the labels.
func TestRareForms(t *testing.T) {
	const grid = "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	for text, want := range map[string]string{
		"生年月日 1985年4月12日、会議 2024年4月12日": "birth_date=1985年4月12日",
		"生年月日：昭和60年4月12日です":             "birth_date=昭和60年4月12日",
		"生日1985年4月12日":                  "birth_date=1985年4月12日",
		"생년월일 1985년 4월 12일":             "birth_date=1985년 4월 12일",
		"出生日期: 1990年12月1日 签约2020年1月2日":  "birth_date=1990年12月1日",
		"生年月日 1985年":                    "",

		"40°26′46″N 79°58′56″W":                             "coordinates=40°26′46″N 79°58′56″W",
		"at N 40° 26.767', W 79° 58.933'":                   "coordinates=N 40° 26.767', W 79° 58.933'",
		"52.5200° N, 13.4050° E":                            "coordinates=52.5200° N, 13.4050° E",
		"45° N, 122° W":                                     "coordinates=45° N, 122° W",
		`40°26'46"N, then 12°C`:                             `coordinates=40°26'46"N`,
		"it is 20°C, turned 45° N, 30°26' left, 5° E of it": "",
		"40°26'46\"Nord":                                    "",

		"CNPJ 12ABC34501DE35":        "br_cnpj=12ABC34501DE35",
		"empresa 12.ABC.345/01DE-35": "br_cnpj=12.ABC.345/01DE-35",
		"12.ABC.345/01DE-36":         "",
		"12ABC34501DE35":             "", // without a word it is any code

		"driving licence no MORGA657054SM9IJ": "driver_licence=MORGA657054SM9IJ",
		"MORGA657054SM9IJ, MORGA697054SM9IJ":  "driver_licence=MORGA657054SM9IJ", // no month 47
		"rijbewijsnummer 5123456789":          "driver_licence=5123456789",
		"Paszport AB1234567":                  "passport=AB1234567",

		"001A.2B3C.4D5E, abcd.ef01.2345":     "mac=001A.2B3C.4D5E | mac=abcd.ef01.2345",
		"1234.5678.9012 1234.5678.9abc.def0": "",
		"v1.2a3b.4c5d.6e7f":                  "",

		"key " + grid + " end":                         "secret=" + grid,
		"SG.short.part1, x.SG.y1":                      "",
		"hvs.CAESIJabcdefghijklmnopqrstuvwx1234567890": "secret=hvs.CAESIJabcdefghijklmnopqrstuvwx1234567890",

		"card 4539 1488 0343 6467, 4539-1488-0343-6467": "card=4539 1488 0343 6467 | card=4539-1488-0343-6467",

		"mijn 06-nummer 12345678":       "phone=12345678",
		"06-nummer is 06 12345678":      "phone=06 12345678",
		"klantnummer 12345678, 06-code": "",
	} {
		var got []string
		for _, s := range New(Options{}).Find(nil, []byte(text)) {
			got = append(got, fmt.Sprintf("%v=%s", s.Class, text[s.Start:s.End]))
		}
		if g := strings.Join(got, " | "); g != want {
			t.Errorf("%s\n got %s\nwant %s", text, g, want)
		}
	}
}

// TestLetteredCheck: the check digits of what has letters catch every slip of one character.
func TestLetteredCheck(t *testing.T) {
	const value = "12.ABC.345/01DE-35"
	for i := range value {
		for _, c := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
			changed := value[:i] + string(c) + value[i+1:]
			if changed == value || !word(value[i]) {
				continue
			}
			for _, s := range New(Options{}).Find(nil, []byte("CNPJ "+changed)) {
				if s.Class == schemas.CNPJ && int(c-rune(value[i]))%11 != 0 { // which modulo 11 cannot tell apart
					t.Errorf("%s is found", changed)
				}
			}
		}
	}
}
