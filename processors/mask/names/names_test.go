package names

import (
	"testing"
	"unicode/utf8"

	"sluice/schemas"
)

func TestOf(t *testing.T) {
	for c, list := range map[schemas.Class][]string{
		schemas.Email: {"email", "EMAIL", "customer_email", "emailAddress", "E-Mail", "userEmail2", "customeremail", "contact.email", "emails[0].email", "correo_electronico", "adresse_mail", "courriel",
			"indirizzo_email", "e_posta", "eposta", "poczta_elektroniczna", "почта", "メールアドレス", "邮箱", "EmailID", "endereço_email", "emailadres"},
		schemas.Phone: {"phone", "phone_number", "homePhone", "tel", "mobile_no", "Telefonnummer", "handynummer", "numéro_téléphone", "teléfono", "cellulare", "telefone", "telefoonnummer", "numer_telefonu", "телефон",
			"cep_telefonu", "電話番号", "手机号", "fax", "customer_home_phone2", "kundentelefon", "msisdn"},
		schemas.SSN:       {"ssn", "SSN", "social_security_number", "socialSecurityNumber", "applicant_ssn"},
		schemas.Card:      {"card_number", "creditCardNumber", "cc_number", "Kreditkartennummer", "numero_tarjeta", "numéro_carte", "numer_karty", "номер_карты", "カード番号", "卡号", "kart_numarası"},
		schemas.BirthDate: {"dob", "fecha_nac", "dt_nasc", "date_of_birth", "birthDate", "Geburtsdatum", "date_naissance", "fecha_de_nacimiento", "data_di_nascita", "data_nascimento", "geboortedatum", "data_urodzenia", "дата_рождения", "doğum_tarihi", "生年月日", "出生日期"},
		schemas.Name: {"first_name", "fst_nm", "LastName", "fullName", "Vorname", "Nachname", "prénom", "apellidos", "cognome", "sobrenome", "achternaam", "imię", "nazwisko", "имя", "фамилия", "soyadı", "氏名", "姓名",
			"customer_name", "contactName", "cardholder_name", "nomeCliente", "nome_cliente", "kundenname"},
		schemas.Address:     {"address", "shipping_address", "street", "Straße", "strasse", "rue", "dirección", "indirizzo", "endereço", "straatnaam", "ulica", "адрес", "sokak", "住所", "地址", "zip_code", "postal_code", "PLZ"},
		schemas.IP:          {"ip", "ip_address", "client_ip", "remoteAddr"},
		schemas.IBAN:        {"iban", "bank_account_number", "Kontonummer"},
		schemas.Passport:    {"passport_no", "Reisepassnummer", "паспорт", "护照号"},
		schemas.DriverID:    {"driver_license", "drivers_licence", "führerschein", "rijbewijsnummer", "ehliyet"},
		schemas.CPF:         {"cpf"},
		schemas.CodiceFisc:  {"codice_fiscale"},
		schemas.Secret:      {"password", "api_key", "clientSecret", "пароль", "şifre", "パスワード", "密码"},
		schemas.Custom:      {"Sozialversicherungsnummer", "SV_Nr", "bsn", "burgerservicenummer", "PESEL", "ИНН", "СНИЛС", "TC_kimlik_no", "tckn", "身份证号", "住民票コード", "curp", "cédula", "license_plate", "religion", "lugar_de_nacimiento"},
		schemas.Coordinates: {"latitude", "longitude", "enlem"},
	} {
		for _, n := range list {
			if g := Of(n); g.Class != c {
				t.Errorf("%s: %v, want %v", n, g.Class, c)
			}
		}
	}
	for _, n := range []string{"id", "order_id", "status", "created_at", "total", "product_name", "file_name", "email_verified", "phone_type", "is_email", "hostname", "quantity", "email_count", "currency",
		"description", "", "_", "...", "total_amount", "sku", "updatedAt", "price", "machine", "capability", "panel", "scanner"} {
		if g := Of(n); g.Class != schemas.NoClass && g.Confidence == Sure {
			t.Errorf("%s: %v", n, g.Class)
		}
	}
	if g := Of("name"); g.Class != schemas.Name || g.Confidence != Weak {
		t.Errorf("name: %v", g)
	}
}

// TestKnown: words for what columns hold, in any script, and nothing that may be a value. // P1
func TestKnown(t *testing.T) {
	for _, n := range []string{"氏名", "電話番号", "手机号", "телефон", "Дата_рождения", "номер телефона", "Straße", "prénom", "dirección", "doğum_tarihi", "e-posta", "メールアドレス2", "email"} {
		if !Known(n) {
			t.Errorf("%s is not known", n)
		}
	}
	for _, n := range []string{"", "山田太郎", "山田氏名", "Zaphod Beeblebrox", "Иванов", "имя Иванов", "calle_mayor", "Straße 7b", "телефон79123456789", "né@e", "почта@example.org", "氏名.x", "order"} {
		if Known(n) {
			t.Errorf("%s is known", n)
		}
	}
}

func TestLetters(t *testing.T) {
	if a, b := utf8.RuneCountInString(accented), len(letters); a != b {
		t.Errorf("%d letters for %d with diacritics", b, a)
	}
}
