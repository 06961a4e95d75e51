import { Buffer } from 'node:buffer';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { type Channel, defineChannel } from '../../gateway/channel.ts';
import { ChannelRegistry } from '../../gateway/channel-registry.ts';
import { CHANNEL_NAME_BYTES_MAX } from '../../gateway/limits.ts';
import { cpuMs } from '../stolen-time.ts';

t.test('ids go on behind those the store knows, and a known name keeps its own', async (t) => {
  const announced: Channel[] = [];
  const known = [{ ...defineChannel({ name: 'a', source: 's' }), id: 7 }];
  const registry = new ChannelRegistry(known, (channel) => announced.push(channel));
  t.equal(registry.define({ name: 'a', source: 's' }).id, 7);
  t.same(announced, [], 'what has not changed is not announced');
  t.equal(registry.define({ name: 'b', source: 's' }).id, 8);
  t.equal(registry.define({ name: 'a', source: 's', unit: 'V' }).id, 7);
  t.same(
    announced.map(({ id, unit }) => ({ id, unit })),
    [
      { id: 8, unit: '' },
      { id: 7, unit: 'V' },
    ],
  );
  t.same([...registry.channels()].map(({ name }) => name).sort(), ['a', 'b']);
});

t.test('channels beyond the maximum share one, also after a restart', async (t) => {
  const announced: Channel[] = [];
  const registry = new ChannelRegistry([], (channel) => announced.push(channel), 2);
  for (const name of ['a', 'b']) t.notOk(registry.isOverflow(registry.define({ name, source: 's' }).id));
  const { id } = registry.define({ name: 'c', source: 's' });
  t.ok(registry.isOverflow(id));
  t.equal(registry.define({ name: 'd', source: 's' }).id, id);
  t.equal(registry.define({ name: 'a', source: 's' }).name, 'a', 'those that are there stay');
  const next = new ChannelRegistry(announced, () => t.fail('nothing is new'), 2);
  t.equal(next.define({ name: 'e', source: 's' }).id, id);
});

t.test('names beyond the maximum cost no memory for good', async (t) => {
  const registry = new ChannelRegistry([], () => {}, 100);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const flood = (from: number) => {
    for (let i = from; i < from + 50_000; i += 1) registry.define({ name: `${i}`.padStart(200, 'x'), source: 's' });
  };
  flood(0);
  const before = heap();
  for (let round = 1; round < 6; round += 1) flood(round * 50_000);
  t.ok(heap() - before < 10e6, `${Math.round((heap() - before) / 1e6)} MB for 250,000 names`);
});

t.test('long names are cut to the maximum, quickly, whole characters only, and stay apart', async (t) => {
  const long = `${'ä€😀/'.repeat(30_000)}`;
  const names: string[] = [];
  const took = cpuMs(() => {
    for (const end of [1, 2]) names.push(defineChannel({ name: `${long}${end}`, source: 's' }).name);
  });
  t.ok(took < 500, `${took} ms`);
  const [one, other] = names;
  for (const name of names) {
    const bytes = Buffer.from(name);
    t.ok(bytes.length <= CHANNEL_NAME_BYTES_MAX && bytes.length > CHANNEL_NAME_BYTES_MAX - 4, `${bytes.length} bytes`);
    t.equal(bytes.toString(), name);
    t.equal(defineChannel({ name, source: 's' }).name, name, 'a normal name stays as it is');
  }
  t.not(one, other);
});
