import { Buffer } from 'node:buffer';

/**
 * What ntpd (ntpsec and the reference implementation) says of the clock it keeps: the variables of the system by the control
 * messages of NTP, mode 6 (RFC 9327), which ntpd answers on loopback unless its config has `noquery` there. Big-endian.
 */

/** Port of ntpd, which is that of NTP. */
export const NTPD_PORT = 123;

/** Leap indicator 0, version 2, as ntpq asks with, and mode 6 (RFC 9327, 2). */
const LEAP_VERSION_MODE = 0x16;
const MODE_MASK = 0x07;
const CONTROL_MODE = 6;
const READ_VARIABLES = 2;
const RESPONSE = 0x80;
const ERROR_OR_MORE = 0x60;
const OPERATION_MASK = 0x1f;
const HEADER_BYTES = 12;

/** Leap indicator of a clock that is not in step with anything (RFC 5905, 7.3). */
const NOT_SYNCHRONISED = 3;

/** References that only declare the clock to be right: its own oscillator, by driver 1 and by orphan mode. */
const LOCAL_REFERENCES: ReadonlySet<string> = new Set([
  'LOCL',
  'LOCAL',
  'LOCAL(0)',
  '127.127.1.0',
  '127.127.1.1',
  '127.0.0.1',
]);

/** Few enough for one answer, which has no more part. */
const VARIABLES = 'leap,refid,rootdelay,rootdisp,offset';

/** What the variables tell, as far as it is of use here. */
export interface NtpdVariables {
  /** True while the clock follows another one. */
  readonly isSynchronised: boolean;
  /** Greatest error that the clock has then, microseconds: half the way there and back, what may have come up meanwhile, and what is not corrected yet. */
  readonly errorUs: number;
}

/** @param sequence number that the answer repeats, 16 bits */
export function variablesRequest(sequence: number): Uint8Array {
  const data = Buffer.from(VARIABLES, 'latin1');
  // Data is padded to whole words, which its count leaves out.
  const bytes = Buffer.alloc(HEADER_BYTES + Math.ceil(data.length / 4) * 4);
  bytes.writeUInt8(LEAP_VERSION_MODE, 0);
  bytes.writeUInt8(READ_VARIABLES, 1);
  bytes.writeUInt16BE(sequence, 2);
  bytes.writeUInt16BE(data.length, 10);
  data.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** What an answer says; undefined where it is none to that request. */
export function parseVariables(bytes: Uint8Array, sequence: number): NtpdVariables | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = view.getUint8(1);
  const isAnswer =
    (view.getUint8(0) & MODE_MASK) === CONTROL_MODE &&
    (kind & RESPONSE) !== 0 &&
    (kind & ERROR_OR_MORE) === 0 &&
    (kind & OPERATION_MASK) === READ_VARIABLES &&
    view.getUint16(2) === sequence;
  const count = view.getUint16(10);
  if (!isAnswer || HEADER_BYTES + count > bytes.length) return undefined;
  const values = variablesOf(Buffer.from(bytes.subarray(HEADER_BYTES, HEADER_BYTES + count)).toString('latin1'));
  const [leap, rootDelay, rootDispersion, offset] = ['leap', 'rootdelay', 'rootdisp', 'offset'].map((name) =>
    Number.parseFloat(values.get(name) ?? ''),
  );
  const milliseconds = Math.abs(rootDelay ?? 0) / 2 + Math.abs(rootDispersion ?? 0) + Math.abs(offset ?? 0);
  if (leap === undefined || !Number.isFinite(leap) || !Number.isFinite(milliseconds)) return undefined;
  const isLocal = LOCAL_REFERENCES.has((values.get('refid') ?? '').toUpperCase());
  return { isSynchronised: leap !== NOT_SYNCHRONISED && !isLocal, errorUs: Math.ceil(milliseconds * 1e3) };
}

/** `name=value` and `name="value"`, apart by commas and any space. */
function variablesOf(text: string): Map<string, string> {
  const pairs = text.matchAll(/([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|([^,\s]*))/g);
  return new Map([...pairs].map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']));
}
