import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import {
  RETAINED_BYTES_MAX,
  RETAINED_TOPICS_MAX,
  RetainedMessages,
} from '../../../../collectors/mqtt/distribution/retained-messages.ts';
import { matchFilter } from '../../../../collectors/mqtt/topic-rules.ts';

const ONE = Buffer.alloc(1);
const NONE = Buffer.alloc(0);

function topicsOf(retained: RetainedMessages, filter: string): string[] {
  return [...retained.matching(filter)].flatMap((message) => (message === undefined ? [] : [message.topic])).sort();
}

t.test('retained messages have a bound in number', async (t) => {
  const retained = new RetainedMessages(() => {});
  for (let n = 0; n < RETAINED_TOPICS_MAX; n++) retained.set(`t/${n}`, ONE, 0);
  t.equal(retained.refused, 0);
  retained.set('one/more', ONE, 0);
  t.same([retained.refused, retained.get('one/more')], [1, undefined]);
  retained.set('t/1', Buffer.alloc(100), 0);
  t.equal(retained.get('t/1')?.payload.length, 100, 'a known topic may change');
  retained.set('t/2', NONE, 0);
  retained.set('one/more', ONE, 0);
  t.ok(retained.get('one/more'), 'one that is deleted makes room');
});

t.test('retained messages have a bound in bytes', async (t) => {
  const retained = new RetainedMessages(() => {});
  retained.set('a', Buffer.alloc(RETAINED_BYTES_MAX - 2), 1);
  retained.set('b', ONE, 1);
  t.same([retained.refused, retained.get('b')], [1, undefined]);
  retained.set('a', ONE, 1);
  retained.set('b', ONE, 1);
  t.same([retained.refused, retained.get('b')?.qos], [1, 1]);
});

t.test('a filter finds the retained messages that it matches, and no others', async () => {
  const level = fc.constantFrom('a', 'b', '', '$c');
  const filterLevel = fc.constantFrom('a', 'b', '', '$c', '+');
  const filters = fc
    .tuple(fc.array(filterLevel, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'));
  const topics = fc.uniqueArray(fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/')));
  fc.assert(
    fc.property(topics, filters, (names, filter) => {
      const retained = new RetainedMessages(() => {});
      const set = names.filter((name) => name !== '');
      for (const name of set) retained.set(name, ONE, 0);
      const matched = set.filter((name) => matchFilter(filter.split('/'), name.split('/')) !== undefined);
      return topicsOf(retained, filter).join() === matched.sort().join();
    }),
    { numRuns: 500 },
  );
});
