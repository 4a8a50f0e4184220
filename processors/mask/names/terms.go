package names

import (
	"slices"
	"strings"

	"sluice/schemas"
)

// terms are what names are made of, squashed: dateofbirth.
var terms = func() map[string]Guess {
	m := map[string]Guess{}
	say := func(c schemas.Class, confidence float32, lists ...string) {
		for _, list := range lists {
			for w := range strings.FieldsSeq(list) {
				m[w] = Guess{c, confidence}
			}
		}
	}
	say(schemas.Email, Sure, "email emails emailaddress emailid emailadres emailadresse mailaddress mailadresse eposta epostaadresi",
		"courriel adressemail adresseemail adresseelectronique correo correoelectronico direccioncorreo postaelettronica indirizzoemail indirizzomail",
		"enderecoemail correioeletronico adresemail pocztaelektroniczna почта электроннаяпочта имейл эмейл мейл")
	say(schemas.Email, Weak, "mail mailto poczta")
	say(schemas.Phone, Sure, "phone phones telephone phonenumber phoneno telephonenumber telephoneno tel telno telnr mobile mobileno mobilenumber mobilephone cell cellphone cellnumber fax faxno faxnumber msisdn whatsapp landline contactno contactnumber contactphone callbacknumber dayphone eveningphone",
		"telefon telefonnummer telefonnr handy handynummer handynr mobilnummer mobiltelefon rufnummer festnetz festnetznummer faxnummer",
		"numerotelephone numerodetelephone telportable telephoneportable telmobile telfixe",
		"telefono numerotelefono numerodetelefono telefonofijo telefonomovil movil celular numerocelular numeromovil",
		"cellulare numerocellulare recapitotelefonico telefonocellulare",
		"telefone telefonecelular numerotelefone telemovel fone numerodetelefone",
		"telefoon telefoonnummer telnummer mobielnummer gsmnummer mobieletelefoon vastenummer",
		"numertelefonu nrtelefonu telefonkomorkowy komorka nrtel", "телефон номертелефона мобильный мобильныйтелефон тел сотовый",
		"telefonno telefonnumarasi ceptelefonu ceptel ceptelefon gsmno")
	say(schemas.Phone, Weak, "mobil handset cep gsm portable mobiel сот")
	say(schemas.SSN, Sure, "ssn ssnno socialsecurity socialsecuritynumber socialsecuritynum socialsecurityno socsec usssn")
	say(schemas.ITIN, Sure, "itin")
	say(schemas.Card, Sure, "creditcard creditcardnumber creditcardno cardnumber cardno cardnum ccnumber ccnum ccno debitcard debitcardnumber paymentcard pannumber primaryaccountnumber",
		"kreditkarte kreditkartennummer kartennummer cartebancaire numerocarte numerodecarte cartecredit cartedecredit tarjetacredito tarjetadecredito numerotarjeta numerodetarjeta",
		"cartadicredito numerocarta cartaocredito cartaodecredito numerocartao numerodocartao creditcardnummer kaartnummer numerkarty kartakredytowa kartaplatnicza номеркарты кредитнаякарта картаномер kredikarti kartno kartnumarasi")
	say(schemas.Card, Weak, "card pan cc karte carte tarjeta cartao karta карта kart")
	say(schemas.IBAN, Sure, "iban ibannumber ibanno bankaccount bankaccountnumber accountiban kontonummer bankverbindung cuentabancaria numerocuenta contobancario contabancaria rekeningnummer numerkonta банковскийсчет расчетныйсчет hesapno ibanhesap")
	say(schemas.IP, Sure, "ip ipaddr ipaddress ipv ipadresse ipadresi adresseip direccionip indirizzoip enderecoip ipadres adresip clientip remoteip sourceip srcip dstip remoteaddr ipадрес")
	say(schemas.MAC, Sure, "mac macaddr macaddress macadresse adressemac hwaddr")
	say(schemas.BirthDate, Sure, "dob dateofbirth birthdate birthday bday birthdt bornon bornat birthyear yearofbirth",
		"geburtsdatum geburtstag gebdat gebdatum datenaissance datedenaissance naissance fechanacimiento fechadenacimiento nacimiento",
		"datanascita datadinascita nascita datanascimento datadenascimento nascimento geboortedatum geboorte dataurodzenia urodziny датарождения деньрождения рождения dogumtarihi dogumgunu")
	names(say)
	addresses(say)
	others(say)
	say(schemas.NINO, Sure, "nino nationalinsurance nationalinsurancenumber ninumber")
	say(schemas.MyNumber, Sure, "mynumber")
	say(schemas.SteuerID, Sure, "steuerid steueridnr steueridentifikationsnummer steuernummer steuernr idnr")
	say(schemas.NIR, Sure, "nir numerosecu numerosecuritesociale securitesociale numsecu insee")
	say(schemas.DNI, Sure, "dni nie nif dninif documentoidentidad")
	say(schemas.CodiceFisc, Sure, "codicefiscale codfiscale cf")
	m["cf"] = Guess{schemas.CodiceFisc, Weak}
	say(schemas.CPF, Sure, "cpf cpfcnpj")
	say(schemas.CNPJ, Sure, "cnpj")
	say(schemas.Aadhaar, Sure, "aadhaar aadhar aadhaarno aadhaarnumber uidai")
	say(schemas.PAN, Sure, "panno pancard pancardno")
	say(schemas.SIN, Sure, "socialinsurancenumber socialinsurance")
	say(schemas.SIN, Weak, "sin")
	say(schemas.Passport, Sure, "passport passportno passportnumber passportnum reisepass reisepassnummer passnummer passeport numeropasseport pasaporte numeropasaporte passaporto numeropassaporto passaporte paspoort paspoortnummer paszport numerpaszportu паспорт номерпаспорта серияпаспорта pasaport pasaportno")
	say(schemas.DriverID, Sure, "driverlicense driverlicence driverslicense driverslicence drivinglicence drivinglicense licensenumber driverlicenseno dlnumber dlno fuhrerschein fuehrerschein fuhrerscheinnummer permisconduire permisdeconduire licenciaconducir licenciadeconducir carnetconducir patenteguida patentediguida cnh carteiradehabilitacao rijbewijs rijbewijsnummer prawojazdy водительскоеудостоверение surucubelgesi ehliyet")
	say(schemas.Secret, Sure, "password passwd pwd passwort kennwort motdepasse contrasena senha wachtwoord haslo пароль sifre parola secret apikey apisecret accesstoken refreshtoken authtoken secretkey clientsecret passphrase pin pincode cvv cvc cvv2 securitycode")
	say(schemas.Secret, Weak, "token")
	say(schemas.PrivateKey, Sure, "privatekey sshkey privkey")
	say(schemas.JWT, Sure, "jwt jwttoken idtoken")
	say(schemas.Coordinates, Sure, "latitude longitude latlng latlon lnglat geolocation geopoint gps gpscoordinates coordinates breitengrad laengengrad langengrad latitud longitud latitudine longitudine широта долгота enlem boylam szerokoscgeograficzna")
	say(schemas.Coordinates, Weak, "lat lon lng coords geo position standort ubicacion posizione localizacao locatie")
	return m
}()

func names(say func(schemas.Class, float32, ...string)) {
	say(schemas.Name, Sure, "firstname lastname fullname givenname surname familyname middlename maidenname forename fname lname realname displayname legalname nickname personname customername contactname cardholder cardholdername accountholder patientname holdername recipientname",
		"kundenname personenname vorname nachname familienname geburtsname mädchenname ansprechpartner kontoinhaber karteninhaber",
		"prenom nomdefamille nomcomplet nomprenom apellido apellidos primerapellido segundoapellido nombrecompleto nombrecliente",
		"cognome nomecognome nominativo ragionenome sobrenome nomecompleto primeironome ultimonome apelido nomecliente nomemae nomedamae",
		"voornaam achternaam tussenvoegsel volledigenaam familienaam imie nazwisko imienazwisko imieinazwisko nazwiskorodowe",
		"имя фамилия отчество фио полноеимя soyad soyadi soyisim adsoyad adisoyadi tamad isimsoyisim")
	say(schemas.Name, Weak, "name nom nombre nome naam nazwa ad adi isim username userid login benutzername utilisateur usuario utente usuário gebruikersnaam uzytkownik пользователь логин kullaniciadi author owner contact recipient beneficiary payee")
}

func addresses(say func(schemas.Class, float32, ...string)) {
	say(schemas.Address, Sure, "address addresses addressline addr streetaddress street streetname streetline postaladdress homeaddress billingaddress shippingaddress mailingaddress deliveryaddress residence zip zipcode postcode postalcode",
		"adresse anschrift strasse straße hausnummer postleitzahl plz wohnort lieferadresse rechnungsadresse", "rue codepostal adressepostale adresselivraison domicile",
		"direccion calle domicilio codigopostal direccionenvio", "indirizzo viacivico codicepostale indirizzospedizione residenza",
		"endereco rua logradouro bairro codigopostal morada", "adres straat straatnaam huisnummer woonplaats postcode bezorgadres", "ulica kodpocztowy nrdomu adreszamieszkania",
		"адрес улица индекс почтовыйиндекс адресдоставки прописка", "adresi sokak cadde mahalle postakodu evadresi")
	say(schemas.Address, Weak, "shipto billto line cap via city town stadt ort ville ciudad citta cidade stad miasto город sehir ilce")
}

// others are of no class of their own: numbers that states and insurers know persons by,
// their things, what the law protects most, and short forms.
func others(say func(schemas.Class, float32, ...string)) {
	say(schemas.Custom, Sure, "nationalid nationalidnumber nationalidentifier personalid personalidnumber identitynumber identitycard idcardnumber idcardno healthinsurancenumber insurancenumber medicarenumber medicareno imei licenseplate licenceplate plateno platenumber birthplace placeofbirth",
		"sozialversicherungsnummer svnr svnummer rentenversicherungsnummer krankenversicherungsnummer versichertennummer ahvnr ahvnummer personalausweis personalausweisnummer ausweisnummer kfzkennzeichen nummernschild geburtsort",
		"lieunaissance lieudenaissance immatriculation carteidentite carteidentité numeroidentite", "curp rfccurp cedula lugarnacimiento lugardenacimiento numeroidentificacion numeroidentidad numeroseguridadsocial", "luogonascita luogodinascita cartaidentita codicesanitario targaauto",
		"rgnumero numerorg titulodeeleitor tituloeleitor pispasep localnascimento localdenascimento cartaodocidadao", "bsn burgerservicenummer rijksregisternummer geboorteplaats kenteken", "pesel nrdowodu dowodosobisty numerdowodu miejsceurodzenia",
		"инн снилс номерполиса месторождения госномер", "tckimlik tckimlikno tcno tckn kimlikno kimliknumarasi dogumyeri plakano")
	say(schemas.Custom, Sure, "religion ethnicity ethnicgroup sexualorientation politicalopinion disability diagnosis konfession religionszugehörigkeit ethnie religione religiao etnia вероисповедание bloodtype bloodgroup")
	say(schemas.Custom, Weak, "gender sex race nationality maritalstatus citizenship geschlecht familienstand staatsangehörigkeit sexe nationalite genere sesso genero sexo nacionalidad geslacht nationaliteit plec пол гражданство cinsiyet uyruk rut rg nip vin deviceid")
	say(schemas.Name, Sure, "fstnm lstnm fullnm custnm customernm mothersname fathersname nomemadre nombremadre nombrepadre vatersname")
	say(schemas.Name, Weak, "twitterhandle instagramhandle skype skypeid telegram telegramhandle wechat wechatid screenname handle")
	say(schemas.BirthDate, Sure, "fechanac fecnac fnac datanasc dtnasc dtnascimento datenaiss birthdat brthdt")
	say(schemas.Phone, Sure, "phno phonenbr phonenum mobno mobilenbr telnbr telefonnr")
	say(schemas.IBAN, Weak, "accountnumber accountno acctno acctnumber acctnum konto")
	say(schemas.Secret, Sure, "ccv otp otpcode onetimepassword")
	say(schemas.DriverID, Sure, "dlnum driverlicno driverlicnum drivinglicenceno drivinglicenseno")
	say(schemas.ITIN, Weak, "taxid taxpayerid taxnumber tin")
}

type term struct {
	word  string
	guess Guess
}

// compounds are sure terms of five bytes and more, by name.
var compounds = func() (out []term) {
	for w, g := range terms {
		if len(w) >= 5 && g.Confidence == Sure {
			out = append(out, term{w, g})
		}
	}
	slices.SortFunc(out, func(a, b term) int { return strings.Compare(a.word, b.word) })
	return out
}()

// unspaced are terms of scripts that have no spaces between words.
var unspaced = func() (out []term) {
	for c, list := range map[schemas.Class]string{
		schemas.Email: "メール メールアドレス 電子メール 邮箱 电子邮件 邮件地址 電子郵件 信箱", schemas.Phone: "電話 電話番号 携帯 携帯番号 携帯電話 ファックス 手机 手机号 电话 联系电话 移动电话 固话 電話號碼",
		schemas.Name: "氏名 名前 姓名 苗字 フリガナ 名字 真实姓名 联系人 收件人 お名前", schemas.Address: "住所 郵便番号 地址 住址 邮编 邮政编码 收货地址 详细地址",
		schemas.BirthDate: "生年月日 誕生日 出生日期 生日 出生年月", schemas.Card: "カード番号 クレジットカード 信用卡 银行卡 卡号", schemas.MyNumber: "マイナンバー 個人番号",
		schemas.Passport: "パスポート 旅券番号 护照 护照号", schemas.DriverID: "運転免許 免許証番号 驾照 驾驶证", schemas.Secret: "パスワード 暗証番号 密码 口令", schemas.IP: "IPアドレス IP地址",
		schemas.Coordinates: "緯度 経度 纬度 经度", schemas.IBAN: "口座番号 银行账号 银行账户",
		schemas.Custom: "身份证 身份证号 身份证号码 社保号 健康保険証番号 保険証番号 住民票コード 免許番号 车牌号 出生地",
	} {
		for w := range strings.FieldsSeq(list) {
			out = append(out, term{strings.ToLower(w), Guess{c, Sure}})
		}
	}
	slices.SortFunc(out, func(a, b term) int { return strings.Compare(a.word, b.word) })
	return out
}()

// vetoes are words that make a column one about a value, not the value.
var vetoes = set("verified verification count counts type types status state enabled disabled optin optout opt consent preference preferences template templates valid validated validity is has sent allowed required subscribed subscription notifications notification length brand provider domain format channel bounced")

// things are what has a name and is no person; persons are who has one.
var (
	things  = set("product products item file filename table column topic host hostname event project company brand category tag role status app application service server database schema domain city country region state store shop branch department team campaign plan model device group job queue class method function field package module type kind produit producto prodotto produto produkt product продукт товар urun firma dosya")
	persons = set("customer client user person patient employee contact guest passenger member student driver owner holder kunde kunden klient cliente utilisateur usuario utente klant клиент musteri gast mitarbeiter benutzer")
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}
