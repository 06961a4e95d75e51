import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { CaissonError } from '../../../../gateway/errors.ts';
import type { FuzzReport } from './column-fuzz.ts';
import { decodeBlock, encodeBlock } from './one-block.ts';
import { anyBlock, sameSamples } from './samples.ts';

const CHECKSUM_BYTES = 4;

/** Packs of one block that are changed. */
const PACKS = 200;

/**
 * Changes packs at random, each under a right checksum: every one is refused, or is read as a block that can be written and
 * read again. Throws where one is not, with all that is needed to see it again.
 */
export function fuzzPacks(mutations: number, seed: number): FuzzReport {
  const packs = fc
    .sample(anyBlock, { numRuns: PACKS, seed })
    .map(({ header, samples }) => encodeBlock(header, samples));
  let state = seed | 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let read = 0;
  for (let i = 0; i < mutations; i++) {
    const bytes = Buffer.from(packs[random(PACKS)] ?? []);
    const covered = bytes.length - CHECKSUM_BYTES;
    for (let changes = 1 + random(3); changes > 0; changes--) bytes[random(covered)] = random(256);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, covered)), covered);
    if (isRead(bytes, `seed ${seed}, mutation ${i}`)) read++;
  }
  return { read, refused: mutations - read };
}

function isRead(bytes: Buffer, what: string): boolean {
  try {
    const block = decodeBlock(bytes);
    if (!sameSamples(decodeBlock(encodeBlock(block, block)), block)) {
      throw new Error(`${what}: not the same again: ${bytes.toString('hex')}`);
    }
    return true;
  } catch (thrown) {
    if (thrown instanceof CaissonError && thrown.code === 'block-invalid') return false;
    throw new Error(`${what}: ${bytes.toString('hex')}`, { cause: thrown });
  }
}
