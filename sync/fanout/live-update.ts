import { cutSamples } from '../../gateway/query/cut-samples.ts';
import { decodeColumn, encodeColumn } from '../api/columns.ts';
import type { LiveUpdateMessage, LiveValueMessage, MissedRunMessage, SampleRunMessage } from '../api/live-messages.ts';
import type { NewsItem } from './news.ts';
import type { SampleRun } from './sample-run.ts';

/** About the bytes of one update: a single run of text may be larger. */
const UPDATE_BYTES_MAX = 256 * 1024;

/** Bytes of a run or a missing run beside its columns, about. */
const RUN_BYTES = 96;

const NO_BYTES = new Uint8Array(0);

/** The newest value of a channel; `channel` is the index into the channels asked for, `time` UTC in microseconds. */
export interface LiveValue {
  readonly channel: number;
  readonly time: number;
  readonly value: number | string;
}

export const EMPTY_UPDATE: LiveUpdateMessage = { values: [], samples: [], missed: [], resume: NO_BYTES, channels: [] };

/** News of a gateway as updates of bounded size, in their order. Boots are not among what an update tells. */
export function* liveUpdates(gateway: string, items: readonly NewsItem[]): IterableIterator<LiveUpdateMessage> {
  let samples: SampleRunMessage[] = [];
  let missed: MissedRunMessage[] = [];
  let bytes = 0;
  for (const item of items) {
    if (item.kind === 'boot') continue;
    for (const run of item.kind === 'samples' ? cutRun(item.run) : [item.run]) {
      const runBytes = RUN_BYTES + ('cause' in run ? run.channel.length : bytesOf(run));
      if (bytes > 0 && bytes + runBytes > UPDATE_BYTES_MAX) {
        yield { ...EMPTY_UPDATE, samples, missed };
        samples = [];
        missed = [];
        bytes = 0;
      }
      if ('cause' in run) missed.push({ gateway, ...run });
      else samples.push(encodeRun(gateway, run));
      bytes += runBytes;
    }
  }
  if (bytes > 0) yield { ...EMPTY_UPDATE, samples, missed };
}

function* cutRun(run: SampleRun): IterableIterator<SampleRun> {
  let { firstSequence } = run;
  for (const { times, values } of cutSamples(run)) {
    yield { ...run, firstSequence, times, values };
    firstSequence += times.length;
  }
}

function encodeRun(gateway: string, { times, values, ...run }: SampleRun): SampleRunMessage {
  const isText = !(values instanceof Float64Array);
  return {
    gateway,
    ...run,
    times: encodeColumn(times),
    numbers: isText ? NO_BYTES : encodeColumn(values),
    texts: isText ? values : [],
  };
}

function bytesOf({ channel, times, values }: SampleRun): number {
  const texts = values instanceof Float64Array ? values.byteLength : values.reduce((sum, text) => sum + text.length, 0);
  return channel.length + times.byteLength + texts;
}

export function encodeLiveValue({ channel, time, value }: LiveValue): LiveValueMessage {
  if (typeof value === 'string') return { channel, time, text: value };
  return { channel, time, number: encodeColumn(Float64Array.of(value)) };
}

/** @throws CaissonError `peer-invalid` for a number that is none */
export function decodeLiveValue({ channel, time, number, text }: LiveValueMessage): LiveValue {
  if (text !== undefined) return { channel, time, value: text };
  return { channel, time, value: number === undefined ? Number.NaN : (decodeColumn(number)[0] ?? Number.NaN) };
}

/** @throws CaissonError `peer-invalid` for columns that are none */
export function decodeRun(message: SampleRunMessage): SampleRun & { readonly gateway: string } {
  const { times, numbers, texts, ...run } = message;
  return { ...run, times: decodeColumn(times), values: texts.length > 0 ? texts : decodeColumn(numbers) };
}
