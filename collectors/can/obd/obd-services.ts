/** Services of OBD-II (SAE J1979); an answer has the number of its service with {@link REPLY} added. */
export const CURRENT_DATA = 0x01;
export const FREEZE_FRAME = 0x02;
export const CONFIRMED_CODES = 0x03;
export const PENDING_CODES = 0x07;
export const VEHICLE_INFORMATION = 0x09;
export const PERMANENT_CODES = 0x0a;
export const REPLY = 0x40;

/** First byte of an answer that is a refusal; behind it the service and the reason. */
export const REFUSED = 0x7f;
/** Reason: the unit needs longer, and answers later. */
export const RESPONSE_PENDING = 0x78;

/** PID of service 09. */
export const VIN = 0x02;
/** PID of service 02: the code for which the frame was kept. */
export const FREEZE_CODE = 0x02;
/** PIDs of service 01 that say which of the 32 behind them a unit has. */
export const SUPPORTED: readonly number[] = [0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0];

const SYSTEMS = 'PCBU';

/** A trouble code of two bytes as everybody writes it: P0301. */
export function codeName(code: number): string {
  const digits = (code & 0x3fff).toString(16).padStart(4, '0').toUpperCase();
  return `${SYSTEMS[code >> 14]}${digits}`;
}
