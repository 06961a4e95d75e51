import { Buffer } from 'node:buffer';
import type { Segment } from './journal-scan.ts';
import { DIGEST_BYTES, pagesOf } from './record.ts';
import { SegmentReader } from './segment-reader.ts';

/** Receipts of one record. */
interface Receipts {
  readonly first: number;
  /** Digests one after the other. */
  readonly digests: Uint8Array;
}

/** Digests of the receipts numbered `from` or higher, in the order of their numbers, each once. */
export function receiptsOf(segments: readonly Segment[], from: number): Uint8Array[] {
  const all = segments.flatMap((segment) => [...readReceipts(segment, from)]).sort((a, b) => a.first - b.first);
  const found: Uint8Array[] = [];
  let next = Math.max(0, from);
  for (const { first, digests } of all) {
    const end = first + digests.length / DIGEST_BYTES;
    // Carried receipts stand twice until the segment they came from is recycled.
    for (; next < end; next += 1) {
      if (next < first) next = first;
      found.push(digests.slice((next - first) * DIGEST_BYTES, (next - first + 1) * DIGEST_BYTES));
    }
  }
  return found;
}

/** Receipts of a segment numbered `from` or higher, those with consecutive numbers together. */
export function carriedReceipts(segment: Segment, from: number): Receipts[] {
  if (!segment.receipts.some(({ first, count }) => first + count > from)) return [];
  const runs: { first: number; end: number; parts: Uint8Array[] }[] = [];
  for (const { first, digests } of readReceipts(segment, from)) {
    const end = first + digests.length / DIGEST_BYTES;
    const run = runs.at(-1);
    if (run?.end === first) {
      run.parts.push(digests);
      run.end = end;
    } else runs.push({ first, end, parts: [digests] });
  }
  return runs.map(({ first, parts }) => ({ first, digests: Buffer.concat(parts) }));
}

function* readReceipts(segment: Segment, from: number): IterableIterator<Receipts> {
  if (segment.receipts.length === 0) return;
  const reader = new SegmentReader(segment.file);
  try {
    for (let found = reader.find(0); found !== undefined; ) {
      const { row, firstReceipt, receipts, length } = found.record;
      const end = found.at + pagesOf(length);
      const skipped = Math.max(0, Math.min(from - firstReceipt, receipts.length / DIGEST_BYTES));
      const isOurs = row >= (segment.firstRow ?? 0) && row <= (segment.lastRow ?? 0);
      if (isOurs && skipped * DIGEST_BYTES < receipts.length) {
        yield { first: firstReceipt + skipped, digests: receipts.slice(skipped * DIGEST_BYTES) };
      }
      found = reader.find(end);
    }
  } finally {
    reader.close();
  }
}
