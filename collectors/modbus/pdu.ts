import { Buffer } from 'node:buffer';

/** Tables of a Modbus device, with the function that reads each and the most that one request may ask for. */
export const TABLES = {
  coil: { code: 1, quantityMax: 2000, isBits: true },
  discrete: { code: 2, quantityMax: 2000, isBits: true },
  holding: { code: 3, quantityMax: 125, isBits: false },
  input: { code: 4, quantityMax: 125, isBits: false },
} as const;

export type Table = keyof typeof TABLES;

/** A stretch of a table: `quantity` bits or registers from `address`, counted from 0 as on the wire. */
export interface ReadRequest {
  readonly table: Table;
  readonly address: number;
  readonly quantity: number;
}

/** Exceptions by code, in the words of the specification. */
const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'illegal function',
  2: 'illegal data address',
  3: 'illegal data value',
  4: 'server device failure',
  5: 'acknowledge',
  6: 'server device busy',
  8: 'memory parity error',
  10: 'gateway path unavailable',
  11: 'gateway target device failed to respond',
};

/** Code of the exception with which devices say that an address is not theirs. */
export const ILLEGAL_DATA_ADDRESS = 2;

/** Bit of the function code by which a response is an exception. */
export const EXCEPTION_BIT = 0x80;

/** What a device answers. */
export type ReadAnswer =
  /** Registers as on the wire, two bytes each, or bits, least significant first. Valid only until the caller returns. */
  | { readonly kind: 'data'; readonly data: Uint8Array }
  | { readonly kind: 'exception'; readonly code: number; readonly name: string }
  /** It is not an answer to that request. */
  | { readonly kind: 'mismatch' };

export function encodeRead({ table, address, quantity }: ReadRequest): Uint8Array {
  const pdu = Buffer.alloc(5);
  pdu[0] = TABLES[table].code;
  pdu.writeUInt16BE(address, 1);
  pdu.writeUInt16BE(quantity, 3);
  return pdu;
}

/** Bytes of data that the answer to a request holds. */
export function dataBytes({ table, quantity }: ReadRequest): number {
  return TABLES[table].isBits ? Math.ceil(quantity / 8) : 2 * quantity;
}

export function decodeAnswer(pdu: Uint8Array, request: ReadRequest): ReadAnswer {
  const { code } = TABLES[request.table];
  const [first, second = 0] = pdu;
  if (first === (code | EXCEPTION_BIT) && pdu.length === 2) {
    return { kind: 'exception', code: second, name: EXCEPTIONS[second] ?? `code ${second}` };
  }
  const bytes = dataBytes(request);
  if (first !== code || second !== bytes || pdu.length !== 2 + bytes) return { kind: 'mismatch' };
  return { kind: 'data', data: pdu.subarray(2) };
}
