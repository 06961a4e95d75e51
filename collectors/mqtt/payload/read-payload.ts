import { Buffer, isUtf8 } from 'node:buffer';
import type { LineReader } from '../../line-protocol/line-reader.ts';
import type { Field } from '../../payload/field.ts';
import { PayloadError } from '../../payload/payload-error.ts';
import type { SampleBatch } from '../../payload/sample-batch.ts';
import { KIND_BOOL, KIND_NUMBER } from '../../payload/sample-kind.ts';
import { isPackedFrame } from '../packed-frame.ts';
import type { TopicPlan } from '../topic-rules.ts';
import { decodeCbor, isSelfDescribedCbor } from './cbor.ts';
import type { JsonTopic } from './json-topic.ts';
import { readLines } from './lines.ts';
import { decodeMessagePack } from './message-pack.ts';
import { NUMBER_BYTES_MAX, parseNumber } from './number.ts';
import type { PackedTopic } from './packed.ts';
import { readTree } from './value-tree.ts';

/** How the messages of a topic are read, and what is remembered of them. */
export interface TopicReading {
  readonly plan: TopicPlan;
  readonly root: Field;
  readonly packed: PackedTopic;
  readonly json: JsonTopic;
  /** For `payload: line`. */
  readonly lines: LineReader | undefined;
}

/**
 * Reads one message into `batch` as the plan of its topic says.
 * @throws PayloadError with the reason under which the message is counted; `batch` is then to be cleared
 */
export function readPayload(payload: Buffer, reading: TopicReading, batch: SampleBatch): void {
  const { plan, root, packed, json, lines } = reading;
  if (payload.length === 0) throw new PayloadError('empty-payload');
  switch (plan.payload) {
    case 'packed':
      packed.read(payload, batch);
      break;
    case 'json':
      json.read(payload, batch);
      break;
    case 'cbor':
      readTree(decodeCbor(payload), root, plan.timestamp, batch);
      break;
    case 'msgpack':
      readTree(decodeMessagePack(payload), root, plan.timestamp, batch);
      break;
    case 'line':
      if (lines !== undefined) readLines(payload, lines, plan.line.precision, batch);
      break;
    case 'number':
      readNumber(payload, root, batch);
      break;
    case 'auto':
      readAuto(payload, reading, batch);
      break;
  }
  if (batch.count === 0 && batch.faults.size === 0) throw new PayloadError('no-samples');
}

function readNumber(payload: Buffer, root: Field, batch: SampleBatch): void {
  const value = payload.length > NUMBER_BYTES_MAX ? undefined : parseNumber(payload.toString('utf8'));
  if (value === undefined) throw new PayloadError('number-invalid', `met ${quoted(payload)}`);
  batch.add(root, KIND_NUMBER, 0, value);
}

function readAuto(payload: Buffer, { plan, root, packed, json }: TopicReading, batch: SampleBatch): void {
  if (isPackedFrame(payload)) {
    packed.read(payload, batch);
    return;
  }
  if (isSelfDescribedCbor(payload)) {
    readTree(decodeCbor(payload), root, plan.timestamp, batch);
    return;
  }
  const begin = firstByte(payload);
  if (begin === BRACE || begin === BRACKET) {
    json.read(payload, batch);
    return;
  }
  if (!isUtf8(payload)) throw new PayloadError('payload-unrecognised', `begins ${payload.toString('hex', 0, 8)}`);
  if (plan.timestamp !== 'arrival') {
    json.read(payload, batch);
    return;
  }
  const text = payload.toString('utf8');
  if (payload.length <= NUMBER_BYTES_MAX) {
    const value = parseNumber(text);
    if (value !== undefined) {
      batch.add(root, KIND_NUMBER, 0, value);
      return;
    }
    const word = text.trim().toLowerCase();
    if (word === 'true' || word === 'false') {
      batch.add(root, KIND_BOOL, 0, word === 'true' ? 1 : 0);
      return;
    }
  }
  if (hasControl(payload)) throw new PayloadError('payload-unrecognised', `begins ${payload.toString('hex', 0, 8)}`);
  batch.addText(root, 0, jsonString(text) ?? text);
}

const BRACE = 0x7b;
const BRACKET = 0x5b;

/** First byte that is not white space of JSON. */
function firstByte(payload: Buffer): number | undefined {
  for (const byte of payload) {
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return byte;
  }
  return undefined;
}

/** Control characters other than tab, line feed and carriage return: bytes that are no text. */
function hasControl(payload: Buffer): boolean {
  for (const byte of payload) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return true;
  }
  return false;
}

/** The text of a payload that is one JSON string. */
function jsonString(text: string): string | undefined {
  if (!text.startsWith('"')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function quoted(payload: Buffer): string {
  return JSON.stringify(Buffer.from(payload.subarray(0, 32)).toString('utf8'));
}
