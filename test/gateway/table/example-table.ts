import type { ColumnTable, TableBatch, TableColumn } from '../../../gateway/table/column-table.ts';
import { int64Of } from '../../../gateway/table/int64.ts';

/** Float64s that formats tend to lose: NaNs with a payload, both zeros, infinities, the ends of the range. */
export const ODD_BITS = [
  0x7ff8000000000000n,
  0x7ff8dead0000beefn,
  0xfff8000000001234n,
  0n,
  1n << 63n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  1n,
  0x7fefffffffffffffn,
  0x3fb999999999999an,
];

export const ODD_NUMBERS = new Float64Array(new BigUint64Array(ODD_BITS).buffer);

export const ODD_TEXTS = ['', 'plain', 'a,b', 'say "so"', 'line\nline', 'Größe 🏁', "it's", '\\N', 'NULL', ' '];

/** Times at the ends of what float64 holds exactly, and around them. */
export const ODD_TIMES = Float64Array.of(
  ...[-(2 ** 53) + 1, -(2 ** 32) - 1, -(2 ** 32), -1, 0, 1, 2 ** 32 - 1, 2 ** 32, 1_748_779_200_000_001, 2 ** 53 - 1],
);

const COLUMNS: readonly TableColumn[] = [
  { name: 'channel', kind: 'name', names: ['other', 'car7/engine, "rpm"', 'note'] },
  { name: 'time', kind: 'time' },
  { name: 'value', kind: 'number', isNullable: true },
  { name: 'count', kind: 'integer', isNullable: true },
  { name: 'text', kind: 'text', isNullable: true },
  { name: 'blob', kind: 'binary', isNullable: true },
  { name: 'late', kind: 'flag' },
];

/** Batches of every kind of column: values, none, and both. Times ascend where DuckDB can read them. */
export function exampleTable(times = ODD_TIMES): ColumnTable {
  const rows = times.length;
  const late = Uint8Array.from(times, (_, i) => (i % 3) & 1);
  const some = Uint8Array.from(times, (_, i) => (i % 4 === 1 ? 0 : 1));
  const blobs = Array.from(times, (_, i) => Uint8Array.from({ length: i }, () => 255 - i));
  const counts = BigInt64Array.from(times, (_, i) => (i === 0 ? -(2n ** 63n) : 2n ** 63n - BigInt(i)));
  // A view into a larger column, as queries give them.
  const numbers = new Float64Array([7, ...ODD_NUMBERS]).subarray(1);
  new BigUint64Array(numbers.buffer).set(ODD_BITS, 1);
  const batches: TableBatch[] = [
    {
      rows,
      columns: [
        { kind: 'name', value: 'car7/engine, "rpm"' },
        { kind: 'time', values: times },
        { kind: 'number', values: numbers },
        { kind: 'integer', values: counts },
        { kind: 'none' },
        { kind: 'binary', values: blobs },
        { kind: 'flag', values: late },
      ],
    },
    {
      rows,
      columns: [
        { kind: 'name', value: 'note' },
        { kind: 'time', values: times },
        { kind: 'none' },
        { kind: 'integer', values: int64Of(times), valid: some },
        { kind: 'text', values: ODD_TEXTS, valid: some },
        { kind: 'none' },
        { kind: 'flag', values: late },
      ],
    },
  ];
  return { columns: COLUMNS, about: { 'caisson.version': 'newest' }, batches };
}

export async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const got: Uint8Array[] = [];
  for await (const piece of pieces) got.push(piece);
  return Buffer.concat(got);
}

export function bitsOf(numbers: Iterable<number> | Float64Array): bigint[] {
  const column = numbers instanceof Float64Array ? numbers : Float64Array.from(numbers);
  return [...new BigUint64Array(column.slice().buffer)];
}
