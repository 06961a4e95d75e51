import type { Buffer } from 'node:buffer';
import { ChannelTemplate } from '../line-protocol/channel-template.ts';
import { LineReader } from '../line-protocol/line-reader.ts';
import { Field } from '../payload/field.ts';
import type { SampleBatch } from '../payload/sample-batch.ts';
import { JsonTopic } from './payload/json-topic.ts';
import { PackedTopic } from './payload/packed.ts';
import { readPayload, type TopicReading } from './payload/read-payload.ts';
import type { SparkplugHost } from './sparkplug/sparkplug-host.ts';
import { isSparkplugTopic } from './sparkplug/sparkplug-topic.ts';
import type { TopicRules } from './topic-rules.ts';

/**
 * Topics and fields remembered between messages. At the maximum everything is forgotten and learnt again, which costs
 * time and no sample.
 */
export const FIELDS_REMEMBERED_MAX = 65_536;

/** Reads messages by topic; remembers what it learnt of each topic, so that the next message of it is cheap. */
export class TopicDecoder {
  readonly #rules: TopicRules;
  readonly #sparkplug: SparkplugHost | undefined;
  #topics = new Map<string, TopicReading>();
  #fields = 0;
  /** Times that everything was forgotten. */
  forgotten = 0;

  /** @param sparkplug reads the topics of Sparkplug B; undefined: they are topics like any other */
  constructor(rules: TopicRules, sparkplug?: SparkplugHost) {
    this.#rules = rules;
    this.#sparkplug = sparkplug;
  }

  /**
   * Reads a message into `batch`, cleared first, and returns the unit of its numbers.
   * @param now box time, microseconds
   * @param isAgain true when the same message was read just before, and could not be stored
   * @throws PayloadError with the reason for counting
   */
  read(topic: string, payload: Buffer, batch: SampleBatch, now = 0, isAgain = false): string {
    batch.clear();
    if (this.#sparkplug !== undefined && isSparkplugTopic(topic)) {
      this.#sparkplug.read(topic, payload, batch, now, isAgain);
      return '';
    }
    const reading = this.#known(topic);
    readPayload(payload, reading, batch);
    return reading.plan.unit;
  }

  #known(topic: string): TopicReading {
    if (this.#fields >= FIELDS_REMEMBERED_MAX) {
      this.#topics = new Map();
      this.#fields = 0;
      this.forgotten++;
    }
    let known = this.#topics.get(topic);
    if (known === undefined) {
      const plan = this.#rules.plan(topic);
      const root = new Field(plan.name, this.#count);
      const template = plan.payload === 'line' ? new ChannelTemplate(plan.line.channel) : undefined;
      const packed = new PackedTopic(root, this.#count);
      const json = new JsonTopic(root, plan.timestamp, this.#count);
      known = { plan, root, packed, json, lines: template && new LineReader(root, template, this.#count) };
      this.#topics.set(topic, known);
    }
    return known;
  }

  readonly #count = (): void => {
    this.#fields++;
  };
}
