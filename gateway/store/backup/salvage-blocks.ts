import { defineChannel } from '../../channel.ts';
import { BlockDb } from '../block-db.ts';
import { BlockReader } from '../block-reader.ts';
import type { KeptGap } from '../block-rows.ts';
import { FindingList } from '../check/finding.ts';
import { type PackRow, StoreRows } from '../check/store-rows.ts';
import { attempt } from '../damage.ts';
import { nodeOf } from '../envelope-node.ts';
import { GATEWAY_KEY } from '../gateway-id.ts';
import { Pack } from '../pack/pack.ts';
import type { BlockInfo, BlockSamples } from '../pack/pack-info.ts';
import { storePaths } from '../store-dir.ts';
import { ROLE_KEY } from '../store-role.ts';

/** Pages of the damaged database that are cached. */
const CACHE_KIB = 4096;

/** Packs of one transaction. */
const PACKS_AT_ONCE = 256;

/** Cause of the gaps that stand for packs which cannot be read. */
const DAMAGED = 'block-damaged';

/**
 * Makes a database of what can be read of a damaged one, whose pages must not be written to: every pack under its identity,
 * and what packs refer to. Index and pyramid are made anew of the packs. A pack that is damaged becomes gaps, and so does
 * one whose samples were given up. Positions are new.
 *
 * @param dir of the damaged store
 * @param to path of the database, which must not be there yet
 * @throws CaissonError `store-unusable` where nothing can be read
 */
export function salvageBlocks(dir: string, to: string): void {
  const rows = new StoreRows(dir, new FindingList());
  const source = BlockReader.openReadonly(storePaths(dir).blocks, CACHE_KIB);
  const target = BlockDb.open(to);
  try {
    new Salvage(rows, source, target).run();
  } finally {
    target.close();
    source.close();
    rows.close();
  }
}

interface ReadPack {
  readonly row: PackRow;
  readonly pack: Pack;
  readonly samples: readonly BlockSamples[];
}

class Salvage {
  readonly #rows: StoreRows;
  readonly #source: BlockReader;
  readonly #target: BlockDb;
  /** Ids of boots in the new database, by those in the old one. */
  readonly #boots = new Map<number, number>();
  /** Ids of channels by gateway and name; they are the same in both, for the journal has them too. */
  readonly #channels = new Map<string, number>();
  #nextChannel: number;
  /** Positions of packs in the old database. */
  readonly #kept = new Set<number>();

  constructor(rows: StoreRows, source: BlockReader, target: BlockDb) {
    this.#rows = rows;
    this.#source = source;
    this.#target = target;
    this.#nextChannel = rows.lastChannel() + 1;
  }

  run(): void {
    this.#target.transaction(() => this.#keepTerms());
    const lost: KeptGap[] = [];
    for (let position = 1; position <= this.#rows.lastPosition; position += PACKS_AT_ONCE) {
      this.#target.transaction(() => this.#keepPacks(position, position + PACKS_AT_ONCE));
    }
    for (const row of this.#rows.indexRows(0)) {
      if (this.#kept.has(row.firstPosition)) continue;
      lost.push(...this.#source.rowAsGaps(row.roster, row.ordinal, row.thinned ?? DAMAGED));
    }
    this.#target.transaction(() => {
      for (const { id } of this.#source.channelsAfter(0).channels) this.#keepGaps(this.#source.missing(id));
      this.#keepGaps(lost);
      this.#keepNamed();
    });
  }

  /** What packs refer to. */
  #keepTerms(): void {
    for (const key of [ROLE_KEY, GATEWAY_KEY]) {
      const read = attempt(() => this.#source.meta(key));
      if ('value' in read && read.value !== undefined) this.#target.keepMeta(key, read.value);
    }
    for (const { id, gateway, ...definition } of this.#source.channelsAfter(0).channels) {
      this.#channels.set(`${gateway}\n${definition.name}`, this.#target.keepChannel(gateway, definition, id));
    }
    for (const { id, gateway, boot, started, ended, origin } of this.#source.boots()) {
      const kept = this.#target.keepBoot(gateway, boot, started, this.#boots.get(origin ?? -1));
      if (ended !== undefined) this.#target.keepBootEnd(kept, ended);
      this.#boots.set(id, kept);
    }
    for (const { boot, reading } of this.#source.clockAfter(0).rows) {
      const kept = this.#boots.get(boot);
      if (kept !== undefined) this.#target.keepClock(kept, reading);
    }
  }

  #keepPacks(from: number, to: number): void {
    for (let position = from; position < to; position += 1) {
      const read = attempt(() => this.#read(position));
      if ('damage' in read || read.value === undefined) continue;
      this.#keepPack(read.value);
      this.#kept.add(position);
    }
  }

  /** The pack at a position, with its samples; undefined where there is none, or they were given up. */
  #read(position: number): ReadPack | undefined {
    const row = this.#rows.pack(position);
    if (row === undefined || row.bytes === null) return undefined;
    const pack = Pack.open(row.bytes);
    return { row, pack, samples: pack.blocks.map((_, index) => pack.samples(index)) };
  }

  #keepPack({ row, pack, samples }: ReadPack): void {
    const { gateway, boot, stamp } = pack.header;
    const first = Math.min(...pack.blocks.map(({ timeMin }) => timeMin));
    const kept = this.#target.keepBoot(gateway, boot, first);
    this.#boots.set(row.boot, kept);
    const blocks = pack.blocks.map((info, index) => {
      const { times, values } = samples[index] as BlockSamples;
      const node = values instanceof Float64Array ? nodeOf(times, values, 0, times.length) : undefined;
      return { ...info, channel: this.#channelOf(gateway, stamp, info), node };
    });
    this.#target.keepPack({ boot: kept, stamp, class: row.class, blocks, bytes: pack.bytes });
  }

  /** Id of a channel of a pack. One whose definition is lost has what the pack says of it. */
  #channelOf(gateway: string, stamp: Pack['header']['stamp'], { channel, type }: BlockInfo): number {
    const key = `${gateway}\n${channel}`;
    let id = this.#channels.get(key);
    if (id === undefined) {
      const definition = defineChannel({ name: channel, source: '', type, stamp });
      id = this.#target.keepChannel(gateway, definition, this.#nextChannel);
      this.#nextChannel += 1;
      this.#channels.set(key, id);
    }
    return id;
  }

  #keepGaps(gaps: readonly KeptGap[]): void {
    for (const { channel, boot, firstSequence, count, from, to, cause } of gaps) {
      const kept = this.#boots.get(boot);
      if (kept === undefined) continue;
      this.#target.keepGap({ channel, boot: kept, firstSequence, count, from, to, cause });
    }
  }

  /** What names boots as a whole, and what they are of. */
  #keepNamed(): void {
    for (const derivation of this.#source.derivationsAfter(0).derivations) {
      const boot = this.#boots.get(derivation.boot);
      if (boot !== undefined) this.#target.keepDerivation({ ...derivation, boot });
    }
    for (const each of this.#source.imports()) {
      const boot = this.#boots.get(each.boot);
      if (boot !== undefined) this.#target.keepImport({ ...each, boot });
    }
  }
}
