import type { ChannelActivity } from '../channel-activity.ts';
import type { ClockReading } from '../clock.ts';
import { UNSEALED_BYTES_MAX } from '../limits.ts';
import { type RingMemory, RingReader } from '../ring.ts';
import type { BlockDb } from './block-db.ts';
import type { Journal } from './journal/journal.ts';
import { OpenChunks } from './open-chunks.ts';
import { gapsSince, type Recovered } from './recovery.ts';
import { StoreWriter } from './store-writer.ts';
import { UNSEALED_KEY } from './unsealed-before.ts';

export interface BootParts {
  readonly ring: RingMemory;
  /** Told which channels each commit has; nobody if not said. */
  readonly activity?: ChannelActivity;
  readonly journal: Journal;
  readonly blocks: BlockDb;
  readonly recovered: Recovered;
  readonly gateway: string;
  /** Random id of the boot, 16 hex digits. */
  readonly boot: string;
  /** Box time at which the boot begins, microseconds. */
  readonly started: number;
  /** What the boot knows of UTC when it begins. */
  readonly reading: ClockReading;
  /** Bytes of unsealed samples; UNSEALED_BYTES_MAX unless a test wants fewer. */
  readonly unsealedBytesMax?: number;
  /** Told what a person should know. */
  readonly onProblem: (text: string) => void;
}

/**
 * Begins a boot, or goes on with it in a new thread: keeps the boot and why nothing was taken in before it, and makes the
 * writer that goes on where the journal ends. Begun again, it changes nothing.
 */
export function beginBoot(parts: BootParts): { id: number; ring: RingReader; writer: StoreWriter } {
  const { journal, blocks, recovered, gateway } = parts;
  const id = keepBoot(parts);
  const ring = new RingReader(parts.ring, recovered.ringEnds.get(id) ?? 0);
  const sealed = new Map(blocks.spansOfBoot(id).map(({ channel, next }) => [channel, next]));
  const gaps = blocks.gapEndsOfBoot(id);
  const open = new OpenChunks(id, recovered.memory, (channel) =>
    Math.max(sealed.get(channel) ?? 0, gaps.get(channel) ?? 0),
  );
  for (const chunk of recovered.chunks) if (chunk.boot === id) open.restore(chunk);
  for (const { gap } of recovered.gaps) {
    if (gap.boot === id) open.reserve(gap.channel, gap.firstSequence + gap.count);
  }
  const writer = new StoreWriter({
    ring,
    activity: parts.activity ?? new Uint8Array(0),
    journal,
    blocks,
    open,
    gateway,
    boot: id,
    channels: recovered.channels,
    recovered: recovered.chunks.filter((chunk) => chunk.boot !== id),
    memory: recovered.memory,
    gaps: recovered.gaps,
    unsealedBytesMax: parts.unsealedBytesMax ?? UNSEALED_BYTES_MAX,
    onProblem: parts.onProblem,
  });
  return { id, ring, writer };
}

function keepBoot({ blocks, recovered, gateway, boot, started, reading }: BootParts): number {
  // What was derived or imported says nothing of when this box ran.
  const imported = new Set(blocks.imports().map((each) => each.boot));
  const last = blocks
    .boots()
    .filter((each) => each.gateway === gateway && each.boot !== boot)
    .filter(({ id, origin }) => origin === undefined && !imported.has(id))
    .at(-1);
  return blocks.transaction(() => {
    const id = blocks.keepBoot(gateway, boot, started);
    blocks.keepClock(id, reading);
    const isUnsealed = recovered.gaps.length > 0 || recovered.chunks.some((chunk) => chunk.boot !== id);
    blocks.keepMeta(UNSEALED_KEY, isUnsealed ? '1' : '0');
    if (last !== undefined) {
      for (const gap of gapsSince(blocks, recovered, last, started)) blocks.keepGap(gap);
    }
    return id;
  });
}
