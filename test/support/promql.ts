/** What a PromQL expression asks of a scrape. Reads as much of the language as our own rules and charts use. */
export interface Asked {
  /** Names of series, with the labels that stand in their selectors. */
  readonly series: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Labels that it groups by. */
  readonly grouped: readonly string[];
}

const words = (text: string): readonly string[] => [...text.matchAll(/[a-zA-Z_]\w*/g)].map(([word]) => word);
const KEYWORDS = /^(and|or|unless|on|ignoring|group_left|group_right|bool|by|without|inf|nan|offset)$/i;

/** @throws Error at a name in front of braces that is none */
export const readPromql = (expression: string): Asked => {
  const grouped: string[] = [];
  const bare = expression.replaceAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g, (_, labels: string) => {
    grouped.push(...words(labels));
    return ' ';
  });
  const series: { name: string; labels: readonly string[] }[] = [];
  const names = /([a-zA-Z_:][\w:]*)\s*(\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\})?(\s*\()?/g;
  const unquoted = bare.replaceAll(/\[[^\]]*\]/g, ' ');
  for (const [, name = '', braces, call] of unquoted.matchAll(names)) {
    if (call !== undefined || KEYWORDS.test(name)) continue;
    const inside = (braces ?? '').replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
    series.push({
      name,
      labels: [...inside.matchAll(/([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)/g)].map(([, each = '']) => each),
    });
  }
  if (series.length === 0) throw new Error(`no series in ${expression}`);
  return { series, grouped };
};
