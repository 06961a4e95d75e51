import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { CaissonError } from '../../../../gateway/errors.ts';
import { type ColumnKind, decodeColumn } from '../../../../gateway/store/block/column.ts';
import { ascendingIntegers } from '../../../../gateway/store/block/integers.ts';
import { NUMBER_ENCODINGS } from '../../../../gateway/store/block/number-column.ts';
import { RELATIVE } from '../../../../gateway/store/block/relative-times.ts';
import { TEXT_ENCODINGS } from '../../../../gateway/store/block/text-column.ts';
import { TIME_ENCODINGS } from '../../../../gateway/store/block/time-column.ts';
import { ByteReader, ByteWriter } from '../../../../gateway/store/bytes.ts';
import { type Kind, Refused, referenceColumn } from './reference-column.ts';
import { cornersToCompare, fold, hexWords, referenceCorners } from './reference-corners.ts';
import { NUMBER_SHAPES, TEXT_SHAPES, TIME, TIME_SHAPES } from './samples.ts';

/**
 * Contents of columns, changed at random, read by the gateway and by the reference: both refuse a content, or both read the
 * same. A column stands under a checksum and often under zstd; here are the bytes that a reader meets behind those.
 */

/** Samples of a column that is changed: short, so that changes hit what steers the reader. */
const COUNT_MAX = 40;

const COLUMNS_A_SHAPE = 6;

const STEERING_BYTES = 8;

interface Column {
  readonly kind: Kind;
  readonly id: number;
  readonly content: Uint8Array;
  readonly count: number;
}

export interface FuzzReport {
  readonly read: number;
  readonly refused: number;
}

/** Reads `mutations` changed columns. Throws where the gateway and the reference differ, with all that is needed to see it again. */
export function fuzzColumns(mutations: number, seed: number): FuzzReport {
  const columns = corpus(seed);
  const random = randomFrom(seed);
  let read = 0;
  for (let i = 0; i < mutations; i++) {
    const column = mutated(columns[random(columns.length)] as Column, columns, random);
    const met = attempt(() => gatewayColumn(column));
    const expected = attempt(() => referenceColumn(column.kind, column.id, column.content, column.count));
    if (!same(met, expected)) {
      const { content, ...rest } = column;
      const shown = JSON.stringify({ ...rest, content: Buffer.from(content).toString('hex'), met, expected });
      throw new Error(`seed ${seed}, mutation ${i}: ${shown}`);
    }
    if (met !== undefined) read++;
    if (column.kind === 'times') expectSameTimes(column, expected, { seed, i });
    if (column.kind === 'numbers') expectSameCorners(column, expected, random(column.count), { seed, i });
  }
  return { read, refused: mutations - read };
}

/** Times told one by one are those of their column; what is refused is refused, and what is told ascends. */
function expectSameTimes({ id, content, count }: Column, values: readonly string[] | undefined, place: object): void {
  if (id !== 0) return;
  const met = attempt(() => {
    const input = new ByteReader(content, 'block-invalid', 'BLOCK');
    const integers = ascendingIntegers(input, count);
    if (integers === undefined || input.remaining > 0) return undefined;
    return hexWords(Float64Array.from({ length: count }, (_, i) => integers.at(i)));
  });
  if (met === undefined || same(met, values)) return;
  throw new Error(
    `times: ${JSON.stringify({ ...place, count, content: Buffer.from(content).toString('hex'), met, values })}`,
  );
}

/** Folding a column refuses what reading it refuses, and gives the corners of what reading gives. */
function expectSameCorners(column: Column, values: readonly string[] | undefined, cut: number, place: object): void {
  const { id, content, count } = column;
  const ends = cut === 0 ? [count] : [cut, count];
  const input = new ByteReader(content, 'block-invalid', 'BLOCK');
  const met = attempt(() => cornersToCompare(hexWords(fold(id, input, count, ends))));
  const expected = values && cornersToCompare(referenceCorners(values, ends));
  if (same(met, expected)) return;
  const shown = JSON.stringify({
    ...place,
    id,
    count,
    ends,
    content: Buffer.from(content).toString('hex'),
    met,
    expected,
  });
  throw new Error(`corners: ${shown}`);
}

/** Every form of columns of every shape. */
function corpus(seed: number): Column[] {
  const columns: Column[] = [];
  const add = <Values>(kind: Kind, { formsOf }: ColumnKind<Values>, values: Values & { length: number }) => {
    for (const { id, write } of formsOf(values)) {
      const out = new ByteWriter();
      write(out);
      columns.push({ kind, id, content: out.toBytes(), count: values.length });
    }
  };
  const sample = <Values>(arbitrary: fc.Arbitrary<Values>) => fc.sample(arbitrary, { numRuns: COLUMNS_A_SHAPE, seed });
  for (const shape of Object.values(TIME_SHAPES)) {
    for (const times of sample(shape)) {
      add(
        'times',
        TIME_ENCODINGS,
        times.slice(0, COUNT_MAX).map((time) => time - TIME),
      );
      const integers = columns.at(-1);
      if (integers?.id === 0) columns.push({ ...integers, id: RELATIVE });
    }
  }
  for (const { values: shape } of Object.values(NUMBER_SHAPES)) {
    for (const values of sample(shape)) add('numbers', NUMBER_ENCODINGS, values.slice(0, COUNT_MAX));
  }
  for (const shape of Object.values(TEXT_SHAPES)) {
    for (const texts of sample(shape)) add('texts', TEXT_ENCODINGS, texts.slice(0, COUNT_MAX));
  }
  return columns;
}

function mutated(column: Column, others: readonly Column[], random: (below: number) => number): Column {
  let { id, count } = column;
  let content = Buffer.from(column.content);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    // Half of the changes hit the first bytes, which say how the others are to be read.
    const at = random(Math.min(random(2) === 0 ? STEERING_BYTES : content.length, content.length) + 1);
    switch (random(10)) {
      case 0:
        if (content.length > 0) content[at % content.length] = random(256);
        break;
      case 1:
        if (content.length > 0)
          content.writeUInt8((content[at % content.length] ?? 0) ^ (1 << random(8)), at % content.length);
        break;
      case 2:
        content = Buffer.concat([content.subarray(0, at), content.subarray(at + 1 + random(4))]);
        break;
      case 3:
        content = Buffer.concat([content.subarray(0, at), Buffer.from([random(256)]), content.subarray(at)]);
        break;
      case 4:
        content = Buffer.concat([
          content.subarray(0, at),
          LARGE[random(LARGE.length)] as Buffer,
          content.subarray(at + random(4)),
        ]);
        break;
      case 5:
        content = content.subarray(0, at);
        break;
      case 6: {
        const other = (others[random(others.length)] as Column).content;
        content = Buffer.concat([content.subarray(0, at), other.subarray(random(other.length + 1))]);
        break;
      }
      case 7:
        if (content.length > 0) content[at % content.length] = (content[at % content.length] ?? 0) + 2 * random(2) - 1;
        break;
      case 8:
        count = Math.max(1, count + random(5) - 2);
        break;
      default:
        if (random(4) === 0) id = random(7);
        else if (content.length > 0) content[random(Math.min(4, content.length))] = random(32);
    }
  }
  return { kind: column.kind, id, content: Uint8Array.from(content), count };
}

/** Integers at the edges of what the format allows. */
const LARGE = [2 ** 47, 2 ** 47 + 1, 2 ** 50, 2 ** 51, 2 ** 53 - 1, 4096, 65_537].flatMap((integer) =>
  [integer, -integer].map((integer) => {
    const out = new ByteWriter();
    out.signed(integer);
    return Buffer.from(out.toBytes());
  }),
);

function gatewayColumn({ kind, id, content, count }: Column): string[] {
  const input = new ByteReader(content, 'block-invalid', 'BLOCK');
  if (kind === 'texts') return [...decodeColumn(TEXT_ENCODINGS, id, input, count)];
  const values = decodeColumn(kind === 'times' ? TIME_ENCODINGS : NUMBER_ENCODINGS, id, input, count);
  return hexWords(values);
}

/** What `read` returns; undefined where it refuses as it may. */
function attempt(read: () => string[] | undefined): string[] | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof Refused || (thrown instanceof CaissonError && thrown.code === 'block-invalid'))
      return undefined;
    throw thrown;
  }
}

function same(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** A cheap repeatable source of whole numbers below `below`. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
