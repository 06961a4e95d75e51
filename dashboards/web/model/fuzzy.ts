/**
 * How well a text fits a search: every word of the search must be found, as a piece or with letters left out. Higher is
 * better; undefined where a word is not found. Begins of segments and whole pieces count most, short texts break ties.
 */
export function fuzzyScore(text: string, words: readonly string[]): number | undefined {
  let score = 0;
  for (const word of words) {
    const found = pieceScore(text, word) ?? scatteredScore(text, word);
    if (found === undefined) return undefined;
    score += found;
  }
  return score - text.length * 0.02;
}

/** The words of a search, in lower case as {@link fuzzyScore} expects them. */
export function searchWords(search: string): string[] {
  return search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
}

function pieceScore(text: string, word: string): number | undefined {
  let best: number | undefined;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const isLeaf = text.indexOf('/', at) < 0;
    const isWhole = isBoundary(text[at + word.length]);
    const score = 100 + (isBoundary(text[at - 1]) ? 40 : 0) + (isLeaf ? 20 : 0) + (isWhole ? 15 : 0);
    if (best === undefined || score > best) best = score;
  }
  return best;
}

function scatteredScore(text: string, word: string): number | undefined {
  let at = -1;
  let score = 0;
  for (const letter of word) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return undefined;
    score += isBoundary(text[next - 1]) ? 8 : next === at + 1 ? 5 : 1;
    at = next;
  }
  return score >= word.length * 3 ? score : undefined;
}

function isBoundary(character: string | undefined): boolean {
  return character === undefined || !/[a-z0-9]/.test(character);
}
