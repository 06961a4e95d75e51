import { defineChannel } from '../../channel.ts';
import { CaissonError } from '../../errors.ts';
import { BlockDb } from '../block-db.ts';
import { BlockReader } from '../block-reader.ts';
import type { KeptGap } from '../block-rows.ts';
import { journalRuns } from '../check/check-journal.ts';
import { FindingList } from '../check/finding.ts';
import { SequenceRuns, type Stretch } from '../check/sequence-runs.ts';
import { type PackRow, StoreRows } from '../check/store-rows.ts';
import { attempt } from '../damage.ts';
import { nodeOf } from '../envelope-node.ts';
import { GATEWAY_KEY } from '../gateway-id.ts';
import { WEAR_KEY } from '../kept-wear.ts';
import { Pack } from '../pack/pack.ts';
import type { BlockInfo, BlockSamples } from '../pack/pack-info.ts';
import type { IndexRow } from '../pack-index.ts';
import { storePaths } from '../store-dir.ts';
import { ROLE_KEY } from '../store-role.ts';
import { type JournalBoot, journalBoots } from './journal-boots.ts';
import { renewSchema } from './renew-schema.ts';

/** Pages of the damaged database that are cached. */
const CACHE_KIB = 4096;

/** Packs of one transaction, and their bytes. */
const PACKS_AT_ONCE = 256;
const BYTES_AT_ONCE = 4 << 20;

/** Gaps of one transaction. */
const GAPS_AT_ONCE = 4096;

/** Cause of the gaps that stand for packs which cannot be read. */
const DAMAGED = 'block-damaged';

/** Cause of the gaps that stand for packs which can be read, and for which there was no room. */
const SET_ASIDE = 'set-aside';

/** Where the new database keeps how far it has what can be read of the damaged one. */
const REACHED_KEY = 'salvaged';

/** Begins the names of channels whose own is lost. */
const NAMELESS = 'nameless';

export interface SalvageParts {
  /** Folder of the damaged database. */
  readonly dir: string;
  /** Folder of the store whose journal goes with it. */
  readonly journalDir: string;
  /** Path of the database that is made; what an interrupted run left there is gone on with. */
  readonly to: string;
  /** Id of the gateway, where the damaged database cannot tell. */
  readonly gateway?: string | undefined;
  /** Bytes of packs at most: the oldest are left where they are. Without it there is room for all. */
  readonly bytesMax?: number;
  /**
   * True where it was set aside and nobody else reads it: where its tables cannot be looked up, it gets the pages that say where they
   * are, and where nothing can be read, there is what the journal says.
   */
  readonly isSetAside?: boolean;
  /** Told how far it is, from 0 to 1, after every transaction. */
  readonly onProgress?: (part: number) => void;
}

/** What was saved of a damaged database, in samples. */
export interface Salvaged {
  readonly kept: number;
  /** That cannot be read, as far as their numbers are known. */
  readonly lost: number;
  /** That can be read, and for which there was no room. */
  readonly left: number;
}

/**
 * Makes a database of what can be read of a damaged one, whose pages must not be written to: every pack under its identity,
 * and what packs and the journal refer to. Index and pyramid are made anew of the packs. A pack that is damaged becomes gaps, and
 * so does one whose samples were given up; what the journal has is none. Positions are new.
 *
 * @throws CaissonError `store-unusable` where nothing can be read
 */
export function salvageBlocks(parts: SalvageParts): Salvaged {
  const source = openDamaged(parts);
  const target = BlockDb.open(parts.to);
  try {
    return new Salvage(parts, source, target).run();
  } finally {
    target.close();
    source?.blocks.close();
    source?.rows.close();
  }
}

interface Source {
  readonly rows: StoreRows;
  readonly blocks: BlockReader;
}

/** Undefined where nothing can be read, and that may be. */
function openDamaged({ dir, isSetAside = false }: SalvageParts): Source | undefined {
  try {
    return open(dir);
  } catch (error) {
    if (!(error instanceof CaissonError) || !isSetAside) throw error;
  }
  renewSchema(dir);
  try {
    return open(dir);
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return undefined;
  }
}

function open(dir: string): Source {
  const rows = new StoreRows(dir, new FindingList());
  try {
    return { rows, blocks: BlockReader.openReadonly(storePaths(dir).blocks, CACHE_KIB) };
  } catch (error) {
    rows.close();
    throw error;
  }
}

interface ReadPack {
  readonly row: PackRow;
  readonly pack: Pack;
  readonly samples: readonly BlockSamples[];
}

/** How far the new database has the packs of the damaged one: from one position up to another. */
interface Reached {
  readonly from: number;
  readonly upTo: number;
}

class Salvage {
  readonly #parts: SalvageParts;
  readonly #source: Source | undefined;
  readonly #target: BlockDb;
  /** Ids of boots in the new database, by those in the old one. */
  readonly #boots = new Map<number, number>();
  /** Ids of channels by gateway and name; they are the same in both, for the journal has them too. */
  readonly #channels = new Map<string, number>();
  readonly #channelIds = new Set<number>();
  #nextChannel = 1;
  /** Positions in the old database of packs that this run kept. */
  readonly #kept = new Set<number>();
  /** Sequence numbers that are accounted for, by ids of the new database. */
  readonly #runs = new SequenceRuns();
  /** Gaps without a count, which stand behind the last number of a boot. */
  readonly #stops: KeptGap[] = [];
  #gaps: KeptGap[] = [];
  #keptSamples = 0;
  #lost = 0;
  #left = 0;

  constructor(parts: SalvageParts, source: Source | undefined, target: BlockDb) {
    this.#parts = parts;
    this.#source = source;
    this.#target = target;
  }

  run(): Salvaged {
    const journal = journalBoots(storePaths(this.#parts.journalDir).journal);
    const inJournal = [...journal.values()].flatMap(({ kinds }) => [...kinds.keys()]);
    this.#nextChannel = 1 + inJournal.reduce((last, id) => Math.max(last, id), this.#source?.rows.lastChannel() ?? 0);
    this.#target.transaction(() => this.#keepTerms());
    const from = this.#source === undefined ? 0 : this.#keepAllPacks(this.#source);
    this.#target.transaction(() => this.#adopt(journal));
    this.#account(journal);
    if (this.#source !== undefined) this.#tellLost(this.#source, from);
    this.#tellHoles();
    this.#flushGaps();
    if (this.#source !== undefined) this.#keepNamed(this.#source.blocks);
    return { kept: this.#keptSamples, lost: this.#lost, left: this.#left };
  }

  /** What packs refer to. */
  #keepTerms(): void {
    const blocks = this.#source?.blocks;
    for (const key of [ROLE_KEY, GATEWAY_KEY, WEAR_KEY]) {
      const read = attempt(() => blocks?.meta(key));
      if ('value' in read && read.value !== undefined) this.#target.keepMeta(key, read.value);
    }
    for (const { id, gateway, ...definition } of blocks?.channelsAfter(0).channels ?? []) {
      this.#knowChannel(gateway, definition.name, this.#target.keepChannel(gateway, definition, id));
    }
    for (const { id, gateway, boot, started, ended, origin } of blocks?.boots() ?? []) {
      const kept = this.#target.keepBoot(gateway, boot, started, this.#boots.get(origin ?? -1));
      if (ended !== undefined) this.#target.keepBootEnd(kept, ended);
      this.#boots.set(id, kept);
    }
    for (const { boot, reading } of blocks?.clockAfter(0).rows ?? []) {
      const kept = this.#boots.get(boot);
      if (kept !== undefined) this.#target.keepClock(kept, reading);
    }
    if (this.#target.meta(GATEWAY_KEY) === undefined) {
      const gateway = this.#target.boots().at(-1)?.gateway ?? this.#parts.gateway;
      if (gateway !== undefined) this.#target.keepMeta(GATEWAY_KEY, gateway);
    }
  }

  /** Keeps every pack there is room for; returns the position from which on. */
  #keepAllPacks({ rows, blocks }: Source): number {
    const last = Math.max(rows.lastPosition, readOf(() => blocks.lastPackPosition()) ?? 0);
    const before = reachedOf(this.#target.meta(REACHED_KEY));
    const from = before?.from ?? this.#firstWithin(rows, last);
    for (let position = Math.max(from, (before?.upTo ?? 0) + 1); position <= last; ) {
      position = this.#target.transaction(() => {
        const next = this.#keepPacks(rows, position, Math.min(last + 1, position + PACKS_AT_ONCE));
        this.#target.keepMeta(REACHED_KEY, JSON.stringify({ from, upTo: next - 1 } satisfies Reached));
        return next;
      });
      this.#parts.onProgress?.((position - from) / (last + 1 - from));
    }
    return from;
  }

  /** The position from which on there is room for every pack. */
  #firstWithin(rows: StoreRows, last: number): number {
    let room = this.#parts.bytesMax ?? Number.POSITIVE_INFINITY;
    if (room === Number.POSITIVE_INFINITY) return 1;
    for (let position = last; position > 0; position -= 1) {
      room -= readOf(() => rows.packSize(position)) ?? 0;
      if (room < 0) return position + 1;
    }
    return 1;
  }

  /** Returns the position behind the last one that was looked at. */
  #keepPacks(rows: StoreRows, from: number, to: number): number {
    let bytes = 0;
    let position = from;
    for (; position < to && bytes < BYTES_AT_ONCE; position += 1) {
      const read = readOf(() => readPack(rows, position));
      if (read === undefined) continue;
      this.#keepPack(rows, read);
      this.#kept.add(position);
      bytes += read.pack.bytes.length;
    }
    return position;
  }

  #keepPack(rows: StoreRows, { row, pack, samples }: ReadPack): void {
    const { gateway, boot, stamp } = pack.header;
    const first = Math.min(...pack.blocks.map(({ timeMin }) => timeMin));
    const kept = this.#target.keepBoot(gateway, boot, first);
    this.#boots.set(row.boot, kept);
    const blocks = pack.blocks.map((info, index) => {
      const { times, values } = samples[index] as BlockSamples;
      const node = values instanceof Float64Array ? nodeOf(times, values, 0, times.length) : undefined;
      return { ...info, channel: this.#channelOf(rows, row, pack, index), node };
    });
    this.#target.keepPack({ boot: kept, stamp, class: row.class, blocks, bytes: pack.bytes });
  }

  /** Id of the channel of a block. One whose definition is lost has what the pack says of it, and the id that the index has. */
  #channelOf(rows: StoreRows, row: PackRow, { header, blocks }: Pack, block: number): number {
    const { channel: name, type } = blocks[block] as BlockInfo;
    const known = this.#channels.get(channelKey(header.gateway, name));
    if (known !== undefined) return known;
    const entries = readOf(() => rows.entries(rows.indexOf(row) as IndexRow)) ?? [];
    const indexed = entries.find(({ entry }) => entry.block === block)?.channelId;
    const id = indexed === undefined || this.#channelIds.has(indexed) ? this.#nextChannel : indexed;
    const definition = defineChannel({ name, source: '', type, stamp: header.stamp });
    this.#knowChannel(header.gateway, name, this.#target.keepChannel(header.gateway, definition, id));
    return id;
  }

  #knowChannel(gateway: string, name: string, id: number): void {
    this.#channels.set(channelKey(gateway, name), id);
    this.#channelIds.add(id);
    this.#nextChannel = Math.max(this.#nextChannel, id + 1);
  }

  /** Boots and channels of the journal that are known from nowhere else: their names are lost, their samples are not. */
  #adopt(journal: ReadonlyMap<string, JournalBoot>): void {
    const gateway = this.#target.meta(GATEWAY_KEY) ?? this.#parts.gateway;
    if (gateway === undefined) return;
    for (const [boot, { started, kinds }] of journal) {
      this.#target.keepBoot(gateway, boot, started);
      for (const [id, type] of kinds) {
        if (this.#channelIds.has(id)) continue;
        const definition = defineChannel({ name: `${NAMELESS}/${id}`, source: NAMELESS, type });
        this.#knowChannel(gateway, definition.name, this.#target.keepChannel(gateway, definition, id));
      }
    }
  }

  /** Takes into account what is kept, and what the journal has. */
  #account(journal: ReadonlyMap<string, JournalBoot>): void {
    for (let after = 0; ; ) {
      const blocks = this.#target.blocksAfter(after, Number.MAX_SAFE_INTEGER, PACKS_AT_ONCE);
      for (const { channel, boot, firstSequence: first, count } of blocks) {
        this.#runs.add({ channel, boot, first, end: first + count });
        this.#keptSamples += count;
      }
      const last = blocks.at(-1);
      if (last === undefined) break;
      after = last.position;
    }
    for (const gap of this.#target.gapsAfter(0)) this.#addGap(gap);
    if (journal.size === 0) return;
    const boots = new Map(this.#target.boots().map(({ id, boot }) => [boot, id]));
    for (const run of journalRuns(this.#parts.journalDir, boots)) this.#runs.add(run);
  }

  /** What is told as lost by the damaged database, and packs that were not kept. */
  #tellLost({ rows, blocks }: Source, from: number): void {
    for (const { id } of blocks.channelsAfter(0).channels) {
      for (const { end, ...gap } of readOf(() => blocks.missing(id)) ?? []) this.#lack(gap, end);
    }
    for (const row of rows.indexRows(0)) {
      if (this.#kept.has(row.firstPosition)) continue;
      const cause = row.thinned ?? (row.firstPosition < from ? SET_ASIDE : DAMAGED);
      for (const { channelId: channel, boot, first: firstSequence, count, from, to } of rows.runsOf(row)) {
        this.#lack({ channel, boot, firstSequence, count, from, to, cause }, firstSequence + count);
      }
    }
  }

  /** Numbers that nothing tells of, between others, or before a stop that tells how many there were. */
  #tellHoles(): void {
    this.#flushGaps();
    for (const { channel, boot, firstSequence: end, from } of this.#stops) {
      for (const hole of this.#runs.missingOf({ channel, boot, first: 0, end })) this.#tellHole(hole, from);
    }
    for (const hole of this.#runs.check().holes) this.#tellHole(hole);
  }

  /** @param until stored time of the last number before it ends, where that is known */
  #tellHole(hole: Stretch, until?: number): void {
    const { channel, boot, first, end } = hole;
    this.#lost += end - first;
    const before = this.#target.reachBefore(channel, boot, first);
    const behind = this.#target.blocksHolding(channel, boot, end, end + 1)[0]?.timeMin ?? until;
    const started = this.#target.boots().find(({ id }) => id === boot)?.started ?? 0;
    const from = Math.floor(Number.isFinite(before) ? before : Math.min(started, behind ?? started));
    const to = Math.max(from, Math.ceil(behind ?? from));
    this.#addGap({ channel, boot, firstSequence: first, count: end - first, from, to, cause: DAMAGED });
  }

  /** Keeps of a gap, told with ids of the damaged database, what nothing else accounts for. */
  #lack(gap: KeptGap, end: number): void {
    const boot = this.#boots.get(gap.boot);
    if (boot === undefined) return;
    if (gap.count === 0) {
      this.#addGap({ ...gap, boot });
      return;
    }
    for (const piece of this.#runs.missingOf({ ...gap, boot, first: gap.firstSequence, end })) {
      const count = piece.end - piece.first;
      if (gap.cause === DAMAGED) this.#lost += count;
      if (gap.cause === SET_ASIDE) this.#left += count;
      this.#addGap({ ...gap, boot, firstSequence: piece.first, count });
    }
  }

  #addGap(gap: KeptGap): void {
    const { channel, boot, firstSequence: first, count } = gap;
    this.#runs.add({ channel, boot, first, end: first + count });
    if (count === 0) this.#stops.push(gap);
    this.#gaps.push(gap);
    if (this.#gaps.length >= GAPS_AT_ONCE) this.#flushGaps();
  }

  #flushGaps(): void {
    const gaps = this.#gaps.splice(0);
    this.#target.transaction(() => {
      for (const gap of gaps) this.#target.keepGap(gap);
    });
  }

  /** What names boots as a whole, and what they are of. */
  #keepNamed(blocks: BlockReader): void {
    const derivations = readOf(() => blocks.derivationsAfter(0).derivations) ?? [];
    const imports = readOf(() => blocks.imports()) ?? [];
    const known = new Set(this.#target.imports().map(({ boot }) => boot));
    this.#target.transaction(() => {
      for (const derivation of derivations) {
        const boot = this.#boots.get(derivation.boot);
        if (boot !== undefined) this.#target.keepDerivation({ ...derivation, boot });
      }
      for (const each of imports) {
        const boot = this.#boots.get(each.boot);
        if (boot !== undefined && !known.has(boot)) this.#target.keepImport({ ...each, boot });
      }
    });
  }
}

/** The pack at a position, with its samples; undefined where there is none, or they were given up. */
function readPack(rows: StoreRows, position: number): ReadPack | undefined {
  const row = rows.pack(position);
  if (row === undefined || row.bytes === null) return undefined;
  const pack = Pack.open(row.bytes);
  return { row, pack, samples: pack.blocks.map((_, index) => pack.samples(index)) };
}

/** Undefined where it is damaged. */
function readOf<Result>(read: () => Result): Result | undefined {
  const result = attempt(read);
  return 'value' in result ? result.value : undefined;
}

function channelKey(gateway: string, name: string): string {
  return `${gateway}\n${name}`;
}

function reachedOf(text: string | undefined): Reached | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Reached);
}
