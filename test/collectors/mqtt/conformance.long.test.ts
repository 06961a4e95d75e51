import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { requireTools } from '../../debian.ts';
import { FakeIntake } from './fake-intake.ts';
import { hold, readSequences } from './packet-sequences.ts';
import { runPaho } from './paho.ts';
import { runBroker } from './running-broker.ts';

/*
 * Suites that others wrote for brokers. None of them is part of the project: the environment tells where they are, and what they
 * say stands in the README, which is held against them here.
 */

/** Folder `interoperability` of eclipse-paho/paho.mqtt.testing. */
const PAHO = process.env.CAISSON_TEST_PAHO;
/** Folder `test/broker/data` of eclipse/mosquitto. */
const MOSQUITTO = process.env.CAISSON_TEST_MOSQUITTO;

/** Folder `specification/src/main/asciidoc/chapters` of eclipse-sparkplug/sparkplug. */
const SPARKPLUG = process.env.CAISSON_TEST_SPARKPLUG;

/** Assertions that say something of a host, or of the MQTT server. */
const OF_HOSTS =
  /^(components-ph|host-topic|message-flow-(phid|hid)|conformance-mqtt|payloads-(state|ncmd|dcmd)|topics-(ncmd|dcmd)|operational-behavior-(host|data-commands-[nd]cmd|edge-node-termination-host-action))/;

/** Which sequences end otherwise here, how many they are, and why; rows of the README. */
const OTHERWISE: readonly [group: string, names: RegExp, count: number, why: string][] = [
  [
    'control characters in text',
    /U\+00(01|1F|7F|9F)|0x00(01|1F|7F|9F)/,
    24,
    'taken: a receiver may close the connection, and need not (1.5.3)',
  ],
  [
    'versions that there are not, in a CONNECT',
    /CONNECT 10 proto ver [26]/,
    4,
    'refused by return code 1, as MQTT 3.1.1 has it (3.1.2-2), not by a reason code of MQTT 5',
  ],
  ['shared subscriptions', /shared|\$share ok/, 3, 'refused: they are no part of MQTT 3.1.1'],
  [
    'the same message at QoS 2 three times without the DUP flag',
    /QoS 2 Dup flow\*3/,
    1,
    'taken as repeats, stored once: mqtt.js sends them so',
  ],
];

function sectionOf(title: string): string {
  const page = readFileSync(join(PROJECT_ROOT, 'collectors/mqtt/README.md'), 'utf8');
  return page.slice(page.indexOf(`## ${title}`)).replace(/ {2,}/g, ' ');
}

t.test('the client tests of paho.mqtt.testing pass, each of them', { timeout: 180_000 }, async (t) => {
  if (PAHO === undefined || !existsSync(join(PAHO, 'client_test.py'))) {
    t.pass('', { skip: 'CAISSON_TEST_PAHO names no folder with client_test.py of paho.mqtt.testing' });
    return;
  }
  if (!requireTools(t, 'python3')) return;
  const { port } = await runBroker(t, { private: ['test/nosubscribe'] }, new FakeIntake(5));
  const { results, output } = await runPaho(PAHO, port);
  const rows = [...results].map(([name, verdict]) => `| \`${name}\` | ${verdict === 'ok' ? 'pass' : 'fail'} |`);
  t.ok(rows.length > 0, output);
  for (const row of rows) t.ok(sectionOf('Conformance').includes(row), row);
  t.same(
    [...results.values()].filter((verdict) => verdict !== 'ok'),
    [],
    output,
  );
});

t.test(
  'the packet sequences of mosquitto for MQTT 3 go as they say, or as the README says',
  { timeout: 180_000 },
  async (t) => {
    if (MOSQUITTO === undefined || !existsSync(join(MOSQUITTO, 'CONNECT.json'))) {
      t.pass('', { skip: 'CAISSON_TEST_MOSQUITTO names no folder with the sequences of mosquitto' });
      return;
    }
    const all = readSequences(MOSQUITTO);
    const sequences = all.filter(({ version }) => version < 5);
    const { port } = await runBroker(t, {}, new FakeIntake(1));
    const counts = new Map(OTHERWISE.map(([group]) => [group, 0]));
    for (const sequence of sequences) {
      const why = await hold(sequence, port);
      const group = why === undefined ? undefined : OTHERWISE.find(([, names]) => names.test(sequence.name))?.[0];
      if (group !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1);
      else if (why !== undefined) t.fail(`${sequence.name}: ${why}`);
    }
    const otherwise = OTHERWISE.reduce((sum, [, , count]) => sum + count, 0);
    t.same(
      [...counts.values()],
      OTHERWISE.map(([, , count]) => count),
    );
    const section = sectionOf('Conformance');
    for (const [group, , count, why] of OTHERWISE) t.ok(section.includes(`| ${group} | ${count} | ${why} |`), group);
    const others = (all.length - sequences.length).toLocaleString('en');
    t.ok(section.includes(`its ${others} for MQTT 5`), `${others} for MQTT 5`);
    t.ok(section.includes(`| as they say | ${sequences.length - otherwise} | |`), `${sequences.length} sequences`);
  },
);

t.test('the README says of each assertion of Sparkplug on hosts whether it holds', async (t) => {
  if (SPARKPLUG === undefined || !existsSync(SPARKPLUG)) {
    t.pass('', { skip: 'CAISSON_TEST_SPARKPLUG names no folder with the chapters of the specification' });
    return;
  }
  const chapters = readdirSync(SPARKPLUG).map((name) => readFileSync(join(SPARKPLUG, name), 'utf8'));
  const ids = chapters.flatMap((text) =>
    [...text.matchAll(/tck-testable tck-id-([a-z0-9-]+)/g)].map(([, id = '']) => id),
  );
  const asserted = [...new Set(ids)].filter((id) => OF_HOSTS.test(id));
  t.ok(asserted.length > 80, `${asserted.length} assertions`);
  const named = [...sectionOf('Conformance').matchAll(/`([a-z0-9-]+)(\*?)`/g)];
  for (const id of asserted) {
    const isNamed = named.some(([, name = '', more]) => (more === '*' ? id.startsWith(name) : id === name));
    if (!isNamed) t.fail(id);
  }
});
