import type { Lexicon } from '../concepts.ts';

/** Swedish, Danish and Norwegian share most of these words: the core vocabulary of the three. */
export const nordic: Lexicon = {
  create:
    'skriv, skriva, skriver, skapa, skap, bygg, bygga, generera, generer, lav, lave, lag, lage, opret, opprett, lav en, jag behöver, jeg har brug for, jeg trenger',
  implement: 'implementera, implementer, implementere, utveckla, utvikl, udvikl, programmera, programmer',
  add: 'lägg till, tilføj, legg til',
  fix: 'fixa, rätta, åtgärda, laga felet, ret fejlen, rett feilen, fiks, lös felet, løs',
  debug:
    'felsök*, fejlfind*, feilsøk*, funkar inte, fungerar inte, virker ikke, fungerer ikke, varför får jag, hvorfor får jeg, vad är fel, hvad er galt, hva er galt, kraschar, kører ikke',
  restructure:
    'refaktorera, refaktorer, refaktorere, förenkla, forenkl, forenkle, städa upp, ryd op, rydd opp, dela upp, del op, del opp, omstrukturera, snygga till, kortare, renare, läsbar*, læsbar*, lesbar*',
  optimise: 'optimera, optimer, optimere, snabbare, hurtigere, raskere',
  explain:
    'förklara, forklar, forklare, beskriv, beskriva, vad gör, hvad gør, hva gjør, vad är skillnaden, hvad er forskellen, hva er forskjellen, hur fungerar, hvordan fungerer, hvordan virker',
  annotate: 'dokumentera, dokumenter, kommentera koden, kommenter koden, lägg till kommentarer, tilføj kommentarer',
  review:
    'granska, kodgranskning, kodegennemgang, gennemgå, gå igenom min kod, gjennomgå, vad tycker du om, hvad synes du om, hva synes du om, vurder, utvärdera',
  code: 'kod, koden, kode, kodestykke, funktion, funktionen, funksjon, funksjonen, metod, metoden, skript, skriptet, programmet, klass, klassen, klasse, hemsida, webbsida, hjemmeside, nettside, databas, database, sträng, streng, lista med tal, app, appen',
  part: 'fil, filen, filer, textfil, tekstfil, parameter, variabel, variabeln, kolumn, kolonne, mapp, mappe',
  test: 'enhetstest, enhetstester, enhedstest, tester, testfall, testtilfælde, skriv tester, skriv test',
  doc: 'dokumentation, dokumentationen, dokumentasjon, kommentarer, handledning, vejledning',
  error: 'fel, felet, felmeddelande, fejl, fejlen, feil, feilen, feilmelding, fejlmeddelelse, undantag, bugg',
  quality: 'duplicering, dubblerad, läsbarhet, læsbarhed, lesbarhet',
  security: 'säkerhet, sikkerhed, sikkerhet, säkerhetsbrister',
  prose:
    'översätt, oversæt, oversett, föreslå, foreslå, anbefal, rekommendera, berätta, fortæl, fortell, sammanfatta, opsummer, oppsummer',
  text: 'dikt, digt, brev, berättelse, historie, uppsats, artikel, sång, sang, mejl, tal till',
  life: 'middag, recept, opskrift, oppskrift, mat, resa, rejse, reise, födelsedag, fødselsdag, bursdag, huvudstad, hovedstad, väder, vejr, hund, katt, bröllop, bryllup, mormor, barn, laga till',
  why: 'varför, hvorfor',
  what: 'vad är, hvad er, hva er',
  howto: 'hur gör jag, hur kan jag, hvordan kan jeg, hvordan gør jeg, hvordan gjør jeg',
  defect: 'fungerar inte när, kan inte, kan ikke, saknas, mangler',
  stop: 'och, eller, med, för, til, till, från, fra, som, när',
  plain: 'en, ett, et, den här, det här, denne, dette',
};

/** Czech and Slovak: the core vocabulary. */
export const cs: Lexicon = {
  create: 'napiš, napis, napište, napíš, vytvoř*, vytvor*, vygeneruj, sestav, potřebuji, potrebujem, udělej, sprav mi',
  implement: 'implementuj*, naprogramuj*',
  add: 'přidej, pridaj',
  fix: 'oprav, opravit, oprava, vyřeš*, vyries*',
  debug:
    'nefunguje, nefungují, nejde spustit, padá, proč mi, prečo mi, kde je chyba, co je špatně, odladit, hází chybu, hlásí chybu',
  restructure: 'refaktoruj*, refaktorovat, zjednoduš*, přepiš, prepíš, rozděl, uprav kód, zkrať, vyčisti',
  optimise: 'optimalizuj*, zrychli',
  explain:
    'vysvětli*, vysvetli*, popiš, popíš, co dělá, čo robí, jak funguje, ako funguje, jaký je rozdíl, aký je rozdiel, co je to',
  annotate: 'zdokumentuj*, okomentuj*, přidej komentáře',
  review:
    'zkontroluj kód, zkontroluj tento kód, posuď, zhodnoť, ohodnoť, co si myslíš o, revize kódu, skontroluj kód, zkontroluj můj kód',
  code: 'kód, kódu, funkci, funkce, funkciu, metodu, metoda, třídu, třída, třídy, triedu, skript, program, aplikaci, aplikace, aplikáciu, databáze, webovou stránku, javascriptu, pythonu',
  part: 'soubor, súbor, parametr, proměnná, sloupec, e mailovou adresu, ověří e mail',
  test: 'testy, jednotkové testy, jednotkový test, unit testy, testovací',
  doc: 'dokumentaci, dokumentace, dokumentáciu, komentáře, návod k',
  error: 'chyba, chybu, chyby, chybou, výjimka, výjimku',
  prose: 'přelož, prelož, doporuč*, odporuč*, navrhni jméno, shrň, zhrň, vymysli',
  text: 'báseň, básničku, dopis, příběh, esej, pohádku, vtip, knihu, písničku',
  life: 'večeři, oběd, recept, recepty, dovolenou, dárek, narozeninám, hlavní město, počasí, film, rodiče',
  why: 'proč, prečo',
  howto: 'jak mohu, jak můžu, jak udělat, ako môžem',
  stop: 'pro, která, který, které, ktorá, ktorý',
  plain: 'e mail',
};

/** Romanian: the core vocabulary. */
export const ro: Lexicon = {
  create: 'scrie, scrie-mi, creează, creeaza, generează, genereaza, construiește, am nevoie de, fă-mi, fa-mi',
  implement: 'implementează, implementeaza, dezvoltă, programează',
  add: 'adaugă, adauga',
  fix: 'repară, repara, corectează, corecteaza, rezolvă, rezolva',
  debug: 'nu funcționează, nu functioneaza, nu merge, de ce primesc, de ce îmi dă, unde e greșeala, ce e greșit',
  restructure:
    'refactorizează, refactorizeaza, simplifică, simplifica codul, rescrie, împarte, restructurează, mai lizibil, mai curat',
  optimise: 'optimizează, optimizeaza, mai rapid',
  explain:
    'explică, explica, explică-mi, explica-mi, descrie, ce face, cum funcționează, cum functioneaza, ce este un, ce este o, care este diferența, care e diferența',
  annotate: 'documentează, comentează codul, adaugă comentarii',
  review: 'revizuiește, verifică codul, verifica codul, evaluează, ce părere ai, analizează codul',
  code: 'cod, codul, cod sursă, funcție, functie, funcția, metodă, clasă, clasa, aplicație, aplicatie, pagină web, site web, bază de date, un script, scriptul',
  part: 'fișier, fisier, parametru, coloană, tabel, imaginile de pe',
  test: 'teste, teste unitare, test unitar, cazuri de test',
  doc: 'documentație, documentatie, comentarii, ghid de',
  error: 'eroare, eroarea, erori, excepție',
  prose: 'traduceți, tradu, recomandă, recomandă-mi, recomanda-mi, sugerează, rezumă, povestește',
  text: 'poezie, scrisoare, poveste, eseu, carte, cântec, glumă',
  life: 'rețetă, reteta, vacanță, cadou, capitala, cina, vreme, film',
  why: 'de ce',
  howto: 'cum pot, cum fac, cum să',
};

/** Hungarian: the core vocabulary; endings are many, so the stems are open. */
export const hu: Lexicon = {
  create: 'írj, írjál, készíts*, hozz létre, generálj*, csinálj*, szükségem van egy',
  implement: 'implementál*, valósítsd meg, programozz*, fejlessz*',
  fix: 'javítsd*, javíts*, old meg',
  debug: 'nem működik, nem fut, miért kapok, mi a hiba, hibakeres*, összeomlik',
  restructure: 'refaktorál*, egyszerűsítsd*, írd át, bontsd*, tisztítsd*, olvashatóbb*',
  optimise: 'optimalizál*, gyorsítsd*',
  explain: 'magyarázd*, magyaráz*, mit csinál, hogyan működik, mi a különbség, mi az a',
  annotate: 'dokumentáld*, kommenteld*',
  review: 'nézd át, értékeld*, vizsgáld át, mit gondolsz erről a kódról, kódellenőrzés',
  code: 'kód, kódot, kódban, függvény*, metódus*, osztály*, szkript*, programot, alkalmazás*, weboldal*, adatbázis*, pythonban, javascriptben',
  part: 'fájl*, paraméter*, változó*, oszlop*',
  test: 'tesztek*, teszteket, egységteszt*',
  doc: 'dokumentáció*, megjegyzés*',
  error: 'hiba, hibát, hibaüzenet*, kivétel*',
  prose: 'fordítsd*, ajánlj*, javasolj*, foglald össze, mesélj*',
  text: 'verset, vers, levelet, történetet, mesét, könyvet',
  life: 'recept*, vacsorára, ebédre, születésnap*, fővárosa, időjárás, nyaralás*',
  why: 'miért',
  howto: 'hogyan tudok, hogyan lehet',
};

/** Finnish: the core vocabulary. */
export const fi: Lexicon = {
  create: 'kirjoita, luo, tee minulle, tee funktio, generoi, rakenna, tarvitsen',
  implement: 'toteuta, ohjelmoi, kehitä',
  fix: 'korjaa, ratkaise',
  debug: 'ei toimi, kaatuu, miksi saan, mikä on vikana',
  restructure: 'refaktoroi*, yksinkertaista, siisti, jaa osiin, kirjoita uudelleen, luettavampi',
  optimise: 'optimoi*, nopeuta',
  explain: 'selitä, kuvaile, mitä tekee, mitä tämä koodi, miten toimii, mikä on ero, mikä on',
  annotate: 'dokumentoi, kommentoi koodi',
  review: 'katselmoi, arvioi, tarkista koodi, koodikatselmointi, mitä mieltä olet',
  code: 'koodi, koodin, koodia, funktio, funktion, funktiota, metodi, luokka, luokan, ohjelma, ohjelman, skripti, python skripti, sovellus, sovelluksen, verkkosivu, tietokanta',
  part: 'tiedosto, tiedostot, tiedoston, muuttuja, sarake',
  test: 'testit, yksikkötestit, yksikkötesti, testitapaukset',
  doc: 'dokumentaatio, dokumentaation, kommentit',
  error: 'virhe, virheen, virheilmoitus, poikkeus',
  prose: 'käännä, suosittele, ehdota, tiivistä, kerro vitsi, kerro tarina',
  text: 'runo, runon, kirje, kirjeen, tarina, essee, kirja',
  life: 'resepti, ruoka, illallinen, lahja, syntymäpäivä, pääkaupunki, sää, loma',
  why: 'miksi',
};

/** Greek: the core vocabulary. */
export const el: Lexicon = {
  create: 'γράψε, γραψε, φτιάξε, φτιαξε, δημιούργησε, δημιουργησε, χρειάζομαι',
  implement: 'υλοποίησε, υλοποιησε, ανάπτυξε',
  fix: 'διόρθωσε, διορθωσε, λύσε',
  debug: 'δεν δουλεύει, δεν λειτουργεί, δε δουλεύει, γιατί παίρνω, τι φταίει',
  restructure: 'απλοποίησε, απλοποιησε, αναδιάρθρωσε, ξαναγράψε, καθάρισε',
  optimise: 'βελτιστοποίησε',
  explain: 'εξήγησε, εξηγησε, εξήγησέ μου, τι κάνει, πώς λειτουργεί, ποια είναι η διαφορά, τι είναι',
  annotate: 'τεκμηρίωσε, πρόσθεσε σχόλια',
  review: 'αξιολόγησε, έλεγξε τον κώδικα, τι γνώμη έχεις',
  code: 'κώδικα, κώδικας, συνάρτηση, συναρτηση, μέθοδο, κλάση, πρόγραμμα, σενάριο, εφαρμογή, ιστοσελίδα, βάση δεδομένων, λίστα αριθμών',
  test: 'τεστ, δοκιμές, μοναδιαία τεστ',
  doc: 'τεκμηρίωση, σχόλια',
  error: 'σφάλμα, λάθος, εξαίρεση',
  prose: 'μετάφρασε, πρότεινε, περίληψη, πες μου',
  text: 'ποίημα, γράμμα, ιστορία, έκθεση, βιβλίο',
  life: 'συνταγή, φαγητό, δώρο, γενέθλια, πρωτεύουσα, καιρός, διακοπές',
  why: 'γιατί',
};

/** Hebrew: the core vocabulary, with the articles and prepositions that are written together with the word. */
export const he: Lexicon = {
  create: 'כתוב, כתבי, תכתוב, צור, תיצור, בנה, תבנה, הכן, אני צריך',
  implement: 'ממש, מימוש, פתח, תפתח',
  fix: 'תקן, תתקן, פתור',
  debug: 'לא עובד, לא עובדת, קורס, למה אני מקבל, מה הבעיה, מה לא בסדר',
  restructure: 'שכתב, תשכתב, פשט, פשט את, נקה את הקוד, ארגן מחדש, פצל',
  optimise: 'ייעל, שפר ביצועים',
  explain: 'הסבר, תסביר, מה עושה, איך עובד, איך עובדת, מה ההבדל, מה זה',
  annotate: 'תעד, הוסף הערות',
  review: 'סקור, סקירת קוד, בדוק את הקוד, מה דעתך על',
  code: 'קוד, הקוד, פונקציה, הפונקציה, מתודה, מחלקה, המחלקה, סקריפט, תוכנית, אפליקציה, אתר, מסד נתונים, בפייתון, פייתון',
  test: 'בדיקות, בדיקות יחידה, טסטים, בדיקת יחידה',
  doc: 'תיעוד, הערות',
  error: 'שגיאה, שגיאות, חריגה, באג',
  prose: 'תרגם, המלץ, תמליץ, הצע, סכם, ספר לי',
  text: 'שיר, מכתב, סיפור, חיבור, ספר',
  life: 'מתכון, אוכל, מתנה, יום הולדת, בירת, מזג האוויר, חופשה',
  why: 'למה',
};

/** Persian: the core vocabulary. */
export const fa: Lexicon = {
  create: 'بنویس, بنویسید, بساز, ایجاد کن, تولید کن, طراحی کن',
  implement: 'پیاده سازی, پیادهسازی, توسعه بده, برنامه نویسی کن',
  fix: 'درست کن, رفع کن, اصلاح کن',
  debug: 'کار نمیکند, کار نمی کند, کار نمیکنه, خطا میدهد, خطا می دهد, خطا میده, مشکل کجاست, اشکال زدایی, چرا خطا',
  restructure: 'بازنویسی, ساده کن, سادهتر کن, ریفکتور, مرتب کن, تمیزتر کن',
  optimise: 'بهینه کن, بهینه سازی, بهینهسازی',
  explain: 'توضیح بده, توضیح دهید, شرح بده, چه کار میکند, چیکار میکنه, چگونه کار میکند, چیست, تفاوت',
  annotate: 'مستندسازی, کامنت اضافه کن, کامنت گذاری',
  review: 'بررسی کد, کد را بررسی, بازبینی, نظرت درباره این کد, کد من را بررسی',
  code: 'کد, کدی, تابع, تابعی, متد, کلاس, اسکریپت, برنامه ای, برنامهای, الگوریتم, وب سایت, پایگاه داده, پایتون, جاوا اسکریپت',
  test: 'تست, تست واحد, آزمون واحد, یونیت تست',
  doc: 'مستندات, کامنت',
  error: 'خطا, خطای, ارور, باگ',
  prose: 'ترجمه کن, پیشنهاد, خلاصه کن, معرفی کن',
  text: 'شعر, نامه, داستان, مقاله, انشا, جوک',
  life: 'دستور پخت, غذا, سفر, هدیه, تولد, پایتخت, آب و هوا, شام',
  why: 'چرا',
};

/** Thai: the core vocabulary. */
export const th: Lexicon = {
  create: 'เขียน, สร้าง, ทำเว็บ, อยากได้',
  implement: 'พัฒนา, เขียนโปรแกรม',
  fix: 'แก้ไข, แก้ให้, แก้บั๊ก, ช่วยแก้',
  debug: 'ไม่ทำงาน, รันไม่ได้, ใช้ไม่ได้, ทำไมโค้ด, หาบั๊ก, ผิดตรงไหน',
  restructure: 'รีแฟกเตอร์, ปรับโค้ด, ทำให้อ่านง่าย, ทำให้สั้นลง, แยกฟังก์ชัน',
  optimise: 'ปรับปรุงประสิทธิภาพ, ทำให้เร็วขึ้น',
  explain: 'อธิบาย, คืออะไร, ทำงานอย่างไร, ทำงานยังไง, ต่างกันอย่างไร, ต่างกันยังไง',
  annotate: 'เขียนคอมเมนต์, เพิ่มคอมเมนต์, เขียนเอกสาร',
  review: 'รีวิวโค้ด, ตรวจโค้ด, ตรวจสอบโค้ด',
  code: 'โค้ด, ฟังก์ชัน, เมธอด, คลาส, สคริปต์, โปรแกรม, แอป, เว็บไซต์, ฐานข้อมูล, อัลกอริทึม',
  test: 'เทส, ยูนิตเทส, ทดสอบหน่วย, เคสทดสอบ',
  doc: 'เอกสารประกอบ, คอมเมนต์',
  error: 'ข้อผิดพลาด, บั๊ก, เออเรอร์, ขึ้น error',
  prose: 'แปล, แนะนำ, สรุป, เล่าเรื่อง',
  text: 'บทกวี, กลอน, จดหมาย, นิทาน, เรียงความ, บทความ',
  life: 'อาหาร, ร้านอาหาร, ท่องเที่ยว, เที่ยว, ของขวัญ, วันเกิด, เมืองหลวง, อากาศ, สูตร',
  why: 'ทำไม',
};

/** Bengali: the core vocabulary. */
export const bn: Lexicon = {
  create: 'লেখো, লিখ, লিখুন, তৈরি কর, তৈরি করুন, বানাও, বানান',
  implement: 'বাস্তবায়ন',
  fix: 'ঠিক কর, ঠিক করুন, সমাধান কর, সমাধান করুন',
  debug: 'কাজ করছে না, চলছে না, ভুল কোথায়, সমস্যা কোথায়',
  restructure: 'রিফ্যাক্টর, সহজ কর, সহজ করুন, পুনরায় লেখো',
  optimise: 'অপটিমাইজ',
  explain: 'ব্যাখ্যা, বুঝিয়ে, কী করে, কিভাবে কাজ করে, কাকে বলে, কী',
  annotate: 'ডকুমেন্ট কর, কমেন্ট যোগ',
  review: 'রিভিউ, পর্যালোচনা',
  code: 'কোড, ফাংশন, ক্লাস, স্ক্রিপ্ট, প্রোগ্রাম, অ্যাপ, ওয়েবসাইট, ডাটাবেস, পাইথন, অ্যালগরিদম',
  test: 'টেস্ট, ইউনিট টেস্ট',
  doc: 'ডকুমেন্টেশন, কমেন্ট',
  error: 'ত্রুটি, এরর, বাগ',
  prose: 'অনুবাদ, পরামর্শ, সারাংশ, বলো',
  text: 'কবিতা, চিঠি, গল্প, রচনা, অনুচ্ছেদ',
  life: 'রান্না, রেসিপি, ভ্রমণ, উপহার, জন্মদিন, রাজধানী, আবহাওয়া, খাবার',
  why: 'কেন',
};
