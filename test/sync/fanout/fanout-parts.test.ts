import t from 'tap';
import { defineChannel } from '../../../gateway/channel.ts';
import type { SourceStatus } from '../../../gateway/status.ts';
import { sourceEvents } from '../../../sync/fanout/events.ts';
import { NATS_DEFAULTS, type NatsOptions, requireGuarded } from '../../../sync/fanout/nats-options.ts';
import { NatsSubjects, subjectToken } from '../../../sync/fanout/nats-subjects.ts';
import { RemoteWants } from '../../../sync/fanout/remote-wants.ts';
import { Wanted } from '../../../sync/fanout/wanted.ts';
import { parseWantedWord, wantedWords } from '../../../sync/fanout/wanted-words.ts';

const GUARDED: readonly { options: Partial<NatsOptions>; isLetIn: boolean }[] = [
  { options: { servers: ['nats://127.0.0.1:4222'] }, isLetIn: true },
  { options: { servers: ['nats://[::1]:4222'] }, isLetIn: true },
  { options: { servers: ['nats://10.0.0.1:4222'] }, isLetIn: false },
  { options: { servers: ['tls://10.0.0.1:4222'] }, isLetIn: false },
  { options: { servers: ['nats://anna:secret@10.0.0.1:4222'] }, isLetIn: false },
  { options: { servers: ['tls://anna:secret@10.0.0.1:4222'] }, isLetIn: true },
  { options: { servers: ['tls://10.0.0.1:4222'], credentials: 'hq.creds' }, isLetIn: true },
  { options: { servers: ['tls://10.0.0.1:4222'], cert: 'cert.pem', key: 'key.pem' }, isLetIn: true },
  { options: { servers: ['nats://127.0.0.1:4222', 'nats://10.0.0.1:4222'] }, isLetIn: false },
  { options: { servers: ['http://127.0.0.1:4222'] }, isLetIn: false },
  { options: { servers: ['127.0.0.1'] }, isLetIn: false },
  { options: { servers: [] }, isLetIn: false },
  { options: { servers: ['tls://token@10.0.0.1:4222', 'tls://token@10.0.0.2:4222'] }, isLetIn: true },
  { options: { servers: ['tls://anna:a@10.0.0.1:4222', 'tls://bert:b@10.0.0.2:4222'] }, isLetIn: false },
  { options: { servers: ['tls://anna:100%@10.0.0.1:4222'] }, isLetIn: false },
];

for (const { options, isLetIn } of GUARDED) {
  t.test(`a cluster at ${options.servers?.join(' and ')} is ${isLetIn ? 'reached' : 'refused'}`, async (t) => {
    const check = () => requireGuarded({ ...NATS_DEFAULTS, servers: [], ...options });
    if (isLetIn) t.doesNotThrow(check);
    else t.throws(check, { code: 'config-invalid' });
  });
}

t.test('a name is one token of a subject, and no two names the same', async (t) => {
  t.same(['car7', 'car.7', 'a b', '*', '>', 'é', 'a=b', ''].map(subjectToken), [
    ...['car7', 'car=2E7', 'a=20b', '=2A', '=3E', '=C3=A9', 'a=3Db', ''],
  ]);
  const subjects = new NatsSubjects('hq.eu');
  t.equal(subjects.of('samples', 'car.7'), 'caisson.hq=2Eeu.samples.car=2E7');
  t.equal(subjects.event('car', 'gap'), 'caisson.hq=2Eeu.events.car.gap');
  t.equal(subjects.stream('events'), 'caisson-hq=2Eeu-events');
});

t.test('what others watch counts as long as they say it', async (t) => {
  const wants = new RemoteWants();
  wants.hear('car', 'p1', ['a', 'b'], 0);
  wants.hear('car', 'p2', ['b', 'c'], 10_000);
  t.same([...wants.channels('car', 14_000)].sort(), ['a', 'b', 'c']);
  t.same([...wants.channels('car', 16_000)].sort(), ['b', 'c'], 'the first was not heard for 15 s');
  wants.hear('car', 'p2', [], 17_000);
  t.same([...wants.channels('car', 17_000)], []);
});

t.test('what is watched is said in messages of bounded size, and read as it was said', async (t) => {
  t.same(wantedWords('car', []).map(parseWantedWord), [{ gateway: 'car', channels: [], part: 0 }]);
  const channels = Array.from({ length: 20_000 }, (_, i) => `car/${'x'.repeat(40)}${i}`);
  const words = wantedWords('car', channels);
  t.ok(words.length > 1 && words.every(({ length }) => length < 512 * 1024));
  t.same(
    words.map(parseWantedWord).flatMap((word) => word.channels),
    channels,
  );
  t.same(
    words.map((word) => parseWantedWord(word).part),
    [...words.keys()],
  );
  for (const word of ['null', '[]', '{"gateway": "car"}', '{"gateway": "car", "channels": [1], "part": 0}']) {
    t.throws(() => parseWantedWord(Buffer.from(word)), { code: 'peer-invalid' }, word);
  }
});

t.test('what nobody can be meant to say so often is not heard', async (t) => {
  const wants = new RemoteWants();
  for (let i = 0; i < 1_000; i += 1) wants.hear('car', `p${i}`, [`channel${i}`], 0);
  t.equal(wants.channels('car', 0).size, 256);
});

t.test('what is watched here is known until the last who watches it has gone', async (t) => {
  const wanted = new Wanted();
  const told: string[] = [];
  wanted.onChange((gateway) => told.push(gateway));
  const channel = (name: string, id: number) => ({ ...defineChannel({ name, source: 's' }), id, gateway: 'car' });
  const first = wanted.want([channel('a', 1), channel('b', 2)], 'values');
  const second = wanted.want([channel('b', 2)], 'values');
  const third = wanted.want([channel('c', 3)], 'news');
  t.same(
    [...wanted.channels('car')],
    [
      ['a', 1],
      ['b', 2],
    ],
    'of news no values',
  );
  first();
  first();
  t.same([...wanted.channels('car')], [['b', 2]]);
  second();
  t.same(wanted.gateways, ['car']);
  third();
  t.same(wanted.gateways, []);
  t.same(told, Array(6).fill('car'));
});

t.test('a change in the health of a source is an event, a change of its counters is not', async (t) => {
  const source = (name: string, state: SourceStatus['state'], problem?: string): SourceStatus => {
    const counters = { received: 0, samples: 0, rate: 0, errors: {}, dropped: 0 };
    return { name, kind: 'can', state, ...counters, ...(problem === undefined ? {} : { problem }) };
  };
  t.same(sourceEvents(undefined, [source('a', 'running')], 1), [], 'not at the first look');
  t.same(
    sourceEvents(
      [source('a', 'running'), source('b', 'running'), source('c', 'running')],
      [{ ...source('a', 'running'), received: 7 }, source('b', 'waiting', 'unplugged'), source('d', 'starting')],
      5,
    ),
    [
      { kind: 'source', time: 5, source: 'b', state: 'waiting', problem: 'unplugged' },
      { kind: 'source', time: 5, source: 'd', state: 'starting' },
      { kind: 'source', time: 5, source: 'c', state: 'gone' },
    ],
  );
});
