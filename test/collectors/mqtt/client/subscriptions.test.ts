import fc from 'fast-check';
import t from 'tap';
import { mqttClientSettings } from '../../../../collectors/mqtt/client/client-config.ts';
import { covers, meet, Subscriptions } from '../../../../collectors/mqtt/client/subscriptions.ts';
import { matchFilter } from '../../../../collectors/mqtt/topic-rules.ts';

function subscriptionsOf(config: {
  subscribe?: string[];
  topics?: { filter: string }[];
  sparkplug?: { hostId: string };
}) {
  return new Subscriptions(mqttClientSettings({ host: 'h', clientId: 'c', ...config }));
}

t.test('asks for the topics of its rules, or for what it is told to', async (t) => {
  t.same(subscriptionsOf({ topics: [{ filter: 'a/+' }, { filter: 'b/#' }] }).filters, ['a/+', 'b/#']);
  t.same(subscriptionsOf({ topics: [{ filter: 'a/+' }], subscribe: ['a/#'] }).filters, ['a/#']);
  t.same(subscriptionsOf({ sparkplug: { hostId: 'h' } }).filters, ['spBv1.0/#']);
});

t.test('leaves out what another filter covers', async (t) => {
  const topics = ['a/+/x', 'a/#', 'a', 'b/1', 'b/+', 'b/1'].map((filter) => ({ filter }));
  t.same(subscriptionsOf({ topics }).filters, ['a/#', 'b/+']);
});

const refused: [what: string, filters: string[], message: RegExp][] = [
  ['nothing to ask for', [], /topics and subscribe are empty/],
  ['filters that match the same topics', ['a/+/c', 'a/b/+'], /filters a\/\+\/c and a\/b\/\+ match the same topics/],
  ['a shared subscription', ['$share/group/a'], /shared subscription/],
  ['a wildcard inside a level', ['a/b#'], /wildcard inside a level/],
];
for (const [what, subscribe, message] of refused) {
  t.test(`refuses ${what}`, async (t) => {
    t.throws(() => subscriptionsOf({ subscribe }), { code: 'config-invalid', message });
  });
}

t.test('knows which topics were asked for', async (t) => {
  const subscriptions = subscriptionsOf({ subscribe: ['a/#', '$SYS/broker/+'] });
  for (const topic of ['a', 'a/b/c', '$SYS/broker/uptime', 'a']) t.ok(subscriptions.asksFor(topic), topic);
  for (const topic of ['b', 'A', '$SYS/broker/a/b', '']) t.notOk(subscriptions.asksFor(topic), topic);
});

t.test('filters cover and meet as the topics say that they match', async () => {
  const level = fc.constantFrom('a', 'b', '$s', '');
  const topic = fc.array(level, { minLength: 1, maxLength: 4 });
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 3 }), fc.boolean())
    .map(([levels, rest]) => (rest || levels.length === 0 ? [...levels, '#'] : levels));
  fc.assert(
    fc.property(filter, filter, topic, (one, other, met) => {
      const [inOne, inOther] = [matchFilter(one, met) !== undefined, matchFilter(other, met) !== undefined];
      if (inOne && inOther && !meet(one, other)) return false;
      return !(inOther && covers(one, other) && !inOne);
    }),
    { numRuns: 5000 },
  );
});

t.test('filters meet, and cover, only where a topic shows it', async () => {
  const levels = ['a', 'b', '$s'];
  const filters = [['#'], ['+'], ['a'], ['a', '#'], ['a', '+'], ['+', 'b'], ['$s', '#'], ['+', '+', '#']];
  const topics = levels.flatMap((first) => [
    [first],
    ...levels.flatMap((second) => [[first, second], ...levels.map((third) => [first, second, third])]),
  ]);
  const matched = (filter: readonly string[]) => topics.filter((topic) => matchFilter(filter, topic) !== undefined);
  for (const one of filters) {
    for (const other of filters) {
      const [ofOne, ofOther] = [matched(one), matched(other)];
      const name = `${one.join('/')} and ${other.join('/')}`;
      t.equal(
        meet(one, other),
        ofOne.some((topic) => ofOther.includes(topic)),
        `${name} meet`,
      );
      t.equal(
        covers(one, other),
        ofOther.every((topic) => ofOne.includes(topic)),
        `${name} cover`,
      );
    }
  }
});
