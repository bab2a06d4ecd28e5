import type { Lexicon } from '../concepts.ts';

/** German. Umlauts are folded to their base letter, ß to s. Compounds match by their first part. */
export const de: Lexicon = {
  create:
    'schreib, schreibe, schreiben, schreibt, erstell*, erzeug*, bau, baue, bauen, generier*, entwickl*, entwirf, entwerfen, konstruier*, ich brauche, brauche, leg an, anlegen, verfass*, neu anlegen, aufbauen',
  implement: 'implementier*, programmier*, umsetzen, umsetzung, setze um, coden, integrier*, einbau*',
  support: 'unterstutz*, erlaub*, ermoglich*, aktivier*, einfuhr*',
  fix: 'beheb*, behoben, reparier*, korrigier*, korrektur, los das problem, fixe, fixen, fehlerbehebung, richtigstell*',
  guard: 'vermeid*, verhinder*, stell sicher, sicherstellen, behandle, ignorier*, abfangen',
  debug:
    'debugge, debuggen, debug, diagnostizier*, untersuch*, finde den fehler, fehler finden, fehlersuche, fehler suchen, was ist falsch, was stimmt nicht, was lauft falsch, ursache, woran liegt, wo ist der fehler, was mache ich falsch, wo liegt der fehler, wo liegt das problem, liefert nichts, funktioniert nicht, geht nicht',
  restructure:
    'refaktor*, refactor*, umstrukturier*, strukturier*, vereinfach*, raum auf, raume auf, aufraumen, bereinig*, umbenenn*, benenne, extrahier*, verschieb*, auslager*, trenne, aufteil*, teile, zerleg*, entkoppel*, vereinheitlich*, umschreib*, schreibe um, neu schreiben, modernisier*, modularisier*, lesbarer, sauberer, einfacher, ubersichtlicher, kurzer, kapsel*, zusammenfuhr*, wiederverwend*, verbessere diesen code, verbessere den code, code verbessern, umbau*, entferne doppelten, doppelten code entfernen, eleganter, wartbarer',
  optimise:
    'optimier*, beschleunig*, schneller, effizienter, leistung verbessern, performance verbessern, verbessere die performance, verbessere die leistung, reduzier*, parallelisier*',
  remove: 'entfern*, losch*, streich*, wegwerfen',
  update: 'aktualisier*, ander*, verbesser*, anpass*, passe, erweiter*, ersetz*, uberarbeit*, modifizier*',
  use: 'benutz*, verwend*, nutz*',
  convert: 'konvertier*, wandle, umwandeln, ubersetze diesen code, ubersetze den code, portier*, ubertrag*',
  verify: 'verifizier*, abdeck*, mocke, mocken, absichern',
  run: 'fuhre, ausfuhren, starte, lass laufen',
  explain:
    'erklar*, erlauter*, beschreib*, was macht, was tut, wie funktioniert, was bedeutet, verdeutlich*, zeig mir wie, verstehen, verstehe, unterschied zwischen, was ist der unterschied, bring mir bei, erkläre',
  annotate:
    'dokumentier*, kommentier*, fuge kommentare, kommentare hinzufugen, schreibe kommentare, schreibe eine dokumentation, schreibe die dokumentation, dokumentation schreiben, dokumentation erstellen, erstelle eine dokumentation, schreibe eine readme, erstelle eine readme, schreibe ein readme, erstelle ein readme, tippfehler, rechtschreibfehler',
  review:
    'code review, codereview, uberpruf*, prufe diesen code, prufe den code, prufe meinen code, prufe, begutacht*, bewert*, beurteil*, rezension*, schau dir, schau mal, sieh dir, was haltst du, was denkst du, feedback, ruckmeldung, verbesserungsvorschlag*, schwachstellen, schwachen, auditier*, gibt es probleme, review, reviewe, gegenlesen, durchsehen, kritisier*, mach ein code review, was kann ich verbessern, was kann man verbessern, was konnte man verbessern, verbesserungen vorschlagen, was hältst du von, wie findest du',
  find: 'finde, finden, suche, suchen, identifizier*, liste, auflisten, berechn*, zeige, zeig, anzeigen, gib, sortier*, vergleich*, analysier*, bestimm*, gegeben, zahle, prufen ob, ermittle, ermittel*',
  prose:
    'ubersetz*, fasse, zusammenfass*, empfehl*, empfiehl, schlag vor, vorschlagen, stell dir vor, verhalte dich, erfinde, schreibe ein gedicht, schreib ein gedicht, schreibe eine geschichte, schreib eine geschichte, schreibe einen brief, schreibe eine e mail, schreibe eine email, schreibe einen aufsatz, schreibe einen artikel, erzahl*, nenne, gib mir tipps, gib mir ideen, rate mir',
  code: 'code, quellcode, quelltext, codebasis, funktion, funktionen, methode, methoden, klasse, klassen, skript*, script, programm, programme, algorithm*, modul, module, komponente*, bibliothek*, paket, anwendung*, app, webapp, webanwendung, webseite*, website, server, client, backend, frontend, datenbank*, abfrage*, sql abfrage, regularer ausdruck, regularen ausdruck, array, arrays, feld von, verkettete liste, liste von zahlen, zeichenkette*, string, strings, ganzzahl*, worterbuch, schleife*, rekursiv*, rekursion, variable*, konstante*, schnittstelle*, aufzahlung, datenstruktur*, struktur, thread, threads, asynchron*, plugin, erweiterung, bot, parser, compiler, migration, anmeldung, login, anmeldeformular, formular*, seitennummerierung, funktionalitat, feature, taschenrechner, binare suche, binarbaum, fibonacci*, primzahl*, palindrom*, projekt, repository, logik, endpunkt*, rest api, api, matrix, software',
  part: 'parameter*, option, optionen, argument, argumente, eigenschaft*, attribut*, feld, felder, button, schaltflache*, knopf, tabelle*, spalte*, datei*, pfad*, ordner, verzeichnis*, anfrage*, antwort*, header, sitzung*, cache, protokoll*, ereignis*, typ, typen, objekt*, wert, werte, konfiguration*, einstellung*, zustand, stil, stile, thema, symbol, menu, benutzer*, berechtigung*, validierung*, datum, zeitzone*, index, transaktion*, abhangigkeit*, version, versionen, build, umgebungsvariable*, befehl*, bildschirm, konsole',
  test: 'unit test, unit tests, unittest*, modultest*, komponententest*, test, tests, teste, testen, getestet, testfall, testfalle, testfallen, testabdeckung, testsuite, testplan, testdaten, testklasse*, testmethode*, integrationstest*, systemtest*, regressionstest*, lasttest*, ende zu ende test*, end to end test*, automatisierte tests, abdeckung, akzeptanztest*',
  doc: 'dokumentation*, doku, kommentar*, anleitung*, handbuch*, tutorial, leitfaden, beispiel*, versionshinweise, anderungsprotokoll, api dokumentation, readme, docstring*, installationsanleitung, benutzerhandbuch, diagramm*, commit nachricht, commit message',
  error:
    'fehler, fehlern, fehlermeldung*, ausnahme*, exception, bug, bugs, absturz*, sturzt, fehlschlag*, fehlgeschlagen, problem, probleme, stacktrace, speicherleck*, endlosschleife*, deadlock, verklemmung, nullpointer*, uberlauf, warnung*, defekt*, storung, hangt, wettlaufsituation, kommt die meldung, fehlermeldung',
  change: 'pull request, merge request, meine anderungen, diese anderungen, anderungen, diff, commit, branch, zweig',
  quality:
    'lesbarkeit, wartbarkeit, duplizier*, duplikat*, doppelt*, toter code, toten code, redundan*, unbenutzt*, ungenutzt*, unnotig*, uberflussig*, technische schulden, komplexitat, verschachtel*, kopplung, entwurfsmuster, sauberer code, altcode, legacy code, magische zahlen, codequalitat',
  speed:
    'leistung, performance, effizienz, geschwindigkeit, speicherverbrauch, laufzeit, zeitkomplexitat, engpass, langsam, langsame',
  security:
    'sicherheit, sicherheitslucke*, schwachstelle*, injection, bewahrte praktiken, best practices, qualitat, mogliche probleme, risiken, verbesserungspotenzial',
  text: 'aufsatz, gedicht, geschichte, brief, e mail, artikel, lied, rede, roman, lebenslauf, bewerbung*, slogan, uberschrift, absatz, satz, satze, wort, worter, synonym*, antonym*, gegenteil, witz, ratsel, rezept*, drehbuch, foto, bild, portrat, biografie, hausarbeit, zusammenfassung, marchen, einladung, text, texte, grammatik, rechtschreibung',
  life: 'liebe, freundin, freund, freunde, frau, mann, mutter, vater, sohn, tochter, kinder, kind, familie, hochzeit, geburtstag*, reise, reisen, urlaub, hotel, restaurant, essen, abendessen, fruhstuck, mittagessen, diat, sport, wetter, sonne, mond, erde, stadt, land, lander, hauptstadt, prasident, konig, krieg, politik, gesetz, anwalt, philosophie, psychologie, arzt, patient, krankheit, symptome, gesundheit, schlaf*, hund, katze, tier, tiere, pflanzen, auto, kilometer, stunden, euro, preis, geld, bank, steuern, investition*, wirtschaft, geschaft, firma, unternehmen, kunden, verkauf, markt, beruf, vorstellungsgesprach, schule, schuler, student, lehrer, mathematik, englisch, film, filme, schauspieler, sanger, musik, fusball, spieler, figur, chemie, physik, biologie, zelle, gen, dreieck, wahrscheinlichkeit, kunst, horoskop, geschenk, weihnachten, apfel, wie viele, wie viel, jahrhundert, goethe, bluttest, schwangerschaftstest, prufung',
  tech: 'programmierung, softwareentwicklung, webentwicklung, kompilier*, maschinelles lernen, open source',
  defect:
    'funktioniert nicht, geht nicht, funktionieren nicht, klappt nicht, fehlt, fehlen, fehlende, fehlenden, fehlerhaft*, falsch*, ungultig*, kaputt, schlagt fehl, scheitert, kann nicht, erscheint nicht, wird nicht, ladt nicht, unerwartet*, undefined, bekomme ich, ich bekomme, bekomme, erhalte ich, ich erhalte, wirft, startet nicht, kompiliert nicht, nichts zurück, obwohl',
  why: 'warum, wieso, weshalb, woran',
  what: 'was ist, was sind, welche, welcher, welches, wer ist, wer war, wann, wo ist, wie heist',
  howto: 'wie kann ich, wie mache ich, wie erstelle ich, wie schreibe ich, wie implementiere ich, wie man, wie',
  instead:
    'anstatt, anstelle, statt, ohne das verhalten zu andern, ohne die funktionalitat zu andern, verhalten beibehalten, in kleinere, in mehrere, in eigene, in separate',
  fresh: 'neu, neue, neues, neuen, einfache, einfaches, einfachen, von grund auf, benutzerdefiniert*',
  role: 'agiere als, du bist ein, du bist eine, sie sind ein, verhalte dich wie, ich mochte dass du als, in der rolle, als experte, handle als, fungiere als',
  dev: 'programmierer*, entwickler*, softwareentwickler*, webentwickler*, softwarearchitekt*, ingenieur*, softwareingenieur*',
  persona:
    'dichter, koch, ernahrungsberater, personal trainer, reisefuhrer, psychologe, komiker, historiker, philosoph, schriftsteller, ubersetzer',
  polite:
    'bitte, kannst du, konntest du, konnen sie, konnten sie, hilf mir, helfen sie mir, hilfe, helfen, ich will, ich mochte, ich wurde gerne, ich muss, ich habe, hallo, danke, jetzt, du sollst, mir, lass uns',
  stop: 'fur, von, vom, in, im, auf, am, mit, ohne, durch, aus, seit, wenn, wahrend, nach, vor, und, oder, aber, laut, uber, zwischen, bei, beim, zu, zum, zur, als, um',
  that: 'die eine, die ein, die einen, der eine, das eine, die pruft ob, die zahlt, die berechnet, die zuruckgibt, der pruft, das pruft, um zu prufen, die testet ob, dass, das, ob',
  plain:
    'der, die, den, dem, des, ein, eine, einen, einem, einer, eines, deine, ihr, ihre, oben, es, ist, sind, klasse 5, postleitzahl, fehlerbehandlung, ausnahmebehandlung, im allgemeinen, zum beispiel, filmkritik, buchrezension, fernsehprogramm, fehlerfrei',
  light: 'mach, mache, machen, gib mir, fuhre durch',
  meaning:
    'was macht dieser code, was macht diese funktion, was macht der code, was dieser code macht, was diese funktion macht, erklare diesen code, erklare mir diesen code',
  person: 'mein, meine, meinen, meinem, ich, dein',
  order: 'klassifiziere dies als, klassifiziere das als, ordne dies als',
  deictic: 'dieser, diese, dieses, diesen, diesem, folgend*, unten',
  add: 'fuge, hinzufugen, hinzu, hinzugefugt, erganz*',
  symptom:
    'liefert nichts, passiert nichts, hängt sich auf, stürzt ab, lädt endlos, steht nichts, reagiert nicht, nichts mehr, läuft lokal, schlägt fehl, schlägt er fehl, aber in der pipeline, läuft nicht, lädt nicht, wird nicht angezeigt',
};
