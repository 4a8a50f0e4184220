package detect

import (
	"strings"
	"testing"

	"sluice/schemas"
)

// TestCheckDigits: a number is found, and no number that differs from it in one
// digit is. Sources of the numbers: the issuers' examples.
func TestCheckDigits(t *testing.T) {
	for _, x := range []struct {
		class         schemas.Class
		before, value string
		slips         int // changes of one digit that the check cannot see
	}{
		{schemas.Card, "card ", "4111111111111111", 0},
		{schemas.Card, "", "5555-5555-5555-4444", 0},
		{schemas.Card, "amex ", "378282246310005", 0},
		{schemas.IBAN, "", "DE89 3704 0044 0532 0130 00", 0},
		{schemas.IBAN, "", "GB82WEST12345698765432", 0},
		{schemas.SteuerID, "Steuer-ID ", "86095742719", 0},
		{schemas.NIR, "NIR ", "185057800608491", 0},
		{schemas.DNI, "DNI ", "12345678Z", 0},
		{schemas.DNI, "NIE ", "X1234567L", 0},
		{schemas.DNI, "", "12345678-Z", 0},
		{schemas.CodiceFisc, "", "RSSMRA85T10A562S", 0},
		{schemas.CPF, "", "529.982.247-25", 0},
		{schemas.CPF, "cpf ", "52998224725", 0},
		{schemas.CNPJ, "", "11.222.333/0001-81", 0},
		{schemas.Aadhaar, "aadhaar ", "2341 2341 2346", 9},
		{schemas.MyNumber, "マイナンバー ", "123456789018", 11}, // 0 stands for remainders 0 and 1
		{schemas.SIN, "sin ", "046 454 286", 0},
	} {
		found := func(value string) bool {
			for _, s := range New(Options{}).Find(nil, []byte(x.before+value)) {
				if s.Class == x.class && s.Start == len(x.before) && s.End == len(x.before+value) {
					return true
				}
			}
			return false
		}
		if !found(x.value) {
			t.Errorf("%v: %s is not found", x.class, x.value)
			continue
		}
		slips := 0
		for i, c := range x.value {
			for d := '0'; d <= '9' && '0' <= c && c <= '9'; d++ {
				if d != c && found(x.value[:i]+string(d)+x.value[i+1:]) {
					slips++
				}
			}
		}
		if slips > x.slips {
			t.Errorf("%v: %d numbers beside %s are found, too", x.class, slips, x.value)
		}
	}
}

// TestForms are the classes without a check digit: by form, range and words.
func TestForms(t *testing.T) {
	for text, want := range map[string]string{
		"SSN 001-01-0001, 899-99-9999":                                               "ssn=001-01-0001 | ssn=899-99-9999",
		"SSN 000-12-3456, 666-12-3456, 457-00-5462, 457-55-0000":                     "",
		"my ssn is 457-555462 or 45755-5462":                                         "ssn=457-555462 | ssn=45755-5462",
		"SSN457-55-5462, S.S.N. 457-55-5463":                                         "ssn=457-55-5462 | ssn=457-55-5463",
		"XXX-XX-5462, ***-**-5462, SSN ending in 5462":                               "",
		"UPDATE t SET ssn='457-55-5462' WHERE id=480671261":                          "ssn=457-55-5462",
		"ITIN 912-70-1234, itin: 911881234":                                          "itin=912-70-1234 | itin=911881234",
		"912-66-1234 912-89-1234 912-93-1234":                                        "",
		"NINO AB123456C or AB 12 34 56 C":                                            "uk_nino=AB123456C | uk_nino=AB 12 34 56 C",
		"BG123456A DA123456A AB123456E":                                              "",
		"pan ABCPE1234F, ABCDE1234F":                                                 "in_pan=ABCPE1234F",
		"passport C01X00T47, passport number 912803456":                              "passport=C01X00T47 | passport=912803456",
		"driver licence S530-46":                                                     "",
		"driver license D1234567":                                                    "driver_licence=D1234567",
		"192.168.0.1, 10.0.0.0/8, 256.1.1.1, 1.2.3, 01.2.3.4":                        "ip=192.168.0.1 | ip=10.0.0.0/8",
		"version 10.0.19.45":                                                         "",
		"2001:db8::1, fe80::1ff:fe23:4567:890a, 12:30:45":                            "ip=2001:db8::1 | ip=fe80::1ff:fe23:4567:890a",
		"00:1A:2B:3C:4D:5E 00-1a-2b-3c-4d-5f 00:1A:2B:3C:4D":                         "mac=00:1A:2B:3C:4D:5E | mac=00-1a-2b-3c-4d-5f",
		"born 31/01/1980, DOB: March 3, 1985, met 3 March 1985":                      "birth_date=31/01/1980 | birth_date=March 3, 1985",
		"Date of birth: Sept 12th, 1990":                                             "birth_date=Sept 12th, 1990",
		"geboren am 3. März 1985":                                                    "birth_date=3. März 1985",
		"né le 12 août 1971; nacida el 3 de marzo de 1985":                           "birth_date=12 août 1971 | birth_date=3 de marzo de 1985",
		"lat: 40.712776, lng: -74.005974":                                            "coordinates=40.712776 | coordinates=-74.005974",
		"ratio 40.712776":                                                            "",
		"AKIAIOSFODNN7EXAMPLE AKIAIOSFODNN7":                                         "secret=AKIAIOSFODNN7EXAMPLE",
		"glpat-0123456789abcdefghij":                                                 "secret=glpat-0123456789abcdefghij",
		"xapp-1-A012345678-0123456789-abcdefabcdef01":                                "secret=xapp-1-A012345678-0123456789-abcdefabcdef01",
		"sk_live_0123456789abcdefABCDEF":                                             "secret=sk_live_0123456789abcdefABCDEF",
		"AIzaSyA0123456789abcdefghijklmnopqrstuv":                                    "secret=AIzaSyA0123456789abcdefghijklmnopqrstuv",
		"sk-proj-0123456789abcdefghijABCDEFGHIJ0123456789":                           "secret=sk-proj-0123456789abcdefghijABCDEFGHIJ0123456789",
		"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY":           "secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"api_key=4f8d2c1b9a7e6f5d4c3b2a1908f7e6d5":                                   "secret=4f8d2c1b9a7e6f5d4c3b2a1908f7e6d5",
		"commit 4f8d2c1b9a7e6f5d4c3b2a1908f7e6d54f8d2c1b":                            "",
		"password: hunter2, token count 12345678":                                    "secret=hunter2",
		"postgres://app:s3cr3t@db.example.com/x":                                     "secret=s3cr3t",
		"-----BEGIN PGP PRIVATE KEY BLOCK-----x-----END PGP PRIVATE KEY BLOCK-----.": "private_key=-----BEGIN PGP PRIVATE KEY BLOCK-----x-----END PGP PRIVATE KEY BLOCK-----",
		"-----BEGIN PUBLIC KEY-----x-----END PUBLIC KEY-----":                        "",
	} {
		if got := find(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestEdges: where an address or a number ends, and what beside it is none.
func TestEdges(t *testing.T) {
	for text, want := range map[string]string{
		"Bob|202-555-0143|bob@example.org|5":              "phone=202-555-0143 | email=bob@example.org",
		"“a@b.com” «a@b.com» →a@b.com← 📧a@b.com •a@b.com": strings.TrimSuffix(strings.Repeat("email=a@b.com | ", 5), " | "),
		"_a@b.com_ *a@b.com* `a@b.com` 'a@b.com'":         strings.TrimSuffix(strings.Repeat("email=a@b.com | ", 4), " | "),
		"邮箱zhang@163.com。电话13812345678":                   "email=zhang@163.com | phone=13812345678",
		"@jane@social.example and @jane":                  "",
		"a@b.com... a@b.com, (a@b.com)":                   "email=a@b.com | email=a@b.com | email=a@b.com",
		"Hotline 0900 1234567 (0,99 €/min)":               "phone=0900 1234567",
		"202-555-0143 x45, 202-555-0143 ext. 7.":          "phone=202-555-0143 x45 | phone=202-555-0143 ext. 7",
		"at 07:24:41.351188 and 20:10:54.976265":          "",
		"zip+4 321549876, C++11 2025550143":               "",
		"tracking number 7174 4454 9744":                  "",
		"my number is 2025550143":                         "phone=2025550143",
		"reference number is 2025550143":                  "",
		"📱2025550143 Tel2025550143":                       "phone=2025550143 | phone=2025550143",
		"T 2025550143 | M: 2025550144":                    "phone=2025550143 | phone=2025550144",
		"437 8641 office\n431 3854 fax":                   "phone=437 8641 | phone=431 3854",
		"730 064 218-Office":                              "phone=730 064 218",
		"100-200-3000 mg, Rs. 98765 43210":                "",
		"654-5402419-0018444":                             "",
		"+1·415·555·0132":                                 "phone=+1·415·555·0132",
		"%B4111111111111111^DOE/JOHN^2512":                "card=4111111111111111",
		"wrote to a@b.com or 2025550143 or so":            "",
		"contact a@b.com or 2025550143":                   "email=a@b.com | phone=2025550143",
	} {
		got := find(text)
		if text == "wrote to a@b.com or 2025550143 or so" {
			want = "email=a@b.com"
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// TestOptions: classes that were not asked for are not reported, and still keep
// others from their digits; a user's words are phrases.
func TestOptions(t *testing.T) {
	d := New(Options{Classes: []schemas.Class{schemas.Phone, schemas.Custom}, Words: []*Dictionary{NewDictionary(schemas.Custom, []string{"Blue Sky", "Blue"})}})
	text := "Blue Sky, Blue, 4111 1111 1111 1111, +1 202 555 0143, a@b.com"
	var got []string
	for _, s := range d.Find(nil, []byte(text)) {
		got = append(got, s.Class.String()+"="+text[s.Start:s.End])
	}
	if s := strings.Join(got, " | "); s != "custom=Blue Sky | custom=Blue | phone=+1 202 555 0143" {
		t.Error(s)
	}
}

// TestDictionary: registers write names in capitals, lists of words in small letters;
// what is a word of the language as well is a name with a capital only.
func TestDictionary(t *testing.T) {
	d := New(Options{Names: NewDictionary(schemas.Name, []string{"Will", "anna", "o'brien", "McDonald", "Łukasz"}), Words: []*Dictionary{NewDictionary(schemas.Custom, Entries([]byte("project  blue heron\r\n\n Orion \n")))}})
	text := "ANNA MCDONALD met Anna O'Brien, WILL O'BRIEN and ŁUKASZ: I will go, mcdonald. PROJECT BLUE HERON, Project Blue Heron, project blue heron, project blue, orion, ORION; Anna's, Anna’s, Anna-McDonald, d'Anna, anna-x"
	var got []string
	for _, s := range d.Find(nil, []byte(text)) {
		got = append(got, text[s.Start:s.End])
	}
	if s := strings.Join(got, " | "); s != "ANNA MCDONALD | Anna O'Brien | WILL O'BRIEN | ŁUKASZ | PROJECT BLUE HERON | Project Blue Heron | project blue heron | ORION | Anna | Anna | Anna-McDonald | Anna | anna" {
		t.Error(s)
	}
}

// FuzzDictionary: it comes to an end, and what it finds is an entry or neighbours of them.
func FuzzDictionary(f *testing.F) {
	x := NewDictionary(schemas.Custom, []string{"Anna", "blue heron", "o'brien"})
	for _, s := range []string{"Anna’s-’’ O'BRIEN'", "-'’Anna’", "blue heron-Anna", "\xe2\x80\x99Anna\xe2\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at := 0
		for _, span := range x.find(nil, []byte(s)) {
			if span.Start < at || span.End <= span.Start || span.End > len(s) || !x.words[s[span.Start:span.End]] {
				t.Fatalf("%+v of %q", span, s)
			}
			at = span.End
		}
	})
}
