import type { ChannelSpec } from './channel.ts';
import type { Intake } from './intake.ts';
import type { GatewayStatus, SourceStatus } from './status.ts';

/** First segment of the gateway's own channels. */
const PREFIX = 'caisson';

interface Quantity<Of> {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly decimals: number;
  readonly read: (of: Of) => number;
}

const OF_GATEWAY: readonly Quantity<GatewayStatus>[] = [
  quantity('ring/used', '', 'slots of the ring that wait for their commit', 0, (status) => status.ring.used),
  quantity('ring/refused', '', 'samples refused since the start', 0, (status) => status.ring.refused),
  quantity('store/commit_time', 'ms', 'mean time of a commit with its fsync', 2, (status) => status.store.commitMs),
  quantity('store/unsealed', '', 'samples in no block yet', 0, (status) => status.store.unsealed),
  quantity('store/block_bytes', 'B', 'bytes of all blocks', 0, (status) => status.store.blockBytes ?? Number.NaN),
  quantity('store/room', 'B', 'what can still be written to the disk of the store', 0, (status) =>
    status.store.retention === undefined ? Number.NaN : status.store.retention.roomBytes,
  ),
  quantity('disk/written_per_day', 'B', 'written to the disk of the store a day, at present', 0, (status) =>
    status.wear === undefined ? Number.NaN : status.wear.bytesPerDay,
  ),
  quantity('disk/life_used', '%', 'share of the life of the disk of the store that is used', 1, (status) =>
    status.wear === undefined ? Number.NaN : status.wear.used * 100,
  ),
  quantity('clock/error', 'us', 'bound of the error of UTC', 0, (status) => status.clock.errorUs),
];

const OF_SOURCE: readonly Quantity<SourceStatus>[] = [
  quantity('rate', 'Hz', 'samples a second', 0, (source) => source.rate),
  quantity('errors', '', 'units that could not be used, since the start', 0, (source) => sumOf(source.errors)),
  quantity('dropped', '', 'units dropped for want of room, since the start', 0, (source) => source.dropped),
  quantity('left_out', '', 'samples left out because the config says so, since the start', 0, (source) =>
    source.leftOut === undefined ? Number.NaN : sumOf(source.leftOut),
  ),
  quantity(
    'clock_offset',
    'us',
    'clock of its device minus UTC',
    0,
    (source) => source.deviceClock?.offsetUs ?? Number.NaN,
  ),
  quantity('clock_corrected', 'us', 'what the times of its device are corrected by', 0, (source) =>
    source.deviceClock === undefined ? Number.NaN : source.deviceClock.correctedUs,
  ),
  quantity(
    'clock_drift',
    'ppm',
    'how much the clock of its device is too fast',
    2,
    (source) => source.deviceClock?.driftPpm ?? Number.NaN,
  ),
  quantity('stale', '', 'channels that went quiet', 0, (source) => source.stale?.count ?? 0),
];

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function quantity<Of>(
  name: string,
  unit: string,
  description: string,
  decimals: number,
  read: (of: Of) => number,
): Quantity<Of> {
  return { name, unit, description, decimals, read };
}

/** Keeps the gateway's own state as channels beside those of its sources, so that the past of a box can be looked at. */
export class StatusChannels {
  readonly #intake: Intake;
  readonly #ids = new Map<string, number>();

  constructor(intake: Intake) {
    this.#intake = intake;
  }

  /** Adds one sample of each; `time` is box time, microseconds. */
  push(status: GatewayStatus, time: number): void {
    for (const each of OF_GATEWAY) this.#push(each.name, each, status, time);
    for (const source of status.sources) {
      for (const each of OF_SOURCE) this.#push(`sources/${source.name}/${each.name}`, each, source, time);
    }
    this.#intake.publish();
  }

  #push<Of>(name: string, { unit, description, decimals, read }: Quantity<Of>, of: Of, time: number): void {
    const value = read(of);
    if (!Number.isFinite(value)) return;
    let id = this.#ids.get(name);
    if (id === undefined) {
      const spec: ChannelSpec = { name: `${PREFIX}/${name}`, source: PREFIX, unit, description, decimals, rateHz: 1 };
      id = this.#intake.channel(spec).id;
      this.#ids.set(name, id);
    }
    this.#intake.push(id, time, value);
  }
}
