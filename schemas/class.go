package schemas

import "fmt"

// Class is a class of personal data or of a secret: what a value says about
// whom, whatever column it is in.
type Class uint8

// The classes.
const (
	NoClass     Class = iota
	Email             // RFC 5322 address, internationalised or not
	Phone             // E.164 or national form
	SSN               // US social security number
	Card              // payment card number: Luhn, issuer range and length
	IBAN              // ISO 13616, mod 97
	IP                // IPv4 or IPv6 address
	MAC               // EUI-48
	BirthDate         // a date that its context says is one of birth
	Name              // a person's name
	Address           // a postal address
	ITIN              // US individual taxpayer number
	NINO              // UK national insurance number
	MyNumber          // JP individual number
	SteuerID          // DE tax identification number
	NIR               // FR social security number
	DNI               // ES identity number, DNI or NIE
	CodiceFisc        // IT codice fiscale
	CPF               // BR person number
	CNPJ              // BR company number
	Aadhaar           // IN identity number
	PAN               // IN permanent account number
	SIN               // CA social insurance number
	Passport          // by context
	DriverID          // driver licence, by context
	JWT               // JSON web token
	Secret            // API key or token
	PrivateKey        // PEM block
	Coordinates       // latitude and longitude
	Custom            // found by a user's expression or dictionary
	numClasses
)

var classNames = [...]string{"none", "email", "phone", "ssn", "card", "iban", "ip", "mac", "birth_date", "name", "address", "itin", "uk_nino",
	"jp_my_number", "de_steuer_id", "fr_nir", "es_dni", "it_codice_fiscale", "br_cpf", "br_cnpj", "in_aadhaar", "in_pan", "ca_sin", "passport",
	"driver_licence", "jwt", "secret", "private_key", "coordinates", "custom"}

func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", c)
}

// ParseClass is the class of a name.
func ParseClass(s string) (Class, error) {
	for i, n := range classNames {
		if n == s && i > 0 {
			return Class(i), nil
		}
	}
	return NoClass, fmt.Errorf("unknown class %q: use one of %v", s, classNames[1:])
}

// Classes lists all of them.
func Classes() []Class {
	out := make([]Class, 0, numClasses-1)
	for c := NoClass + 1; c < numClasses; c++ {
		out = append(out, c)
	}
	return out
}
