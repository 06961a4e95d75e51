import type { Buffer } from 'node:buffer';
import { type TopicFault, type TopicLimits, topicFault } from './topic-text.ts';

/** Places for topics that were met. A topic takes the place of another whose hash ends the same. */
const PLACES = 4096;

/** A topic as it came, and what it is. */
export interface TopicName {
  readonly bytes: Uint8Array;
  /** Cut to the longest that may be. */
  readonly name: string;
  readonly fault: TopicFault | undefined;
}

/**
 * The topics that messages came under lately: a topic that comes again is neither checked nor turned into text again, which is
 * most of what a small message costs.
 */
export class TopicNames {
  readonly #limits: TopicLimits;
  readonly #places: (TopicName | undefined)[] = new Array(PLACES).fill(undefined);

  constructor(limits: TopicLimits) {
    this.#limits = limits;
  }

  /** The topic that stands in [begin, end) of `bytes`. */
  at(bytes: Buffer, begin: number, end: number): TopicName {
    let hash = 0x811c_9dc5;
    for (let at = begin; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x0100_0193);
    const place = (hash ^ (hash >>> 16)) & (PLACES - 1);
    const known = this.#places[place];
    if (known !== undefined && isSame(known.bytes, bytes, begin, end)) return known;
    const met = read(bytes, begin, end, this.#limits);
    // A topic that is too long is not kept: what is remembered has a bound in bytes as well.
    if (end - begin <= this.#limits.topicBytesMax) this.#places[place] = met;
    return met;
  }
}

function isSame(known: Uint8Array, bytes: Buffer, begin: number, end: number): boolean {
  if (known.length !== end - begin) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[begin + at]) return false;
  return true;
}

function read(bytes: Buffer, begin: number, end: number, limits: TopicLimits): TopicName {
  const name = bytes.toString('utf8', begin, Math.min(end, begin + limits.topicBytesMax));
  return { bytes: Uint8Array.from(bytes.subarray(begin, end)), name, fault: topicFault(bytes, { begin, end }, limits) };
}
