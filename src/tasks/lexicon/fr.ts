import type { Lexicon } from '../concepts.ts';

/** French. The apostrophe of an elision separates: "l'erreur" reads as "l erreur". */
export const fr: Lexicon = {
  create:
    'ecris, ecrire, ecrivez, ecrit un, cree, creer, creez, creation, genere, generer, generez, developpe, developper, developpez, concois, concevoir, construis, construire, redige, rediger, redigez, il me faut, j ai besoin d, produis, elabore, mets en place, mettre en place, cree moi, besoin d un, besoin d une',
  implement:
    'implement*, programme une, programme un, programmer, code moi, coder, codez, integre, integrer, deploie, deployer',
  support:
    'supporte, support de, prise en charge, permettre, permet, permets, autorise, autoriser, activer, gere les, introduire',
  fix: 'corrige, corriger, corrigez, correction, corrections, repare, reparer, resous, resoudre, resolvez, resolution, regler, regle le, depanne',
  guard: 'evite, eviter, empeche, empecher, assure, assurer, gere, gerer, ignore, ignorer',
  debug:
    'debogue, deboguer, deboguez, debogage, debug, debugge, debugger, diagnostique, diagnostiquer, enquete, trouve l erreur, trouver l erreur, trouve le bug, trouver le bug, qu est ce qui ne va pas, ce qui ne va pas, cause racine, ou est l erreur, quel est le probleme, d ou vient l erreur, d ou vient, identifie l erreur',
  restructure:
    'refactor*, refactoris*, remanie, remanier, restructure, restructurer, reorganis*, simplifi*, nettoie, nettoyer, nettoyez, nettoyage, renomme, renommer, renommez, extrais, extraire, extrait, deplace, deplacer, separe, separer, decoupe, decouper, divise, diviser, decoupl*, unifi*, reecris, reecrire, reecrivez, reecriture, modernis*, modularis*, plus lisible, plus propre, plus simple, plus concis, encapsul*, mutualis*, factoris*, reutilis*, ameliore ce code, ameliore le code, ameliorer le code, ameliorer ce code, ameliore la lisibilite, elimine la duplication, elimine les doublons, illisible, arrange le',
  optimise:
    'optimis*, accelere, accelerer, plus rapide, plus efficace, ameliore les performances, ameliorer les performances, reduis, reduire, parallelis*, plus performant, plus performante, plus rapides',
  remove: 'supprim*, enleve, enlever, retire, retirer, retrait, efface, elimine, eliminer',
  update:
    'mets a jour, mettre a jour, mise a jour, actualis*, change, changer, modifi*, amelior*, ajuste, ajuster, remplace, remplacer, etends',
  use: 'utilis*, emploie, sers toi',
  convert:
    'converti*, conversion, transforme ce code, traduis ce code, traduire ce code, porte ce code, traduis cette fonction',
  verify: 'verifie, verifier, verifiez, couvre, couvrir, simule',
  run: 'execute, executer, lance, lancer',
  explain:
    'expliqu*, explication, decris, decrire, decrivez, que fait, qu est ce que fait, comment fonctionne, comment ca marche, comment marche, que signifie, clarifi*, detaill*, apprends moi, comprendre, comprends, quelle est la difference, difference entre, qu est ce que, qu est ce qu, c est quoi',
  annotate:
    'documente, documenter, documentez, commente ce, commente le code, commenter le code, commenter ce code, commentez, ajoute des commentaires, ajouter des commentaires, ajoutez des commentaires, ecris la documentation, ecris une documentation, genere la documentation, redige la documentation, rediger la documentation, ecris un readme, redige un readme, faute de frappe, coquille',
  review:
    'revue de code, relis, relire, relisez, relecture, passe en revue, passer en revue, revois, audite, auditer, evalue, evaluer, evaluez, critique, critiquer, analyse ce code, analyse mon code, analyse le code, qu en penses tu, que penses tu, ton avis, votre avis, donne ton avis, retour sur, des retours, tes retours, suggestions d amelioration, points faibles, inspecte, y a t il des problemes, examine, examiner, examinez, propose des ameliorations, proposer des ameliorations, que puis je ameliorer, qu est ce que je peux ameliorer, suggere des ameliorations',
  find: 'trouve, trouver, trouvez, cherche, chercher, recherche, identifi*, liste les, lister, calcul*, affiche, afficher, renvoie, retourne, retourner, trie, trier, compare, comparer, analyse, analyser, determiner, etant donne, imprime, compte',
  prose:
    'tradui*, resume, resumer, resumez, recommand*, conseill*, suggere, imagine, agis, invente, ecris un poeme, ecris une histoire, ecris un conte, ecris une lettre, ecris un mail, ecris un email, ecris un essai, ecris un article, redige une lettre, redige un mail, raconte, raconte moi, dis moi une blague, donne moi des idees, donne moi des conseils, planifie, propose',
  code: 'code, code source, fonction, fonctions, methode, methodes, classe, classes, script, scripts, programme, programmes, algorithme, algorithmes, module, modules, composant, composants, bibliotheque, librairie, application, applications, appli, application web, page web, site web, site internet, serveur, client http, backend, frontend, base de donnees, requete sql, expression reguliere, expression rationnelle, tableau d entiers, tableau, liste chainee, liste de nombres, liste d entiers, chaine, chaines, chaine de caracteres, entier, entiers, dictionnaire, boucle, recursive, recursivite, variable, variables, constante, interface, enumeration, structure de donnees, structure, thread, threads, asynchrone, plugin, extension, bot, robot, analyseur, compilateur, migration, connexion, formulaire, pagination, fonctionnalite, fonctionnalites, calculatrice, recherche binaire, recherche dichotomique, arbre binaire, fibonacci, nombre premier, nombres premiers, palindrome, projet, depot, logique, endpoint, api, matrice, point d entree, un composant, composant react, get et post',
  part: 'parametre, parametres, option, options, argument, arguments, propriete, proprietes, attribut, champ, champs, bouton, boutons, table, colonne, colonnes, fichier, fichiers, chemin, dossier, repertoire, requete, requetes, reponse, en tete, session, cache, journal, journaux, evenement, evenements, type, types, objet, objets, valeur, valeurs, configuration, etat, style, theme, icone, menu, utilisateur, utilisateurs, permission, permissions, validation, date, dates, fuseau horaire, index, transaction, dependance, dependances, version, compilation, variables d environnement, commande, commandes, ecran',
  test: 'test unitaire, tests unitaires, test, tests, tester, testez, teste, test d integration, tests d integration, tests de bout en bout, tests automatises, cas de test, cas de tests, jeu de tests, suite de tests, couverture, couverture de code, couverture de test, couverture de tests, plan de test, plan de tests, tests de regression, tests de charge, assertions, comment tester',
  doc: 'documentation, commentaire, commentaires, guide, tutoriel, manuel, exemple d utilisation, exemples d utilisation, exemple, exemples, notes de version, journal des modifications, reference de l api, readme, docstring, docstrings, instructions d installation, diagramme, message de commit, doc, docs, mode d emploi',
  error:
    'erreur, erreurs, message d erreur, exception, exceptions, bug, bugs, bogue, bogues, plante, plantage, echec, echecs, probleme, problemes, trace d appels, trace d execution, fuite de memoire, fuite memoire, boucle infinie, situation de competition, interblocage, pointeur nul, depassement, avertissement, defaut, soucis, souci, anomalie, panne',
  change:
    'pull request, merge request, demande de fusion, mes changements, mes modifications, ces changements, ces modifications, diff, commit, branche',
  quality:
    'lisibilite, maintenabilite, maintenable, lisible, duplication, code duplique, doublon, doublons, code mort, code repete, redondant, redondante, inutilise, inutilises, inutile, inutiles, dette technique, complexite, imbrique, imbriquees, imbriques, couplage, patron de conception, patrons de conception, design pattern, responsabilite unique, code propre, code herite, principes solid, nombres magiques',
  speed:
    'performance, performances, efficacite, vitesse, utilisation de la memoire, consommation memoire, complexite temporelle, goulot d etranglement, lent, lente',
  security:
    'securite, vulnerabilite, vulnerabilites, faille, failles, injection, bonnes pratiques, qualite du code, problemes potentiels, risques',
  text: 'essai, poeme, conte, histoire, lettre, lettre de motivation, courriel, article, chanson, discours, roman, slogan, paragraphe, phrase, phrases, mot, mots, synonyme, antonyme, blague, devinette, recette, recettes, scenario, photo, portrait, biographie, these, dissertation, resume de, nouvelle litteraire, redaction, orthographe, grammaire, texte, textes',
  life: 'amour, copine, copain, femme, mari, mere, pere, fils, fille, enfants, enfant, ami, amis, famille, mariage, anniversaire, voyage, voyager, vacances, hotel, restaurant, nourriture, diner, petit dejeuner, dejeuner, regime, sport, meteo, soleil, lune, terre, ville, pays, capitale, president, roi, reine, guerre, politique, loi, avocat, philosophie, psychologie, medecin, patient, maladie, symptomes, sante, dormir, chien, chat, animal, animaux, plantes, voiture, kilometres, heures, euros, prix, argent, banque, impots, investissement, economie, affaires, entreprise, clients, ventes, emploi, entretien, ecole, eleve, eleves, etudiant, professeur, mathematiques, anglais, film, films, acteur, chanteur, musique, football, joueur, personnage, chimie, physique, biologie, cellule, gene, probabilite, astrologie, horoscope, cadeau, noel, pommes, combien, siecle, napoleon, revolution, test de grossesse, examen, bac',
  tech: 'programmation, logiciel, developpement web, compile, compiler, apprentissage automatique, langage',
  defect:
    'ne fonctionne pas, ne marche pas, ne fonctionnent pas, marche pas, fonctionne pas, manque, manquant, manquants, manquante, incorrect, incorrecte, invalide, casse, cassee, echoue, echouent, ne peut pas, n arrive pas, ne s affiche pas, ne charge pas, ne compile pas, inattendu, inattendue, nul, undefined, j obtiens, je recois, leve une, renvoie null, ne demarre pas, bloque, mauvais, mauvaise',
  why: 'pourquoi, pour quelle raison, quelle est la cause, a quoi est du',
  what: 'qu est ce qu un, qu est ce qu une, quel est, quelle est, quels sont, quelles sont, qui est, quand, ou se trouve',
  howto:
    'comment puis je, comment faire, comment creer, comment ecrire, comment implementer, comment on, comment je, comment peut on, comment lire, comment utiliser, comment ouvrir, comment ajouter, comment trier, comment convertir, comment supprimer, comment installer, comment afficher, comment parcourir, comment verifier, comment obtenir, comment est ce, comment peut, comment se, comment le, comment la, comment les, comment un, comment une, comment configurer, comment envoyer, comment connecter, comment recuperer',
  instead:
    'au lieu de, au lieu d, a la place de, plutot que, sans changer, sans modifier le comportement, en conservant le comportement, en gardant le comportement, en fonctions, en modules, plus petites, plus petits',
  fresh: 'nouveau, nouvelle, simple, de zero, personnalise',
  role: 'agis comme, agis en tant que, tu es un, tu es une, vous etes un, je veux que tu agisses comme, joue le role, en tant qu, comporte toi comme',
  dev: 'programmeur, developpeur, developpeuse, developpeur web, ingenieur logiciel, architecte logiciel, ingenieur',
  persona:
    'poete, chef cuisinier, nutritionniste, coach sportif, guide touristique, psychologue, comedien, historien, philosophe, ecrivain, traducteur, recruteur',
  polite:
    's il te plait, s il vous plait, svp, stp, peux tu, pouvez vous, pourrais tu, pourriez vous, aide moi a, aide moi, aidez moi, aide, aider, je veux, je voudrais, j aimerais, je souhaite, j ai, bonjour, salut, merci, maintenant, tu dois',
  stop: 'pour, de, du, des, d, en, dans, avec, sans, par, depuis, quand, pendant, apres, avant, et, ou, mais, selon, sur, entre, au, aux, lorsque, si',
  that: 'qui prend, qui renvoie, qui retourne, qui calcule, qui verifie si, qui valide, qui permet, qui affiche, qui additionne, qui convertit, qui determine, qui teste si, pour verifier si, qui',
  plain:
    'le, la, les, l, un, une, tes, son, sa, ses, votre, vos, notre, a, me, te, se, est, sont, classe de maitre, code postal, code de la route, code civil, code penal, gestion des erreurs, gestion d erreurs, gestion des exceptions, en general, par exemple, critique du film, critique de film, programme de television, comment est ce, comment faire, comment puis je',
  light: 'fais, fais moi, faire, faites, donne moi, effectue',
  meaning:
    'que fait ce code, que fait cette fonction, ce que fait ce code, ce que fait cette fonction, explique ce code, explique moi ce code',
  person: 'mon, ma, mes, moi, je, j, ton, ta',
  order: 'classe ceci comme, classe cela comme, categorise',
  deictic: 'ce, cet, cette, ces, suivant, suivante, suivants, ci dessous',
  add: 'ajoute, ajouter, ajoutez, ajout',
  symptom:
    'ne réagit plus, ne réagit pas, ne répond plus, depuis la mise à jour, ne charge pas, ne s affiche pas, tourne en boucle',
};
