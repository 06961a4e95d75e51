import type { DbcSignal } from '../dbc/dbc.ts';

/**
 * Least raw value of a signal that is no measurement (SAE J1939-71, table 1): its highest byte, or where it is shorter
 * than one all of it, says "error" or "not available". NaN where all are measurements: single bits, signed numbers, floats.
 */
export function nullFrom({ encoding, signed, length }: Pick<DbcSignal, 'encoding' | 'signed' | 'length'>): number {
  if (encoding !== 'integer' || signed || length === 1) return Number.NaN;
  return length < 8 ? 2 ** length - 2 : 0xfe * 2 ** (length - 8);
}
