import type { Buffer } from 'node:buffer';
import type { ChannelClass } from '../../../gateway/channel.ts';
import type { ClockReading } from '../../../gateway/clock.ts';
import type { StoredChannel } from '../../../gateway/query/telemetry.ts';
import { gapOf, type KeptBoot, type KeptOutline, type Row } from '../../../gateway/store/block-rows.ts';
import type { BootPlace } from '../../../gateway/store/feed.ts';
import type { IndexRow } from '../../../gateway/store/index-tree.ts';
import { RosterBook } from '../../../gateway/store/roster.ts';
import type { HeldChannel } from '../../fidelity/held-numbers.ts';
import type { Outlined } from '../../fidelity/outlined.ts';
import type { Hole, Progress } from '../block-store.ts';
import { Catalogue, type KeptRoster } from './catalogue.ts';
import type { Statements } from './database.ts';
import { GapList, type PlacedGap } from './gap-list.ts';
import { idsBefore } from './ids.ts';
import type { MovedPack, PlacedMove } from './moved-packs.ts';
import { SeriesIndex } from './series-index.ts';

export interface KnownChannel {
  readonly id: number;
  readonly class: ChannelClass;
  /** Its definition as it is kept. */
  readonly definition: Buffer;
}

/** What a committed change added; `DraftGateway` has it. */
interface CommittedDraft {
  readonly progress: Progress;
  readonly position: number;
  readonly lastId: number;
  readonly boots: readonly KeptBoot[];
  readonly channels: readonly { readonly channel: StoredChannel; readonly definition: Buffer }[];
  readonly clock: readonly { readonly boot: number; readonly reading: ClockReading }[];
  readonly derivations: readonly { readonly boot: number }[];
  readonly packs: readonly { readonly bytes: Uint8Array; readonly blocks: number }[];
  readonly index: { readonly rosters: ReadonlyMap<number, KeptRoster>; readonly added: readonly IndexRow[] };
  readonly gapLists: ReadonlyMap<string, GapList>;
  readonly ends: ReadonlyMap<string, number>;
  readonly outlines: readonly KeptOutline[];
  readonly retired: readonly { readonly roster: number; readonly end: number; readonly bytes: number }[];
  readonly moved: PlacedMove | undefined;
  movedAt(row: IndexRow): MovedPack | undefined;
}

/**
 * What the process that holds the lease of a gateway or central knows of it by heart. It holds for as long as the lease has
 * the same epoch, since nobody else writes; a commit that fails makes it worthless.
 */
export class HeldGateway {
  readonly name: string;
  readonly number: number;
  readonly epoch: number;
  progress: Progress;
  /** Last position given out. */
  position: number;
  blocks: number;
  bytes: number;
  readonly catalogue: Catalogue;
  readonly index: SeriesIndex;
  readonly rosters = new RosterBook();
  readonly #boots = new Map<string, { readonly id: number; readonly isDerived: boolean }>();
  readonly #channels = new Map<string, KnownChannel>();
  /** Rows of the UTC map that are kept. */
  readonly #clock = new Set<string>();
  readonly #derivations = new Set<number>();
  readonly #gaps = new Map<string, GapList>();
  /** One past the last sequence number in blocks, by channel and boot; of those that were asked for. */
  readonly ends = new Map<string, number>();
  /** Last id given out, of any kind. */
  lastId: number;
  /** False where there is no outline that could give way. */
  hasOutlines: boolean;

  private constructor(
    name: string,
    row: Row,
    {
      catalogue,
      gaps,
      hasOutlines,
    }: {
      readonly catalogue: Catalogue;
      readonly gaps: ReadonlyMap<string, GapList>;
      readonly hasOutlines: boolean;
    },
  ) {
    this.name = name;
    this.number = Number(row.gateway);
    this.epoch = Number(row.epoch);
    const holes = JSON.parse(String(row.holes)) as Hole[];
    const held = JSON.parse(String(row.ahead)) as HeldChannel[];
    const boots = JSON.parse(String(row.boots)) as BootPlace[];
    const outlined = JSON.parse(String(row.outlined)) as Outlined;
    this.progress = { feed: String(row.feed), after: Number(row.after), boots, holes, held, outlined };
    this.hasOutlines = hasOutlines;
    this.position = Number(row.position);
    this.blocks = Number(row.blocks);
    this.bytes = Number(row.bytes);
    this.catalogue = catalogue;
    this.index = new SeriesIndex(catalogue);
    this.#gaps = new Map(gaps);
    const ids = [...catalogue.boots, ...catalogue.channels, ...catalogue.rosters.values()].map(({ id }) => id);
    this.lastId = Math.max(idsBefore(this.number), ...ids);
    for (const { id, boot, origin } of catalogue.boots) this.#boots.set(boot, { id, isDerived: origin !== undefined });
    for (const channel of catalogue.channels) this.#learnChannel(channel);
    for (const { boot, reading } of catalogue.clock) this.#clock.add(clockKey(boot, reading));
    for (const { boot } of catalogue.derivations) this.#derivations.add(boot);
    for (const roster of catalogue.rosters.values()) this.#takePacks(roster);
  }

  /** @param row of `gateways`, as it is under the lease */
  static async load(statements: Statements, name: string, row: Row): Promise<HeldGateway> {
    const number = Number(row.gateway);
    const catalogue = new Catalogue();
    await catalogue.learn(statements, number);
    const { rows } = await statements.query('SELECT * FROM gaps WHERE gateway = $1 ORDER BY first_sequence', [number]);
    const lists = new Map<string, PlacedGap[]>();
    for (const each of rows as Row[]) {
      const gap = { ...gapOf(each), position: Number(each.position) };
      const key = sequenceKey(gap.channel, gap.boot);
      const list = lists.get(key);
      if (list === undefined) lists.set(key, [gap]);
      else list.push(gap);
    }
    const { rows: outlines } = await statements.query('SELECT 1 FROM outlines WHERE gateway = $1 LIMIT 1', [number]);
    const gaps = new Map([...lists].map(([key, list]) => [key, new GapList(list)]));
    return new HeldGateway(name, row, { catalogue, gaps, hasOutlines: outlines.length > 0 });
  }

  /** Takes over a draft that was committed. */
  take(draft: CommittedDraft, month: number): void {
    this.progress = draft.progress;
    this.position = draft.position;
    this.lastId = draft.lastId;
    for (const boot of draft.boots) {
      this.catalogue.addBoot(boot);
      this.#boots.set(boot.boot, { id: boot.id, isDerived: boot.origin !== undefined });
    }
    for (const { channel, definition } of draft.channels) {
      this.catalogue.addChannel(channel, definition);
      this.#learnChannel(channel);
    }
    for (const { boot, reading } of draft.clock) this.#clock.add(clockKey(boot, reading));
    for (const { boot } of draft.derivations) this.#derivations.add(boot);
    for (const { bytes, blocks } of draft.packs) {
      this.blocks += blocks;
      this.bytes += bytes.length;
    }
    for (const roster of draft.index.rosters.values()) {
      if (!this.catalogue.rosters.has(roster.id)) this.#takePacks(roster);
      this.catalogue.addRoster(roster);
    }
    for (const { roster, end, bytes } of draft.retired) {
      this.catalogue.retire(roster, end);
      this.bytes -= bytes;
    }
    if (draft.moved !== undefined) this.#move(draft.moved);
    const added = draft.index.added.map((row) => {
      const moved = draft.movedAt(row);
      return { row, month: moved?.month ?? month, isMerged: moved?.isMerged ?? false };
    });
    this.index.add(added);
    this.index.trim();
    for (const [key, gaps] of draft.gapLists) this.#gaps.set(key, gaps);
    for (const [key, end] of draft.ends) this.ends.set(key, end);
    this.hasOutlines ||= draft.outlines.length > 0;
  }

  boot(boot: string): { readonly id: number; readonly isDerived: boolean } | undefined {
    return this.#boots.get(boot);
  }

  channel(name: string): KnownChannel | undefined {
    return this.#channels.get(name);
  }

  hasClock(boot: number, reading: ClockReading): boolean {
    return this.#clock.has(clockKey(boot, reading));
  }

  hasDerivation(boot: number): boolean {
    return this.#derivations.has(boot);
  }

  gaps(key: string): GapList {
    return this.#gaps.get(key) ?? new GapList();
  }

  /** Packs that come may go into a roster, but not into one beside another. */
  #takePacks({ id, channels, source }: KeptRoster): void {
    if (source === undefined) this.rosters.add(id, channels);
  }

  #move({ roster, from, to, merged, areRetired, beside, first }: PlacedMove): void {
    this.catalogue.move(roster, (from.at(-1)?.ordinal ?? 0) + 1);
    if (areRetired) this.catalogue.retire(beside, first + to.length);
    this.blocks -= merged?.saved.blocks ?? 0;
    this.bytes -= merged?.saved.bytes ?? 0;
  }

  #learnChannel({ id, name, class: channelClass }: StoredChannel): void {
    const definition = this.catalogue.definitions.get(id);
    if (definition !== undefined) this.#channels.set(name, { id, class: channelClass, definition });
  }
}

export function sequenceKey(channel: number, boot: number): string {
  return `${channel} ${boot}`;
}

function clockKey(boot: number, { time, offset, source }: ClockReading): string {
  return `${boot} ${time} ${offset} ${source}`;
}
