import type { NewsPlace } from './news.ts';
import { isCount, isObject, isPlace } from './resume-token.ts';

/** Places that are kept: a cluster of which all is killed at once loses moments. */
const PLACES_MAX = 8;

/** A message that a stream said it keeps: its number there, and its id. */
export interface ToldMessage {
  readonly seq: number;
  readonly id: string;
}

/** Up to where a cluster was told, with the last messages that it had acknowledged by then. */
export interface ToldPlace extends NewsPlace {
  readonly samples?: ToldMessage;
  readonly events?: ToldMessage;
}

/** Up to where a cluster was told, and before that, latest first. */
export type ToldPlaces = readonly [ToldPlace, ...ToldPlace[]];

/** The places once it was told up to another one. */
export function goneOnTo(place: ToldPlace, places: ToldPlaces): ToldPlaces {
  return [place, ...places.slice(0, PLACES_MAX - 1)];
}

/** The bytes that a cluster keeps. */
export function encodePlaces([place, ...earlier]: ToldPlaces): Uint8Array {
  return Buffer.from(JSON.stringify({ ...place, earlier }));
}

/** Places as {@link encodePlaces} wrote them, latest first; none where it did not. */
export function decodePlaces(bytes: Uint8Array): ToldPlace[] {
  try {
    const { earlier = [], ...place } = JSON.parse(Buffer.from(bytes).toString()) as { earlier?: unknown };
    return [place, ...(Array.isArray(earlier) ? earlier : [])].filter(isToldPlace);
  } catch {
    return [];
  }
}

/** The later one of two messages of a stream. */
export function laterOf(one: ToldMessage | undefined, other: ToldMessage | undefined): ToldMessage | undefined {
  return one === undefined || (other !== undefined && other.seq > one.seq) ? other : one;
}

function isToldPlace(place: unknown): place is ToldPlace {
  if (!isPlace(place)) return false;
  const { samples, events } = place as ToldPlace;
  return [samples, events].every((each) => each === undefined || isToldMessage(each));
}

function isToldMessage(message: unknown): message is ToldMessage {
  return isObject(message) && isCount(message.seq) && typeof message.id === 'string';
}
