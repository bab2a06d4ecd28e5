import type { Lexicon } from '../concepts.ts';

/** Portuguese, of Brazil and of Portugal. */
export const pt: Lexicon = {
  create:
    'escrev*, crie, criar, cria, criando, gere, gerar, gera, desenvolv*, projete, construa, construir, monte, montar, elabore, preciso de, inclua, incluir',
  implement: 'implement*, programe, programar, codifique, integre, integrar',
  support: 'suport*, permit*, habilit*, introduz*',
  fix: 'corrij*, corrig*, correcao, consert*, arrum*, resolv*, repar*, solucion*, ajeit*',
  guard: 'evit*, previn*, prevenir, garant*, trate, tratar, ignor*',
  debug:
    'depur*, debugar, debugue, diagnostic*, investig*, encontre o erro, encontre o bug, ache o erro, o que esta errado, o que ha de errado, causa raiz, qual o problema, qual e o problema, qual e o erro, onde esta o erro, descubra o erro, descobrir o erro',
  restructure:
    'refator*, refactor*, reestrutur*, reorganiz*, simplifi*, limpe, limpar, renome*, extraia, extrair, mova, mover, separe, separar, divida, dividir, desacopl*, unific*, reescrev*, moderniz*, modulariz*, mais legivel, mais limpo, mais limpa, mais simples, encapsul*, consolid*, reutiliz*, melhore este codigo, melhore o codigo, melhorar o codigo, melhorar este codigo, melhore a legibilidade, elimine a duplicacao',
  optimise:
    'otimiz*, optimiz*, aceler*, mais rapido, mais rapida, mais eficiente, melhore o desempenho, melhorar o desempenho, melhorar a performance, reduz*, paraleliz*',
  remove: 'remov*, exclu*, apague, apagar, delete, elimin*',
  update: 'atualiz*, mude, mudar, alter*, modifi*, melhor*, ajust*, ampli*, substitu*, troque, trocar',
  use: 'use, usar, usando, utiliz*',
  convert: 'convert*, transforme este codigo, traduza este codigo, traduza o codigo, porte este, migre este',
  verify: 'verifique, verificar, cubra, cobrir, simule, mocke',
  run: 'execut*, rode, rodar',
  explain:
    'expliq*, explica, explicar, explicacao, descrev*, o que faz, como funciona, o que significa, esclare*, detalh*, ensin*, me ensine, entend*, qual a diferenca, diferenca entre, o que e',
  annotate:
    'document*, comente este, comente o codigo, comentar o codigo, adicione comentarios, adicionar comentarios, escreva comentarios, escreva a documentacao, escreva uma documentacao, gere a documentacao, gere documentacao, escreva um readme, crie um readme, coloque comentarios, erro de digitacao',
  review:
    'revis*, revej*, audit*, avali*, critique, analise este codigo, analise meu codigo, analise o codigo, o que voce acha, o que acha, de feedback, feedback, sugestoes de melhoria, sugestoes, pontos fracos, inspecion*, pontos de melhoria, ha algum problema, tem algum problema, confira meu codigo, o que posso melhorar, o que pode melhorar, o que melhorar, sugira melhorias, sugerir melhorias, proponha melhorias',
  find: 'encontr*, busque, buscar, procur*, identifi*, liste, listar, calcul*, mostr*, retorn*, orden*, compar*, analis*, determinar, dado um, dada uma, imprim*, contar',
  prose:
    'traduz*, traduza, resum*, recomend*, sugira, sugerir, imagine, atue, inventa, inventar, inventem, escreva um poema, escreva uma historia, escreva um conto, escreva uma carta, escreva um email, escreva uma redacao, escreva um artigo, conte uma, me conte, diga uma piada, de ideias, me de ideias, de dicas, aconselh*, planej*',
  code: 'codigo, codigo fonte, funcao, funcoes, metodo, metodos, classe, classes, script, programa, programas, algoritmo, algoritmos, modulo, modulos, componente, componentes, biblioteca, aplicacao, aplicativo, app, aplicacoes, pagina web, site, servidor, backend, frontend, banco de dados, base de dados, consulta sql, consulta, expressao regular, vetor, array, lista encadeada, lista ligada, lista de numeros, lista de inteiros, string, strings, inteiro, inteiros, dicionario, laco, loop, recursiva, recursao, variavel, variaveis, constante, interface, enumeracao, estrutura de dados, estrutura, thread, threads, assincrona, plugin, bot, robo, analisador, compilador, migracao, login, tela de login, formulario, paginacao, funcionalidade, calculadora, busca binaria, arvore binaria, fibonacci, primo, primos, palindromo, projeto, repositorio, logica, endpoint, api, rota, matriz, raspador',
  part: 'parametro, parametros, opcao, opcoes, argumento, argumentos, propriedade, propriedades, atributo, campo, campos, botao, botoes, tabela, coluna, colunas, arquivo, arquivos, ficheiro, ficheiros, caminho, pasta, diretorio, requisicao, requisicoes, resposta, cabecalho, sessao, cache, log, logs, evento, eventos, tipo, tipos, objeto, objetos, valor, valores, configuracao, estado, estilo, estilos, tema, icone, menu, usuario, usuarios, permissao, validacao, data, datas, fuso horario, indice, transacao, dependencia, dependencias, versao, build, variaveis de ambiente, comando, comandos, tela',
  test: 'teste unitario, testes unitarios, teste de unidade, testes de unidade, teste, testes, testar, teste de integracao, testes de integracao, testes de ponta a ponta, testes automatizados, caso de teste, casos de teste, suite de testes, cobertura, cobertura de testes, cobertura de codigo, plano de testes, plano de teste, testes de regressao, testes de carga, assercoes',
  doc: 'documentacao, comentario, comentarios, guia, tutorial, manual, exemplo de uso, exemplos de uso, exemplo, exemplos, notas de versao, registro de alteracoes, referencia da api, readme, docstring, docstrings, instrucoes de instalacao, diagrama, mensagem de commit, readme deste, o readme',
  error:
    'erro, erros, mensagem de erro, excecao, excecoes, falha, falhas, bug, bugs, problema, problemas, rastreamento de pilha, vazamento de memoria, loop infinito, condicao de corrida, ponteiro nulo, estouro, trava, travando, aviso, avisos, defeito, quebra',
  change:
    'pull request, merge request, minhas alteracoes, minhas mudancas, estas mudancas, essas mudancas, mudancas, alteracoes, diff, commit, branch, ramo',
  quality:
    'legibilidade, manutenibilidade, legivel, duplicacao, codigo duplicado, duplicado, codigo morto, codigo repetido, repetido, redundante, nao usado, nao utilizado, desnecessario, desnecessarios, divida tecnica, complexidade, aninhado, aninhados, acoplamento, padrao de projeto, padroes de projeto, responsabilidade unica, codigo limpo, codigo legado, principios solid, numeros magicos',
  speed:
    'desempenho, performance, eficiencia, velocidade, uso de memoria, consumo de memoria, complexidade de tempo, gargalo, lento, lenta',
  security:
    'seguranca, vulnerabilidade, vulnerabilidades, injecao, boas praticas, melhores praticas, qualidade do codigo, possiveis problemas, riscos',
  text: 'redacao, poema, conto, historia, carta, e mail, artigo, musica, discurso, romance, curriculo, slogan, manchete, paragrafo, frase, palavra, sinonimo, antonimo, piada, receita, receitas, roteiro, foto, imagem, retrato, biografia, tese, resumo, legenda, texto, gramatica, ortografia',
  life: 'amor, namorada, namorado, esposa, marido, mae, pai, filho, filha, filhos, criancas, amigo, amigos, familia, casamento, aniversario, viagem, viajar, ferias, hotel, restaurante, comida, jantar, cafe da manha, almoco, dieta, treino, clima, sol, lua, terra, cidade, pais, capital de, capital do, capital da, presidente, rei, guerra, politica, lei, advogado, filosofia, psicologia, psicologo, medico, paciente, doenca, sintomas, saude, dormir, cachorro, gato, animal, animais, plantas, carro, quilometros, horas, reais, euros, dolares, preco, dinheiro, banco central, impostos, investimento, economia, negocio, empresa, clientes, vendas, mercado, emprego, entrevista, escola, aluno, alunos, professor, matematica, ingles, filme, filmes, ator, cantor, futebol, jogador, personagem, quimica, fisica, biologia, celula, gene, triangulo, probabilidade, arte, signo, horoscopo, presente, natal, macas, quantos, quantas, quanto, seculo, teste de gravidez, teste de sangue, prova, vestibular, enem',
  tech: 'programacao, software, desenvolvimento web, compila, compilar, aprendizado de maquina, codigo aberto',
  defect:
    'nao funciona, nao funcionam, nao esta funcionando, falta, faltando, incorreto, incorreta, invalido, quebrado, quebrada, falha, falham, falhando, nao consigo, nao aparece, nao mostra, nao carrega, nao atualiza, nao compila, inesperado, nulo, undefined, esta dando, da erro, dando erro, recebo, estou recebendo, lanca, parou de funcionar, errado, errada, fecha sozinho, trava, não abre, fecha sozinha',
  why: 'por que, porque nao, por qual motivo, qual a causa, qual o motivo',
  what: 'o que e um, o que e uma, o que sao, qual e, quais sao, quais, qual, quem, quando, onde, o que',
  howto: 'como posso, como faco, como faz, como criar, como fazer, como eu, como',
  instead:
    'em vez de, ao inves de, no lugar de, sem mudar, sem alterar, mantendo o comportamento, mantendo a funcionalidade, em funcoes, em modulos, menores',
  fresh: 'novo, nova, simples, do zero, personalizado',
  role: 'aja como, atue como, voce e um, voce e uma, quero que voce atue como, quero que voce aja como, assuma o papel, finja ser, imagine que voce e',
  dev: 'programador, programadora, desenvolvedor, desenvolvedora, engenheiro de software, arquiteto de software, engenheiro',
  persona:
    'poeta, chef, nutricionista, personal trainer, guia turistico, comediante, historiador, filosofo, escritor, tradutor, entrevistador',
  polite:
    'por favor, voce pode, pode, poderia, me ajude a, me ajude, ajude me, ajuda, ajudar, quero, queria, gostaria, preciso que, quero que, preciso, ola, oi, obrigado, agora, voce deve, vamos',
  stop: 'para, de, do, da, dos, das, em, no, na, nos, nas, com, sem, por, desde, quando, enquanto, depois, antes, e, ou, mas, segundo, sobre, entre, ao',
  that: 'que receba, que recebe, que retorne, que retorna, que calcule, que calcula, que verifique se, que verifica se, que valide, que valida, que permita, que permite, que mostre, que some, que converta, que determine, que testa se, para verificar se',
  plain:
    'o, a, os, as, um, uma, uns, umas, isso, seu, sua, me, se, lhe, sao, aula de, codigo postal, tratamento de erros, tratamento de excecoes, em geral, por exemplo, resenha do filme, resenha de, neste caso, programa de televisao, classe media, o que pode ser',
  light: 'faca, faz, fazer, me de, facam, realize, realizar',
  meaning:
    'o que este codigo faz, o que esse codigo faz, o que essa funcao faz, o que esta funcao faz, o que faz este codigo, o que faz essa funcao, explique este codigo, explique esse codigo',
  person: 'meu, minha, meus, minhas, eu',
  order: 'classifique isto como, classifique isso como',
  deictic: 'este, esta, estes, estas, esse, essa, seguinte, seguintes',
  add: 'adicion*, acrescent*',
  symptom:
    'fecha sozinho, fica travado, não faz nada, tô recebendo, estou recebendo, o que pode ser, fica carregando, carregando pra sempre, não aparece, não carrega',
};
