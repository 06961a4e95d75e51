import { COMMIT_SLOTS_MAX } from '../../../../gateway/limits.ts';
import { ByteWriter } from '../../../../gateway/store/bytes.ts';
import type { JournalLoss, JournalRow } from '../../../../gateway/store/journal/row.ts';
import { encodeJournalRow } from '../../../../gateway/store/journal/row-encoder.ts';
import { bitsOf, fromBits, TIME } from '../block/samples.ts';

/** The cases under test/vectors/journal-row. */

/** A row as the vector's .json has it; numbers and times as hex of their float64, little-endian, since JSON has no NaN. */
export interface DescribedRow {
  readonly groups: readonly {
    readonly channel: number;
    readonly firstSequence: number;
    readonly timesHex: string;
    readonly valuesHex?: string;
    readonly texts?: readonly string[];
  }[];
  readonly losses: readonly JournalLoss[];
}

export interface JournalVector {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the bytes hold, or the clause by which they are refused. */
  readonly expected: { readonly row: DescribedRow } | { readonly refused: string };
  /** What was encoded; undefined for what is refused. */
  readonly row?: JournalRow;
}

export function describeRow({ groups, losses }: JournalRow): DescribedRow {
  return {
    groups: groups.map(({ channel, firstSequence, times, values }) => ({
      channel,
      firstSequence,
      timesHex: bitsOf(times),
      ...(values instanceof Float64Array ? { valuesHex: bitsOf(values) } : { texts: values }),
    })),
    losses,
  };
}

const WORKED: JournalRow = {
  groups: [
    {
      channel: 3,
      firstSequence: 900,
      times: Float64Array.of(TIME, TIME + 10_000),
      values: Float64Array.of(812, 813.5),
    },
    { channel: 4, firstSequence: 17, times: Float64Array.of(TIME + 40), values: ['pit'] },
  ],
  losses: [{ channel: 3, firstSequence: 902, count: 5, from: TIME + 20_000, to: TIME + 60_000, cause: 'ring-full' }],
};

export function journalVectors(): JournalVector[] {
  return [
    valid('worked-example', WORKED),
    valid('nothing', { groups: [], losses: [] }),
    valid('compressed', {
      groups: Array.from({ length: 700 }, (_, i) => group(i + 1, 900 + 7 * i, [TIME + i, TIME + 9000 + i], [i, -i])),
      losses: [],
    }),
    valid('channels-of-a-frame', {
      groups: [
        group(7, 300, [TIME, TIME + 10_000], [20.5, 21]),
        group(8, 300, [TIME, TIME + 10_000], [1.5, -0.5]),
        group(9, 300, [TIME, TIME + 10_000], [0.25, 1e6]),
        group(10, 300, [TIME, TIME + 10_000], [4, 4]),
      ],
      losses: [],
    }),
    valid('steps-go-on-from-group-to-group', {
      groups: [
        group(1, 0, [TIME, TIME + 1000, TIME + 2000], [1, 2, 3]),
        group(2, 0, [TIME + 5, TIME + 1005], [1, 2]),
        group(3, 0, [TIME + 9], [1]),
        group(4, 0, [TIME - 4, TIME + 996], [1, 2]),
      ],
      losses: [],
    }),
    valid('float32', {
      groups: [group(1, 0, [1, 2], [Math.fround(0.1), Math.fround(-1e-30)]), group(2, 0, [1], [Math.fround(1e30)])],
      losses: [],
    }),
    valid('float64', { groups: [group(1, 0, [1, 2], [Math.PI, -1e300]), group(2, 0, [1], [1 / 3])], losses: [] }),
    valid('minus-zero', { groups: [group(1, 0, [1, 2], [0, -0])], losses: [] }),
    valid('one-channel-twice', { groups: [group(9, 5, [TIME], [1]), group(9, 80, [TIME + 1], [2])], losses: [] }),
    valid('channels-descend', {
      groups: [group(0xffff_ffff, 5, [TIME], [1]), group(0, 80, [TIME - 9], [2])],
      losses: [],
    }),
    valid('sequence-extremes', {
      groups: [group(1, Number.MAX_SAFE_INTEGER, [0], [1]), group(2, 0, [0], [2])],
      losses: [],
    }),
    valid('times-wide', {
      groups: [group(1, 0, [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER], [1, 2])],
      losses: [],
    }),
    valid('special-values', {
      groups: [
        {
          channel: 1,
          firstSequence: 0,
          times: Float64Array.of(1, 2, 3, 4),
          values: fromBits([0x7ff4_0000_dead_beefn, 1n << 63n, 0xfff0n << 48n, 1n]),
        },
      ],
      losses: [],
    }),
    ...brokenFrames(),
    ...brokenBodies(),
  ];
}

function brokenFrames(): JournalVector[] {
  return [
    broken('empty', 'JOURNAL-2.1', []),
    broken('version', 'JOURNAL-1.1', [1, 0, 0, 0]),
    broken('flag-undefined', 'JOURNAL-1.2', [2, 4, 0, 0]),
    broken('zstd-broken', 'JOURNAL-1.3', [2, 1, 9, 1, 2, 3]),
    broken('zstd-claims-too-much', 'JOURNAL-1.3', [2, 1, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]),
    body('bytes-left-over', 'JOURNAL-1.4', (out) => out.bytes(Uint8Array.of(0, 0, 0))),
  ];
}

/** What a body with one group and no scales begins with: the base of the times is 0. */
const ONE_GROUP = [1, 0, 0];

function brokenBodies(): JournalVector[] {
  return [
    body('cut', 'JOURNAL-2.1', (out) => out.bytes(Uint8Array.of(1, 0))),
    body('integer-not-shortest', 'JOURNAL-2.2', (out) => out.bytes(Uint8Array.of(0x80, 0, 0))),
    body('signed-minus-zero', 'JOURNAL-2.3', (out) => out.bytes(Uint8Array.of(1, 0, 1))),
    body('too-many-groups', 'JOURNAL-3.1', (out) => out.bytes(Uint8Array.of(9, 2))),
    body('values-of-no-kind', 'JOURNAL-3.2', (out) => out.bytes(Uint8Array.of(...ONE_GROUP, 0x53, 1))),
    body('times-shared-but-not-their-count', 'JOURNAL-3.2', (out) => out.bytes(Uint8Array.of(...ONE_GROUP, 0x3b, 2))),
    body('channel-negative', 'JOURNAL-3.3', (out) => out.bytes(Uint8Array.of(...ONE_GROUP, 0x32, 0, 1))),
    body('group-empty', 'JOURNAL-3.4', (out) => out.bytes(Uint8Array.of(...ONE_GROUP, 0x37))),
    body('too-many-samples', 'JOURNAL-3.4', (out) => {
      out.bytes(Uint8Array.of(2, 0, 0, 0x33));
      out.varint(COMMIT_SLOTS_MAX);
      out.u8(0x37);
    }),
    body('sequence-beyond-2-53', 'JOURNAL-3.5', (out) => {
      out.bytes(Uint8Array.of(...ONE_GROUP, 0x31));
      out.signed(Number.MAX_SAFE_INTEGER);
      out.varint(2);
    }),
    body('scale-that-is-not-there', 'JOURNAL-3.6', (out) => out.bytes(Uint8Array.of(...ONE_GROUP, 0x13, 1, 0))),
    body('scale-of-none-before', 'JOURNAL-3.6', (out) => out.bytes(Uint8Array.of(...ONE_GROUP, 0x03, 1))),
    body('scale-of-no-form', 'JOURNAL-3.6', (out) => out.bytes(Uint8Array.of(1, 1, 2))),
    body('scale-without-gain', 'JOURNAL-3.6', (out) => {
      out.bytes(Uint8Array.of(1, 1, 1));
      out.f64(0);
    }),
    body('time-too-far-from-base', 'JOURNAL-3.7', (out) => {
      out.bytes(Uint8Array.of(...ONE_GROUP, 0x33, 1));
      out.signed(2 ** 50);
    }),
    body('text-too-long', 'JOURNAL-3.11', (out) => {
      out.bytes(Uint8Array.of(...ONE_GROUP, 0x43, 1, 0));
      out.varint(65_537);
    }),
    body('text-not-utf8', 'JOURNAL-3.11', (out) => out.bytes(Uint8Array.of(...ONE_GROUP, 0x43, 1, 0, 1, 0xff))),
    body('too-many-losses', 'JOURNAL-4.1', (out) => out.bytes(Uint8Array.of(0, 9))),
    body('loss-of-channel-beyond-u32', 'JOURNAL-4.2', (out) => {
      out.bytes(Uint8Array.of(0, 1));
      out.varint(2 ** 32);
    }),
    body('loss-of-none', 'JOURNAL-4.3', (out) => out.bytes(Uint8Array.of(0, 1, 7, 0, 0, 0))),
    body('loss-of-unknown-cause', 'JOURNAL-4.4', (out) => {
      out.bytes(Uint8Array.of(0, 1, 7, 0, 1, 0, 0));
      out.text('mice');
    }),
  ];
}

function valid(name: string, row: JournalRow): JournalVector {
  return { name, bytes: encodeJournalRow(row), expected: { row: describeRow(row) }, row };
}

function group(
  channel: number,
  firstSequence: number,
  times: number[],
  values: number[],
): JournalRow['groups'][number] {
  return { channel, firstSequence, times: Float64Array.from(times), values: Float64Array.from(values) };
}

/** A body that is not compressed. */
function body(name: string, clause: string, write: (out: ByteWriter) => void): JournalVector {
  const out = new ByteWriter();
  write(out);
  return broken(name, clause, [2, 0, ...out.toBytes()]);
}

function broken(name: string, clause: string, bytes: readonly number[]): JournalVector {
  return { name: `refused-${name}`, bytes: Uint8Array.from(bytes), expected: { refused: clause } };
}
