import type { WireChannel } from '../../wire.ts';

/** Names that people look at first, by how much they want to see them. */
const WANTED: readonly (readonly [RegExp, number])[] = [
  [/speed|velocity|\bv\b/, 10],
  [/rpm|revs|rotation/, 9],
  [/throttle|accelerator|pedal|\baps\b/, 8],
  [/brake/, 7.5],
  [/steer/, 7],
  [/acc|g_?lat|g_?lon/, 6],
  [/pressure|flow|torque|power|load/, 5],
  [/temp|voltage|current|level/, 4],
  [/yaw|pitch|roll|height|travel/, 3.5],
];

/** Bookkeeping that moves but tells nothing. */
const UNWANTED = /checksum|crc|counter|\bseq|unknown|rate_?hz|uptime|timestamp|spare|reserved|raw/;

/** Channels whose movement is looked at before the first charts are chosen. */
export const CANDIDATES_MAX = 48;

/** The channels most worth a chart by what is known before any value is seen, best first. */
export function chartCandidates(channels: Iterable<WireChannel>): WireChannel[] {
  const scored: { channel: WireChannel; score: number }[] = [];
  for (const channel of channels) if (channel.type === 'number') scored.push({ channel, score: score(channel) });
  scored.sort((a, b) => b.score - a.score || a.channel.id - b.channel.id);
  return scored.slice(0, CANDIDATES_MAX).map(({ channel }) => channel);
}

/**
 * The first charts: of the candidates the moving ones first, one of a kind (`fl/pressure` and `fr/pressure` are one), so
 * that the first sight shows different things.
 */
export function chooseCharts(
  candidates: readonly WireChannel[],
  isMoving: (id: number) => boolean,
  count: number,
): number[] {
  const ordered = [
    ...candidates.filter((channel) => isMoving(channel.id)),
    ...candidates.filter((channel) => !isMoving(channel.id)),
  ];
  const kinds = new Set<string>();
  const chosen: number[] = [];
  for (const channel of ordered) {
    const kind = kindOf(channel);
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    chosen.push(channel.id);
    if (chosen.length === count) break;
  }
  return chosen;
}

function score(channel: WireChannel): number {
  const name = channel.name.toLowerCase();
  const leaf = name.slice(name.lastIndexOf('/') + 1);
  let best = 0;
  for (const [pattern, points] of WANTED) {
    if (pattern.test(leaf)) best = Math.max(best, points);
    else if (pattern.test(name)) best = Math.max(best, points / 2);
  }
  const rate = Math.min(1, Math.log10(1 + channel.rateHz) / 3);
  return best + rate + (channel.unit === '' ? 0 : 1) - (UNWANTED.test(name) ? 8 : 0) - name.split('/').length * 0.1;
}

/** What a channel is about: the word of its name that made it wanted, else the leaf without digits, with its unit. */
function kindOf(channel: WireChannel): string {
  const name = channel.name.toLowerCase();
  const leaf = name.slice(name.lastIndexOf('/') + 1);
  for (const [pattern] of WANTED) {
    const word = pattern.exec(leaf)?.[0];
    if (word !== undefined) return word;
  }
  return `${leaf.replace(/\d+/g, '')} ${channel.unit}`;
}
