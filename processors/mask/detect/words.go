package detect

import "strings"

// contexts are the words that say what a number is, in the languages whose
// speakers write most of them.
var contexts = func() map[string]about {
	m := map[string]about{}
	say := func(a about, words ...string) {
		for _, w := range words {
			m[w] |= a
		}
	}
	say(aboutPhone, "phone", "phones", "telephone", "tel", "mobile", "mob", "cell", "cellphone", "cellular", "call", "calls", "called", "calling", "callback", "dial", "dialed",
		"dialled", "ring", "fax", "whatsapp", "sms", "text", "texted", "texting", "txt", "contact", "hotline", "helpline", "landline", "ph", "msisdn", "imessage", "viber", "reach", "reached", "phoned",
		"voicemail", "pager", "telegram", "toll", "tollfree", "zelle", "venmo", "cashapp", "hmu", "office", "freephone", "answering", "answered", "answers", "caller", "callee", "callers", "📱", "📞", "☎", "☎️", "📲", "✆", "℡", "dialing", "dialling", "facsimile", "dm", "contacted", "contactable", "desk", "reception", "dispatch", "rsvp", "reachable", "callto", "facetime", "signal", "tele", "telno", "phoneno", "phonenumber", "mobileno",
		"telefon", "telefonnummer", "handy", "handynummer", "mobil", "mobilnummer", "rufnummer", "festnetz", "anrufen", "ruf", "rufen", "erreichbar", "erreichen", "durchwahl", "rückfragen", "verfügung", // de
		"téléphone", "tél", "téléphoner", "telephoner", "télécopie", "rappeler", "rappelez", "portable", "appel", "appeler", "appelez", "joindre", "joignable", // fr
		"teléfono", "telefono", "móvil", "movil", "celular", "cel", "marque", "marcar", "llámenos", "llamenos", "llámanos", "tfno", "llamar", "llame", "llámame", "llámeme", "llamarme", "llama", "llamada", "teléf", "telef", "comunica", "richiamarmi", "richiamare", "richiamami", "richiamate", "richiamateci", "bereiken", "notfallkontakt", "numaralı", "telefondan", "teléfonos", "celu", "fono", "comuníquese", "comuniquese", "comunicarse", "llámanos", "contáctenos", "contáctanos", // es
		"telefone", "telemóvel", "telemovel", "ligar", "ligue", "liga", "fone", "contato", "contacto", // pt
		"cellulare", "chiamare", "chiama", "chiamami", "chiamarmi", "chiamateci", "recapito", "telefonico", // it
		"telefoon", "telefoonnummer", "gsm", "bellen", "mobiel", "mobiele", "bereikbaar", "bel", // nl
		"telefonu", "numeru", "kom", "komórka", "komorka", "komórkowy", "zadzwoń", "zadzwon", "dzwonić", "kontakt", // pl
		"телефон", "тел", "телефоны", "телефону", "мобильный", "моб", "звоните", "звонить", "звони", "позвоните", "позвони", "позвонить", "перезвоните", "сотовый", // ru
		"telefonum", "cep", "telefonnr", "telnr", "mobilnr", "rufnr", "mobiltelefon", "puhelinnumero", "matkapuhelin", "tlf", "telf", "mobilen", "puhelin", "puh", "τηλέφωνο", "τηλ", "κινητό", // tr, da, no, sv, fi, el
		"電話", "電話番号", "携帯", "携帯電話", "携帯番号", "手机", "手机号", "手机号码", "电话", "电话号码", "致電", "聯絡", "联系方式", "휴대전화", "핸드폰", "聯絡電話", "联系电话", "連絡先", "拨打", "致电", "连络", "お電話", "携带", "전화", "전화번호", "휴대폰", "연락처", // ja, zh, ko
		"फोन", "फ़ोन", "मोबाइल", "هاتف", "جوال", "تلفن", "موبایل", "طلب", "טלפון", "נייד", "התקשר", "התקשרו", "תתקשרו", "להתקשר", "חייגו", "פקס", "कॉल", "नंबर", "फैक्स", "helista", "helistage", "mobiiltelefon", "zvaniet", "mobilais", "skambinkite", "skambinti", "mobilusis", "nazovite", "pozovite", "zovite", "mobilni", "pokličite", "pokliči", "позовите", "позвънете", "набирайте", "дзвоніть", "подзвоніть", "ফোন", "মোবাইল", "কল", "தொலைபேசி", "கைபேசி", "فون", "کال", "موبائل", "زنگ", "اتصلوا", "للاتصال", "الهاتف", "الجوال", "tawagan", "hubungi", "telpon", "simu", "piga", "tələfon", "zəng", "հեռախոս", "ტელეფონი", "მობილური", "تماس", "اتصل", "рақам", "hívjon", "sunați", "sună", "soita", "numeroon", "ring", "zavolejte", "zavolajte", "číslo", "καλέστε", "зателефонуйте", "обадете", "gọi", "sđt", "hp", "wa", "เบอร์", "numarası", "numarasından", "numaram", "arayın", "arayabilirsiniz", "telefón", "telefonszám", "számon", "mobitel", "telefonas", "tālrunis", "gsm", "nomor", "telepon", "hubungi", "điện", "thoại", "โทร", "โทรศัพท์",
		"anruf", "anrufe", "rückruf", "rückrufnummer", "zurückrufen", "zurückzurufen", "telefonisch", "telefonnr", "handynr", "festnetznummer", "mobilfunk", "mobilfunknummer", "faxnummer", "telefax", "kontaktieren", "melden",
		"contacter", "contactez", "téléphonez", "appelle", "rappelle", "répond", "répondeur", "télécopieur", "joignez",
		"contactar", "contactarme", "contactarnos", "contactarle", "contáctame", "contácteme", "llámenme", "llamadme", "llamarnos", "llamarte", "llamarle", "telefonear",
		"liguem", "telefonar", "telefonem", "contatar", "contatem", "contatos", "contactos", "whats", "zap", "faks", "факс", "звонок", "перезвонить",
		"chiamate", "chiamatemi", "chiamaci", "chiamarci", "telefonare", "telefonate", "telefonatemi", "telefonami", "contattare", "contattarmi", "contattatemi", "contattami", "contattateci", "contatto", "contatti", "reperibile", "raggiungibile",
		"belt", "gebeld", "terugbellen", "mobieltje", "zadzwonić", "dzwoń", "oddzwonić", "kontaktowy", "telefoniczny", "iletişim", "İletişim", "arayınız", "ulaşabilirsiniz", "ulaşın", "telefonu", "telefonumu", "ringa", "ringe", "puhelinnumeroni", "numeroni", "kännykkä", "telefonszámom", "mobilszám", "mobilszámom", "telefonnummeret", "mobilnummeret", "telefonnumret", "mobilnumret", "telefonul", "telefonní", "mobilní", "volejte", "zavolat", "natel", "折り返し", "ご連絡")
	say(aboutSSN, "ssn", "ssns", "social", "socsec", "ss", "socialsecurity", "socialsecuritynumber", "ssnumber")
	say(aboutCard, "card", "cards", "cardnumber", "creditcard", "visa", "mastercard", "amex", "discover", "maestro", "jcb", "diners", "unionpay", "credit", "debit", "cc", "ccn", "ccnum", "pan",
		"charge", "charged", "kreditkarte", "karte", "carte", "tarjeta", "cartão", "cartao", "carta", "kaart", "карта", "карты", "karta", "kart", "カード", "卡号", "카드", "chargeback", "chargebacks", "cvv", "cvc", "cvv2", "cvc2", "exp", "expires", "expiry", "expiration", "paid", "payment", "pay")
	say(weakly, "charge", "charged", "credit", "debit", "paid", "payment", "pay", "exp")
	say(aboutBirth, "born", "birth", "birthdate", "birthday", "dob", "dateofbirth", "bday", "geboren", "geburtsdatum", "geb", "né", "née", "naissance", "nacimiento", "nacido", "nacida",
		"nascimento", "nascido", "nascita", "nato", "nata", "geboortedatum", "urodzenia", "рождения", "родился", "родилась", "doğum", "生年月日", "出生日期", "생년월일", "生日", "誕生日", "생일", "urodzony", "urodzona", "doğumlu", "födelsedatum", "fødselsdato")
	say(aboutPassport, "passport", "passports", "reisepass", "passeport", "pasaporte", "passaporto", "passaporte", "паспорт", "paspoort", "パスポート", "护照", "여권", "paszport", "paszportu", "pasaport", "reisepassnummer", "passnummer")
	say(aboutDriver, "driver", "drivers", "driving", "licence", "license", "dl", "führerschein", "permis", "conducir", "patente", "rijbewijs", "prawo", "jazdy", "dln", "führerscheinnummer", "rijbewijsnummer", "ehliyet", "cnh", "habilitação", "водительское", "водительского", "運転免許", "免許証", "驾驶证", "驾照")
	say(aboutTax, "tax", "tin", "taxpayer", "steuer", "steuerid", "idnr", "steuernummer", "cpf", "cnpj", "itin", "fiscale", "sin", "nino", "insurance", "ni", "nir", "sécu", "sécurité", "sociale", "secu")
	say(aboutIdentity, "aadhaar", "aadhar", "uid", "uidai", "dni", "nie", "nif", "mynumber", "individual", "マイナンバー", "個人番号", "identity", "identification", "national")
	say(aboutPlace, "lat", "latitude", "lon", "lng", "longitude", "coordinates", "coords", "gps", "location", "position", "geo")
	say(aboutSecret, "secret", "secrets", "token", "password", "passwd", "pwd", "pass", "passphrase", "passwort", "kennwort", "contraseña", "senha", "пароль", "パスワード", "密码", "bearer", "apikey", "credential", "credentials", "auth", "authorization", "accesskey", "secretkey", "accesstoken")
	say(against, "order", "orders", "invoice", "ticket", "tickets", "tracking", "parcel", "package", "shipment", "shipping", "serial", "sku", "isbn", "issn", "ean", "upc", "gtin", "asin", "imei", "imsi", "iccid",
		"version", "ver", "build", "commit", "sha", "hash", "uuid", "guid", "id", "ids", "ref", "reference", "transaction", "txn", "batch", "lot", "part", "parts", "model", "product", "item", "case",
		"claim", "policy", "po", "quote", "booking", "confirmation", "flight", "timestamp", "ts", "epoch", "offset", "lsn", "seq", "sequence", "port", "pid", "error", "zip", "postcode",
		"postal", "account", "acct", "iban", "routing", "aba", "price", "total", "amount", "usd", "eur", "cost", "mrn", "barcode", "catalog", "article", "docket", "release",
		"revision", "rev", "rfc", "patent", "score", "ratio", "lat", "latitude", "lon", "longitude", "coordinates", "ip", "job", "trace", "span", "request",
		"bytes", "weight", "population", "users", "views", "downloads",
		"bestellung", "bestellnummer", "rechnung", "auftrag", "sendung", "kundennummer", "commande", "facture", "colis", "pedido", "factura", "envío", "ordine", "fattura", "заказ", "счет", "订单", "注文", "주문",
		"fedex", "usps", "dhl", "pnr", "dataset", "milestone", "sprint", "hull", "nonce", "pallet", "tile", "pixel", "seed", "kernel", "tx", "grid", "index", "query", "node", "sid", "size", "depth", "member", "npi", "waybill", "awb", "container", "passcode", "webinar", "prescription", "rx", "buffer", "stack", "ein", "cusip", "isin", "chart", "eticket", "zoom", "webex", "rrn", "arn", "nhs", "vat", "pesel", "rs", "inr", "gbp", "jpy", "cad", "aud", "chf", "voucher", "coupon", "key", "activation", "kg", "quantity", "qty", "gtid", "xid", "layer", "rows", "duration", "bill", "bills", "values",
		"pin", "lottery", "lotto", "sipariş", "ordernr", "ordernummer", "ordrenr", "ordre", "ordrenummer", "bestellnr", "auftragsnummer", "rechnungsnummer", "kundennr", "zamówienie", "zamówienia", "faktura", "faktury", "factuur", "dossier", "protocolo", "pratica",
		"tilaus", "objednávka", "rendelés", "comanda", "beställning", "накладная", "заказа", "注文番号", "订单号", "주문번호", "iva", "siret", "siren", "rma", "ndc", "cas", "doi", "pmid", "hs", "orcid", "loinc", "cpt", "icd", "unit", "replaces", "warranty", "company", "drawing", "dwg", "mpn", "accession", "receipt", "asset", "folio", "снилс", "инн", "огрн", "кпп", "индекс", "nip", "regon", "bsn", "abn", "acn", "gstin", "gst", "plz", "postleitzahl", "邮编", "郵便番号", "身份证", "身份证号", "chassis", "badge", "locker", "ballot", "component", "compound", "gasket", "isotope", "valve", "sensor", "seat", "raffle", "firmware", "fixture", "diagram", "exam", "formula", "kit", "plate", "sector", "apn", "sn", "chapter", "clause", "frequency", "bolt", "certificate", "award", "equipment", "vessel", "requisition", "sample", "specimen", "bbox", "inode", "loan", "permit", "meter", "nanoseconds", "milliseconds", "ms", "ns", "unix", "checksum", "crc", "digest", "fingerprint", "vin", "contract", "bug", "pr", "duns", "conf", // then who is a customer, what was ordered, sent, agreed and filed
		"referenz", "referenznummer", "vorgang", "vorgangsnummer", "aktenzeichen", "vertrag", "vertragsnr", "vertragsnummer", "kundennr", "sendungsnummer", "sendungsnr", "paketnummer", "artikelnr", "artikelnummer", "rechnungsnr", "mitgliedsnummer", "seriennummer", "zählernummer", "ticketnummer", "fallnummer", "buchungsnummer", "versicherungsnummer", "matrikelnummer", "personalnummer", "kontonummer", "bankleitzahl", "blz",
		"référence", "réf", "suivi", "contrat", "livraison", "adhérent", "montant", "réservation", "billet",
		"referencia", "seguimiento", "expediente", "contrato", "reserva", "cuenta", "importe", "albarán", "póliza", "matrícula", "recibo", "guía", "artículo",
		"referência", "rastreio", "rastreamento", "fatura", "boleto", "apólice", "riferimento", "spedizione", "contratto", "conto", "importo", "prenotazione", "polizza", "matricola", "articolo", "codice",
		"klantnummer", "bestelnummer", "factuurnummer", "referentie", "kenmerk", "dossiernummer", "polisnummer", "lidnummer", "rekeningnummer", "kvk", "zending", "bestelling", "contractnummer",
		"przesyłka", "przesyłki", "sprawa", "sprawy", "umowa", "umowy", "klienta", "polisa", "zlecenie", "konta", "rachunek", "paczka", "paczki", "reklamacja", "reklamacji",
		"referans", "müşteri", "kargo", "takip", "vergi", "sözleşme", "poliçe", "hesap", "dosya", "üye", "barkod", "ürün",
		"договор", "договора", "артикул", "трек", "счёт", "полис", "клиента", "заявка", "заявки", "квитанция", "отправление",
		"kundnummer", "fakturanummer", "ärende", "ärendenummer", "kollinummer", "referens", "medlemsnummer", "orgnr", "kundenummer", "sagsnummer", "saksnummer", "referanse", "sporingsnummer", "cvr", "tilausnumero", "asiakasnumero", "laskunumero", "viitenumero", "tuotenumero",
		"objednávky", "zásilka", "zásilky", "zákazníka", "smlouva", "smlouvy", "ičo", "dič", "comenzii", "rendelésszám", "ügyfélszám", "csomagszám", "παραγγελία", "παραγγελίας", "τιμολόγιο", "αφμ", "pesanan", "faktur", "resi", "pelanggan",
		"コード", "会員番号", "お客様番号", "顧客番号", "追跡番号", "請求書", "受付番号", "契約番号", "型番", "管理番号", "伝票番号", "商品番号", "予約番号", "口座番号", "製造番号", "〒", "编号", "单号", "运单", "流水号", "会员号", "合同号", "发票", "序列号", "条码", "송장", "고객번호", "계좌번호", "접수번호", "회원번호", "예약번호", "상품코드")
	say(isRole, "manager", "officer", "agent", "agents", "rep", "representative", "adjuster", "coordinator", "holder", "owner", "team", "department", "dept", "services", "service", "support", "lead", "director", "clerk", "specialist", "assistant",
		"attorney", "lawyer", "advisor", "adviser", "engineer", "technician", "supervisor", "dispatcher", "driver", "courier", "handler", "processor", "administrator", "admin", "counselor", "inspector", "buyer", "seller", "broker", "planner", "lady", "guy", "hotline", "helpdesk", "inquiries", "enquiries", "queries",
		"berater", "betreuer", "abteilung", "sachbearbeiter", "conseiller", "responsable", "gestor", "asesor", "responsabile")
	m["no"], m["nr"], m["num"] = 0, 0, 0
	for phrase := range phrases {
		m[phrase[strings.LastIndexAny(phrase, " _-")+1:]] |= endsPhrase
	}
	return m
}()

// phrases are words that say something only beside each other: whose number it is.
var phrases = func() map[string]about {
	m := map[string]about{}
	for _, number := range []struct{ noun, of string }{
		{"number", "my your ur his her their our its new old best direct home work office personal private usual daytime evening current"},
		{"digits", "my your ur his her their new"}, {"line", "direct private land support help hot care service customer rx pharmacy sales info information tip crisis"},
		{"nummer", "meine meiner deine ihre seine neue alte unsere mijn min mitt mit"}, {"numéro", "mon ton son votre notre nouveau"}, {"número", "mi tu su meu seu nuevo novo"},
		{"numero", "mi tu su mio tuo suo nuovo il"}, {"numer", "mój twój jego jej nowy"}, {"номер", "мой твой его её ваш наш новый"}, {"numaram", "benim"}, {"numarası", "onun"}, {"numarasından", "şu"},
		{"registered", "my your his her their"}, {"service", "customer client"}, {"services", "customer client"}, {"to", "messages message texts sms"}, {"sec", "soc"},
	} {
		for of := range strings.FieldsSeq(number.of) {
			m[of+" "+number.noun] = aboutPhone
		}
	}
	for of := range strings.FieldsSeq("customer client employee student membership file document form inventory registration store stock vendor engine fleet bar tail project return record course " +
		"access promo gate auth authorization approval dealer supplier reservation sort exit diagnostic activation group") {
		m[of+" number"], m[of+" code"], m[of+" no"] = against, against, against
	}
	for _, of := range []string{"n° client", "numéro client", "code client", "de cliente", "nota fiscal"} {
		m[of] = against
	}
	m["a bell"], m["conference bridge"] = aboutPhone, aboutPhone
	m["s number"], m["me on"] = aboutPhone, aboutPhone // Bo's number, you get me on
	m["soc sec"], m["tax id"], m["taxpayer id"], m["tax_id"] = aboutSSN, aboutTax, aboutTax, aboutTax
	for _, head := range []struct{ first, heads string }{ // what is named after a phone, and is none
		{"social", "media network networks club worker workers services studies distancing score campaign campaigns post posts feed ads shares reach"}, {"call", "center centre centers stats volume log logs id ids"}, {"cell", "tower count counts culture"},
		{"phone", "model models case id size os"}, {"card", "game games reader id"}, {"text", "file files size length editor"}, {"mobile", "app apps game games site os"}, {"credit", "score limit"},
	} {
		for h := range strings.FieldsSeq(head.heads) {
			m[head.first+" "+h] = against
			m[head.first+"_"+h] = against
		}
	}
	for _, sep := range []string{" ", "_", "-"} {
		m["caller"+sep+"id"] = aboutPhone
	}
	for of := range strings.FieldsSeq("api access secret private auth encryption signing") {
		for _, sep := range []string{" ", "_", "-"} {
			m[of+sep+"key"] = aboutSecret
		}
	}
	return m
}()

// units are what is counted or measured.
var units = set("mg", "ml", "g", "kg", "km", "m", "mm", "cm", "mb", "gb", "kb", "tb", "mhz", "ghz", "hz", "bytes", "byte", "rows", "items", "points", "users", "people", "units", "pcs", "miles", "mi", "ft", "usd", "eur",
	"gbp", "inr", "chf", "dollars", "euros", "pounds", "yen", "rupees", "percent", "ms", "ns", "us", "seconds", "sec", "minutes", "hours", "days", "years", "records", "messages", "events", "requests", "views", "shares", "followers", "calls", "texts", "agents", "times", "barrels", "tickets", "downloads", "votes", "copies", "packets")

var joining = set("and", "und", "oder", "also", "then", "else", "plus", "try", "via", "sur", "ili", "lub", "или", "veya", "eller", "och", "oppure", "anche", "auch", "unter", "after", "before", "just", "the", "for", "his", "her", "their", "but", "not")

// attributes end the names of fields that are about something of a phone or card.
var attributes = set("at", "on", "date", "time", "ts", "ms", "epoch", "count", "type", "kind", "model", "version", "verified", "confirmed", "used", "hash", "len", "length", "status", "state", "tower", "code", "otp", "pin", "size", "duration", "index", "seconds", "limit", "balance", "score", "rate", "stats", "brand", "last4", "country")
