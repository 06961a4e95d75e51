import { type Buffer, isUtf8 } from 'node:buffer';
import type { MqttLimits } from './config.ts';

/** A stretch of a packet's bytes. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** Limits of a topic. */
export type TopicLimits = Pick<MqttLimits, 'topicBytesMax' | 'topicLevelsMax'>;

/** What may be wrong with a topic that is published to. */
export type TopicFault = 'publish-malformed' | 'topic-too-long' | 'topic-too-deep' | 'topic-reserved';

/** MQTT-1.5.3-1 and MQTT-1.5.3-2: UTF-8 without surrogates and without U+0000. */
export function isText(bytes: Buffer, { begin, end }: Span): boolean {
  const text = bytes.subarray(begin, end);
  return isUtf8(text) && !text.includes(0);
}

const SLASH = 0x2f;
const HASH = 0x23;
const PLUS = 0x2b;
const DOLLAR = 0x24;

/** What is wrong with a topic that is published to (MQTT-4.7), if anything is. */
export function topicFault(bytes: Buffer, topic: Span, limits: TopicLimits): TopicFault | undefined {
  if (topic.begin === topic.end || !isText(bytes, topic)) return 'publish-malformed';
  for (let at = topic.begin; at < topic.end; at++) {
    if (bytes[at] === HASH || bytes[at] === PLUS) return 'publish-malformed';
  }
  if (topic.end - topic.begin > limits.topicBytesMax) return 'topic-too-long';
  if (levelsOf(bytes, topic) > limits.topicLevelsMax) return 'topic-too-deep';
  return bytes[topic.begin] === DOLLAR ? 'topic-reserved' : undefined;
}

export function levelsOf(bytes: Buffer, { begin, end }: Span): number {
  let levels = 1;
  for (let at = begin; at < end; at++) if (bytes[at] === SLASH) levels++;
  return levels;
}

/** True when each wildcard is a whole level, and `#` the last (MQTT-4.7.1-2, MQTT-4.7.1-3). */
export function hasWholeWildcards(bytes: Buffer, { begin, end }: Span): boolean {
  for (let at = begin; at < end; at++) {
    if (bytes[at] !== HASH && bytes[at] !== PLUS) continue;
    const isFirst = at === begin || bytes[at - 1] === SLASH;
    const isLast = at === end - 1;
    if (!isFirst || !(isLast || (bytes[at] === PLUS && bytes[at + 1] === SLASH))) return false;
  }
  return true;
}
