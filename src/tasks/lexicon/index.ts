import type { Lexicon } from '../concepts.ts';
import { de } from './de.ts';
import { en } from './en.ts';
import { es } from './es.ts';
import { fr } from './fr.ts';
import { hi } from './hi.ts';
import { id } from './id.ts';
import { ja } from './ja.ts';
import { ko } from './ko.ts';
import { ar, it, nl, pl, tr, vi } from './others.ts';
import { bn, cs, el, fa, fi, he, hu, nordic, ro, th } from './more.ts';
import { pt } from './pt.ts';
import { ru } from './ru.ts';
import { uk } from './uk.ts';
import { zh } from './zh.ts';

/** All languages by their ISO 639-1 code. Where two give the same word, the one named first here decides. */
export const LEXICONS: Readonly<Record<string, Lexicon>> = {
  en,
  zh,
  ja,
  ko,
  es,
  pt,
  fr,
  de,
  ru,
  uk,
  hi,
  id,
  it,
  nl,
  pl,
  tr,
  vi,
  ar,
  sv: nordic,
  cs,
  ro,
  hu,
  fi,
  el,
  he,
  fa,
  th,
  bn,
};
