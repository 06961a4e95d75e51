import type { Buffer } from 'node:buffer';
import type { Field, OnField } from '../../payload/field.ts';
import type { SampleBatch } from '../../payload/sample-batch.ts';
import type { Timestamp } from '../config.ts';
import { decodeJson } from './json.ts';
import type { JsonLayout } from './json-layout.ts';
import { learnLayout } from './learn-layout.ts';
import { readTree } from './value-tree.ts';

/** Bytes of a message whose layout is remembered. A larger one is parsed anew each time. */
const LAYOUT_BYTES_MAX = 16 * 1024;
/** Bytes of a layout that are reckoned as one field, so that all layouts together are bounded as fields are. */
const BYTES_PER_FIELD = 64;
/** Messages of another layout that come before one is learnt again, at most; the number doubles with each. */
const PATIENCE_MAX = 4096;

/** Reads the JSON of one topic. Its messages are mostly alike: from the second on it knows where their values stand. */
export class JsonTopic {
  readonly #root: Field;
  readonly #timestamp: Timestamp;
  readonly #onField: OnField;
  #layout: JsonLayout | undefined;
  /** Messages that are still to come before a layout is learnt. */
  #wait = 1;
  #patience = 1;

  /** @param onField told of what is remembered, as of fields */
  constructor(root: Field, timestamp: Timestamp, onField: OnField) {
    this.#root = root;
    this.#timestamp = timestamp;
    this.#onField = onField;
  }

  /** @throws PayloadError `json-invalid`, `too-deep`, `time-missing`, `time-invalid`, `too-many-samples` */
  read(payload: Buffer, batch: SampleBatch): void {
    if (this.#layout?.read(payload, batch) === true) return;
    readTree(decodeJson(payload), this.#root, this.#timestamp, batch);
    if (--this.#wait < 0 && payload.length <= LAYOUT_BYTES_MAX) this.#learn(payload);
  }

  #learn(payload: Buffer): void {
    this.#wait = this.#patience;
    this.#patience = Math.min(this.#patience * 2, PATIENCE_MAX);
    this.#layout = learnLayout(payload, this.#root, this.#timestamp);
    if (this.#layout === undefined) return;
    for (let bytes = 0; bytes < payload.length; bytes += BYTES_PER_FIELD) this.#onField();
  }
}
