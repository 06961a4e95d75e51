import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { readMf4 } from '../../../../hardware/can/recording/mf4/mf4-recording.ts';
import type { RandomBytes } from '../../../../hardware/can/recording/mf4/random-bytes.ts';
import { damagedFile } from '../../../fuzz.ts';
import { type Decoded, decodeAll } from './decode.ts';
import { Mf4Files, someFrames } from './mf4-files.ts';

const HEADER_BYTES = 24;

/** Numbers at the edges of what fields of 1 to 8 bytes can say. */
const EXTREMES = [0n, 1n, 0x7fn, 0xffn, 0xffffn, 0x7fffffffn, 0xffffffffn, 0x100000000n, 2n ** 53n, 2n ** 64n - 1n];

/** A file of every layout, small enough that most damage hits what says how it is to be read. */
export const SMALL_FILES: readonly Buffer[] = (() => {
  const files = new Mf4Files(someFrames(12), 1_627_276_442_000_000_000n);
  return [
    ...Object.values(files.layouts(90)),
    files.unsorted('frame first', false),
    files.unsorted('data first', true),
  ];
})();

/** MF4 files with bytes changed, blocks linked to others, circles among them, and numbers that are too large. */
export function damagedMf4(files: readonly Buffer[] = SMALL_FILES): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(), link: fc.nat(), to: fc.nat() });
  const extreme = fc.record({ at: fc.nat(), offset: fc.nat(80), value: fc.constantFrom(...EXTREMES) });
  const relinked = fc
    .tuple(fc.constantFrom(...files), fc.array(change, { maxLength: 3 }), fc.array(extreme, { maxLength: 2 }))
    .map(([file, changes, extremes]) => {
      const bytes = Buffer.from(file);
      const blocks = blocksOf(bytes);
      const blockOf = (n: number) => blocks[n % blocks.length] ?? { at: 64, links: 0 };
      for (const { at, link, to } of changes) {
        const block = blockOf(at);
        if (block.links === 0) continue;
        bytes.writeBigUInt64LE(BigInt(blockOf(to).at), block.at + HEADER_BYTES + 8 * (link % block.links));
      }
      for (const { at, offset, value } of extremes) {
        const place = blockOf(at).at + 8 + offset;
        if (place + 8 <= bytes.length) bytes.writeBigUInt64LE(value, place);
      }
      return bytes;
    });
  return fc.oneof(damagedFile(files), relinked);
}

function blocksOf(file: Buffer): { readonly at: number; readonly links: number }[] {
  const blocks: { at: number; links: number }[] = [];
  for (let at = file.indexOf('##'); at >= 0; at = file.indexOf('##', at + 2)) {
    if (at + HEADER_BYTES > file.length) break;
    blocks.push({ at, links: Number(file.readBigUInt64LE(at + 16)) });
  }
  return blocks;
}

/** Frames of a file in memory; undefined where it is refused. */
export async function readDamaged(bytes: Buffer): Promise<Decoded | undefined> {
  return decodeAll((context) => readMf4(inMemory(bytes), context)).catch((error: unknown) => {
    if (error instanceof Error && error.constructor.name === 'Mf4Error') return undefined;
    throw error;
  });
}

function inMemory(bytes: Uint8Array): RandomBytes {
  // Not as a Buffer, of which a slice is no copy.
  const own = Uint8Array.from(bytes);
  return {
    size: own.length,
    read: async (offset, length) => own.slice(offset, offset + length),
    close: async () => {},
  };
}
