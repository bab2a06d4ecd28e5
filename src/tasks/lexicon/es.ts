import type { Lexicon } from '../concepts.ts';

/** Spanish. Accents are folded, so each word is listed once; verbs by stem where no other word shares it. */
export const es: Lexicon = {
  create:
    'escrib*, crea, crear, creame, cree, creando, creacion, genera, generar, generame, genere, generes, generando, desarroll*, disena*, construy*, construir, programa una, redact*, prepara, necesito, monta, armar, elabora, codifica*',
  implement: 'implement*, programa un, programar, integra, integrar, despliega, desplegar',
  support: 'soporta*, soporte para, permit*, habilita*, admit*, introduc*',
  fix: 'arregl*, corrig*, correg*, correccion, solucion*, resuelv*, resolv*, repar*, subsana*, corrije*',
  guard: 'evita*, previen*, prevenir, asegur*, maneja, manejar, gestiona errores, ignora*',
  debug:
    'depur*, diagnostic*, investig*, encuentra el error, encuentra el fallo, encuentra el bug, que esta mal, que hay de malo, que falla, que anda mal, causa raiz, donde esta el error, cual es el error, cual es el problema, localiza el error',
  restructure:
    'refactor*, reestructur*, reorganiz*, simplific*, limpia, limpiar, renombr*, extrae, extraer, mueve, mover, separa, separar, separe, divida, dividir, desacopl*, unific*, reescrib*, moderniz*, modulariz*, elimina la duplicacion, elimina duplicacion, mas legible, mas limpio, mas limpia, mas simple, encapsul*, consolid*, reutiliz*, abstra*, mejora este codigo, mejora el codigo, mejorar el codigo, mejorar este codigo, mejora la legibilidad',
  optimise:
    'optimiz*, aceler*, mas rapido, mas rapida, mas eficiente, mejora el rendimiento, mejorar el rendimiento, reducir, reduzca, paraleliz*, mas eficientes',
  remove: 'elimin*, borra, borrar, quita, quitar, suprim*',
  update: 'actualiz*, cambia, cambiar, modific*, mejor*, ajust*, amplia, ampliar, reemplaz*',
  use: 'usar, usando, utiliz*, emple*',
  convert:
    'convert*, conviert*, transforma este codigo, traduce este codigo, traduce el codigo, porta este, migra este',
  verify: 'verifica, verificar, verifique, comprueb*, comprob*, cubra, cubrir, simula',
  run: 'ejecut*, corre las, corre los',
  explain:
    'explica, explicar, explicame, explique, expliques, explicacion, explicando, describ*, que hace, como funciona, que significa, aclara*, detalla*, ensename, enseñ*, entend*, entiend*, paso a paso el codigo, cuentame como, cual es la diferencia, diferencia entre, que es',
  annotate:
    'document*, comenta este, comenta el codigo, comentar el codigo, agrega comentarios, anade comentarios, añade comentarios, anadir comentarios, agregar comentarios, escribe comentarios, escribe la documentacion, escribe documentacion, genera documentacion, escribe un readme, crea un readme, errata',
  review:
    'revis*, audita*, evalua*, critica, opina*, que opinas, que te parece, retroaliment*, dame tu opinion, dame feedback, sugerencias, puntos debiles, examina, hay algun problema, hay algun error en, que puedo mejorar, que podria mejorar, que mejorar, que mejorarias, analiza mi codigo, analiza este codigo, analiza el codigo, propon mejoras, sugiere mejoras, está bien hecho, lo harías de otra forma',
  find: 'encuentr*, encontr*, busca, buscar, identific*, lista, enumera, calcula*, muestra, devuelv*, ordena, compar*, analiz*, determina, determinar, comprueba si, dado un, dada una, imprim*, cuenta',
  prose:
    'traduc*, resum*, recomiend*, recomend*, sugier*, imagina, actua, inventa, escribe un poema, escribe una historia, escribe un cuento, escribe una carta, escribe un correo, escribe un ensayo, escribe un articulo, cuentame un, dime un chiste, dame ideas, dame consejos, aconsej*, canta, planifica',
  code: 'codigo, codigo fuente, funcion, funciones, metodo, metodos, clase, clases, script, guion de shell, programa, programas, algoritmo, algoritmos, modulo, modulos, componente, componentes, biblioteca, libreria, aplicacion, aplicaciones, aplicacion web, pagina web, sitio web, servidor, cliente http, backend, frontend, base de datos, consulta sql, consulta, expresion regular, arreglo, arreglos, array, vector, lista enlazada, lista de numeros, lista de enteros, cadena, cadenas, entero, enteros, diccionario, bucle, recursiva, recursion, variable, variables, constante, interfaz, enumeracion, estructura de datos, estructura, hilo, hilos, asincrona, plugin, complemento, bot, analizador, compilador, migracion, inicio de sesion, formulario, paginacion, funcionalidad, calculadora, busqueda binaria, arbol binario, fibonacci, primo, primos, palindromo, proyecto, repositorio, logica, endpoint, api, middleware, matriz, punto final',
  part: 'parametro, parametros, opcion, opciones, argumento, argumentos, propiedad, propiedades, atributo, campo, campos, boton, botones, tabla, columna, columnas, archivo, archivos, fichero, ficheros, ruta, rutas, carpeta, directorio, peticion, peticiones, solicitud, respuesta, cabecera, sesion, cache, registro, registros, evento, eventos, tipo, tipos, objeto, objetos, valor, valores, configuracion, estado, estilo, estilos, tema, icono, menu, usuario, usuarios, permiso, permisos, validacion, fecha, fechas, zona horaria, indice, indices, transaccion, dependencia, dependencias, version, compilacion, variables de entorno, comando, comandos, pantalla',
  test: 'prueba unitaria, pruebas unitarias, prueba, pruebas, test unitario, tests unitarios, test, tests, testear, prueba de integracion, pruebas de integracion, pruebas de extremo a extremo, pruebas automatizadas, pruebas automaticas, caso de prueba, casos de prueba, suite de pruebas, conjunto de pruebas, cobertura, cobertura de codigo, plan de pruebas, pruebas de regresion, pruebas de carga, probar, simulacros, aserciones',
  doc: 'documentacion, comentario, comentarios, comentarios de codigo, guia, tutorial, manual, ejemplo de uso, ejemplos de uso, ejemplo, ejemplos, registro de cambios, notas de la version, referencia de la api, readme, docstring, docstrings, instrucciones de instalacion, diagrama, mensaje de commit',
  error:
    'error, errores, mensaje de error, excepcion, excepciones, fallo, fallos, bug, bugs, falla, fallas, problema, problemas, traza de pila, fuga de memoria, bucle infinito, condicion de carrera, interbloqueo, puntero nulo, desbordamiento, cuelga, bloquea, advertencia, advertencias, cierra inesperadamente, incidencia',
  change:
    'pull request, solicitud de extraccion, solicitud de fusion, mis cambios, estos cambios, cambios, diff, commit, rama',
  quality:
    'legibilidad, mantenibilidad, mantenible, legible, duplicacion, codigo duplicado, duplicado, codigo muerto, codigo repetido, repetido, redundante, sin usar, no utilizado, innecesario, innecesarios, deuda tecnica, complejidad, anidado, anidados, acoplamiento, patron de diseno, patrones de diseno, responsabilidad unica, codigo limpio, codigo heredado, principios solid, numeros magicos',
  speed:
    'rendimiento, eficiencia, velocidad, uso de memoria, consumo de memoria, complejidad temporal, cuello de botella, lento, lenta',
  security:
    'seguridad, vulnerabilidad, vulnerabilidades, inyeccion, buenas practicas, mejores practicas, calidad del codigo, posibles problemas, riesgos',
  text: 'ensayo, poema, cuento, historia, carta, correo, correo electronico, articulo, cancion, discurso, novela, curriculum, curriculo, eslogan, titular, parrafo, oracion, frase, palabra, sinonimo, antonimo, chiste, adivinanza, receta, recetas, tuit, publicacion, guion, foto, imagen, retrato, haiku, biografia, tesis, resumen, redaccion, redacciones, tarea escolar, texto, textos',
  life: 'amor, novia, novio, esposa, esposo, madre, padre, hijo, hija, hijos, ninos, amigo, amigos, familia, boda, cumpleanos, viaje, viajar, vacaciones, hotel, restaurante, comida, cena, desayuno, almuerzo, dieta, ejercicio fisico, ejercicios, clima, sol, luna, tierra, ciudad, pais, paises, capital de, presidente, rey, guerra, politica, ley, abogado, filosofia, psicologia, psicologo, medico, paciente, enfermedad, sintomas, salud, dormir, perro, gato, animal, animales, plantas, coche, kilometros, horas, euros, pesos, dolares, precio, dinero, banco, impuestos, inversion, economia, negocio, empresa, clientes, ventas, mercado, empleo, entrevista, escuela, estudiante, estudiantes, profesor, matematicas, ingles, pelicula, peliculas, actor, cantante, musica, futbol, jugador, personaje, quimica, fisica, biologia, celula, gen, triangulo, probabilidad, arte, signo, horoscopo, regalo, navidad, manzanas, cuantos, cuantas, cuanto, siglo, prueba de embarazo, prueba de manejo, prueba de sangre, examen, fotosintesis, gramatica, ortografia',
  tech: 'javascript, python, programacion, software, desarrollo web, compila, compilar, aprendizaje automatico, codigo abierto',
  defect:
    'no funciona, no funcionan, falta, faltan, incorrecto, incorrecta, invalido, roto, rota, falla, fallan, fallando, no puedo, no aparece, no muestra, no carga, no se actualiza, no compila, inesperado, nulo, undefined, me da, me sale, me aparece, obtengo, lanza, devuelve null, dejo de funcionar',
  why: 'por que, porque no, a que se debe, cual es la causa',
  what: 'que es un, que es una, que son, cual es, cuales son, quien, cuando, donde, que',
  howto: 'como puedo, como hago, como se, como crear, como hacer, como podria, como',
  instead:
    'en lugar de, en vez de, sin cambiar, sin modificar el comportamiento, manteniendo el comportamiento, manteniendo la funcionalidad, en funciones, en modulos, mas pequenas, mas pequenos',
  fresh: 'nuevo, nueva, sencillo, sencilla, desde cero, personalizado',
  role: 'actua como, eres un, eres una, quiero que actues como, asume el rol, imagina que eres, haz de, comportate como',
  dev: 'programador, programadora, desarrollador, desarrolladora, desarrollador web, ingeniero de software, arquitecto de software, ingeniero',
  persona:
    'poeta, chef, nutricionista, entrenador personal, guia turistico, psicologo, comediante, historiador, filosofo, escritor, traductor, abogado, entrevistador',
  polite:
    'por favor, puedes, podrias, puede, podria, ayudame a, ayudame, ayuda, ayudar, quiero, quisiera, me gustaria, necesito que, quiero que, tengo que, hola, gracias, ahora, debes, vamos a',
  stop: 'para, de, del, en, con, sin, por, desde, cuando, mientras, despues, antes, y, o, pero, segun, sobre, entre, al',
  that: 'que reciba, que recibe, que tome, que toma, que devuelva, que devuelve, que calcule, que calcula, que compruebe si, que verifique si, que valide, que valida, que permita, que permite, que muestre, que sume, que convierta, que determine, que prueba si, para comprobar si',
  plain:
    'el, la, los, las, un, una, unos, unas, su, sus, a, me, te, se, lo, le, es, son, esta clase de, clase de, clase media, clase de ingles, codigo postal, manejo de errores, manejo de excepciones, en general, por ejemplo, funcion de los, poner a prueba, reseña de la pelicula, resena de, en este caso, programa de estudios, programa de television, qué puede ser, que puede ser',
  light: 'haz, hazme, hacer, dame, realiza, realizar',
  meaning:
    'que hace este codigo, que hace esta funcion, que hace el codigo, que hace este script, que hace la funcion, explica este codigo, explicame este codigo',
  person: 'mi, mis, yo, tu, tus',
  order: 'clasifica esto como, clasificalo como, categoriza esto como',
  deictic: 'este, esta, estos, estas, ese, esa, siguiente, siguientes',
  add: 'agreg*, anad*, añad*, adiciona*, incorpora*',
  symptom:
    'se queda infinito, se queda colgado, se cuelga, no me funciona, se cierra, no hace nada, me sale, me da, me aparece, qué puede ser, que puede ser, no se ve, no aparece, no carga, se queda cargando',
};
