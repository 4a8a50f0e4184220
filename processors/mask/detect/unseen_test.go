package detect

import "testing"

// TestUnseen are the patterns that texts of other makers showed wrong, each with
// a name for what it is.
func TestUnseen(t *testing.T) {
	for name, c := range map[string][2]string{
		"tag between label and number":       {"<p>Phone: <span>0141 496 0182</span></p> <dt>Tel</dt><dd><b>555 0182</b></dd>", "phone=0141 496 0182 | phone=555 0182"},
		"vCard property with parameters":     {"FN:Bo\nitem1.TEL;TYPE=WORK,VOICE:737 264 519\nTEL;TYPE=CELL:6552917\nNOTE;X=1:5552917 parts", "phone=737 264 519 | phone=6552917"},
		"six digits behind a label":          {"Telephone number: 82 03 94\nFax: 71-90-22", "phone=82 03 94 | phone=71-90-22"},
		"six digits in a phone's column":     {"name,phone,room\nBo,081199,448811\n", "phone=081199"},
		"code sent to a phone":               {"the code for your mobile: 482913, or \"phone_code\":\"482914\"", ""},
		"cell beside an address":             {"Bo Lee;bo@example.org;593 724 601;49085.73\n2,al@example.org,2075550143,1980-01-02", "email=bo@example.org | phone=593 724 601 | email=al@example.org | phone=2075550143"},
		"number in a sentence by an address": {"6108689015, write to bo@example.org about 97-2990281", "email=bo@example.org"},
		"slash and space behind an area":     {"bereikbaar op 02/ 769 16 98", "phone=02/ 769 16 98"},
		"area or exchange nobody has":        {"555.123.4567, 1-555-123-4567, 1-800-123-4568", "phone=555.123.4567 | phone=1-555-123-4567 | phone=1-800-123-4568"},
		"plus and too many digits":           {`"to":"+70201624933641"`, "phone=+70201624933641"},
		"line of a patch":                    {"-70201624933641\n+70201624933642\n", ""},
		"zeros said to be a phone":           {"Tel.: 003801699", "phone=003801699"},
		"Brazilian mobile without brackets":  {"11 92290 4761", "phone=11 92290 4761"},
		"postal code of Brazil":              {"CEP 23511-924, celular 11 3290-4761", "phone=11 3290-4761"},
		"portable in French":                 {"Tél. : 0668268881 - Port. : 0662924939, port 8080808080", "phone=0668268881 | phone=0662924939"},
		"call center with a colon":           {"Call center: (409) 247-2446 (Mon-Fri 9-5)", "phone=(409) 247-2446"},
		"link of a chat":                     {"https://wa.me/447690507611 https://x.example/447690507612", "phone=447690507611"},
		"part of a longer row":               {"bbox 926 911 8773 6836", ""},
		"address after a colon and digits":   {"1 Cor 8:8-51 / 192.168.10.77", "ip=192.168.10.77"},

		"phone in the form of an SSN":        {"my phone number is 372 13 7578", "phone=372 13 7578"},
		"phone behind an SSN":                {"SSN 512-45-6781, phone 980531319", "ssn=512-45-6781 | phone=980531319"},
		"another's number behind an SSN":     {"SSN 804-20-9061, employee number 591360701", "ssn=804-20-9061"},
		"passport behind an SSN":             {"SSN 624-03-6571, passport 677631351", "ssn=624-03-6571 | passport=677631351"},
		"ZIP+4 behind an SSN":                {"SSN 434-66-2331, Springfield, IL 22590-5121", "ssn=434-66-2331"},
		"every digit in order":               {"SSN: 123-45-6789", "ssn=123-45-6789"},
		"one digit nine times":               {"111-11-1111, SSN 222-22-2222", "ssn=222-22-2222"},
		"SSN and phone with a space between": {"Lee 102-55-8723 544 683 5224", "ssn=102-55-8723 | phone=544 683 5224"},
		"tracking in the form of an SSN":     {"1Z 405 656 33 5131 9115", ""},

		"card behind another number":        {"zip 40071-3091 4012888888881881", "card=4012888888881881"},
		"four fours behind pages":           {"pages 301-218 4012 8888 8888 1881", "card=4012 8888 8888 1881"},
		"Aadhaar that passes Luhn":          {"5696 4241 2286", ""},
		"key of a record, 18 digits":        {"676289198001011163", ""},
		"payment's number, twelve":          {"Payment 678793832448 declined", ""},
		"card of twelve":                    {"card 678793832448", "card=678793832448"},
		"parcel that passes Luhn":           {"Package 344903140498726 left", ""},
		"enRoute":                           {"card 201429164751461", "card=201429164751461"},
		"UnionPay debit, nineteen":          {"6222021234567890128", "card=6222021234567890128"},
		"login of ssh":                      {"$ ssh -p 22 bo@host.example.org", ""},
		"path of scp":                       {"scp a.txt bo@host.example.org:/srv bo@host.example.org:~/a", ""},
		"masked address":                    {"j***@example.org, **bo@example.org**", "email=bo@example.org"},
		"SSN in a bracket, digits behind":   {"heir Ann (ssn 457-55-5468) 50%, heir Bo (457-55-5469) 50%", "ssn=457-55-5468 | ssn=457-55-5469"},
		"phone in a bracket, digits behind": {"Bo (202-555-0147) 50", "phone=202-555-0147"},
		"label right behind":                {"SSN:457-55-5470Phone:202-555-0148Email:bo@example.org", "ssn=457-55-5470 | phone=202-555-0148 | email=bo@example.org"},
		"points between spaces":             {"202 555  .  0149", "phone=202 555  .  0149"},
		"manager of accounts":               {"account manager 202-555-0150, badge number 202-555-0151", "phone=202-555-0150"},
		"degree":                            {"Bo Lee PhD, reviewed 9406/3806", ""},
		"tax ID in the form of an SSN":      {"Tax ID: 678-90-1235", "ssn=678-90-1235"},
		"JCB of old with sixteen digits":    {"Visa 2131 3600 2020 8068, pan=1800359114654379", "card=2131 3600 2020 8068 | card=1800359114654379"},
		"card of no known issuer":           {"card 5926-9153-2013-5873, order 5926-9153-2013-5873", "card=5926-9153-2013-5873"},
		"card that lacks a digit":           {"Card 444303745486091899 (missing digit)", ""},
		"four fours of a longer code":       {"USPS 1308 4522 7665 4166 1499 56", ""},
		"card between a year and its end":   {"order 2024 4111 1111 1111 1111 12/26; 7788 5500 0000 0000 0004 123", "card=4111 1111 1111 1111 | card=5500 0000 0000 0004"},
		"IBAN that is mistyped":             {"IBAN DE72 6073 4815 9951 3844 91", ""},
		"card behind a code":                {"XY12 4111111111111111, PO12 5500 0000 0000 0004, BE72 4111 1111 1111 1111", "card=4111111111111111 | card=5500 0000 0000 0004 | card=4111 1111 1111 1111"},
		"card between other numbers":        {"acc 170545533 6269562756824605 123456789", "card=6269562756824605"},
		"phones in more languages":          {"chiamatemi al 343 048 4602; Hola, llámenme al 668 755 024; İletişim: 05334862831; Le 0617179156 ne répond pas", "phone=343 048 4602 | phone=668 755 024 | phone=05334862831 | phone=0617179156"},
		"references beside phones":          {"tel. 673746915 sprawa 29448081; Tfno.: 612345678 expediente 7452/3813\n〒530-8835", "phone=673746915 | phone=612345678"},
		"word that begins with digits":      {"bel 06-35369039 06-nummer, 携帯:03-3678-0224 2024年3月5日", "phone=06-35369039 | phone=03-3678-0224"},
		"whose number it is":                {"Bo's number is 4155550172, and 4155550173 is my number", "phone=4155550172 | phone=4155550173"},
		"another's number in the next part": {"Bo's number, ticket 415555017", ""},
		"inflected nouns":                   {"Puhelinnumeroni on 0501538181, A telefonszámom 06305694735, Telefonnummeret mitt er 992 65 761, you can get me on 07062791172", "phone=0501538181 | phone=06305694735 | phone=992 65 761 | phone=07062791172"},
		"an order on the line before":       {"4212071677 is your order\ncb# (427) 795-4757", "phone=(427) 795-4757"},
		"a table with a title":              {"reference number 9904340408\nname,ssn,phone\nBo Lee,514294564,4752590796\n", "ssn=514294564 | phone=4752590796"},
		"sentence behind, in small letters": {"row 90871605 of 731610083. ssn is 786187768", "ssn=786187768"},
		"address behind another command":    {"ssh is down; write to bo@example.org", "email=bo@example.org"},
	} {
		if got := find(c[0]); got != c[1] {
			t.Errorf("%s: %s\n got %s\nwant %s", name, c[0], got, c[1])
		}
	}
}
