import type { Buffer } from 'node:buffer';
import { Field } from './field.ts';
import { readPayload } from './payload/read-payload.ts';
import type { SampleBatch } from './sample-batch.ts';
import type { TopicPlan, TopicRules } from './topic-rules.ts';

/**
 * Topics and fields remembered between messages. At the maximum everything is forgotten and learnt again, which costs
 * time and no sample.
 */
export const FIELDS_REMEMBERED_MAX = 65_536;

interface KnownTopic {
  readonly plan: TopicPlan;
  readonly root: Field;
}

/** Reads messages by topic; remembers what it learnt of each topic, so that the next message of it is cheap. */
export class TopicDecoder {
  readonly #rules: TopicRules;
  #topics = new Map<string, KnownTopic>();
  #fields = 0;
  /** Times that everything was forgotten. */
  forgotten = 0;

  constructor(rules: TopicRules) {
    this.#rules = rules;
  }

  /**
   * Reads a message into `batch`, cleared first, and returns the plan of its topic.
   * @throws PayloadError with the reason for counting
   */
  read(topic: string, payload: Buffer, batch: SampleBatch): TopicPlan {
    batch.clear();
    const { plan, root } = this.#known(topic);
    readPayload(payload, plan, root, batch);
    return plan;
  }

  #known(topic: string): KnownTopic {
    if (this.#fields >= FIELDS_REMEMBERED_MAX) {
      this.#topics = new Map();
      this.#fields = 0;
      this.forgotten++;
    }
    let known = this.#topics.get(topic);
    if (known === undefined) {
      const plan = this.#rules.plan(topic);
      known = { plan, root: new Field(plan.name, this.#count) };
      this.#topics.set(topic, known);
    }
    return known;
  }

  readonly #count = (): void => {
    this.#fields++;
  };
}
