import { DiscardingIntake } from '../../gateway/discarding-intake.ts';
import { FrameBatch } from '../../hardware/can/can-frame.ts';
import { SlcanDecoder } from '../../hardware/can/slcan.ts';
import { CollectorCounters } from '../collector.ts';
import { type DecodingSettings, makeDecoding } from './make-decoding.ts';
import { serialSettings } from './serial-config.ts';

/**
 * What some bytes of a wire speak. Pure: bytes in, findings out. Nothing says what a device is set to, so every decoding that
 * needs no description is tried, and those that have a checksum are believed before those that have none.
 */

/** Protocols that are told without a description of them; `text`: lines of printable characters, whatever they mean; `described`: what a config describes. */
export type SpokenProtocol =
  | 'nmea'
  | 'ubx'
  | 'mixed'
  | 'vedirect'
  | 'shdr'
  | 'slcan'
  | 'line-protocol'
  | 'text'
  | 'described';

export interface Recognition {
  readonly protocol: SpokenProtocol;
  /** Units of it that came whole: sentences, frames, blocks, lines. */
  readonly units: number;
  /** Units that were damaged. */
  readonly damaged: number;
}

/** What came whole and what did not, of a wire whose protocol is known. */
export interface Understanding {
  readonly units: number;
  readonly damaged: number;
}

/** How many units must have come whole before a protocol is believed, by how hard it is to meet one by chance. */
const UNITS_MIN: Readonly<Record<SpokenProtocol, number>> = {
  nmea: 1,
  ubx: 1,
  mixed: 1,
  vedirect: 1,
  shdr: 2,
  slcan: 3,
  'line-protocol': 2,
  text: 2,
  described: 1,
};

/** What has no checksum must come whole nearly always. */
const CHECKED: ReadonlySet<SpokenProtocol> = new Set(['nmea', 'ubx', 'mixed', 'vedirect']);
const UNCHECKED_DAMAGE_MAX = 0.2;

/** Whether more bytes could not make it another protocol: what has no checksum may be the beginning of what has one. */
export function isConclusive({ protocol }: Recognition): boolean {
  return protocol === 'described' || CHECKED.has(protocol);
}

/** Lines of a text, characters: longer ones, and more of them, are none that a pattern would be written for. */
const TEXT_LINE = /^[\t\x20-\x7e]{2,1024}$/;

/** Runs the bytes through a decoding, and counts what came whole. */
export function understand(bytes: Uint8Array, settings: DecodingSettings): Understanding {
  const counters = new CollectorCounters();
  let units = 0;
  let damagedBefore = 0;
  const listener = {
    understood: () => {
      if (units === 0) damagedBefore = damagedOf(counters.errors);
      units += 1;
    },
    fix: () => {},
  };
  const decoding = makeDecoding(settings, 'wire', new DiscardingIntake(), counters, listener);
  decoding.feed(bytes, 0);
  // Units at both ends of what was heard were cut by when listening began and ended, and are not damaged.
  const damaged = damagedOf(counters.errors) - Math.min(1, damagedBefore);
  decoding.lost();
  return { units, damaged };
}

/** Errors that are of units which are not whole: not those of whole units that have no meaning here. */
function damagedOf(errors: Readonly<Record<string, number>>): number {
  let damaged = 0;
  for (const [reason, count] of Object.entries(errors)) {
    const isWhole = reason.startsWith('unknown') || reason === 'no-utc' || reason === 'bad-field';
    if (!isWhole) damaged += count;
  }
  return damaged;
}

/** What the bytes speak; undefined where nothing is recognised in them. */
export function recognise(bytes: Uint8Array): Recognition | undefined {
  const candidates = [gnss(bytes), ...(['vedirect', 'shdr'] as const).map((protocol) => tried(bytes, protocol))];
  candidates.push(slcan(bytes), tried(bytes, 'line-protocol'), text(bytes));
  return candidates.find((candidate) => candidate !== undefined && isBelieved(candidate));
}

function isBelieved({ protocol, units, damaged }: Recognition): boolean {
  if (units < UNITS_MIN[protocol]) return false;
  return CHECKED.has(protocol) || damaged <= UNCHECKED_DAMAGE_MAX * (units + damaged);
}

function tried(
  bytes: Uint8Array,
  protocol: 'nmea' | 'ubx' | 'mixed' | 'vedirect' | 'shdr' | 'line-protocol',
): Recognition {
  const settings = serialSettings({ port: { log: '-' }, protocol });
  return { protocol, ...understand(bytes, settings) };
}

/** Sentences, UBX frames, or both on one wire. */
function gnss(bytes: Uint8Array): Recognition {
  const nmea = tried(bytes, 'nmea');
  const mixed = tried(bytes, 'mixed');
  if (mixed.units <= nmea.units) return nmea;
  return nmea.units === 0 ? tried(bytes, 'ubx') : mixed;
}

/** What an open CAN adapter passes on. */
function slcan(bytes: Uint8Array): Recognition {
  const decoder = new SlcanDecoder();
  const batch = new FrameBatch(256);
  let units = 0;
  for (let at = 0; at < bytes.length; ) {
    batch.clear();
    at = decoder.decode(bytes, at, batch);
    units += batch.count;
  }
  const damaged = Object.values(decoder.errors).reduce((sum, count) => sum + count, 0);
  return { protocol: 'slcan', units, damaged };
}

function text(bytes: Uint8Array): Recognition {
  const lines = new TextDecoder('latin1').decode(bytes).split(/[\r\n]+/);
  // The first and the last are cut by when listening began and ended.
  const whole = lines.slice(1, -1).filter((line) => line !== '');
  const units = whole.filter((line) => TEXT_LINE.test(line)).length;
  return { protocol: 'text', units, damaged: whole.length - units };
}

/** A way in which the bits of a byte may have been sent. */
export interface ByteFormat {
  readonly dataBits: 7 | 8;
  readonly parity: 'none' | 'even' | 'odd';
}

/** Share of bytes that must have the parity of seven bits. */
const PARITY_SHARE_MIN = 0.98;

/**
 * Bytes of a wire with seven bits and a parity bit, read as if they had eight bits: the eighth is the parity. Undefined where they
 * are none: text has both parities, so that one of them throughout is no chance.
 */
export function sevenBitFormat(bytes: Uint8Array): { format: ByteFormat; bytes: Uint8Array } | undefined {
  let even = 0;
  let high = 0;
  for (const byte of bytes) {
    even += ONES_ARE_EVEN[byte] ?? 0;
    high += byte >> 7;
  }
  if (high === 0 || high === bytes.length) return undefined;
  const share = even / bytes.length;
  if (share < PARITY_SHARE_MIN && share > 1 - PARITY_SHARE_MIN) return undefined;
  const format: ByteFormat = { dataBits: 7, parity: share >= PARITY_SHARE_MIN ? 'even' : 'odd' };
  return { format, bytes: bytes.map((byte) => byte & 0x7f) };
}

const ONES_ARE_EVEN = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let bits = byte; bits > 0; bits >>= 1) ones += bits & 1;
  return ones % 2 === 0 ? 1 : 0;
});
