import type { CanMessage, CanSignal } from './can-table.ts';

/** Where a field lies: in the 64 data bits taken as one number of the message's byte order, and as a DBC says it. */
export interface Place {
  /** How far the raw number is shifted to the left in the 64-bit number. */
  readonly shift: number;
  /** DBC's start bit: the least significant bit of an Intel signal, the most significant one of a Motorola signal. */
  readonly startBit: number;
}

export interface PlacedSignal extends Place {
  readonly signal: CanSignal;
}

export interface CanLayout {
  readonly message: CanMessage;
  /** Data bytes of the frame. */
  readonly bytes: number;
  readonly multiplexer: Place | undefined;
  readonly signals: readonly PlacedSignal[];
}

const DATA_BITS = 64;

/** Puts the fields of a message side by side without gaps; the signals of a page all begin behind the multiplexer. */
export function layOut(message: CanMessage): CanLayout {
  const { multiplexer, name } = message;
  const head = multiplexer?.bits ?? 0;
  const ends = new Map<number | undefined, number>();
  let most = head;
  const signals = message.signals.map((signal) => {
    const from = ends.get(signal.page) ?? head;
    const to = from + signal.bits;
    ends.set(signal.page, to);
    most = Math.max(most, to);
    return { signal, ...placeOf(message, from, signal.bits) };
  });
  if (most > DATA_BITS) throw new Error(`message ${name} has ${most} bits, a frame carries ${DATA_BITS}`);
  return {
    message,
    bytes: Math.ceil(most / 8),
    multiplexer: multiplexer === undefined ? undefined : placeOf(message, 0, head),
    signals,
  };
}

/** @param from bits before the field, in the order in which the message's byte order counts */
function placeOf(message: CanMessage, from: number, bits: number): Place {
  if (message.byteOrder === 'intel') return { shift: from, startBit: from };
  return { shift: DATA_BITS - from - bits, startBit: (from >> 3) * 8 + (7 - (from & 7)) };
}
