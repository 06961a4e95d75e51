import { nullFrom } from '../j1939/null-values.ts';
import type { DbcMessage, DbcSignal } from './dbc.ts';
import { endBit } from './parse-message.ts';

/** Signals of one message. Further ones are not decoded; the largest in use have some hundreds. */
export const MESSAGE_SIGNALS_MAX = 4096;

/** What one frame gave: reused from frame to frame. */
export class DecodedFrame {
  /** Room for the indices of signals that are not there in every frame. */
  readonly mixed = new Uint32Array(MESSAGE_SIGNALS_MAX);
  /** Signals that the frame had. */
  count = 0;
  /** Signals that should be there and reach beyond the frame's end. */
  tooShort = 0;
  /** Of each its index into the message's signals: {@link DecodedFrame.mixed}, or what the decoder has and keeps. */
  signals: Uint32Array = this.mixed;
  /** raw * gain + offset; NaN where the message has nulls and the raw value is one */
  readonly values = new Float64Array(MESSAGE_SIGNALS_MAX);
}

/**
 * Decodes the frame whose data are the `length` bytes at `at`; the view must reach 8 bytes further than the longest frame.
 * An integer of more than 53 bits becomes the nearest double.
 */
export type MessageDecoder = (view: DataView, at: number, length: number, out: DecodedFrame) => void;

export interface CompileOptions {
  /** Whether raw values may say "error" or "not available" as those of SAE J1939 do, which gives NaN. */
  readonly hasNulls?: boolean;
}

/** Makes the decoder of a message: its signals as columns of numbers, which one loop walks without allocation. */
export function compileMessage(message: DbcMessage, { hasNulls = false }: CompileOptions = {}): MessageDecoder {
  const signals = message.signals.slice(0, MESSAGE_SIGNALS_MAX);
  const plan = compileStage(signals, undefined, undefined, hasNulls);
  const { indices, need, isPlain } = plan;
  const isSimple = isPlain && plan.switches.length === 0;
  return (view, at, length, out) => {
    out.tooShort = 0;
    if (isSimple && length >= need) {
      out.count = indices.length;
      out.signals = indices;
      decodePlain(plan, view, at, out.values);
      return;
    }
    out.count = 0;
    out.signals = out.mixed;
    decodeStage(plan, view, at, length, out);
  };
}

/** Signals that are there together, and the switches that decide which further ones are. */
interface Stage {
  /** Of each signal its index into the message's signals. */
  readonly indices: Uint32Array;
  /** Bytes that a frame must have for all signals to be whole. */
  readonly need: number;
  /** Of each signal the bytes that a frame must have for it to be whole. */
  readonly needs: Uint32Array;
  /** Of each signal the word that it lies in (see {@link wordOf}), or {@link ODD}. */
  readonly words: Int32Array;
  /** Of each signal in a word its highest bit where it is signed, else 0. */
  readonly signs: Int32Array;
  /** Of each signal its gain and its offset. */
  readonly scales: Float64Array;
  /** Of each signal its least raw value that is none, NaN where all are values; undefined where that holds for every one. */
  readonly nulls: Float64Array | undefined;
  /** Of the signals that lie in no word, by their place in the stage. */
  readonly odd: readonly (OddSignal | undefined)[];
  /** Whether all lie in words and are values always. */
  readonly isPlain: boolean;
  readonly switches: readonly Switch[];
}

/** Of a word: by how much it is shifted left, and then right to be the raw value, each five bits; byte order; first byte. */
const RIGHT_SHIFT = 5;
const LITTLE = 1 << 10;
const BYTE_SHIFT = 11;
/** In place of a word. */
const ODD = -1;

/** A signal whose bits are no integer, or do not lie in one word. */
interface OddSignal {
  readonly encoding: DbcSignal['encoding'];
  readonly pieces: readonly Piece[];
}

/** A selector and what each stretch of its raw values brings. */
interface Switch {
  readonly need: number;
  readonly pieces: readonly Piece[];
  /** Where each stretch begins, ascending; a value below the first brings nothing. */
  readonly starts: Float64Array;
  /** Undefined where a stretch brings nothing. */
  readonly stages: readonly (Stage | undefined)[];
}

/** Up to 32 bits of a signal, which lie within four bytes. */
interface Piece {
  readonly byte: number;
  readonly little: boolean;
  readonly left: number;
  readonly right: number;
  readonly signed: boolean;
  /** What one of it counts in the whole. */
  readonly weight: number;
}

/** Writes the values of all signals of a stage that is plain, to a frame that has them all. */
function decodePlain({ words, signs, scales }: Stage, view: DataView, at: number, values: Float64Array): void {
  for (let i = 0; i < words.length; i++) {
    const raw = wordValue(words[i] as number, signs[i] as number, view, at);
    values[i] = raw * (scales[2 * i] as number) + (scales[2 * i + 1] as number);
  }
}

function decodeStage(stage: Stage, view: DataView, at: number, length: number, out: DecodedFrame): void {
  const { indices, needs, switches } = stage;
  const { mixed, values } = out;
  let n = out.count;
  for (let i = 0; i < indices.length; i++) {
    if ((needs[i] as number) > length) {
      out.tooShort++;
      continue;
    }
    values[n] = valueAt(stage, i, view, at);
    mixed[n++] = indices[i] as number;
  }
  out.count = n;
  for (const choice of switches) {
    if (choice.need > length) continue;
    const next = choose(choice, sum(choice.pieces, 0, choice.pieces.length, view, at));
    if (next !== undefined) decodeStage(next, view, at, length, out);
  }
}

/** A shift takes the low five bits of its count; the highest bit of a signed number counts negative. */
function wordValue(word: number, sign: number, view: DataView, at: number): number {
  const bits = (view.getUint32(at + (word >> BYTE_SHIFT), (word & LITTLE) !== 0) << word) >>> (word >> RIGHT_SHIFT);
  return (bits ^ sign) - sign;
}

/** The value of signal `i` of a stage. */
function valueAt({ words, signs, scales, nulls, odd }: Stage, i: number, view: DataView, at: number): number {
  const word = words[i] as number;
  const raw = word === ODD ? readOdd(odd[i] as OddSignal, view, at) : wordValue(word, signs[i] as number, view, at);
  if (nulls !== undefined && raw >= (nulls[i] as number)) return Number.NaN;
  return raw * (scales[2 * i] as number) + (scales[2 * i + 1] as number);
}

function choose(choice: Switch, raw: number): Stage | undefined {
  const { starts } = choice;
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= raw) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : choice.stages[low - 1];
}

const floatBits = new DataView(new ArrayBuffer(8));

function readOdd({ encoding, pieces }: OddSignal, view: DataView, at: number): number {
  if (encoding === 'integer') return sum(pieces, 0, pieces.length, view, at);
  const half = encoding === 'float32' ? 0 : 2;
  floatBits.setUint32(4, sum(pieces, half, half + 2, view, at));
  if (encoding === 'float32') return floatBits.getFloat32(4);
  floatBits.setUint32(0, sum(pieces, 0, 2, view, at));
  return floatBits.getFloat64(0);
}

/** Adds the pieces up, the least significant first: two of them are exact, so that only the last addition can round. */
function sum(pieces: readonly Piece[], from: number, to: number, view: DataView, at: number): number {
  let total = 0;
  for (let i = to - 1; i >= from; i--) {
    const piece = pieces[i] as Piece;
    const word = view.getUint32(at + piece.byte, piece.little) << piece.left;
    total += (piece.signed ? word >> piece.right : word >>> piece.right) * piece.weight;
  }
  return total;
}

/** The stage of the signals that are there when `selector` has a value in `stretch`; both undefined: those always there. */
function compileStage(
  all: readonly DbcSignal[],
  selector: string | undefined,
  value: number | undefined,
  hasNulls: boolean,
): Stage {
  const present = all.flatMap((signal, index) => (isPresent(signal, selector, value) ? [{ signal, index }] : []));
  const signals = present.map(({ signal }) => signal);
  const needs = signals.map(bytesNeeded);
  const words = signals.map(wordOf);
  const nulls = hasNulls ? signals.map(nullFrom) : [];
  const hasNull = nulls.some((from) => !Number.isNaN(from));
  return {
    indices: Uint32Array.from(present, ({ index }) => index),
    need: Math.max(0, ...needs),
    needs: Uint32Array.from(needs),
    words: Int32Array.from(words),
    signs: Int32Array.from(signals, ({ signed, length }) => (signed ? 1 << (length - 1) : 0)),
    scales: Float64Array.from(signals.flatMap(({ gain, offset }) => [gain, offset])),
    nulls: hasNull ? Float64Array.from(nulls) : undefined,
    odd: signals.map((signal, i) => (words[i] === ODD ? oddSignal(signal) : undefined)),
    isPlain: !hasNull && !words.includes(ODD),
    switches: signals.flatMap((signal) => compileSwitch(all, signal, hasNulls)),
  };
}

function isPresent(signal: DbcSignal, selector: string | undefined, value: number | undefined): boolean {
  const { presence } = signal;
  if (presence === undefined || value === undefined) return presence === undefined && value === undefined;
  return presence.selector === selector && presence.ranges.some(([from, to]) => from <= value && value <= to);
}

/** The switch that a signal is, if others depend on it: raw values are cut where any range begins or ends. */
function compileSwitch(all: readonly DbcSignal[], selector: DbcSignal, hasNulls: boolean): Switch[] {
  const ranges = all.flatMap((signal) => (signal.presence?.selector === selector.name ? signal.presence.ranges : []));
  if (ranges.length === 0) return [];
  const starts = [...new Set(ranges.flatMap(([from, to]) => [from, to + 1]))].sort((a, b) => a - b);
  const stages = starts.map((start) => {
    const stage = compileStage(all, selector.name, start, hasNulls);
    return stage.words.length === 0 ? undefined : stage;
  });
  const pieces = cut(selector, 0, selector.length, selector.signed);
  return [{ need: bytesNeeded(selector), pieces, starts: Float64Array.from(starts), stages }];
}

/** How an integer is taken out of one word of four bytes, in one number; {@link ODD} where it cannot be. */
function wordOf(signal: DbcSignal): number {
  const { encoding, length, signed } = signal;
  // To operators on bits the highest bit of a word is a sign of its own.
  if (encoding !== 'integer' || length === 32) return ODD;
  const whole = piece(signal, 0, length, signed, 0);
  if (whole === undefined) return ODD;
  const { byte, left, right, little } = whole;
  return (byte << BYTE_SHIFT) | (little ? LITTLE : 0) | (right << RIGHT_SHIFT) | left;
}

function oddSignal(signal: DbcSignal): OddSignal {
  const { encoding, length, signed } = signal;
  if (encoding === 'integer') return { encoding, pieces: cut(signal, 0, length, signed) };
  return { encoding, pieces: cutWords(signal, encoding === 'float32' ? 1 : 2) };
}

/** Any 25 bits lie within four bytes. */
const PIECE_BITS = 25;

/**
 * Cuts `length` bits of a signal, from its bit `low` up, into pieces, the most significant first.
 * @param low 0 is the signal's least significant bit
 */
function cut(signal: DbcSignal, low: number, length: number, signed: boolean): Piece[] {
  const whole = piece(signal, low, length, signed, 0);
  if (whole !== undefined) return [whole];
  const pieces: Piece[] = [];
  for (let done = 0; done < length; done += PIECE_BITS) {
    const bits = Math.min(PIECE_BITS, length - done);
    const part = piece(signal, low + done, bits, signed && done + bits === length, done);
    if (part !== undefined) pieces.unshift(part);
  }
  return pieces;
}

/** The 32-bit words of a float, each in two pieces, the most significant first. */
function cutWords(signal: DbcSignal, words: number): Piece[] {
  const pieces: Piece[] = [];
  for (let word = 0; word < words; word++) {
    for (const [from, bits] of [[0, 16] as const, [16, 16] as const]) {
      const part = piece(signal, word * 32 + from, bits, false, from);
      if (part !== undefined) pieces.unshift(part);
    }
  }
  return pieces;
}

/** One piece; undefined where its bits do not lie within four bytes. */
function piece(signal: DbcSignal, low: number, length: number, signed: boolean, exponent: number): Piece | undefined {
  const little = signal.byteOrder === 'little';
  const first = little ? signal.startBit + low : endBit(signal) - low - length;
  const byte = first >> 3;
  const inByte = first & 7;
  if (inByte + length > 32) return undefined;
  const left = little ? 32 - inByte - length : inByte;
  return { byte, little, left, right: 32 - length, signed, weight: 2 ** exponent };
}

function bytesNeeded(signal: DbcSignal): number {
  return Math.ceil(endBit(signal) / 8);
}
