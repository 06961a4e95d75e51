import { Buffer } from 'node:buffer';
import { type MqttConfig, mqttSettings } from '../../../collectors/mqtt/config.ts';
import { TopicDecoder } from '../../../collectors/mqtt/topic-decoder.ts';
import { TopicRules } from '../../../collectors/mqtt/topic-rules.ts';
import { PayloadError } from '../../../collectors/payload/payload-error.ts';
import { SampleBatch } from '../../../collectors/payload/sample-batch.ts';
import { KIND_BOOL, KIND_TEXT } from '../../../collectors/payload/sample-kind.ts';

export type Rule = NonNullable<MqttConfig['topics']>[number];

export function decoderOf(...topics: Rule[]): TopicDecoder {
  return new TopicDecoder(new TopicRules(mqttSettings({ topics }).topics, ''));
}

/** Samples of a message to topic `a/b` as [channel path, time, value]. */
export function read(
  payload: string | Uint8Array,
  rule: Omit<Rule, 'filter'> = {},
  decoder = decoderOf({ filter: '#', ...rule }),
): (string | number | boolean | undefined)[][] {
  const batch = new SampleBatch();
  decoder.read('a/b', Buffer.from(payload), batch);
  return Array.from({ length: batch.count }, (_, at) => [
    batch.fields[at]?.path,
    batch.times[at],
    batch.kinds[at] === KIND_TEXT
      ? batch.texts[at]
      : batch.kinds[at] === KIND_BOOL
        ? batch.values[at] === 1
        : batch.values[at],
  ]);
}

/** Reason of the bad input that `action` throws. */
export function reasonOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof PayloadError) return error.reason;
    throw error;
  }
}
