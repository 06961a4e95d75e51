/** Groups of the active trouble codes (DM1) and of those that were (DM2), SAE J1939-73. */
export const ACTIVE_CODES = 0xfeca;
export const PREVIOUS_CODES = 0xfecb;

const HEAD_BYTES = 2;
const CODE_BYTES = 4;
/** The message that has no code fills its place with zeros or, against the standard, with ones. */
const NO_CODES: ReadonlySet<number> = new Set([0, 0xffffffff]);

export const LAMPS = ['malfunction', 'stop', 'warning', 'protect'] as const;

/** A trouble code. */
export interface TroubleCode {
  /** Suspect parameter number: what is wrong. */
  readonly spn: number;
  /** Failure mode: how it is wrong. */
  readonly fmi: number;
  /** How often it occurred; undefined where that is not known. */
  readonly count: number | undefined;
  /** True of the older forms, of which the message does not say where the bits of the SPN stand. */
  readonly isOld: boolean;
}

/** What a control unit says of its troubles. */
export interface TroubleReport {
  /** By the order of {@link LAMPS}: 0 off, 1 on, 2 not known to the unit; 3 there is none. */
  readonly lamps: readonly number[];
  readonly codes: readonly TroubleCode[];
}

/**
 * Reads a message of one of the groups from the `length` bytes at `at`.
 * @returns undefined where it is too short
 */
export function readTroubles(view: DataView, at: number, length: number): TroubleReport | undefined {
  if (length < HEAD_BYTES + CODE_BYTES) return undefined;
  const status = view.getUint8(at);
  const codes: TroubleCode[] = [];
  for (let next = HEAD_BYTES; next + CODE_BYTES <= length; next += CODE_BYTES) {
    if (!NO_CODES.has(view.getUint32(at + next))) codes.push(readCode(view, at + next));
  }
  return { lamps: LAMPS.map((_, n) => (status >> (6 - 2 * n)) & 3), codes };
}

function readCode(view: DataView, at: number): TroubleCode {
  const mode = view.getUint8(at + 2);
  const last = view.getUint8(at + 3);
  const count = last & 0x7f;
  return {
    spn: view.getUint16(at, true) + (mode >> 5) * 0x10000,
    fmi: mode & 0x1f,
    count: count === 0x7f ? undefined : count,
    isOld: last >= 0x80,
  };
}

/** As diagnostic tools write it: `SPN 100 FMI 1 x3`; a `?` behind an SPN that an older form may mean otherwise. */
export function codeText({ spn, fmi, count, isOld }: TroubleCode): string {
  return `SPN ${spn}${isOld ? '?' : ''} FMI ${fmi}${count === undefined ? '' : ` x${count}`}`;
}
