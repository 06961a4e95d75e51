import { BootClocks } from '../../gateway/query/utc.ts';
import type { BehindStatus, DestinationStatus, GatewayStatus, LineStatus } from '../../gateway/status.ts';
import type { BlockReader } from '../../gateway/store/block-reader.ts';
import { CatchUp } from '../line/catch-up.ts';
import { ToldLines } from '../line/told-lines.ts';
import { backlogBytes, PACKS_LOOKED_MAX } from './backlog.ts';
import type { DestinationPolicy } from './destination-policy.ts';
import { KnownChannels } from './known-channels.ts';

/** What is asked of the store of a gateway; `BlockReader` has it. */
export type SyncedStore = Pick<
  BlockReader,
  'lastPosition' | 'packSizesAfter' | 'clockAfter' | 'derivedBootsAfter' | 'channelsAfter'
>;

export interface BoxSyncParts {
  readonly store: SyncedStore;
  readonly destinations: () => readonly DestinationStatus[];
  readonly policy: DestinationPolicy;
  /** Of a clock that never steps, milliseconds. */
  readonly steadyMs?: () => number;
}

/** How a gateway's blocks reach its destinations, as the box itself knows it: the lines of each, what it lacks, and until when. */
export class BoxSync {
  readonly #parts: BoxSyncParts;
  readonly #lines = new ToldLines();
  readonly #clocks = new BootClocks();
  /** By destination. */
  readonly #catchUps = new Map<string, CatchUp>();
  /** By destination. */
  readonly #channels = new Map<string, KnownChannels>();
  /** UTC at which each last said what it has, microseconds. */
  readonly #told = new Map<string, number>();

  constructor(parts: BoxSyncParts) {
    this.#parts = parts;
  }

  /** A central was heard. @param now UTC, microseconds @param lines empty: nothing new of them */
  heard(central: string, now: number, lines: readonly LineStatus[]): void {
    this.#lines.heard(central, now, lines);
  }

  /** A destination said, or proved, what it has. @param now UTC, microseconds */
  told(destination: string, now: number): void {
    this.#told.set(destination, now);
  }

  status(): Pick<GatewayStatus, 'feedEnd' | 'destinations' | 'lines'> {
    const feedEnd = this.#parts.store.lastPosition();
    const lines = this.#lines.all();
    this.#clocks.poll(this.#parts.store);
    const destinations = this.#parts.destinations().map((destination): DestinationStatus => {
      const told = this.#told.get(destination.name);
      const behind = this.#behind(destination, feedEnd);
      const withheld = this.#withheld(destination.name);
      return { ...destination, ...(told !== undefined && { told }), ...(behind && { behind }), ...withheld };
    });
    return { feedEnd, destinations, ...(lines.length > 0 && { lines }) };
  }

  #withheld(destination: string): Pick<DestinationStatus, 'withheld'> {
    const { store, policy } = this.#parts;
    const known = this.#channels.get(destination) ?? new KnownChannels(store, policy.scopeOf(destination));
    this.#channels.set(destination, known);
    known.refresh();
    return known.allowsAll ? {} : { withheld: known.withheld };
  }

  #behind({ name, position }: DestinationStatus, end: number): BehindStatus | undefined {
    const { store, steadyMs = () => performance.now() } = this.#parts;
    const catchUp = this.#catchUps.get(name) ?? new CatchUp();
    this.#catchUps.set(name, catchUp);
    catchUp.note(steadyMs(), position, end);
    if (catchUp.now === undefined) return undefined;
    const { positionsPerS, ...known } = catchUp.now;
    const packs = store.packSizesAfter(position, PACKS_LOOKED_MAX);
    const bytes = backlogBytes(packs, position, end);
    const meanBytes = known.positions === 0 ? undefined : bytes / known.positions;
    const oldest = packs[0];
    return {
      ...known,
      bytes,
      ...(oldest && { since: oldest.kept + this.#clocks.of(oldest.boot, 'arrival').offsetAt(oldest.kept) }),
      ...(positionsPerS !== undefined && meanBytes !== undefined && { bytesPerS: positionsPerS * meanBytes }),
    };
  }
}
