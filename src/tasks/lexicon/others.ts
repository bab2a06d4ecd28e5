import type { Lexicon } from '../concepts.ts';

/** Italian: the core vocabulary. */
export const it: Lexicon = {
  create: 'scriv*, crea, creare, creami, genera, generare, svilupp*, progetta, costruisci, prepara, ho bisogno di',
  implement: 'implementa*, programma una, integra, realizza, realizzare',
  support: 'supporta, supporto per, permetti, abilita, consenti',
  fix: 'corregg*, correzione, risolv*, ripar*, aggiusta, sistema il, sistema questo',
  guard: 'evita, previeni, assicura, gestisci, ignora',
  debug:
    'esegui il debug, diagnostica, trova l errore, trova il bug, cosa c e che non va, cosa non va, dov e l errore, causa principale, indaga',
  restructure:
    'rifattorizza*, refactoring, ristruttura*, riorganizza*, semplific*, pulisci, pulire, rinomina*, estrai, estrarre, sposta*, separa, dividi, suddividi, disaccoppia, unifica, riscriv*, modernizza*, piu leggibile, piu pulito, incapsula, migliora questo codice, migliora il codice',
  optimise: 'ottimizz*, velocizz*, piu veloce, piu efficiente, riduci, migliora le prestazioni',
  remove: 'rimuov*, elimina, cancella, togli',
  update: 'aggiorn*, cambia, modific*, miglior*, sostitui*, estendi',
  use: 'usa, usare, utilizz*',
  convert: 'converti*, traduci questo codice, trasforma questo codice',
  verify: 'verifica, verificare, copri',
  explain:
    'spieg*, descriv*, cosa fa, come funziona, cosa significa, chiarisci, qual e la differenza, differenza tra, che cos e, cos e, insegnami, capire',
  annotate:
    'documenta, documentare, commenta questo, commenta il codice, aggiungi commenti, aggiungi dei commenti, scrivi la documentazione, genera la documentazione, scrivi un readme, refuso',
  review:
    'revision*, rivedi, esamina, valuta*, critica, analizza questo codice, analizza il codice, cosa ne pensi, controlla il codice, controlla questo codice, suggerimenti, ci sono problemi',
  find: 'trova, trovare, cerca, identifica, elenca, calcola, mostra, restituisci, ordina, confronta, analizza, determina, stampa, dato un, data una',
  prose:
    'traduci, riassum*, consiglia*, suggerisci, immagina, agisci, inventa, racconta*, scrivi una poesia, scrivi una storia, scrivi una lettera, scrivi un saggio, scrivi un articolo, scrivi una mail, dammi idee, dammi consigli',
  code: 'codice, codice sorgente, funzione, funzioni, metodo, classe, classi, script, programma, algoritmo, modulo, componente, libreria, applicazione, pagina web, sito web, server, base di dati, espressione regolare, vettore, lista concatenata, stringa, stringhe, intero, interi, dizionario, ciclo, ricorsiva, variabile, variabili, interfaccia, struttura dati, funzionalita, calcolatrice, numeri primi, palindroma, progetto, repository, logica',
  part: 'parametro, parametri, opzione, argomento, proprieta, campo, pulsante, tabella, colonna, percorso, cartella, richiesta, risposta, valore, configurazione, utente, validazione',
  test: 'test unitari, test unitario, test di unita, test, testa, testare, test di integrazione, casi di test, copertura, suite di test',
  doc: 'documentazione, commento, commenti, guida, esempio, esempi, manuale, readme, note di rilascio, istruzioni',
  error:
    'errore, errori, eccezione, eccezioni, bug, problema, problemi, perdita di memoria, si blocca, va in crash, avviso',
  change: 'pull request, le mie modifiche, queste modifiche, modifiche, diff, commit',
  quality:
    'leggibilita, manutenibilita, duplicazione, duplicato, codice duplicato, codice morto, inutilizzato, inutilizzati, ridondante, debito tecnico, complessita, annidati',
  speed: 'prestazioni, efficienza, velocita, lento, lenta',
  security: 'sicurezza, vulnerabilita, buone pratiche, qualita',
  text: 'saggio, poesia, storia, racconto, lettera, articolo, canzone, discorso, romanzo, frase, parola, sinonimo, barzelletta, ricetta, ricette, curriculum, tema',
  life: 'amore, fidanzata, moglie, marito, madre, padre, figli, amici, famiglia, matrimonio, compleanno, viaggio, vacanza, cibo, cena, pranzo, colazione, dieta, tempo atmosferico, sole, luna, citta, paese, capitale, presidente, guerra, legge, avvocato, filosofia, psicologo, medico, malattia, salute, cane, gatto, animali, ore, euro, prezzo, soldi, economia, azienda, clienti, lavoro, scuola, studenti, matematica, inglese, attore, musica, calcio, quanti, quante, secolo',
  tech: 'programmazione, sviluppo web',
  defect:
    'non funziona, non funzionano, manca, mancante, errato, errata, sbagliato, rotto, fallisce, falliscono, non riesco, non appare, inaspettato, ottengo, non si aggiorna',
  why: 'perche, come mai',
  what: 'qual e, quali sono, chi, quando, dove',
  howto: 'come posso, come faccio, come si, come',
  instead: 'invece di, al posto di, senza cambiare, senza modificare il comportamento',
  fresh: 'nuovo, nuova, semplice, da zero',
  role: 'agisci come, sei un, sei una, comportati come',
  dev: 'programmatore, sviluppatore, ingegnere del software',
  polite: 'per favore, per piacere, puoi, potresti, aiutami a, aiutami, vorrei, voglio, ciao, grazie',
  stop: 'per, di, del, della, dei, delle, in, nel, nella, con, senza, da, dopo, prima, e, o, ma, tra',
  that: 'che prende, che restituisce, che calcola, che verifica se, che controlla se, che',
  plain: 'il, lo, la, gli, le, un, uno, una, gestione degli errori, recensione del film',
  light: 'fai, fammi, fare, esegui',
  meaning: 'cosa fa questo codice, cosa fa questa funzione, spiega questo codice',
  person: 'mio, mia, io',
  deictic: 'questo, questa, questi, seguente',
  add: 'aggiung*',
};

/** Dutch: the core vocabulary. */
export const nl: Lexicon = {
  create: 'schrijf, schrijven, maak, maken, creeer, genereer, ontwikkel, ontwerp, bouw, ik heb nodig',
  implement: 'implementeer, implementeren, programmeer, integreer',
  support: 'ondersteun*, sta toe',
  fix: 'repareer, herstel, los op, oplossen, verhelp, corrigeer, fix de',
  debug:
    'debug deze, wat is er mis, wat gaat er fout, zoek de fout, vind de fout, vind de bug, oorzaak, onderzoek waarom',
  restructure:
    'refactor, refactoren, herstructureer, vereenvoudig, ruim op, opschonen, hernoem, verplaats, splits, opsplits*, herschrijf, moderniseer, leesbaarder, schoner, overzichtelijker, ontkoppel, verbeter deze code, korter, netter, maak deze code, maak dit',
  optimise: 'optimaliseer, optimaliseren, versnel, sneller, efficienter',
  remove: 'verwijder*',
  update: 'werk bij, wijzig, verander, verbeter, pas aan, vervang, breid uit',
  use: 'gebruik, gebruiken',
  convert: 'converteer, zet om, vertaal deze code',
  explain: 'leg uit, uitleggen, uitleg, verklaar, beschrijf, wat doet, hoe werkt, wat betekent, wat is het verschil',
  annotate: 'documenteer, voeg commentaar, schrijf documentatie, becommentarieer, schrijf een readme',
  review: 'beoordeel, bekijk, controleer deze code, controleer mijn code, wat vind je van, nakijken, feedback op',
  find: 'vind, zoek, bereken, bepaal, toon, sorteer, vergelijk, gegeven',
  prose:
    'vertaal, vat samen, samenvatt*, stel voor, verzin, schrijf een gedicht, schrijf een verhaal, schrijf een brief, schrijf een opstel, geef tips, raad aan',
  code: 'functie, functies, klasse, klassen, algoritme, applicatie, databank, reeks, lijst met getallen, variabele, variabelen, lus, priemgetal*, rekenmachine, broncode, bestand*, methode',
  test: 'eenheidstest*, unittest, unittests, testgevallen, testdekking, testen, integratietest*',
  doc: 'documentatie, commentaar, handleiding, voorbeeld, voorbeelden, gids',
  error: 'fout, fouten, foutmelding*, uitzondering*, probleem, problemen, vastloper, crasht',
  quality: 'leesbaarheid, onderhoudbaarheid, dubbele code, ongebruikte, overbodige, technische schuld',
  speed: 'prestaties, traag, snelheid',
  security: 'veiligheid, beveiliging, kwetsbaarheden, kwaliteit',
  text: 'gedicht, verhaal, brief, opstel, liedje, zin, woord, recept',
  life: 'liefde, vriendin, vader, moeder, kinderen, vrienden, familie, bruiloft, verjaardag, reis, vakantie, eten, avondeten, weer, zon, maan, stad, hoofdstad, koning, oorlog, politiek, wet, arts, ziekte, gezondheid, hond, kat, dieren, uur, prijs, geld, bedrijf, klanten, school, leraar, wiskunde, engels, muziek, voetbal, hoeveel, geschiedenis',
  defect:
    'werkt niet, werken niet, ontbreekt, ontbrekende, onjuist, ongeldig, kapot, faalt, mislukt, kan niet, krijg ik, ik krijg',
  why: 'waarom',
  what: 'wat is, wie is, welke, wanneer, waar is',
  howto: 'hoe kan ik, hoe maak ik, hoe',
  instead: 'in plaats van, zonder het gedrag te veranderen',
  polite:
    'alsjeblieft, alstublieft, kun je, kunt u, kan je, zou je, help me, help mij, ik wil, ik moet, dank je, hallo',
  stop: 'voor, van, met, zonder, naar, na, en, of, maar, bij, uit, tijdens',
  that: 'die een, dat een, die controleert of, die berekent, om te',
  plain: 'het, een, foutafhandeling, filmrecensie',
  light: 'doe, geef',
  meaning: 'wat doet deze code, wat doet deze functie, leg deze code uit, leg uit wat',
  person: 'mijn, ik, mij',
  deictic: 'deze, dit, volgende',
  add: 'voeg toe, toevoegen, voeg',
};

/** Polish: the core vocabulary. */
export const pl: Lexicon = {
  create: 'napisz*, napisac, stworz*, utworz*, wygeneruj*, zaprojektuj*, zbuduj*, przygotuj*, potrzebuje',
  implement: 'zaimplementuj*, zaimplementowac, implementac*, zaprogramuj*, zintegruj*',
  support: 'obslug*, wsparcie dla, wlacz*, umozliw*',
  fix: 'napraw*, popraw blad, popraw, poprawic, popraw bledy, rozwiaz*',
  debug: 'zdebuguj*, debuguj*, zdiagnozuj*, znajdz blad, znajdz bledy, co jest nie tak, przyczyn*, zbadaj*',
  restructure:
    'zrefaktoryzuj*, refaktoryz*, refaktor*, uprosc*, uporzadkuj*, posprzataj*, wyczysc*, zmien nazwe, wyodrebnij*, wydziel*, przenies*, podziel*, rozdziel*, przepisz*, ujednolic*, zmodernizuj*, bardziej czyteln*, czytelniejsz*, popraw czytelnosc',
  optimise: 'zoptymalizuj*, optymaliz*, przyspiesz*, szybsz*, wydajniejsz*',
  remove: 'usun*',
  update: 'zaktualizuj*, zmien*, ulepsz*, zmodyfikuj*, zastap*, rozszerz*',
  use: 'uzyj*, wykorzystaj*',
  convert: 'przekonwertuj*, przetlumacz ten kod, przetlumacz kod',
  verify: 'zweryfikuj*, pokryj*',
  explain:
    'wyjasnij*, wyjasnic, wytlumacz*, opisz*, co robi, jak dziala, co oznacza, jaka jest roznica, naucz mnie, czym jest, co to jest',
  annotate: 'udokumentuj*, dodaj komentarz*, skomentuj*, napisz dokumentac*, literowk*',
  review:
    'zrecenzuj*, przejrzyj*, sprawdz kod, sprawdz ten kod, sprawdz moj kod, ocen*, przeglad kodu, co sadzisz, uwag*, sugesti*',
  find: 'znajdz*, wyszukaj*, oblicz*, okresl*, wyswietl*, posortuj*, porownaj*, przeanalizuj*, sprawdz czy, zwroc*',
  prose:
    'przetlumacz*, stresc*, podsumuj*, polec*, zaproponuj*, wyobraz sobie, wymysl*, napisz wiersz*, napisz opowiadani*, napisz list, napisz esej, napisz artykul, doradz*, opowiedz*',
  code: 'kod, kodu, kodzie, funkcj*, metod*, klas*, skrypt*, program, programu, algorytm*, modul*, komponent*, bibliotek*, aplikacj*, stron* internetow*, serwer*, baz* danych, baza danych, bazy danych, zapytan*, wyrazeni* regularn*, tablic*, lancuch*, liczb calkowitych, petl*, rekurenc*, zmienn*, interfejs*, projekt*, kalkulator*, liczb pierwszych, logik*',
  part: 'parametr*, opcj*, argument*, wlasciwosc*, pole, przycisk*, plik*, sciezk*, folder*, zadani* http, uzytkownik*, konfigurac*, wartosc*',
  test: 'test, testy, testow, testu, testami, testy jednostkowe, testow jednostkowych, test jednostkowy, testy integracyjne, przypadk* testow*, przypadki testowe, pokryci*, przetestuj*, testowani*',
  doc: 'dokumentacj*, komentarz*, przewodnik*, instrukcj*, przyklad*, samouczek*, podrecznik*',
  error:
    'blad, bledy, bledow, bledu, bledem, wyjatek, wyjatk*, awari*, problem, problemy, wyciek*, zawiesza*, ostrzezeni*',
  quality:
    'czytelnosc*, duplikac*, zduplikowan*, powtarzajac*, nieuzywan*, zbedn*, dlug techniczny, zlozonosc*, zagniezdz*',
  speed: 'wydajnosc*, szybkosc*, wolno, powoln*',
  security: 'bezpieczenstw*, podatnosc*, luk*, dobrych praktyk, dobre praktyki, jakosc*',
  text: 'wiersz*, opowiadani*, list, esej*, wypracowani*, artykul*, piosenk*, zdani*, slowo, slow, synonim*, zart*, zagadk*, przepis*, cv',
  life: 'milosc*, dziewczyn*, chlopak*, zona, maz, matk*, ojc*, dzieci*, przyjaci*, rodzin*, slub*, urodzin*, podroz*, wakac*, jedzeni*, obiad*, kolacj*, sniadani*, diet*, pogod*, slonc*, ksiezyc*, miast*, kraj*, stolic*, prezydent*, krol*, wojn*, polityk*, prawo, lekarz*, chorob*, zdrowi*, pies, kot, zwierzet*, godzin*, zlot*, cena, pieniadz*, firm*, klient*, szkol*, uczen*, uczni*, nauczyciel*, matematyk*, angielsk*, film*, aktor*, muzyk*, pilk*, ile, wiek*, histori*, polsk*',
  defect:
    'nie dziala, nie dzialaja, brakuj*, niepoprawn*, nieprawidlow*, bledn*, zepsut*, nie moge, nie wyswietla, nie laduje, otrzymuje, dostaje, wyskakuje',
  why: 'dlaczego, czemu',
  what: 'kto, kiedy, gdzie, ktory, jaki',
  howto: 'jak moge, jak zrobic, jak napisac, jak',
  instead: 'zamiast, bez zmiany dzialania, bez zmiany',
  polite:
    'prosze, czy mozesz, mozesz, moglbys, pomoz mi, pomoz, chce, potrzebuje zebys, musze, dzien dobry, czesc, dziekuje, mi',
  stop: 'dla, do, z, w, na, bez, po, przed, podczas, i, oraz, lub, ale, jesli, gdy, przez, o',
  that: 'ktora, ktory, ktore, aby, zeby, sprawdzajac*, zwracajac*, obliczajac*',
  plain:
    'obslug* bledow, obsluga bledow, obsluge bledow, jaka jest, jaki jest, jakie jest, to jest, gdzie jest, kim jest, ile jest, jest stolica, jest',
  light: 'zrob*, zrobic',
  meaning: 'co robi ten kod, co robi ta funkcja, wyjasnij ten kod, wyjasnij kod',
  person: 'moj, moja, mi',
  deictic: 'ten, ta, to, te, tego, tej, nastepujac*, ponizsz*',
  add: 'dodaj*, dodac',
};

/** Turkish: the core vocabulary. Its verbs come last, and stems catch the endings. */
export const tr: Lexicon = {
  create:
    'yaz, yazar mısın, yazın, yazınız, yazan, oluştur*, olustur*, üret*, geliştir*, tasarla*, hazırla*, kur, lazım',
  implement: 'uygula, uygulayın, implemente*, kodla*, entegre*',
  support: 'destekle*, desteği, etkinleştir*, izin ver*',
  fix: 'düzelt*, onar*, çöz, çözün, çözer misin, gider*, tamir*',
  debug: 'hata ayıkla*, hatayı bul*, sorunu bul*, neyi yanlış, ne yanlış, neresi yanlış, sebebi, nedeni, araştır*',
  restructure:
    'yeniden düzenle*, refaktör*, yeniden yapılandır*, basitleştir*, sadeleştir*, temizle*, yeniden adlandır*, ayır*, böl, bölün, parçala*, taşı*, birleştir*, yeniden yaz*, daha okunabilir, daha temiz, daha sade, modernize*, iyileştir kodu, kodu iyileştir*',
  optimise: 'optimize*, hızlandır*, daha hızlı, daha verimli, performansını artır*',
  remove: 'kaldır*, sil, silin, çıkar*',
  update: 'güncelle*, değiştir*, iyileştir*, ayarla*',
  use: 'kullan*',
  convert: 'dönüştür*, çevir kodu, koduna çevir*',
  verify: 'doğrula*, kapsa*',
  explain:
    'açıkla*, anlat*, ne yapar, ne yapıyor, nasıl çalışır, nasıl çalışıyor, ne anlama, ne demek, farkı, fark nedir, öğret*, nedir, betimle*',
  annotate:
    'belgele*, dokümante*, yorum ekle*, yorum satırı ekle*, yorumlar ekle*, dokümantasyon yaz*, dokümantasyonunu yaz*, belgelendir*',
  review: 'incele*, gözden geçir*, değerlendir*, denetle*, eleştir*, kontrol et*, geri bildirim, önerilerin, yorumla*',
  find: 'bul, bulun, bulan, hesapla*, listele*, göster*, sırala*, karşılaştır*, analiz et*, belirle*, verilen, yazdır*, say',
  prose:
    'tercüme*, çevir, çevirin, özetle*, öner, önerir misin, hayal et*, hikaye yaz*, şiir yaz*, mektup yaz*, makale yaz*, kompozisyon yaz*, şaka, tavsiye*',
  code: 'kod, kodu, kodun, kodunu, kodda, kodları, fonksiyon*, metot*, metod*, sınıf*, betik*, program*, algoritma*, modül*, bileşen*, kütüphane*, uygulama*, web sitesi*, web sayfası*, sunucu*, veritabanı*, sorgu*, düzenli ifade*, dizi*, liste*, metin dizisi, tamsayı*, sözlük*, döngü*, özyinele*, değişken*, arayüz*, özellik*, proje*, depo, hesap makinesi, asal sayı*, palindrom*, api',
  part: 'parametre*, seçenek*, alan*, buton*, düğme*, tablo*, dosya*, klasör*, istek*, yanıt*, ayar*, kullanıcı*, değer*, sütun*',
  test: 'test*, birim test*, birim testi, birim testleri, entegrasyon testi, test senaryo*, kapsam*',
  doc: 'dokümantasyon*, belge*, yorum satırı, yorum satırları, kılavuz*, örnek, örnekler, rehber*, readme',
  error:
    'hata, hatası, hatayı, hataları, hatalar, hatanın, istisna*, sorun, sorunu, sorunlar, çöküyor, çökme*, bellek sızıntısı, kilitlen*, uyarı*',
  change: 'pull request, değişiklikler*, değişiklik*, commit',
  quality:
    'okunabilirli*, tekrar eden, tekrarlanan, tekrarlayan, kullanılmayan, gereksiz, teknik borç, karmaşıklı*, iç içe',
  speed: 'performans*, hız, verimlili*, yavaş*',
  security: 'güvenlik*, zafiyet*, açıkları, en iyi uygulama*, kalite*',
  text: 'şiir*, hikaye*, öykü*, mektup*, makale*, deneme yazısı, şarkı*, cümle*, kelime*, eş anlamlı, fıkra*, bilmece*, tarif*, özgeçmiş, kompozisyon*',
  life: 'aşk*, sevgili*, anne*, baba*, çocuk*, arkadaş*, aile*, düğün*, doğum günü*, seyahat*, tatil*, yemek*, akşam yemeği, kahvaltı*, diyet*, hava durumu, güneş*, dünya*, şehir*, ülke*, başkent*, cumhurbaşkan*, kral*, savaş*, siyaset*, hukuk*, avukat*, felsefe*, doktor*, hasta*, sağlık*, köpek*, kedi*, hayvan*, saat*, lira*, fiyat*, para, ekonomi*, şirket*, müşteri*, okul*, öğrenci*, öğretmen*, matematik*, ingilizce*, oyuncu*, müzik*, futbol*, kaç, yüzyıl*, tarih*, osmanlı*',
  defect:
    'çalışmıyor, çalışmıyo, eksik*, yanlış*, geçersiz*, bozuk*, başarısız*, görünmüyor, yüklenmiyor, alıyorum, veriyor, olmuyor',
  why: 'neden, niçin, niye',
  what: 'kimdir, ne zaman, hangi, kim',
  howto: 'nasıl yapılır, nasıl yaparım, nasıl',
  instead: 'yerine, davranışı değiştirmeden, işlevi değiştirmeden',
  polite: 'lütfen, bana, misin, mısın, musun, müsün, yardım et*, yardım, istiyorum, merhaba, teşekkür*, gerekiyor',
  stop: 'için, ile, olmadan, sonra, önce, ve, veya, ama, gibi, kadar',
  that: 'kontrol eden, hesaplayan, döndüren, alan bir, olan, olup olmadığını',
  plain: 'bir, tüm, hata yönetimi, film eleştirisi, test sürüşü, doğrulayan',
  light: 'yap, yapın',
  meaning: 'bu kod ne yapıyor, bu kod ne yapar, bu fonksiyon ne yapıyor, bu kodu açıkla',
  person: 'benim, bana, ben',
  deictic: 'bu, şu, aşağıdaki, şunu, bunu',
  add: 'ekle*',
};

/** Vietnamese: the core vocabulary; marks are folded, so short words that collide are left out. */
export const vi: Lexicon = {
  create: 'viết, viết cho, hãy viết, tạo, tạo ra, xây dựng, phát triển, thiết kế, sinh ra, làm một, viết một, tạo một',
  implement: 'triển khai, cài đặt thuật toán, hiện thực, lập trình một, tích hợp',
  support: 'hỗ trợ, cho phép',
  fix: 'sửa, sửa lỗi, khắc phục, giải quyết lỗi, sửa chữa, vá lỗi, chỉnh sửa lỗi',
  debug: 'gỡ lỗi, tìm lỗi, tìm nguyên nhân, nguyên nhân, chẩn đoán, sai ở đâu, lỗi ở đâu, có gì sai',
  restructure:
    'tái cấu trúc, cấu trúc lại, đơn giản hóa, dọn dẹp, đổi tên, tách, di chuyển, chia nhỏ, viết lại, gộp, dễ đọc hơn, gọn hơn, sạch hơn, cải thiện mã, cải thiện code',
  optimise: 'tối ưu, tối ưu hóa, tăng tốc, nhanh hơn, hiệu quả hơn, giảm',
  remove: 'xóa, loại bỏ, gỡ bỏ',
  update: 'cập nhật, thay đổi, cải thiện, chỉnh sửa, nâng cấp, thay thế',
  use: 'sử dụng, dùng',
  convert: 'chuyển đổi, chuyển mã, dịch đoạn mã',
  explain:
    'giải thích, mô tả, làm gì, hoạt động như thế nào, nghĩa là gì, là gì, khác nhau, khác biệt, hướng dẫn tôi, hiểu',
  annotate:
    'viết tài liệu, thêm chú thích, thêm comment, viết chú thích, thêm bình luận, tạo tài liệu, viết readme, chú thích cho, tài liệu hóa',
  review: 'đánh giá, xem xét, kiểm tra mã, kiểm tra code, review, nhận xét, góp ý, phản hồi, xem giúp',
  find: 'tìm, tính, liệt kê, xác định, hiển thị, sắp xếp, so sánh, phân tích, kiểm tra xem, trả về, cho trước',
  prose:
    'dịch, tóm tắt, gợi ý, đề xuất, tưởng tượng, đóng vai, kể, viết bài thơ, viết truyện, viết thư, viết bài văn, viết bài luận, viết bài',
  code: 'mã nguồn, đoạn mã, mã, hàm, phương thức, lớp, chương trình, thuật toán, mô đun, thành phần, thư viện, ứng dụng, trang web, máy chủ, cơ sở dữ liệu, truy vấn, biểu thức chính quy, mảng, chuỗi, số nguyên, vòng lặp, đệ quy, biến, giao diện, tính năng, máy tính bỏ túi, số nguyên tố, dự án, đoạn code',
  part: 'tham số, thuộc tính, trường, nút, bảng, cột, tệp, thư mục, yêu cầu http, cấu hình, người dùng, giá trị',
  test: 'kiểm thử, kiểm thử đơn vị, unit test cho, ca kiểm thử, trường hợp kiểm thử, kiểm thử tích hợp, độ bao phủ',
  doc: 'tài liệu, chú thích, hướng dẫn, hướng dẫn sử dụng, ví dụ',
  error: 'lỗi, ngoại lệ, sự cố, thất bại, rò rỉ bộ nhớ, bị treo, cảnh báo, vấn đề',
  quality: 'trùng lặp, dư thừa, không sử dụng, dễ bảo trì, dễ đọc, phức tạp',
  speed: 'hiệu năng, hiệu suất, tốc độ, chậm',
  security: 'bảo mật, lỗ hổng, chất lượng',
  text: 'bài thơ, truyện, câu chuyện, bức thư, bài văn, bài hát, từ đồng nghĩa, công thức nấu, bài viết, bài luận, câu',
  life: 'tình yêu, bạn gái, gia đình, du lịch, món ăn, bữa tối, thời tiết, mặt trăng, thành phố, đất nước, thủ đô, tổng thống, lịch sử, chiến tranh, luật, bác sĩ, bệnh, sức khỏe, con chó, con mèo, động vật, giá tiền, kinh tế, công ty, khách hàng, trường học, học sinh, giáo viên, toán học, tiếng anh, phim, âm nhạc, bóng đá, bao nhiêu, thế kỷ',
  tech: 'phần mềm, lập trình, học máy',
  defect:
    'không hoạt động, không chạy, không chạy được, thiếu, sai, không hợp lệ, bị hỏng, không hiển thị, không thể, gặp lỗi, bị lỗi, báo lỗi',
  why: 'tại sao, vì sao',
  what: 'là ai, khi nào, ở đâu, cái nào',
  howto: 'làm thế nào để, làm sao để, làm thế nào, làm sao, như thế nào',
  instead: 'thay vì, mà không thay đổi, thành các hàm, không thay đổi hành vi',
  role: 'đóng vai trò, hãy đóng vai, bạn là một',
  dev: 'lập trình viên, kỹ sư phần mềm',
  polite: 'hãy, vui lòng, làm ơn, giúp tôi, giúp mình, bạn có thể, tôi muốn, tôi cần, xin chào, cảm ơn',
  stop: 'cho, của, trong, với, khi, từ, và, hoặc, nếu, để',
  plain: 'sau, một, các, những, xử lý lỗi',
  light: 'làm, hãy làm',
  meaning: 'đoạn mã này làm gì, giải thích đoạn mã, giải thích mã, giải thích code',
  person: 'tôi, mình',
  deictic: 'này, dưới đây',
  add: 'thêm, bổ sung',
  symptom: 'bị trắng, bị đen, không hiển thị',
};

/** Arabic: the core vocabulary, with the clitics that people write most. */
export const ar: Lexicon = {
  create: 'اكتب, أكتب, اكتبي, كتابة, أنشئ, انشئ, إنشاء, انشاء, اصنع, صمم, طور, ولد, ابن, أريد, قم بإنشاء, قم بكتابة',
  implement: 'نفذ, تنفيذ, طبق, برمج, برمجة دالة',
  fix: 'أصلح, اصلح, إصلاح, اصلاح, صحح, تصحيح, حل المشكلة, حل الخطأ, عالج',
  debug: 'تصحيح الأخطاء, ما الخطأ, ما المشكلة, أين الخطأ, ابحث عن الخطأ, جد الخطأ, سبب, تتبع',
  restructure:
    'أعد هيكلة, اعد هيكلة, إعادة هيكلة, اعادة هيكلة, بسط, تبسيط, نظف, تنظيف, أعد كتابة, إعادة كتابة, أعد تسمية, إعادة تسمية, قسم, استخرج, افصل, انقل, ادمج, أكثر وضوحا, أسهل للقراءة, حسن الكود, حسن هذا الكود, أكثر قابلية للقراءة, اكثر قابلية للقراءة',
  optimise: 'حسن أداء, تحسين أداء, تحسين الأداء, أسرع, تسريع, سرع',
  remove: 'احذف, أزل, إزالة, حذف',
  update: 'حدث, تحديث, عدل, غير, حسن, تحسين, استبدل',
  use: 'استخدم, باستخدام',
  convert: 'حول, تحويل',
  verify: 'تحقق من أن',
  explain: 'اشرح, شرح, وضح, صف, ماذا يفعل, ماذا تفعل, كيف يعمل, كيف تعمل, ما معنى, ما الفرق, ما هو, ما هي, فسر, علمني',
  annotate: 'وثق, توثيق, أضف تعليقات, اضف تعليقات, إضافة تعليقات, اكتب توثيق, اكتب وثائق, علق على الكود',
  review: 'راجع, مراجعة, مراجعة الكود, قيم, تقييم, افحص, ما رأيك, انتقد, دقق, ملاحظات',
  find: 'ابحث, جد, أوجد, احسب, حدد, اعرض, رتب, قارن, حلل, اطبع, تحسب, ترجع, تعيد',
  prose:
    'ترجم, لخص, اقترح, تخيل, تظاهر, اكتب قصيدة, اكتب قصة, اكتب رسالة, اكتب مقال, اكتب مقالا, احك, أعطني نصائح, أعطني أفكار',
  code: 'كود, الكود, شيفرة, الشيفرة, كودا, دالة, الدالة, دوال, وظيفة برمجية, صنف, كلاس, برنامج, برنامجا, البرنامج, سكريبت, خوارزمية, الخوارزمية, مكتبة برمجية, تطبيق, تطبيقا, موقع, موقع ويب, خادم, قاعدة بيانات, قاعدة البيانات, استعلام, مصفوفة, سلسلة نصية, قائمة مرتبطة, حلقة تكرار, متغير, المتغيرات, واجهة, مشروع, ميزة, آلة حاسبة, عدد أولي, الأعداد الأولية',
  part: 'معامل, خاصية, حقل, زر, جدول, ملف, الملف, مجلد, طلب, استجابة, إعدادات, مستخدم, المستخدم',
  test: 'اختبار, اختبارات, الاختبارات, اختبار وحدة, اختبارات الوحدة, اختبارات وحدة, اختبار الوحدة, حالات اختبار, حالات الاختبار, تغطية, اختبر',
  doc: 'وثائق, الوثائق, التوثيق, تعليقات, تعليق, دليل, مثال, أمثلة',
  error: 'خطأ, الخطأ, أخطاء, الأخطاء, استثناء, مشكلة, المشكلة, عطل, يتعطل, تسرب الذاكرة, تحذير',
  quality: 'قابلية القراءة, التكرار, المكرر, مكرر, مكررة, غير المستخدمة, غير مستخدم, التعقيد',
  speed: 'الأداء, أداء, سرعة, بطيء, بطيئة, كفاءة',
  security: 'أمان, الأمان, الثغرات, ثغرات, أفضل الممارسات, جودة',
  text: 'قصيدة, قصة, رسالة, مقال, مقالة, أغنية, جملة, كلمة, مرادف, نكتة, لغز, وصفة, سيرة ذاتية, خطاب',
  life: 'حب, زوجة, زوج, أم, أب, أطفال, صديق, عائلة, زفاف, سفر, رحلة, طعام, عشاء, الطقس, الشمس, القمر, مدينة, دولة, عاصمة, رئيس, ملك, حرب, سياسة, قانون, طبيب, مرض, صحة, كلب, قطة, حيوان, ساعة, سعر, مال, اقتصاد, شركة, عملاء, مدرسة, طلاب, معلم, رياضيات, فيلم, موسيقى, كرة القدم, كم, تاريخ, الإسلام',
  tech: 'بايثون, جافا, جافاسكريبت, برمجة, البرمجة, برمجيات',
  defect: 'لا يعمل, لا تعمل, مفقود, غير صحيح, خاطئ, غير صالح, معطل, فشل, يفشل, لا أستطيع, لا يظهر, يظهر لي',
  why: 'لماذا, لم لا, ليش',
  what: 'من هو, متى, أين, ما هي',
  howto: 'كيف يمكنني, كيف أستطيع, كيف',
  instead: 'بدلا من, دون تغيير',
  role: 'تصرف ك, أنت خبير, تصرف كأنك',
  polite: 'من فضلك, رجاء, هل يمكنك, ساعدني, أريد منك, مرحبا, شكرا, لو سمحت',
  stop: 'في, من, على, إلى, مع, بدون, عن, بعد, قبل, عند, أو, بين',
  that: 'التي, الذي, لكي, تقوم, تتحقق',
  plain: 'معالجة الأخطاء',
  light: 'قم, اعمل',
  meaning: 'ماذا يفعل هذا الكود, اشرح هذا الكود, شرح الكود',
  person: 'لي, أنا',
  deictic: 'هذا, هذه, التالي, التالية, أدناه',
  add: 'أضف, اضف, إضافة, اضافة',
};
