import { ByteWriter } from '../../gateway/store/bytes.ts';
import { writeDirectory } from '../../gateway/store/pack/directory.ts';
import { writeChecksum, writeHead } from '../../gateway/store/pack/frame.ts';
import type { Pack } from '../../gateway/store/pack/pack.ts';

/** Where a pack moves to. */
export interface Shift {
  /** Random id of the boot, 16 hex digits. */
  readonly boot: string;
  /** Added to the number of every sample. */
  readonly samples: number;
  /** Added to every time, microseconds. */
  readonly microseconds: number;
}

/** The pack that a source would have filled which does the same again later: only its directory is written anew. */
export function shiftedPack({ bytes, directory, sections }: Pack, { boot, samples, microseconds }: Shift): Uint8Array {
  const moved = <Span extends { readonly timeMin: number; readonly timeMax: number }>(span: Span): Span => ({
    ...span,
    timeMin: span.timeMin + microseconds,
    timeMax: span.timeMax + microseconds,
  });
  const out = new ByteWriter(bytes.length + 64);
  writeHead(
    out,
    writeDirectory({
      ...directory,
      header: { ...directory.header, boot },
      times: directory.times.map(moved),
      blocks: directory.blocks.map((block) => ({ ...moved(block), firstSequence: block.firstSequence + samples })),
    }),
  );
  const [first] = sections;
  const last = sections.at(-1);
  if (first !== undefined && last !== undefined) {
    out.bytes(bytes.subarray(first.start, last.start + last.storedLength));
  }
  writeChecksum(out);
  return out.toBytes();
}
