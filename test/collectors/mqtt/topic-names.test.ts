import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { mqttSettings } from '../../../collectors/mqtt/config.ts';
import { TopicNames } from '../../../collectors/mqtt/topic-names.ts';

const { limits } = mqttSettings({ limits: { topicBytesMax: 20, topicLevelsMax: 3 } });

t.test('a topic is the same however often it comes, and whatever stands around it', async (t) => {
  const topics = new TopicNames(limits);
  const pieces = fc.constantFrom('a', '/', 'ü', '+', '\0', '$', 'bcd', '€');
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { minLength: 1, maxLength: 9 }), fc.string(), async (parts, around) => {
      const topic = Buffer.from(parts.join(''));
      const bytes = Buffer.concat([Buffer.from(around), topic, Buffer.from(around)]);
      const begin = Buffer.byteLength(around);
      const met = topics.at(bytes, begin, begin + topic.length);
      const again = topics.at(topic, 0, topic.length);
      const alone = new TopicNames(limits).at(topic, 0, topic.length);
      return (
        met.name === alone.name && met.fault === alone.fault && again.name === alone.name && again.fault === alone.fault
      );
    }),
  );
  t.pass();
});

const faults: [topic: string | Uint8Array, fault: string | undefined][] = [
  ['a/b', undefined],
  ['', 'publish-malformed'],
  ['a/+', 'publish-malformed'],
  ['a#', 'publish-malformed'],
  ['a\0', 'publish-malformed'],
  [Uint8Array.of(0x61, 0xff), 'publish-malformed'],
  ['x'.repeat(21), 'topic-too-long'],
  ['a/b/c/d', 'topic-too-deep'],
  ['$SYS/x', 'topic-reserved'],
];
for (const [topic, fault] of faults) {
  t.test(`${JSON.stringify(topic).slice(0, 30)} is ${fault ?? 'fine'}, the second time as well`, async (t) => {
    const topics = new TopicNames(limits);
    const bytes = Buffer.from(topic);
    t.same([topics.at(bytes, 0, bytes.length).fault, topics.at(bytes, 0, bytes.length).fault], [fault, fault]);
  });
}
