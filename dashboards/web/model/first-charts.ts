import type { WireChannel } from '../../wire.ts';

/** A thing that people look at, how it is recognised, and how much they want to see it. */
interface Subject {
  readonly name: string;
  readonly points: number;
  /** Words of the channel's own name, in lower case, a space between them. */
  readonly words?: RegExp;
  /** Units of which one is needed, where `words` is given too, or that tell the subject by themselves. */
  readonly units?: RegExp;
}

const SPEED_UNITS = /^(km\/h|kph|kmh|mph|m\/s|kn|kt)$/i;
const ROTATION_UNITS = /^(rpm|1\/min|r\/min|min-1)$/i;

/** The first that fits tells what a channel is about: units and narrow words stand before wide ones. */
const SUBJECTS: readonly Subject[] = [
  { name: 'temperature', points: 4, units: /^(deg ?|\u00b0)?[cf]$|^k$/i },
  { name: 'engine speed', points: 9, units: ROTATION_UNITS, words: /engine|\brpm\b|\brevs?\b|crank|\bne ?\d*\b/ },
  { name: 'rotation', points: 4, units: ROTATION_UNITS },
  { name: 'engine speed', points: 9, words: /engine (speed|rpm)|\brpm\b|\brevs\b/ },
  { name: 'speed', points: 10, units: SPEED_UNITS },
  { name: 'throttle', points: 8, words: /throttle|accelerator|gas pedal|\baps\b/ },
  { name: 'brake', points: 7.5, words: /brake|braking/ },
  { name: 'steering', points: 7, words: /steer|\bssa\b/ },
  { name: 'gear', points: 6.5, words: /\bgear\b/ },
  { name: 'speed', points: 9.5, words: /speed|velocity/ },
  { name: 'lateral acceleration', points: 6, words: /\blat(eral)? (acc|g\b)|\b(acc|accel|acceleration|g) (lat|y\b)/ },
  {
    name: 'longitudinal acceleration',
    points: 5.9,
    words: /\blon(g|gitudinal)? (acc|g\b)|\b(acc|accel|acceleration|g) (lon|x\b)/,
  },
  { name: 'acceleration', points: 5.5, units: /^(m\/s\^?(2|\u00b2)|g)$/i },
  { name: 'acceleration', points: 5.5, words: /\bacc(el|eleration)?\b/ },
  { name: 'pressure', points: 5.2, words: /press/ },
  { name: 'flow', points: 5.1, words: /\bflow/ },
  { name: 'power', points: 5, words: /torque|power|\bload\b/ },
  { name: 'temperature', points: 4, words: /temp/ },
  { name: 'electric', points: 4, words: /voltage|current/ },
  { name: 'level', points: 4, words: /level/ },
  { name: 'yaw rate', points: 3.6, units: /^(deg|\u00b0)\/s(ec)?$/ },
  { name: 'attitude', points: 3.5, words: /yaw|pitch|\broll|height|travel/ },
];

/** Bookkeeping that moves but tells nothing, what is wished and not measured, and what belongs to others. */
const UNWANTED =
  /check ?sum|\bcrc|counter|\bseq|unknown|rate hz|update rate|uptime|timestamp|spare|reserved|\braw\b|set ?point|target|request|\bcmd\b|limit|\brel\b|relative|\bwind\b|\bsum$|status|precision|latitude|longitude|\btrack [a-z] \d/;

/** Channels whose movement is looked at before the first charts are chosen. */
export const CANDIDATES_MAX = 48;

/** The channels most worth a chart by what is known before any value is seen, best first. */
export function chartCandidates(channels: Iterable<WireChannel>): WireChannel[] {
  const scored: { channel: WireChannel; score: number }[] = [];
  for (const channel of channels) {
    const isGear = channel.type === 'enum' && subjectOf(channel)?.name === 'gear';
    if (channel.type === 'number' || isGear) scored.push({ channel, score: score(channel) });
  }
  scored.sort((a, b) => b.score - a.score || a.channel.id - b.channel.id);
  return scored.slice(0, CANDIDATES_MAX).map(({ channel }) => channel);
}

/** From this score on a channel is charted even while it stands still: a parked car has a speed and a brake too. */
const ALWAYS_SCORE = 7;

/**
 * The first charts, in the order of the candidates: one of a subject (`fl/pressure` and `fr/pressure` are one), so that
 * the first sight shows different things; what moves before what stands still, unless everybody wants to see it.
 */
export function chooseCharts(
  candidates: readonly WireChannel[],
  isMoving: (id: number) => boolean,
  count: number,
): number[] {
  const moving = candidates.filter(({ id }) => isMoving(id));
  const still = candidates.filter(({ id }) => !isMoving(id));
  const bestOf = new Map<string, WireChannel>();
  for (const channel of [...moving, ...still]) {
    const subject = subjectOf(channel)?.name ?? `${leafOf(channel.name).replace(/\d+/g, '')} ${channel.unit}`;
    if (!bestOf.has(subject)) bestOf.set(subject, channel);
  }
  const best = new Set(bestOf.values());
  const ranked = candidates.filter((channel) => best.has(channel));
  const isFirst = (channel: WireChannel) => isMoving(channel.id) || score(channel) >= ALWAYS_SCORE;
  const chosen = new Set([...ranked.filter(isFirst), ...ranked.filter((channel) => !isFirst(channel))].slice(0, count));
  return ranked.filter((channel) => chosen.has(channel)).map(({ id }) => id);
}

function score(channel: WireChannel): number {
  const words = wordsOf(channel.name);
  const points = subjectOf(channel)?.points ?? groupPoints(words) / 2;
  const rate = Math.min(1, Math.log10(1 + channel.rateHz) / 3);
  const depth = channel.name.split('/').length * 0.1;
  return points + rate + (channel.unit === '' ? 0 : 1) - (UNWANTED.test(words) ? 8 : 0) - depth;
}

/** What a channel is about by its own name and unit; undefined where neither tells. */
function subjectOf(channel: WireChannel): Subject | undefined {
  const leaf = wordsOf(leafOf(channel.name));
  return SUBJECTS.find(
    ({ words, units }) =>
      (units === undefined || units.test(channel.unit)) && (words === undefined || words.test(leaf)),
  );
}

/** What the names of the groups promise where the channel's own name tells nothing. */
function groupPoints(words: string): number {
  return Math.max(0, ...SUBJECTS.map((subject) => (subject.words?.test(words) ? subject.points : 0)));
}

function leafOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The words of a name in lower case: `car/WheelSpeed_FL` is `car wheel speed fl`. */
function wordsOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .toLowerCase();
}
