import { Buffer } from 'node:buffer';
import process from 'node:process';
import fc from 'fast-check';

/** Inputs that a long run gives each parser. */
export const FUZZ_RUNS = Number(process.env.CAISSON_FUZZ_RUNS ?? 1_000_000);

/** Pieces of real wires, whole, damaged and cut off, and hostile bytes between them. */
export function piecesOf(wires: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const wire = fc.constantFrom(...wires);
  return fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    wire.map((bytes) => Buffer.from(bytes)),
    fc.tuple(wire, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => {
      const damaged = Buffer.from(bytes);
      damaged[at % damaged.length] = byte;
      return damaged;
    }),
    fc.tuple(wire, fc.nat()).map(([bytes, at]) => Buffer.from(bytes.subarray(0, at % bytes.length))),
  );
}

/** A whole file with some of its bytes changed, those at its beginning more often, and its end cut off now and again. */
export function damagedFile(files: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const changes = fc.array(fc.tuple(place, fc.nat(255)), { maxLength: 12 });
  return fc.tuple(fc.constantFrom(...files), changes, fc.oneof(fc.constant(1), place)).map(([file, changed, end]) => {
    const bytes = Buffer.from(file.subarray(0, Math.max(1, Math.ceil(end * file.length))));
    for (const [at, byte] of changed) bytes[Math.floor(at ** 3 * (bytes.length - 1))] = byte;
    return bytes;
  });
}

/** CPU time of this process since `before`, microseconds an input. */
export function microsecondsEach(before: NodeJS.CpuUsage, runs: number): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / runs;
}
