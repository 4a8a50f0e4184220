package synth

import "strings"

// Locale is where made-up people live: common names and words of it, written
// for this package. It is immutable.
type Locale struct {
	name         string
	female, male []word
	family       []word
	familyFirst  bool // and no blank between
	street       []string
	city         []city
	address      string // %n number, %s street, %z postal code, %c city, %r region
	company      []string
	phone        []string // reserved for fiction: # is a digit
	iban         string   // after the check digits: # is a digit
	country      string   // of the IBAN
}

// word is a name as it is written and as an address of e-mail spells it.
type word struct{ text, ascii string }

// city is a town with its region and the form of its postal codes: # is a digit, @ a letter.
type city struct{ name, region, code string }

func words(s string) (out []word) {
	for w := range strings.SplitSeq(s, ",") {
		text, ascii, ok := strings.Cut(w, "=")
		if !ok {
			ascii = fold(text)
		}
		out = append(out, word{text, ascii})
	}
	return out
}

// fold is a Latin word in a to z.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, folding.Replace(strings.ToLower(s)))
}

var folding = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "à", "a", "á", "a", "â", "a", "ã", "a", "ç", "c", "è", "e", "é", "e", "ê", "e", "ë", "e",
	"ì", "i", "í", "i", "î", "i", "ï", "i", "ñ", "n", "ò", "o", "ó", "o", "ô", "o", "õ", "o", "ø", "o", "ù", "u", "ú", "u", "û", "u", "ý", "y",
	"ą", "a", "ć", "c", "ę", "e", "ł", "l", "ń", "n", "ś", "s", "ź", "z", "ż", "z")

func cities(s string) (out []city) {
	for c := range strings.SplitSeq(s, ",") {
		p := strings.Split(c, "|")
		out = append(out, city{p[0], p[1], p[2]})
	}
	return out
}

func list(s string) []string { return strings.Split(s, ",") }

// north is the range that the North American plan keeps for fiction in every
// area: 555-0100 to 555-0199. Locales without such a range take it too. Areas
// are of the largest cities.
var north = func() (all []string) {
	for a := range strings.FieldsSeq(`201 202 203 205 206 207 208 209 212 213 214 215 216 217 218 219 224 225 228 229 239 240 248 251 252 253 254 256 260 262
		267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323 330 334 336 337 347
		352 360 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419 423 425 432 434 435 440 469 478 480 501 502 503
		504 505 507 508 509 510 512 513 515 516 517 518 520 530 540 541 559 561 562 570 573 580 585 601 602 603 605 607 608 609
		610 612 614 615 616 617 618 619`) {
		all = append(all, "+1"+a+"55501##")
	}
	return all
}()

// The locales, as BCP 47 with an underscore. The phone ranges are those that
// the regulators keep for drama: NANPA, Ofcom, Bundesnetzagentur, ARCEP and ACMA. PTS
// (Sweden) keeps 95 mobile numbers, too few for people to stay apart.
var locales = []Locale{
	{
		name:    "en_US",
		female:  words("Mary,Patricia,Jennifer,Linda,Elizabeth,Barbara,Susan,Jessica,Sarah,Karen,Lisa,Nancy,Betty,Sandra,Ashley,Emily,Kimberly,Donna,Michelle,Carol,Amanda,Melissa,Deborah,Rebecca,Laura,Olivia,Emma,Ava,Sophia,Mia"),
		male:    words("James,Robert,John,Michael,David,William,Richard,Joseph,Thomas,Charles,Christopher,Daniel,Matthew,Anthony,Mark,Donald,Steven,Andrew,Paul,Joshua,Kenneth,Kevin,Brian,George,Timothy,Liam,Noah,Ethan,Mason,Logan"),
		family:  words("Smith,Johnson,Williams,Brown,Jones,Garcia,Miller,Davis,Rodriguez,Martinez,Hernandez,Lopez,Wilson,Anderson,Thomas,Taylor,Moore,Jackson,Martin,Lee,Perez,Thompson,White,Harris,Sanchez,Clark,Ramirez,Lewis,Robinson,Walker,Young,Allen,King,Wright,Scott,Torres,Nguyen,Hill,Flores,Green,Adams,Nelson,Baker,Hall,Rivera,Campbell,Mitchell,Carter,Roberts,Turner"),
		street:  list("Main St,Oak Ave,Maple Dr,Cedar Ln,Pine St,Elm St,Washington Ave,Lake Dr,Hill Rd,Walnut St,Park Ave,Sunset Blvd,River Rd,Church St,Highland Ave,Spring St,Ridge Rd,Meadow Ln,Forest Dr,Willow Way,Franklin St,Chestnut St,Jefferson Ave,Prospect St"),
		city:    cities("Springfield|IL|627##,Franklin|TN|370##,Clinton|MS|390##,Greenville|SC|296##,Bristol|CT|060##,Fairview|NJ|070##,Salem|OR|973##,Madison|WI|537##,Georgetown|TX|786##,Arlington|VA|222##,Ashland|KY|411##,Dover|DE|199##,Oxford|OH|450##,Jackson|MI|492##,Burlington|VT|054##,Manchester|NH|031##,Milton|GA|300##,Newport|RI|028##,Auburn|AL|368##,Dayton|NV|894##"),
		address: "%n %s, %c, %r %z", company: list("Inc.,LLC,Group,& Sons,Partners,Industries,Holdings"), phone: north, iban: "99999999##########", country: "DE",
	},
	{
		name:    "en_GB",
		female:  words("Olivia,Amelia,Isla,Ava,Ivy,Freya,Lily,Florence,Mia,Willow,Rosie,Sophia,Isabella,Grace,Daisy,Margaret,Susan,Patricia,Christine,Gillian,Janet,Alison,Fiona,Charlotte"),
		male:    words("Oliver,George,Arthur,Noah,Muhammad,Leo,Oscar,Harry,Archie,Jack,Henry,Charlie,Freddie,Theodore,Alfie,Graham,Nigel,Keith,Alan,Colin,Derek,Stuart,Gareth,Rhys"),
		family:  words("Smith,Jones,Taylor,Brown,Williams,Wilson,Johnson,Davies,Patel,Robinson,Wright,Thompson,Evans,Walker,White,Roberts,Green,Hall,Wood,Jackson,Clarke,Khan,Harris,Lewis,Turner,Hill,Cooper,Ward,Morris,Moore,Clark,Lee,King,Baker,Harrison,Morgan,Allen,James,Scott,Ellis"),
		street:  list("High Street,Station Road,Church Lane,Victoria Road,Green Lane,Manor Road,Kings Road,Queens Road,New Street,The Crescent,Park Road,Mill Lane,School Lane,The Avenue,York Road,Springfield Road,George Street,Albert Road,Chapel Street,North Street"),
		city:    cities("London|England|SE# #@@,Leeds|England|LS## #@@,Bristol|England|BS# #@@,Norwich|England|NR# #@@,York|England|YO## #@@,Exeter|England|EX# #@@,Glasgow|Scotland|G## #@@,Aberdeen|Scotland|AB## #@@,Cardiff|Wales|CF## #@@,Swansea|Wales|SA# #@@,Belfast|Northern Ireland|BT# #@@,Derby|England|DE## #@@"),
		address: "%n %s, %c, %z", company: list("Ltd,PLC,& Co,Group,Partners,& Sons"), phone: list("+441632960###,+442079460###,+447700900###,+441134960###,+441144960###,+441154960###,+441164960###,+441174960###,+441214960###,+441314960###,+441414960###,+441514960###,+441614960###,+441914980###,+442896496###,+442920180###"),
		iban: "XXXX000000########", country: "GB",
	},
	{
		name:    "en_AU",
		female:  words("Charlotte,Olivia,Amelia,Isla,Ava,Mia,Grace,Willow,Matilda,Harper,Ruby,Chloe,Sienna,Evie,Zoe,Kylie,Sharon,Narelle,Leanne,Tracey,Jacinta,Bronwyn,Sheila,Raelene"),
		male:    words("Oliver,Noah,Jack,Henry,Leo,William,Charlie,Hudson,Lachlan,Cooper,Angus,Hamish,Darren,Wayne,Bruce,Craig,Shane,Glenn,Brett,Trevor,Declan,Flynn,Archer,Hugo"),
		family:  words("Smith,Jones,Williams,Brown,Wilson,Taylor,Nguyen,Johnson,Martin,White,Anderson,Walker,Thompson,Thomas,Lee,Harris,Ryan,Robinson,Kelly,King,Campbell,Wright,Singh,Mitchell,Scott,Murphy,Morgan,Davis,Clarke,Cooper,Ward,Watson,Morris,Cook,Gray,Fraser,O'Brien=obrien,Sullivan,Kennedy,Papadopoulos"),
		street:  list("High St,George St,Victoria St,Park Rd,Station St,Railway Pde,Church St,William St,Wattle St,Banksia Ave,Acacia Ave,Beach Rd,Bay St,Queen St,Albert St,Forest Rd,Ocean Pde,Hill St,Mitchell St,Grevillea Cl"),
		city:    cities("Newcastle|NSW|23##,Wagga Wagga|NSW|26##,Orange|NSW|28##,Geelong|VIC|32##,Ballarat|VIC|33##,Bendigo|VIC|35##,Toowoomba|QLD|43##,Cairns|QLD|48##,Mackay|QLD|47##,Mount Gambier|SA|52##,Whyalla|SA|56##,Bunbury|WA|62##,Albany|WA|63##,Hobart|TAS|70##,Launceston|TAS|72##,Darwin|NT|08##"),
		address: "%n %s, %c %r %z", company: list("Pty Ltd,& Sons,Group,Holdings,Partners,Co-operative"), phone: list("+6125550####,+6127010####,+6135550####,+6137010####,+6175550####,+6177010####,+6185550####,+6187010####"), iban: "99999999##########", country: "DE",
	},
	{
		name:    "de_DE",
		female:  words("Emma,Mia,Hannah,Emilia,Sofia,Lina,Anna,Marie,Lea,Lena,Ursula,Monika,Petra,Sabine,Renate,Andrea,Claudia,Susanne,Katharina,Gisela,Jana,Käthe,Heike,Birgit"),
		male:    words("Noah,Leon,Paul,Matteo,Ben,Elias,Finn,Felix,Jonas,Luis,Peter,Michael,Thomas,Wolfgang,Klaus,Jürgen,Günter,Stefan,Christian,Uwe,Jörg,Björn,Dieter,Lukas"),
		family:  words("Müller,Schmidt,Schneider,Fischer,Weber,Meyer,Wagner,Becker,Schulz,Hoffmann,Schäfer,Koch,Bauer,Richter,Klein,Wolf,Schröder,Neumann,Schwarz,Zimmermann,Braun,Krüger,Hofmann,Hartmann,Lange,Schmitt,Werner,Krause,Meier,Lehmann,Köhler,Herrmann,König,Walter,Mayer,Huber,Kaiser,Fuchs,Peters,Lang"),
		street:  list("Hauptstraße,Schulstraße,Gartenstraße,Bahnhofstraße,Dorfstraße,Bergstraße,Birkenweg,Lindenstraße,Kirchstraße,Waldstraße,Ringstraße,Schillerstraße,Goethestraße,Am Markt,Mühlenweg,Wiesenweg,Rosenweg,Amselweg,Jahnstraße,Blumenstraße"),
		city:    cities("Berlin|Berlin|101##,Hamburg|Hamburg|201##,München|Bayern|803##,Köln|Nordrhein-Westfalen|506##,Frankfurt am Main|Hessen|603##,Stuttgart|Baden-Württemberg|701##,Leipzig|Sachsen|041##,Bremen|Bremen|281##,Hannover|Niedersachsen|301##,Nürnberg|Bayern|904##,Kiel|Schleswig-Holstein|241##,Erfurt|Thüringen|990##"),
		address: "%s %n, %z %c", company: list("GmbH,AG,KG,GmbH & Co. KG,e.K.,& Söhne"), phone: list("+493023125###,+496990009###,+494066969###,+492214710###,+498999998###"), iban: "99999999##########", country: "DE",
	},
	{
		name:    "fr_FR",
		female:  words("Jade,Louise,Ambre,Alba,Emma,Rose,Alice,Romy,Anna,Lina,Marie,Nathalie,Isabelle,Sylvie,Catherine,Françoise,Hélène,Chloé,Inès,Zoé,Camille,Léa,Manon,Élodie"),
		male:    words("Gabriel,Raphaël,Léo,Louis,Maël,Noah,Jules,Adam,Arthur,Isaac,Jean,Pierre,Michel,Philippe,Alain,Nicolas,Julien,Sébastien,François,Jérôme,Benoît,Mathieu,Hugo,Lucas"),
		family:  words("Martin,Bernard,Thomas,Robert,Richard,Petit,Durand,Dubois,Moreau,Laurent,Simon,Michel,Lefebvre,Leroy,Roux,David,Bertrand,Morel,Fournier,Girard,Bonnet,Dupont,Lambert,Fontaine,Rousseau,Vincent,Muller,Lefèvre,Faure,André,Mercier,Blanc,Guérin,Boyer,Garnier,Chevalier,Gauthier,Perrin,Clément,Henry"),
		street:  list("rue de la Paix,rue Victor Hugo,avenue de la République,rue de l'Église,place du Marché,rue Pasteur,rue des Écoles,boulevard Voltaire,rue du Moulin,rue Jean Jaurès,rue des Lilas,chemin des Vignes,rue de la Gare,allée des Tilleuls,rue du Château,impasse des Roses,rue Gambetta,rue de la Fontaine"),
		city:    cities("Paris|Île-de-France|750##,Lyon|Auvergne-Rhône-Alpes|690##,Marseille|Provence-Alpes-Côte d'Azur|130##,Toulouse|Occitanie|310##,Nantes|Pays de la Loire|440##,Lille|Hauts-de-France|590##,Rennes|Bretagne|350##,Dijon|Bourgogne-Franche-Comté|210##,Bordeaux|Nouvelle-Aquitaine|330##,Strasbourg|Grand Est|670##,Rouen|Normandie|760##,Orléans|Centre-Val de Loire|450##"),
		address: "%n %s, %z %c", company: list("SA,SARL,SAS,et Fils,Groupe,& Cie"), phone: list("+3319900####,+3326191####,+3335301####,+3346571####,+3353649####,+3363998####"), iban: "9999999999###########00", country: "FR",
	},
	{
		name:    "es_ES",
		female:  words("Lucía,Sofía,Martina,María,Valeria,Julia,Paula,Emma,Daniela,Carla,Carmen,Ana,Isabel,Dolores,Pilar,Teresa,Rosa,Cristina,Ángeles,Laura,Marta,Elena,Raquel,Inés"),
		male:    words("Hugo,Martín,Mateo,Leo,Lucas,Daniel,Alejandro,Manuel,Pablo,Álvaro,Antonio,José,Francisco,Juan,Javier,Carlos,Jesús,Miguel,Rafael,Ángel,Sergio,Jorge,Íñigo,Raúl"),
		family:  words("García,Rodríguez,González,Fernández,López,Martínez,Sánchez,Pérez,Gómez,Martín,Jiménez,Hernández,Ruiz,Díaz,Moreno,Muñoz,Álvarez,Romero,Gutiérrez,Alonso,Navarro,Torres,Domínguez,Ramos,Vázquez,Ramírez,Gil,Serrano,Morales,Molina,Blanco,Suárez,Castro,Ortega,Delgado,Ortiz,Marín,Rubio,Núñez,Medina"),
		street:  list("Calle Mayor,Calle Real,Avenida de la Constitución,Plaza de España,Calle del Sol,Calle de la Iglesia,Calle Nueva,Paseo de la Estación,Calle Cervantes,Calle San Juan,Avenida de Andalucía,Calle de la Fuente,Calle Goya,Ronda del Norte,Calle Santiago,Camino Viejo"),
		city:    cities("Madrid|Madrid|280##,Barcelona|Barcelona|080##,Valencia|Valencia|460##,Sevilla|Sevilla|410##,Zaragoza|Zaragoza|500##,Málaga|Málaga|290##,Murcia|Murcia|300##,Bilbao|Vizcaya|480##,Alicante|Alicante|030##,Córdoba|Córdoba|140##,Valladolid|Valladolid|470##,Vigo|Pontevedra|362##"),
		address: "%s, %n, %z %c", company: list("S.A.,S.L.,e Hijos,y Asociados,Grupo"), phone: north, iban: "99999999############", country: "ES",
	},
	{
		name:    "it_IT",
		female:  words("Sofia,Aurora,Giulia,Ginevra,Vittoria,Beatrice,Alice,Ludovica,Emma,Matilde,Maria,Anna,Giuseppina,Rosa,Angela,Giovanna,Teresa,Lucia,Carmela,Francesca,Chiara,Federica,Elisa,Noemi"),
		male:    words("Leonardo,Francesco,Tommaso,Edoardo,Alessandro,Lorenzo,Mattia,Gabriele,Riccardo,Andrea,Giuseppe,Giovanni,Antonio,Mario,Luigi,Salvatore,Vincenzo,Roberto,Marco,Paolo,Niccolò,Davide,Simone,Luca"),
		family:  words("Rossi,Ferrari,Russo,Bianchi,Romano,Gallo,Costa,Fontana,Conti,Esposito,Ricci,Bruno,De Luca,Moretti,Marino,Greco,Barbieri,Lombardi,Giordano,Rizzo,Colombo,Mancini,Longo,Leone,Martinelli,Marchetti,Martini,Galli,Gatti,Mariani,Ferrara,Santoro,Marini,Bianco,Conte,Serra,Farina,Gentile,Caruso,Morelli"),
		street:  list("Via Roma,Via Garibaldi,Corso Italia,Via Mazzini,Via Dante,Via Cavour,Piazza San Marco,Via Verdi,Via Marconi,Viale Europa,Via Matteotti,Via della Libertà,Via Manzoni,Via Leopardi,Via Galilei,Via dei Mille"),
		city:    cities("Roma|RM|001##,Milano|MI|201##,Napoli|NA|801##,Torino|TO|101##,Palermo|PA|901##,Genova|GE|161##,Bologna|BO|401##,Firenze|FI|501##,Bari|BA|701##,Verona|VR|371##,Padova|PD|351##,Trieste|TS|341##"),
		address: "%s, %n, %z %c %r", company: list("S.p.A.,S.r.l.,e Figli,Gruppo,& C."), phone: north, iban: "X9999999999############", country: "IT",
	},
	{
		name:    "pt_BR",
		female:  words("Maria,Ana,Francisca,Antônia,Adriana,Juliana,Márcia,Fernanda,Patrícia,Aline,Sandra,Camila,Amanda,Bruna,Jéssica,Letícia,Júlia,Luciana,Vanessa,Mariana,Helena,Alice,Laura,Beatriz"),
		male:    words("José,João,Antônio,Francisco,Carlos,Paulo,Pedro,Lucas,Luiz,Marcos,Luís,Gabriel,Rafael,Daniel,Marcelo,Bruno,Eduardo,Felipe,Raimundo,Rodrigo,Miguel,Arthur,Davi,Théo"),
		family:  words("Silva,Santos,Oliveira,Souza,Rodrigues,Ferreira,Alves,Pereira,Lima,Gomes,Ribeiro,Carvalho,Barbosa,Almeida,Costa,Soares,Fernandes,Vieira,Rocha,Dias,Nascimento,Andrade,Moreira,Nunes,Marques,Machado,Mendes,Freitas,Cardoso,Ramos,Gonçalves,Teixeira,Araújo,Melo,Barros,Pinto,Moura,Cavalcanti,Monteiro,Correia"),
		street:  list("Rua das Flores,Rua São José,Avenida Brasil,Rua Sete de Setembro,Rua Quinze de Novembro,Rua Tiradentes,Avenida Getúlio Vargas,Rua Dom Pedro II,Rua Santos Dumont,Rua Rui Barbosa,Rua Bahia,Rua São João,Travessa do Comércio,Rua das Acácias,Rua Amazonas,Alameda dos Anjos"),
		city:    cities("São Paulo|SP|010##-###,Rio de Janeiro|RJ|200##-###,Belo Horizonte|MG|301##-###,Salvador|BA|400##-###,Curitiba|PR|800##-###,Recife|PE|500##-###,Porto Alegre|RS|900##-###,Fortaleza|CE|600##-###,Manaus|AM|690##-###,Goiânia|GO|740##-###,Florianópolis|SC|880##-###,Natal|RN|590##-###"),
		address: "%s, %n, %c - %r, %z", company: list("Ltda.,S.A.,e Filhos,Comércio,Grupo"), phone: north, iban: "9999999900000##########P1", country: "BR",
	},
	{
		name:    "nl_NL",
		female:  words("Emma,Julia,Mila,Sophie,Tess,Zoë,Olivia,Sara,Nora,Yara,Maria,Johanna,Anna,Elisabeth,Cornelia,Hendrika,Wilhelmina,Ingrid,Marijke,Anouk,Femke,Lotte,Sanne,Renée"),
		male:    words("Noah,Lucas,Levi,Sem,Daan,Finn,Liam,Milan,James,Luuk,Johannes,Jan,Cornelis,Hendrik,Willem,Pieter,Gerrit,Dirk,Bram,Thijs,Jeroen,Maarten,Sander,André"),
		family:  words("de Jong,Jansen,de Vries,van den Berg,van Dijk,Bakker,Janssen,Visser,Smit,Meijer,de Boer,Mulder,de Groot,Bos,Vos,Peters,Hendriks,van Leeuwen,Dekker,Brouwer,de Wit,Dijkstra,Smits,de Graaf,van der Meer,Kok,Jacobs,Vermeulen,van den Heuvel,van der Veen,Schouten,Willems,van Vliet,Hoekstra,Maas,Verhoeven,Koster,Prins,Blom,Huisman"),
		street:  list("Kerkstraat,Schoolstraat,Molenweg,Dorpsstraat,Molenstraat,Julianastraat,Parallelweg,Nieuwstraat,Wilhelminastraat,Sportlaan,Industrieweg,Beatrixstraat,Stationsweg,Eikenlaan,Beukenlaan,Hoofdstraat,Lindelaan,Marktplein"),
		city:    cities("Amsterdam|Noord-Holland|10## @@,Rotterdam|Zuid-Holland|30## @@,Utrecht|Utrecht|35## @@,Eindhoven|Noord-Brabant|56## @@,Groningen|Groningen|97## @@,Maastricht|Limburg|62## @@,Zwolle|Overijssel|80## @@,Arnhem|Gelderland|68## @@,Leiden|Zuid-Holland|23## @@,Haarlem|Noord-Holland|20## @@,Breda|Noord-Brabant|48## @@,Assen|Drenthe|94## @@"),
		address: "%s %n, %z %c", company: list("B.V.,N.V.,& Zonen,Groep,V.O.F."), phone: north, iban: "XXXX##########", country: "NL",
	},
	{
		name:    "pl_PL",
		female:  words("Anna,Maria,Katarzyna,Małgorzata,Agnieszka,Barbara,Ewa,Krystyna,Elżbieta,Magdalena,Joanna,Aleksandra,Zofia,Monika,Teresa,Danuta,Natalia,Julia,Hanna,Zuzanna,Maja,Lena,Bożena,Wiesława"),
		male:    words("Piotr,Krzysztof,Andrzej,Tomasz,Jan,Paweł,Michał,Marcin,Stanisław,Jakub,Adam,Marek,Łukasz,Grzegorz,Mateusz,Wojciech,Mariusz,Dariusz,Maciej,Rafał,Antoni,Franciszek,Józef,Zbigniew"),
		family:  words("Nowak,Wójcik,Kowalczyk,Woźniak,Mazur,Krawczyk,Kaczmarek,Zając,Król,Wieczorek,Wróbel,Stępień,Adamczyk,Dudek,Pawlak,Walczak,Sikora,Baran,Szewczyk,Pietrzak,Duda,Tomczyk,Wilk,Lis,Kubiak,Kołodziej,Kaźmierczak,Czarniecki,Sobczak,Mróz,Urban,Szulc,Gajda,Sroka,Bąk,Kurek,Cieślak,Borek,Czajka,Bielak"),
		street:  list("Polna,Leśna,Słoneczna,Krótka,Szkolna,Ogrodowa,Lipowa,Brzozowa,Łąkowa,Kwiatowa,Kościelna,Sosnowa,Zielona,Parkowa,Akacjowa,Kolejowa,Mickiewicza,Kościuszki,Długa,Różana"),
		city:    cities("Warszawa|mazowieckie|00-###,Kraków|małopolskie|30-###,Łódź|łódzkie|90-###,Wrocław|dolnośląskie|50-###,Poznań|wielkopolskie|60-###,Gdańsk|pomorskie|80-###,Szczecin|zachodniopomorskie|70-###,Lublin|lubelskie|20-###,Katowice|śląskie|40-###,Białystok|podlaskie|15-###,Rzeszów|podkarpackie|35-###,Olsztyn|warmińsko-mazurskie|10-###"),
		address: "ul. %s %n, %z %c", company: list("sp. z o.o.,S.A.,i Synowie,Grupa,s.c."), phone: north, iban: "99999999################", country: "PL",
	},
	{
		name:        "ja_JP",
		female:      words("陽葵=himari,凛=rin,結菜=yuina,芽依=mei,咲良=sakura,美咲=misaki,愛=ai,葵=aoi,彩=aya,恵子=keiko,洋子=yoko,幸子=sachiko,和子=kazuko,久美子=kumiko,由美=yumi,真由美=mayumi,香織=kaori,裕子=yuko,直美=naomi,智子=tomoko"),
		male:        words("蓮=ren,陽翔=haruto,湊=minato,蒼=aoi,樹=itsuki,悠真=yuma,大翔=hiroto,健一=kenichi,誠=makoto,浩=hiroshi,隆=takashi,直樹=naoki,哲也=tetsuya,剛=tsuyoshi,和也=kazuya,翔太=shota,大輔=daisuke,健太=kenta,修=osamu,学=manabu"),
		family:      words("佐藤=sato,鈴木=suzuki,高橋=takahashi,田中=tanaka,伊藤=ito,渡辺=watanabe,山本=yamamoto,中村=nakamura,小林=kobayashi,加藤=kato,吉田=yoshida,山田=yamada,佐々木=sasaki,山口=yamaguchi,松本=matsumoto,井上=inoue,木村=kimura,林=hayashi,斎藤=saito,清水=shimizu,山崎=yamazaki,森=mori,池田=ikeda,橋本=hashimoto,阿部=abe,石川=ishikawa,山下=yamashita,中島=nakajima,石井=ishii,小川=ogawa,前田=maeda,岡田=okada,長谷川=hasegawa,藤田=fujita,後藤=goto,近藤=kondo,村上=murakami,遠藤=endo,青木=aoki,坂本=sakamoto"),
		familyFirst: true,
		street:      list("中央,本町,栄町,旭町,緑町,東町,西町,南町,北町,大手町,桜町,新町,元町,若葉町,港町,宮前"),
		city:        cities("千代田区|東京都|100-####,横浜市|神奈川県|220-####,大阪市|大阪府|530-####,名古屋市|愛知県|450-####,札幌市|北海道|060-####,福岡市|福岡県|810-####,京都市|京都府|600-####,神戸市|兵庫県|650-####,仙台市|宮城県|980-####,広島市|広島県|730-####,新潟市|新潟県|950-####,金沢市|石川県|920-####"),
		address:     "〒%z %r%c%s%n", company: list("株式会社,商事,工業,産業,有限会社"), phone: north, iban: "99999999##########", country: "DE",
	},
}

// Find is the locale of a name, nil if there is none.
func Find(name string) *Locale {
	for i := range locales {
		if locales[i].name == name {
			return &locales[i]
		}
	}
	return nil
}

// Names lists the locales.
func Names() (all []string) {
	for i := range locales {
		all = append(all, locales[i].name)
	}
	return all
}
