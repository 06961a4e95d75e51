import fc from 'fast-check';
import t from 'tap';
import { FilterTree } from '../../../../collectors/mqtt/distribution/filter-tree.ts';
import type { QoS } from '../../../../collectors/mqtt/message.ts';
import { matchFilter } from '../../../../collectors/mqtt/topic-rules.ts';

const level = fc.constantFrom('a', 'b', '', '$c', '+');
const filters = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));
const topics = fc
  .array(
    level.filter((one) => one !== '+'),
    { minLength: 1, maxLength: 4 },
  )
  .map((levels) => levels.join('/'));
const subscription = fc.record({
  filter: filters,
  who: fc.constantFrom('x', 'y', 'z'),
  qos: fc.constantFrom<QoS>(0, 1, 2),
  isAdded: fc.boolean(),
});

t.test('a topic finds whom its filters match, each with the best QoS, whatever came and went', async () => {
  fc.assert(
    fc.property(fc.array(subscription, { maxLength: 20 }), topics, (changes, topic) => {
      const tree = new FilterTree<string>();
      const standing = new Map<string, { filter: string; who: string; qos: QoS }>();
      for (const { filter, who, qos, isAdded } of changes) {
        if (isAdded) {
          tree.add(filter, who, qos);
          standing.set(`${who} ${filter}`, { filter, who, qos });
        } else {
          tree.remove(filter, who);
          standing.delete(`${who} ${filter}`);
        }
      }
      const expected: Record<string, QoS> = {};
      for (const { filter, who, qos } of standing.values()) {
        if (matchFilter(filter.split('/'), topic.split('/')) === undefined) continue;
        if (qos >= (expected[who] ?? 0)) expected[who] = qos;
      }
      const found = Object.fromEntries(tree.match(topic));
      const sorted = (by: object) => JSON.stringify(Object.entries(by).sort());
      return tree.size === standing.size && sorted(found) === sorted(expected);
    }),
    { numRuns: 2000 },
  );
});
