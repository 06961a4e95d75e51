import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import t from 'tap';
import { requireTools } from '../../debian.ts';
import { waitFor } from '../../wait-for.ts';
import { FakeIntake } from './fake-intake.ts';
import { runBroker } from './running-broker.ts';

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function run(command: string, port: number, args: readonly string[]) {
  const child = spawn(command, ['-h', '127.0.0.1', '-p', String(port), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Uint8Array) => {
      output += String(chunk);
    });
  }
  const ended: Promise<Ended> = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { child, ended, output: () => output };
}

for (const qos of ['1', '2']) {
  t.test(`mosquitto_pub at QoS ${qos} ends when its message is committed`, async (t) => {
    if (!requireTools(t, 'mosquitto')) return;
    const { intake, port } = await runBroker(t);
    const { child, ended } = run('mosquitto_pub', port, [
      '-q',
      qos,
      '-t',
      'tank/level',
      '-m',
      '{"level":3.5,"ok":true}',
    ]);
    await waitFor('taken', () => intake.samples.length === 2);
    t.equal(child.exitCode, null);
    intake.commit();
    t.same(await ended, { code: 0, output: '' });
    t.same([intake.values('tank/level/level'), intake.values('tank/level/ok')], [[3.5], [1]]);
  });
}

t.test('mosquitto_pub speaks 3.1 and 3.1.1, and is refused with the reason when it speaks 5', async (t) => {
  if (!requireTools(t, 'mosquitto')) return;
  const { collector, intake, port } = await runBroker(t, {}, new FakeIntake(0));
  for (const version of ['mqttv31', 'mqttv311']) {
    const { ended } = run('mosquitto_pub', port, ['-V', version, '-q', '1', '-t', 'v', '-m', version]);
    t.equal((await ended).code, 0);
  }
  t.same(intake.values('v'), ['mqttv31', 'mqttv311']);
  const { code, output } = await run('mosquitto_pub', port, ['-V', 'mqttv5', '-q', '1', '-t', 'v', '-m', '5']).ended;
  t.not(code, 0);
  t.match(output, /protocol version/i);
  t.same(collector.health().errors, { 'protocol-version': 1 });
});

t.test('mosquitto_sub sees the retained value as the last one and what is published behind it', async (t) => {
  if (!requireTools(t, 'mosquitto')) return;
  const { collector, intake, port } = await runBroker(t, {}, new FakeIntake(0));
  const publish = (...args: string[]) => run('mosquitto_pub', port, ['-q', '1', '-t', 'mode', ...args]).ended;
  await publish('-r', '-m', 'idle');
  const { ended, output } = run('mosquitto_sub', port, ['-q', '1', '-t', '#', '-C', '2', '-F', '%t %p %r']);
  await waitFor('retained', () => output() === 'mode idle 1\n');
  await publish('-m', 'pump');
  t.same(await ended, { code: 0, output: 'mode idle 1\nmode pump 0\n' });
  t.same(intake.values('mode'), ['idle', 'pump'], 'a retained value is one sample, however often it is delivered');
  await publish('-r', '-n');
  t.same(intake.values('mode'), ['idle', 'pump']);
  t.same(collector.health().errors, {}, 'deleting it is no bad input');
});

t.test('mosquitto_pub asks for its password', async (t) => {
  if (!requireTools(t, 'mosquitto')) return;
  const { collector, port } = await runBroker(t, { users: [{ name: 'car7', password: 'söft/1' }] }, new FakeIntake(0));
  const login = async (...args: string[]) =>
    (await run('mosquitto_pub', port, ['-q', '1', '-t', 'a', '-m', '1', ...args]).ended).code;
  t.equal(await login('-u', 'car7', '-P', 'söft/1'), 0);
  t.not(await login('-u', 'car7', '-P', 'soft/1'), 0);
  t.not(await login('-u', 'car7'), 0);
  t.not(await login(), 0);
  t.same(collector.health().errors, { credentials: 3 });
});

t.test(
  'mosquitto_pub repeats with the DUP flag what a cut line left unacknowledged, and it is stored once',
  async (t) => {
    if (!requireTools(t, 'mosquitto')) return;
    const { collector, intake, port } = await runBroker(t, { repeats: 'flagged' });
    // A line that the test can cut between the broker's commit and the client's PUBACK.
    const lines = new Set<() => void>();
    const proxy = createServer((client) => {
      const broker = connect(port, '127.0.0.1');
      const cut = () => {
        lines.delete(cut);
        client.destroy();
        broker.destroy();
      };
      lines.add(cut);
      for (const end of [client, broker]) end.on('error', cut).on('close', cut);
      client.pipe(broker).pipe(client);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    t.teardown(() => {
      for (const cut of lines) cut();
      proxy.close();
    });
    const address = proxy.address();
    const proxyPort = typeof address === 'object' && address !== null ? address.port : 0;
    const { child, ended } = run('mosquitto_pub', proxyPort, ['-i', 'meter', '-q', '1', '-t', 'kwh', '-l']);
    child.stdin.write('17\n');
    await waitFor('taken', () => intake.values('kwh').length === 1);
    for (const cut of lines) cut();
    intake.commit();
    await waitFor('recognised', () => collector.details().repeats === 1);
    child.stdin.end('18\n');
    await waitFor('the next one', () => intake.values('kwh').length === 2);
    intake.commit();
    t.equal((await ended).code, 0);
    t.same(intake.values('kwh'), [17, 18]);
  },
);
