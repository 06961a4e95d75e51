import { defineChannel } from '../../gateway/channel.ts';
import { CaissonError } from '../../gateway/errors.ts';
import type { Coverage } from '../../gateway/query/coverage/coverage.ts';
import type {
  BootAccount,
  Envelope,
  Gap,
  LatestSample,
  LedgerLine,
  LiveBatch,
  PastVersion,
  Samples,
  StoredChannel,
  Telemetry,
} from '../../gateway/query/telemetry.ts';
import type { CycleKindStatus, DestinationStatus, GatewayStatus, LineStatus } from '../../gateway/status.ts';

/** Telemetry of channels whose samples a test gives as pieces, made when they are asked for. */
export class MemoryTelemetry implements Telemetry {
  readonly #channels: StoredChannel[] = [];
  readonly #pieces = new Map<number, () => IterableIterator<Samples>>();
  readonly #latest = new Map<number, LatestSample>();
  readonly #listeners = new Set<(batch: LiveBatch) => void>();
  /** What {@link MemoryTelemetry.versions} answers. */
  readonly pasts: PastVersion[] = [];
  /** What {@link MemoryTelemetry.coverage} answers of channels of which not all is here. */
  readonly lacks = new Map<number, Coverage>();

  add(name: string, pieces: () => IterableIterator<Samples>, gateway = 'box', type: StoredChannel['type'] = 'number') {
    const channel = { ...defineChannel({ name, source: 'test', type }), id: this.#channels.length + 1, gateway };
    this.#channels.push(channel);
    this.#pieces.set(channel.id, pieces);
    return channel;
  }

  get followers(): number {
    return this.#listeners.size;
  }

  /** Commits one sample, as its followers see it. */
  commit(channel: number, time: number, value: number): void {
    this.#latest.set(channel, { time, value });
    const batch = {
      channel,
      times: Float64Array.of(time),
      values: Float64Array.of(value),
      start: 0,
      end: 1,
      utcOffset: 0,
    };
    for (const listener of this.#listeners) listener(batch);
  }

  channels(): readonly StoredChannel[] {
    return this.#channels;
  }

  channel(name: string, gateway?: string): StoredChannel {
    const found = this.#channels.filter((each) => each.name === name && (gateway ?? each.gateway) === each.gateway);
    const [first] = found;
    if (first === undefined) throw new CaissonError('channel-unknown', `no channel is named ${name}`, { hint: 'häh?' });
    if (found.length > 1) throw new CaissonError('query-invalid', `${name} is on several gateways`);
    return first;
  }

  *raw(channel: number): IterableIterator<Samples> {
    yield* this.#pieces.get(channel)?.() ?? [];
  }

  envelope(_channel: number, from: number, to: number, pixels: number): Envelope {
    const column = Float64Array.from({ length: pixels }, (_, i) => i);
    return { from, to, pixels, count: column, min: column, max: column, first: column, last: column };
  }

  latest(channel: number): LatestSample | undefined {
    return this.#latest.get(channel);
  }

  follow(listener: (batch: LiveBatch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  gaps(): readonly Gap[] {
    return [];
  }

  versions(): readonly PastVersion[] {
    return this.pasts;
  }

  accounts(): readonly BootAccount[] {
    return [];
  }

  coverage(channel: number, from: number, to: number): Coverage {
    const full = { from, to, state: 'full', cause: '', count: 0 } as const;
    return this.lacks.get(channel) ?? { from, to, stretches: [full], waits: '' };
  }

  ledger(): readonly LedgerLine[] {
    return [];
  }
}

/** A status in which every field has a value of its own. */
/** One of each state, with all that may be missing and with none of it. */
const EXAMPLE_LINES: readonly LineStatus[] = [
  {
    ...{ gateway: 'car7', name: 'lte', state: 'waiting', why: 'budget used up until 2026-06-02 00:00 UTC' },
    ...{
      until: 1_780_358_400_000_000,
      failingSince: 1_700_000_000_500_000,
      metered: true,
      connections: 2,
      failures: 3,
    },
    ...{
      receivedBytes: 4_000_000,
      sentBytes: 5000,
      capBytesPerS: 50_000,
      budgetBytes: 4_005_100,
      budgetUsedBytes: 4_005_000,
    },
    pace: { bytesPerS: 125_000, roundTripMs: 41.5, queueMs: 18, windowBytes: 7500, quantumBytes: 2000 },
  },
  ...(['in-use', 'standby', 'dead'] as const).map((state): LineStatus => {
    const counts = { connections: 0, failures: 0, receivedBytes: 0, sentBytes: 0 };
    const more = state === 'standby' ? { windows: ['22:00-06:00 UTC'], heard: 1_700_000_000_000_000 } : {};
    return { gateway: 'car7', name: state, state, why: `it is ${state}`, metered: false, ...counts, ...more };
  }),
];

const EXAMPLE_DESTINATIONS: readonly DestinationStatus[] = [
  {
    ...{ name: 'hq', position: 900, proven: true, refused: { stale: 2 }, told: 1_700_000_000_900_000 },
    behind: { positions: 100, bytes: 2_000_000, since: 1_699_999_000_000_000, bytesPerS: 50_000, caughtUpS: 400 },
    withheld: { residency: 2, filter: 1 },
    stores: [
      { id: '0123456789abcdef', position: 900, until: 1_700_086_400_000_000 },
      { id: 'fedcba9876543210', position: 950, until: 1_700_040_000_000_000 },
    ],
  },
  {
    ...{ name: 'other', position: 0, proven: false, refused: {}, behind: { positions: 1_000, bytes: 0 } },
  },
  { name: 'third', position: 0, proven: false, refused: {} },
];

const EXAMPLE_CYCLES: readonly CycleKindStatus[] = [
  { name: 'lap', channel: 'car/lap', heard: 1_700_000_000_800_000, open: '17', since: 1_699_999_950_000_000 },
  { name: 'haul', channel: 'truck/lode', problem: 'no channel is named truck/lode; did you mean truck/load?' },
];

export function exampleStatus(gateway = 'box', role: GatewayStatus['role'] = 'gateway'): GatewayStatus {
  return {
    role,
    gateway,
    boot: '0011223344556677',
    version: '9.8.7',
    startedAt: 1_700_000_000_000_000,
    now: 1_700_000_001_000_000,
    clock: { source: 'gnss', errorUs: Number.POSITIVE_INFINITY, doubted: [] },
    ring: { slots: 1024, used: 3, refused: 2 },
    store: {
      commits: 1,
      samples: 2,
      commitMs: 3.5,
      journalRows: 4,
      unsealed: 5,
      sealWaits: 1,
      blocks: 6,
      blockBytes: 7,
      lost: 8,
      ...(role === 'gateway' && {
        settled: { until: 1_699_999_990_000_000, position: 12_345 },
        mended: {
          ...{ why: 'database disk image is malformed', since: 1_699_999_000_000_000, folder: 'damaged-1' },
          ...{ kept: 40, lost: 3, left: 1 },
        },
        retention: {
          rung: 'thin-bulk',
          usedBytes: 19,
          limitBytes: 20,
          roomBytes: 21,
          hoursLeft: Number.POSITIVE_INFINITY,
          classes: [{ class: 'bulk', bytes: 22, reachUs: 23 }],
        },
      }),
      ...(role === 'central' && {
        merge: { packs: 64, into: 1, samples: 640, bytes: 700 },
        retired: { packs: 3, samples: 30, bytes: 300, byLimit: { packs: 1, samples: 10, bytes: 100 } },
        pulled: { known: 9, conflicts: 2, holes: 4, setBacks: 1 },
      }),
    },
    ...(role === 'gateway' && {
      wear: {
        disk: 'mmcblk0',
        writtenBytes: 16,
        bytesPerDay: 17.5,
        bytesPerSample: 18,
        yearsLeft: Number.POSITIVE_INFINITY,
        used: 0.25,
        isOverBudget: true,
      },
    }),
    lines: EXAMPLE_LINES,
    ...(role === 'gateway' && { cycles: EXAMPLE_CYCLES }),
    ...(role === 'gateway' && { feedEnd: 1_000, destinations: EXAMPLE_DESTINATIONS }),
    sources: [
      {
        name: 'can0',
        kind: 'can',
        state: 'waiting',
        problem: 'no such device',
        received: 9,
        samples: 10,
        rate: 11.25,
        errors: { 'bad-length': 12 },
        dropped: 13,
        lastSeen: 14,
      },
      { name: 'gps', kind: 'serial', state: 'running', received: 0, samples: 0, rate: 0, errors: {}, dropped: 0 },
    ],
    problems: [{ time: 15, text: 'ein Störfall' }],
  };
}
