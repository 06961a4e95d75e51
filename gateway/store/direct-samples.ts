import type { Channel } from '../channel.ts';
import type { ClockReading } from '../clock.ts';
import { DIRECT_SAMPLES_HELD_MAX } from '../limits.ts';
import type { BlockDb } from './block-db.ts';
import { Chunk } from './chunk.ts';
import { ChunkMemory } from './chunk-memory.ts';
import { PackSealer } from './pack-sealer.ts';

/** Full chunks that make a seal pass. */
const SEAL_CHUNKS = 256;

export interface DirectParts {
  readonly blocks: BlockDb;
  readonly gateway: string;
  /** The boot that holds the samples: its local and its own id, and what it knows of UTC. It has no block yet. */
  readonly boot: { readonly id: number; readonly name: string; readonly clock: readonly ClockReading[] };
  /** What is known of channels, by local id; grows meanwhile. */
  readonly channels: ReadonlyMap<number, Channel>;
  /** Samples held in memory; DIRECT_SAMPLES_HELD_MAX unless a test wants fewer. */
  readonly samplesHeldMax?: number | undefined;
}

/** The samples of one channel as they are made. */
export interface DirectLine {
  readonly channel: number;
  readonly kind: 'number' | 'text';
  chunk: Chunk | undefined;
  nextSequence: number;
}

/**
 * Samples of one boot that become blocks without a journal: the transaction around all of them makes them durable, or
 * leaves nothing of them.
 */
export class DirectSamples {
  readonly #boot: number;
  readonly #samplesHeldMax: number;
  readonly #memory = new ChunkMemory();
  readonly #sealer: PackSealer;
  readonly #lines: DirectLine[] = [];
  #full: Chunk[] = [];
  #held = 0;

  constructor({ blocks, gateway, boot, channels, samplesHeldMax }: DirectParts) {
    this.#boot = boot.id;
    this.#samplesHeldMax = samplesHeldMax ?? DIRECT_SAMPLES_HELD_MAX;
    const boots = new Map([[boot.id, { boot: boot.name, clock: boot.clock }]]);
    // The boot is new, so that no block of it can be there already, and nothing can be in conflict with one.
    this.#sealer = new PackSealer({ blocks, gateway, channels, boots, onProblem: () => {} });
  }

  line(channel: number, kind: DirectLine['kind']): DirectLine {
    const line: DirectLine = { channel, kind, chunk: undefined, nextSequence: 0 };
    this.#lines.push(line);
    return line;
  }

  /** The chunk that takes the next sample of a line: the caller appends that one. */
  next(line: DirectLine): Chunk {
    if (line.chunk?.isFull === true) this.#close(line);
    if (this.#full.length >= SEAL_CHUNKS || this.#held >= this.#samplesHeldMax) this.#relieve();
    line.chunk ??= new Chunk(line.channel, this.#boot, line.nextSequence, 0, line.kind, { memory: this.#memory });
    this.#held += 1;
    return line.chunk;
  }

  /** Seals what is left. */
  finish(): void {
    for (const line of this.#lines) this.#close(line);
    this.#seal();
  }

  #close(line: DirectLine): void {
    if (line.chunk === undefined) return;
    line.nextSequence = line.chunk.endSequence;
    this.#full.push(line.chunk);
    line.chunk = undefined;
  }

  /** Seals full chunks; where too much is held all the same, by many slow channels, every chunk. */
  #relieve(): void {
    if (this.#held >= this.#samplesHeldMax) for (const line of this.#lines) this.#close(line);
    this.#seal();
  }

  #seal(): void {
    for (const { count } of this.#full) this.#held -= count;
    this.#sealer.begin(this.#full);
    this.#full = [];
    while (this.#sealer.isBusy) this.#sealer.step(() => {});
  }
}
