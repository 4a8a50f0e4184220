package detect

import "testing"

// TestElsewhere are values that another sentence, cell or bracket names, and numbers
// in the forms of phones that are other things; each has a name for what it is.
func TestElsewhere(t *testing.T) {
	for name, c := range map[string][2]string{
		"answer to a question":         {"Agent: May I have the phone number on the account? Customer: Sure, it's 2145550172.", "phone=2145550172"},
		"answer to one of an order":    {"Which order number did we text you? Customer: Hold on a moment, it is 2145550172.", ""},
		"no question":                  {"https://x.example/call?b=2145550172", ""},
		"another number between":       {"Your phone number? I bought 2, see 2145550172", ""},
		"cell that names the next":     {"| Tel | 0337509278 |\n| SKU | 0337509278 |", "phone=0337509278"},
		"cell before the one before":   {"| phone | x | 2145550172 |", ""},
		"letter in brackets":           {"(m) 0315934836 (o) 02 5550 0143, (c) 2145550172, step (b) 2145550173", "phone=0315934836 | phone=02 5550 0143 | phone=2145550172"},
		"quotation mark before a word": {"“Call: 321 0512640” «tel: 2145550174» 「電話:0312345678」", "phone=321 0512640 | phone=2145550174 | phone=0312345678"},
		"code on a card":               {"The bank refused 4303706611120 because of the CVV 305. The 4303706611121", "card=4303706611120"},
		"paid with it":                 {"$4.00, paid with 4303706611120. I paid 4303706611120", "card=4303706611120"},
		"facsimile, a bell":            {"facsimile 0214591859, gimme a bell 1125762348, get me at 2145550176, my new digits: 2145550177", "phone=0214591859 | phone=1125762348 | phone=2145550176 | phone=2145550177"},
		"call in more languages":       {"התקשרו אליי 023567752, मुझे 06947996987 पर कॉल करें, Helistage 4336732150", "phone=023567752 | phone=06947996987 | phone=4336732150"},
		"named references":             {"<p>4012&nbsp;8888&nbsp;8888&nbsp;1881 +46&nbsp;8&thinsp;11&nbsp;75&nbsp;00 bo&commat;example&period;org R&D;</p>", "card=4012&nbsp;8888&nbsp;8888&nbsp;1881 | phone=+46&nbsp;8&thinsp;11&nbsp;75&nbsp;00 | email=bo&commat;example&period;org"},
		"code of a country, no plus":   {"celular 57 329 325 52 71, ligue (351) 966 820 293", "phone=57 329 325 52 71 | phone=(351) 966 820 293"},
		"beside an address in a list":  {"Bo (bo@example.org, 739 789 414) said; Al - al@example.org - 0827730797 - on Monday\nal@example.org, 0827730797 was ordered", "email=bo@example.org | phone=739 789 414 | email=al@example.org | phone=0827730797 | email=al@example.org"},
		"zeros behind a label":         {"Telefoonnummer: (000)-5340546, Tel: 000-000-0000", "phone=(000)-5340546"},
		"code on a card, and a port":   {"bank of Port Louis refused 379668426886435 because of the CVV 850", "card=379668426886435"},
		"name before a bracket":        {"Emergency contact Elif Kowalski (02231569), phone models count (02231568)", "phone=02231569"},
		"cell of a sheet":              {"cell B18:C802 value 606049080", ""},
		"card before an address":       {"the address of my credit card to 24 Main St, AR 27085? The number is 676246719915. The number is 676246719916", "card=676246719915"},
		"old Visa alone":               {"4946703996595", "card=4946703996595"},
		"article alone":                {"4006381333023", ""},
		"where one is called":          {"SSN: 364191593; Home: 2696302480; Work: 08163209018, direct 02286623, Emergency # 0815506186; work 2696302481", "ssn=364191593 | phone=2696302480 | phone=08163209018 | phone=02286623 | phone=0815506186"},
		"in front of an address":       {"Bill to: Noor Lee, 5064672131, bo@example.org; 6108689015, write to al@example.org", "phone=5064672131 | email=bo@example.org | email=al@example.org"},
		"06-nummer":                    {"Mijn 06-nummer is 0101508232", "phone=0101508232"},
		"code of a meeting":            {"Dial +447471615050,,4909216018# for the meeting, ticket merged into #0494-786855", "phone=+447471615050"},
		"cell behind a time or a sum":  {"at,card,sum,ssn\n2017-02-10 01:28:56,4012888888881881,$1,234.50,457-55-5462\nx,£4.50,4012888888881881,12:30:45,123", "card=4012888888881881 | ssn=457-55-5462 | card=4012888888881881"},
		"south and west in columns":    {"lat,phone,lon\n-46.342404,+1 201-861-5764,-166.640225\n", "coordinates=-46.342404 | phone=+1 201-861-5764 | coordinates=-166.640225"},
		"escaped twice":                {"mail=ann.lee%2540example.org&b=1", "email=ann.lee%2540example.org"},
		"references of another form":   {"ann.lee&#0000064;example.org, bo&#64example.org, R&#;D", "email=ann.lee&#0000064;example.org | email=bo&#64example.org"},
		"digits of more scripts":       {"𞥔𞥐𞥑𞥒 𞥘𞥘𞥘𞥘 𞥘𞥘𞥘𞥘 𞥑𞥘𞥘𞥑, 4️⃣0️⃣1️⃣2️⃣8️⃣8️⃣8️⃣8️⃣8️⃣8️⃣8️⃣8️⃣1️⃣8️⃣8️⃣1️⃣", "card=𞥔𞥐𞥑𞥒 𞥘𞥘𞥘𞥘 𞥘𞥘𞥘𞥘 𞥑𞥘𞥘𞥑 | card=4️⃣0️⃣1️⃣2️⃣8️⃣8️⃣8️⃣8️⃣8️⃣8️⃣8️⃣8️⃣1️⃣8️⃣8️⃣1"},
		"name of a file":               {"scan_ssn_457555462.pdf, card_4012888888881881_x, call_2025550143 ssn_45755546", "ssn=457555462 | card=4012888888881881"},
		"slashes behind SSN":           {"SSN 457/55/5462; pages 457/55/5463", "ssn=457/55/5462"},
		"line above an address":        {"Bo Lee\n7 Oak Street\n0212013909\nbo@example.org\n\nal@example.org\n015195271862\nat 2019\n\n8014/2428\ngit@github.com:o/r.git\n{\"a\":\"bo@example.org\"}\n5831135005", "phone=0212013909 | email=bo@example.org | email=al@example.org | phone=015195271862 | email=bo@example.org"},
		"address or number":            {"Bo Lee at bo@example.org or 2012477765.", "email=bo@example.org | phone=2012477765"},
		"line with a name":             {"New patient line: 2012477765. Billing line: 030196871", "phone=2012477765 | phone=030196871"},
		"spaces of a form":             {"https://x.example/p?tel=0718+206228&fax=%2B48+12+766+06+62+x12&z=1&phone=%280905%29+700+6532 order=2145550172+1", "phone=0718+206228 | phone=%2B48+12+766+06+62+x12 | phone=%280905%29+700+6532"},
		"pairs with points":            {"\"Mobile\",\"21.95.22.57\", host 21.95.22.57", "phone=21.95.22.57 | ip=21.95.22.57"},
		"00 and a code of a country":   {"says that 00 33 1 20 74 76 27 and 00972 (0)2-136-2136 are not registered", "phone=00 33 1 20 74 76 27 | phone=00972 (0)2-136-2136"},
		"no decimal begins with zeros": {"tel 07409.000633", "phone=07409.000633"},

		"house behind a phone":      {"tel. +1 201-819-4834 64 Main St; tel. (201)483-0739 919 Main St", "phone=+1 201-819-4834 | phone=(201)483-0739"},
		"ZIP+4 behind a phone":      {"tel. 201-819-4834, Main St 18407-9904", "phone=201-819-4834"},
		"key with two letters":      {"Invoice WA8720620, insurance hp0621655", ""},
		"passport, tax ID":          {"I lost my passport 010-3800678, tax id 09-1394270", ""},
		"three fours":               {"gift card 0579-8465-6772, FedEx 0604 0584 6246, 0812-3456-7890", "phone=0812-3456-7890"},
		"eight digits and a part":   {"03877568-1294", ""},
		"path of days":              {"tel. 201-819-4834 /5830/25/81/18078674.html 046/517/3188", "phone=201-819-4834"},
		"campaign in social media":  {"social campaign 634823102", ""},
		"round sum of calls":        {"35700000 calls in 2004, up from 88100000", ""},
		"number at the bar":         {"Bar No. 44677495; Tel: 201-819-4834", "phone=201-819-4834"},
		"columns of a table":        {"| Bill | 415-555-2671 | case | 457 55 5462 | port | 4111111111111111 |", "phone=415-555-2671 | ssn=457 55 5462 | card=4111111111111111"},
		"signs between":             {"Bo#415-555-2671, Al#0171 4830739,#(020) 7946 0018\n#0494-786855", "phone=415-555-2671 | phone=0171 4830739 | phone=(020) 7946 0018"},
		"phone behind a passport":   {"I lost my passport. 415-555-2671", "phone=415-555-2671"},
		"host that is called":       {"mobile 10.0.30.40, phone 21.95.22.57 #10.0.30.40", "ip=10.0.30.40 | phone=21.95.22.57 | ip=10.0.30.40"},
		"letters of a messenger":    {"WA081234567890 HP081234567891", "phone=081234567890 | phone=081234567891"},
		"driver of a carrier":       {"DHL driver 0171 4830739", "phone=0171 4830739"},
		"no form":                   {"x=457 55 5462+868", "ssn=457 55 5462"},
		"last of a row":             {"mobile,081234567890#", "phone=081234567890"},
		"parcel with a check digit": {"FedEx 373582675652164", ""},
	} {
		if got := find(c[0]); got != c[1] {
			t.Errorf("%s: %s\n got %s\nwant %s", name, c[0], got, c[1])
		}
	}
}
