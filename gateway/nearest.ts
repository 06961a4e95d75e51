import { editDistance } from './config/nearest-name.ts';

/** The candidates most like `word`, best first, at most `count`, none that is wholly different. */
export function nearest(word: string, candidates: Iterable<string>, count: number): string[] {
  const wanted = word.toLowerCase();
  const ranked: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    const limit = Math.max(2, Math.ceil(Math.max(word.length, candidate.length) * 0.4));
    if (distance <= limit) ranked.push({ candidate, distance });
  }
  ranked.sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate));
  return ranked.slice(0, count).map(({ candidate }) => candidate);
}
