import { type ByteFormat, isConclusive, type Recognition, recognise, sevenBitFormat } from './recognise.ts';

/** Speeds that devices are set to, the usual ones first, baud. */
export const USUAL_BAUD_RATES: readonly number[] = [
  9600, 115_200, 38_400, 4800, 19_200, 57_600, 230_400, 460_800, 921_600, 2400, 1200,
];

/** What was heard of a wire for some time. */
export type Heard =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'closed'; readonly problem: string };

/** Listens at a speed until `isEnough` of what came so far, or for as long as it takes to hear a device that speaks once a second. */
export type Listen = (baudRate: number, isEnough: (bytes: Uint8Array) => boolean) => Promise<Heard>;

export interface LineSettingsFound extends ByteFormat {
  readonly baudRate: number;
  readonly recognition: Recognition;
  readonly bytes: Uint8Array;
}

export type LineSearch =
  | ({ readonly kind: 'found' } & LineSettingsFound)
  /** Not one byte at several speeds. */
  | { readonly kind: 'silent' }
  /** Bytes came, and make no sense at any speed. */
  | { readonly kind: 'noise'; readonly bytes: number; readonly tried: readonly number[] }
  | { readonly kind: 'closed'; readonly problem: string };

/** Speeds at which nothing must be heard before a wire counts as silent: drivers drop bytes that do not fit the speed. */
const SILENT_RATES = 3;

/** What bytes that were read as eight bits without parity speak; undefined where they make no sense. */
export type Judge = (bytes: Uint8Array) => (ByteFormat & { readonly recognition: Recognition }) | undefined;

/** Listens at one speed after the other until the bytes make sense. */
export async function findLineSettings(
  listen: Listen,
  baudRates: readonly number[],
  judge: Judge = recogniseLine,
): Promise<LineSearch> {
  let bytes = 0;
  for (const [index, baudRate] of baudRates.entries()) {
    const heard = await listen(baudRate, (sofar) => {
      const judged = judge(sofar);
      return judged !== undefined && isConclusive(judged.recognition);
    });
    if (heard.kind === 'closed') return heard;
    bytes += heard.bytes.length;
    if (bytes === 0 && index + 1 >= SILENT_RATES) return { kind: 'silent' };
    const found = judge(heard.bytes);
    if (found !== undefined) return { kind: 'found', baudRate, bytes: heard.bytes, ...found };
  }
  return bytes === 0 ? { kind: 'silent' } : { kind: 'noise', bytes, tried: baudRates };
}

/** What bytes that were read as eight bits speak, also where they are seven and a parity. */
export function recogniseLine(bytes: Uint8Array): ReturnType<Judge> {
  const plain = recognise(bytes);
  if (plain !== undefined) return { dataBits: 8, parity: 'none', recognition: plain };
  const seven = sevenBitFormat(bytes);
  const recognition = seven && recognise(seven.bytes);
  return recognition && { ...seven.format, recognition };
}
