import { DBC_EXTENDED_FLAG, type DbcSignal, type Presence } from './dbc.ts';
import type { DbcScanner } from './scanner.ts';

/** Longest frame, bytes (CAN FD). */
const FRAME_BYTES_MAX = 64;
/** Longest message of J1939's extended transport that is put together, bytes: what a file may declare. */
const DECLARED_BYTES_MAX = 65_535;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A signal while the file is read: later sections add to it. */
export interface SignalDraft extends Mutable<Omit<DbcSignal, 'presence' | 'labels'>> {
  labels: Map<number, string>;
  /** From `m<n>`: the value of the one selector of the message. */
  selectedBy: number | undefined;
  /** From SG_MUL_VAL_; goes before `selectedBy`. */
  presence: Presence | undefined;
  attributes: Map<string, string | number>;
}

export interface MessageDraft {
  /** As the file writes it, with the flag of 29-bit identifiers. */
  readonly key: number;
  readonly id: number;
  readonly extended: boolean;
  readonly name: string;
  readonly length: number;
  readonly line: number;
  readonly signals: SignalDraft[];
  comment: string;
  readonly attributes: Map<string, string | number>;
}

/** Reads `BO_ <id> <name>: <length> <sender>`, behind its keyword; the signals follow as statements of their own. */
export function parseMessageHead(scanner: DbcScanner): MessageDraft {
  const line = scanner.line;
  const key = scanner.integer('the identifier of the message');
  if (key > 0xffffffff) scanner.refuse(line, `message identifier ${key} has more than 32 bits`);
  const name = scanner.word('the name of the message');
  scanner.symbol(':');
  const length = scanner.integer('the length of the message in bytes');
  if (length > DECLARED_BYTES_MAX)
    scanner.refuse(line, `message ${name} has ${length} bytes, at most ${DECLARED_BYTES_MAX} are possible`);
  if (!scanner.atLineStart) scanner.word('the sender of the message');
  const extended = key >= DBC_EXTENDED_FLAG;
  const id = extended ? key - DBC_EXTENDED_FLAG : key;
  return { key, id, extended, name, length, line, signals: [], comment: '', attributes: new Map() };
}

/** Reads `SG_ <name> [<multiplexing>] : <start>|<length>@<order><sign> (<gain>,<offset>) [<min>|<max>] "<unit>" <receivers>`, behind its keyword. */
export function parseSignal(scanner: DbcScanner, messageBytes: number): SignalDraft {
  const line = scanner.line;
  const name = scanner.word('the name of the signal');
  const multiplexing = parseMultiplexing(scanner);
  scanner.symbol(':');
  const startBit = scanner.integer('the start bit');
  scanner.symbol('|');
  const length = scanner.integer('the length in bits');
  scanner.symbol('@');
  const byteOrder = parseByteOrder(scanner);
  const signed = parseSign(scanner);
  const [gain, offset] = parsePair(scanner, '(', ',', ')', 'gain', 'offset');
  const [minimum, maximum] = parsePair(scanner, '[', '|', ']', 'minimum', 'maximum');
  const unit = scanner.string('the unit');
  while (!scanner.atLineStart && !scanner.atEnd) {
    scanner.word('a receiver');
    scanner.trySymbol(',');
  }
  if (length < 1 || length > 64) scanner.refuse(line, `signal ${name} has ${length} bits, expected 1 to 64`);
  const draft: SignalDraft = {
    ...{ name, startBit, length, byteOrder, signed, encoding: 'integer', gain, offset, minimum, maximum, unit, line },
    ...{ comment: '', labels: new Map(), presence: undefined, attributes: new Map(), ...multiplexing },
  };
  // Only a message of a transport protocol is longer than a frame, and says so.
  const bytesMax = Math.max(FRAME_BYTES_MAX, messageBytes);
  if (endBit(draft) > bytesMax * 8)
    scanner.refuse(line, `signal ${name} reaches beyond the ${bytesMax} bytes of a frame`);
  return draft;
}

/** Bits of the frame up to and with the signal's last byte's bit, counted in the order of the wire. */
export function endBit(signal: Pick<DbcSignal, 'startBit' | 'length' | 'byteOrder'>): number {
  const { startBit, length, byteOrder } = signal;
  if (byteOrder === 'little') return startBit + length;
  return (startBit & ~7) + 7 - (startBit & 7) + length;
}

function parseMultiplexing(scanner: DbcScanner): { isSelector: boolean; selectedBy: number | undefined } {
  if (scanner.peek() === ':') return { isSelector: false, selectedBy: undefined };
  const line = scanner.line;
  const indicator = scanner.word("':'");
  const parts = /^(?:m(\d+))?(M)?$/.exec(indicator);
  if (parts === null) scanner.refuse(line, `multiplexing ${JSON.stringify(indicator)}: expected M, m<n> or m<n>M`);
  return { isSelector: parts[2] !== undefined, selectedBy: parts[1] === undefined ? undefined : Number(parts[1]) };
}

function parseByteOrder(scanner: DbcScanner): 'little' | 'big' {
  if (scanner.trySymbol('1')) return 'little';
  if (scanner.trySymbol('0')) return 'big';
  return scanner.fail('expected the byte order, 0 (Motorola) or 1 (Intel)');
}

function parseSign(scanner: DbcScanner): boolean {
  if (scanner.trySymbol('-')) return true;
  if (scanner.trySymbol('+')) return false;
  return scanner.fail("expected the sign, '+' (unsigned) or '-' (signed)");
}

function parsePair(
  scanner: DbcScanner,
  open: string,
  between: string,
  close: string,
  first: string,
  second: string,
): [number, number] {
  scanner.symbol(open);
  const a = scanner.number(first);
  scanner.symbol(between);
  const b = scanner.number(second);
  scanner.symbol(close);
  return [a, b];
}
