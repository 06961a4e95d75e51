import type { DbcMessage, DbcSignal } from './dbc.ts';

/** A message and the file it stands in. */
export interface PlacedMessage {
  readonly file: string;
  readonly message: DbcMessage;
}

/** What two messages have in common of which only one can count. */
export type Contested = 'identifier' | 'group';

/** Says that `loser` is passed over for `winner`, which came first; undefined where both give the same samples. */
export function conflictNote(contested: Contested, winner: PlacedMessage, loser: PlacedMessage): string | undefined {
  if (decodesAlike(winner.message, loser.message)) return undefined;
  const { name } = winner.message;
  const what = contested === 'identifier' ? 'that identifier' : 'that parameter group and sender';
  return `${about(loser)} is passed over: ${placeOf(winner)} has ${what} already, as message ${name}`;
}

/** Says that a message goes by another name in channels, because `winner` has its name. */
export function nameNote(winner: PlacedMessage, loser: PlacedMessage, name: string): string {
  return `${about(loser)} is called ${name} in channel names: ${placeOf(winner)} has its name already`;
}

function about({ file, message }: PlacedMessage): string {
  return `${placeOf({ file, message })}: message ${message.name} (0x${message.id.toString(16)})`;
}

function placeOf({ file, message }: PlacedMessage): string {
  return `${file}:${message.line}`;
}

/** Whether two messages have the same name and signals, in any order. */
function decodesAlike(a: DbcMessage, b: DbcMessage): boolean {
  if (a.name !== b.name || a.signals.length !== b.signals.length) return false;
  const others = new Map(b.signals.map((signal) => [signal.name, signal]));
  return a.signals.every((signal) => {
    const other = others.get(signal.name);
    return other !== undefined && meaningOf(signal) === meaningOf(other);
  });
}

function meaningOf({
  startBit,
  length,
  byteOrder,
  signed,
  encoding,
  gain,
  offset,
  unit,
  presence,
  labels,
}: DbcSignal): string {
  return JSON.stringify([startBit, length, byteOrder, signed, encoding, gain, offset, unit, presence, [...labels]]);
}
