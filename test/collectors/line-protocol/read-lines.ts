import { Buffer } from 'node:buffer';
import { ChannelTemplate } from '../../../collectors/line-protocol/channel-template.ts';
import { LineBody } from '../../../collectors/line-protocol/line-body.ts';
import { faultText } from '../../../collectors/line-protocol/line-fault.ts';
import { LineReader } from '../../../collectors/line-protocol/line-reader.ts';
import type { Precision } from '../../../collectors/line-protocol/precision.ts';
import { Field } from '../../../collectors/payload/field.ts';
import { SampleBatch, STAMP_DEVICE } from '../../../collectors/payload/sample-batch.ts';
import { KIND_BOOL, KIND_TEXT } from '../../../collectors/payload/sample-kind.ts';

/** Channel, time in microseconds or undefined for the moment of arrival, value. */
export type ReadSample = readonly [channel: string, time: number | undefined, value: number | boolean | string];

export interface ReadLines {
  readonly samples: readonly ReadSample[];
  /** As they are told. */
  readonly faults: readonly string[];
  readonly lines: number;
}

export interface ReadOptions {
  readonly precision?: Precision;
  readonly template?: string;
  readonly stringsSpanLines?: boolean;
  /** Where the bytes are split. */
  readonly splits?: readonly number[];
}

/** A reader of lines without a prefix. */
export function newReader(template?: string): LineReader {
  return new LineReader(new Field('', () => {}), new ChannelTemplate(template), () => {});
}

/** Reads a body fed in pieces: what a piece leaves over comes again with the next. */
export function readLines(
  text: string | Uint8Array,
  { precision = 'ns', template, stringsSpanLines = true, splits = [] }: ReadOptions = {},
  reader = newReader(template),
): ReadLines {
  const bytes = Buffer.from(text);
  const body = new LineBody(precision, stringsSpanLines);
  const samples: ReadSample[] = [];
  let left = Buffer.alloc(0);
  for (const [index, from] of [0, ...splits].entries()) {
    const to = splits[index] ?? bytes.length;
    const piece = Buffer.concat([left, bytes.subarray(from, to)]);
    const batch = new SampleBatch();
    left = piece.subarray(reader.read(piece, to === bytes.length && index === splits.length, body, batch));
    samples.push(...samplesOf(batch));
  }
  return { samples, faults: body.faults.map(faultText), lines: body.lines };
}

export function samplesOf(batch: SampleBatch): ReadSample[] {
  return Array.from({ length: batch.count }, (_, at) => {
    const value = batch.values[at] ?? Number.NaN;
    const kind = batch.kinds[at];
    return [
      plainName(batch.fields[at]?.path ?? ''),
      batch.stamps[at] === STAMP_DEVICE ? batch.times[at] : undefined,
      kind === KIND_TEXT ? (batch.texts[at] ?? '') : kind === KIND_BOOL ? value === 1 : value,
    ];
  });
}

/** A name without empty segments. */
export function plainName(path: string): string {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/');
}
