import { nullFrom } from '../j1939/null-values.ts';
import type { DbcMessage, DbcSignal } from './dbc.ts';
import { endBit } from './parse-message.ts';

/** Signals of one message. Further ones are not decoded; the largest in use have some hundreds. */
export const MESSAGE_SIGNALS_MAX = 4096;

/** What one frame gave: reused from frame to frame. */
export class DecodedFrame {
  /** Signals that the frame had. */
  count = 0;
  /** Signals that should be there and reach beyond the frame's end. */
  tooShort = 0;
  /** Index into the message's signals. */
  readonly signals = new Uint32Array(MESSAGE_SIGNALS_MAX);
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
  return (view, at, length, out) => {
    out.count = 0;
    out.tooShort = 0;
    decodeStage(plan, view, at, length, out);
  };
}

/** How a signal's bits become a number. */
const KIND_UNSIGNED = 0;
const KIND_SIGNED = 1;
const KIND_UNSIGNED_BIG = 2;
const KIND_SIGNED_BIG = 3;
const KIND_WIDE = 4;
const KIND_FLOAT32 = 5;
const KIND_FLOAT64 = 6;

/** Signals that are there together, and the switches that decide which further ones are. */
interface Stage {
  /** Of each signal INTEGERS integers, side by side so that one look brings them all. */
  readonly integers: Int32Array;
  /** Of each signal its least raw value that is none (NaN where all are values), its gain and its offset. */
  readonly numbers: Float64Array;
  /** Of the kinds that do not fit in one word; empty pieces for the others. */
  readonly pieces: readonly (readonly Piece[])[];
  readonly switches: readonly Switch[];
}

/**
 * Bytes that a frame must have for the signal to be whole; first byte of the word that it lies in; the word shifted left by the third and
 * then right by the fourth is the raw value; its kind; its index into the message's signals.
 */
const INTEGERS = 6;
const NUMBERS = 3;

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

function decodeStage(stage: Stage, view: DataView, at: number, length: number, out: DecodedFrame): void {
  const { integers, numbers, pieces } = stage;
  const { signals, values } = out;
  let n = out.count;
  for (let i = 0, k = 0; i < integers.length; i += INTEGERS, k += NUMBERS) {
    if ((integers[i] as number) > length) {
      out.tooShort++;
      continue;
    }
    const byte = at + (integers[i + 1] as number);
    const left = integers[i + 2] as number;
    const right = integers[i + 3] as number;
    const kind = integers[i + 4] as number;
    let raw: number;
    switch (kind) {
      case KIND_UNSIGNED:
        raw = (view.getUint32(byte, true) << left) >>> right;
        break;
      case KIND_SIGNED:
        raw = (view.getUint32(byte, true) << left) >> right;
        break;
      case KIND_UNSIGNED_BIG:
        raw = (view.getUint32(byte, false) << left) >>> right;
        break;
      case KIND_SIGNED_BIG:
        raw = (view.getUint32(byte, false) << left) >> right;
        break;
      default:
        raw = readPieces(kind, pieces[i / INTEGERS] as readonly Piece[], view, at);
    }
    signals[n] = integers[i + 5] as number;
    values[n++] =
      raw >= (numbers[k] as number) ? Number.NaN : raw * (numbers[k + 1] as number) + (numbers[k + 2] as number);
  }
  out.count = n;
  for (const choice of stage.switches) {
    if (choice.need > length) continue;
    const next = choose(choice, readPieces(KIND_WIDE, choice.pieces, view, at));
    if (next !== undefined) decodeStage(next, view, at, length, out);
  }
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

function readPieces(kind: number, pieces: readonly Piece[], view: DataView, at: number): number {
  if (kind === KIND_WIDE) return sum(pieces, 0, pieces.length, view, at);
  const half = kind === KIND_FLOAT32 ? 0 : 2;
  floatBits.setUint32(4, sum(pieces, half, half + 2, view, at));
  if (kind === KIND_FLOAT32) return floatBits.getFloat32(4);
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
  const present = all.flatMap((signal, index) =>
    isPresent(signal, selector, value) ? [{ signal, index, plan: compileSignal(signal) }] : [],
  );
  return {
    integers: Int32Array.from(
      present.flatMap(({ signal, index, plan: { kind, word } }) => {
        return [bytesNeeded(signal), word?.byte ?? 0, word?.left ?? 0, word?.right ?? 0, kind, index];
      }),
    ),
    numbers: Float64Array.from(
      present.flatMap(({ signal }) => [hasNulls ? nullFrom(signal) : Number.NaN, signal.gain, signal.offset]),
    ),
    pieces: present.map(({ plan }) => plan.pieces),
    switches: present.flatMap(({ signal }) => compileSwitch(all, signal, hasNulls)),
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
    return stage.integers.length === 0 ? undefined : stage;
  });
  const pieces = cut(selector, 0, selector.length, selector.signed);
  return [{ need: bytesNeeded(selector), pieces, starts: Float64Array.from(starts), stages }];
}

interface SignalPlan {
  readonly kind: number;
  readonly word: Piece | undefined;
  readonly pieces: readonly Piece[];
}

function compileSignal(signal: DbcSignal): SignalPlan {
  const { encoding, length, signed } = signal;
  if (encoding === 'float32') return { kind: KIND_FLOAT32, word: undefined, pieces: cutWords(signal, 1) };
  if (encoding === 'float64') return { kind: KIND_FLOAT64, word: undefined, pieces: cutWords(signal, 2) };
  const pieces = cut(signal, 0, length, signed);
  const word = pieces[0];
  if (pieces.length > 1 || word === undefined) return { kind: KIND_WIDE, word: undefined, pieces };
  const big = word.little ? KIND_UNSIGNED : KIND_UNSIGNED_BIG;
  return { kind: big + (signed ? KIND_SIGNED : 0), word, pieces: [] };
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
