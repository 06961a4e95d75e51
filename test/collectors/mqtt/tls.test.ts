import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import mqtt from 'mqtt';
import t, { type Test } from 'tap';
import type { MqttConfig } from '../../../collectors/mqtt/config.ts';
import { requireTools } from '../../debian.ts';
import { waitFor } from '../../wait-for.ts';
import { Certificates, type Pair } from '../tls/certificates.ts';
import { MosquittoBroker } from './client/mosquitto-broker.ts';
import { type PartOfConfig, runClient, startClient } from './client/running-client.ts';
import { FakeIntake } from './fake-intake.ts';
import { connectPacket } from './raw-client.ts';
import { runBroker } from './running-broker.ts';

/** What an MQTT client of another make meets at a port of ours. */
async function knock(port: number, ca: Pair, own?: Pair, login: object = {}): Promise<string> {
  const client = mqtt.connect({
    protocol: 'mqtts',
    host: 'localhost',
    port,
    ca: readFileSync(ca.cert),
    ...(own && { cert: readFileSync(own.cert), key: readFileSync(own.key) }),
    reconnectPeriod: 0,
    ...login,
  });
  try {
    return await new Promise<string>((resolve) => {
      client.on('connect', () => resolve('in'));
      client.on('error', (error) => resolve(error.message));
      client.on('close', () => resolve('closed'));
    });
  } finally {
    await client.endAsync(true);
  }
}

async function runTlsBroker(t: Test, made: Certificates, config: MqttConfig = {}) {
  const server = made.issue('gateway');
  return runBroker(t, { tls: server, ...config }, new FakeIntake(0));
}

t.test('the broker speaks TLS, and takes what is published over it', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const { collector, intake, port } = await runTlsBroker(t, made);
  const client = await mqtt.connectAsync({
    protocol: 'mqtts',
    host: 'localhost',
    port,
    ca: readFileSync(made.ca.cert),
    reconnectPeriod: 0,
  });
  t.teardown(() => client.endAsync(true));
  await Promise.all(
    Array.from({ length: 200 }, (_, n) => client.publishAsync('n', String(n), { qos: n % 2 === 0 ? 1 : 2 })),
  );
  t.equal(intake.values('n').length, 200);

  const plain = connect(port, '127.0.0.1', () => plain.write(connectPacket('plain')));
  plain.on('error', () => {});
  await waitFor('refused', () => collector.health().errors.tls === 1);
  t.match(collector.details().offenders, [{ reason: 'tls', topic: /127\.0\.0\.1/ }]);
  plain.destroy();
});

t.test('a certificate that is named lets a client in, and so does a password', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const [ca, stranger] = [made.ca, made.authority('stranger')];
  const users = [{ name: 'car7', password: 'p' }];
  const server = made.issue('gateway');
  const tls = { ...server, clientCa: ca.cert, clients: ['pump7'] };
  const { collector, port } = await runTlsBroker(t, made, { listen: '0.0.0.0', users, tls });
  const password = { username: 'car7', password: 'p' };
  t.equal(await knock(port, ca, made.issue('pump7')), 'in');
  t.equal(await knock(port, ca, undefined, password), 'in', 'a password lets in without a certificate');
  t.equal(await knock(port, ca, made.issue('pump8'), password), 'in', 'and with one of nobody');
  t.match(await knock(port, ca), /Not authorized|Bad username/);
  t.match(await knock(port, ca, undefined, { username: 'pump7', password: 'p' }), /Bad username|Not authorized/);
  t.match(await knock(port, ca, made.issue('pump8')), /Bad username|Not authorized/);
  t.equal(await knock(port, ca, made.issue('pump7', { authority: stranger })), 'closed');
  t.equal(await knock(port, ca, made.issue('pump7', { days: -1 })), 'closed');
  t.same(collector.health().errors, { credentials: 3, certificate: 2 });
  const details = collector.details().offenders.map(({ reason, detail }) => `${reason}: ${detail}`);
  t.match(details.join('\n'), /certificate: certificate of "pump7": CERT_HAS_EXPIRED/);
  t.match(details.join('\n'), /credentials: user "", certificate of "pump8"/);
});

t.test('without users every certificate of the authority lets in, and nothing else does', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const tls = { ...made.issue('gateway'), clientCa: made.ca.cert };
  const { port } = await runTlsBroker(t, made, { listen: '0.0.0.0', tls });
  t.equal(await knock(port, made.ca, made.issue('anyone')), 'in');
  t.match(await knock(port, made.ca), /Bad username|Not authorized/);
});

t.test('names of certificates without their authority are refused at start', async (t) => {
  await t.rejects(runBroker(t, { tls: { cert: 'a', key: 'b', clients: ['pump7'] } }), {
    code: 'config-invalid',
    message: /tls\.clients names certificates/,
  });
});

t.test('a certificate that cannot serve is a state in health, and its file is named', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const tls = made.issue('gateway', { days: -1 });
  const { collector, port } = await runBroker(t, { tls });
  t.match(collector.health(), { state: 'waiting', problem: /gateway\.crt holds a certificate that expired/ });
  t.equal(port, 0);
  made.issue('gateway');
  await waitFor('listening', () => (collector.port ?? 0) > 0);
  t.equal(await knock(collector.port ?? 0, made.ca), 'in');
});

t.test('a new certificate serves without a restart, a broken one changes nothing and is told', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const { collector, port } = await runTlsBroker(t, made);
  made.issue('gateway', { days: -1 });
  await waitFor('told', () => collector.health().errors.tls === 1);
  t.match(collector.details().offenders, [{ reason: 'tls', detail: /gateway\.crt holds a certificate that expired/ }]);
  t.equal(await knock(port, made.ca), 'in', 'the old one serves');
  const other = made.authority('other');
  made.issue('gateway', { authority: other });
  let met = '';
  const end = performance.now() + 120_000;
  while (met !== 'in' && performance.now() < end) met = await knock(port, other);
  t.equal(met, 'in');
  t.match(await knock(port, made.ca), /unable to verify|certificate/);
});

t.test('the client speaks TLS with a mosquitto, with a certificate of its own', async (t) => {
  if (!requireTools(t, 'openssl', 'mosquitto-broker')) return;
  const made = new Certificates(t);
  const [server, own, ca] = [made.issue('server'), made.issue('pit'), made.ca.cert];
  const broker = await MosquittoBroker.start(t, [
    `cafile ${ca}`,
    `certfile ${server.cert}`,
    `keyfile ${server.key}`,
    'require_certificate true',
    'use_identity_as_username true',
  ]);
  for (const version of ['3.1.1', 5] as const) {
    // Each has an id of its own: the first runs on, and would connect again in place of the second.
    const config = { port: broker.port, version, clientId: `caisson-${version}`, tls: { ca, ...own } };
    const { intake } = await runClient(t, config, new FakeIntake(0));
    const publisher = await mqtt.connectAsync({
      protocol: 'mqtts',
      host: 'localhost',
      port: broker.port,
      ca: readFileSync(ca),
      cert: readFileSync(own.cert),
      key: readFileSync(own.key),
      clientId: `publisher-${version}`,
    });
    await publisher.publishAsync('n', '1', { qos: 1 });
    await waitFor('heard', () => intake.values('n').length === 1);
    await publisher.endAsync();
  }
  const without = await startClient(t, { port: broker.port, tls: { ca }, clientId: 'without' });
  await waitFor('refused', () => without.collector.health().state === 'waiting');
  t.match(
    without.collector.health().problem,
    /it (?:asks|may ask) for a certificate of this end.* set tls\.cert and tls\.key/,
  );
});

t.test('whoever is not the broker that is meant is named, and sent nothing', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const other = made.authority('other');
  const ca = made.ca.cert;
  const cases: [what: string, server: Pair, client: object, message: RegExp][] = [
    [
      'wrong authority',
      made.issue('good'),
      { tls: { ca: other.cert } },
      /certificate is of no authority of .*other\.crt/,
    ],
    ['no authority', made.issue('good'), { tls: {} }, /of no authority that Node\.js knows; set tls\.ca/],
    [
      'wrong host',
      made.issue('far', { altNames: 'DNS:far.example' }),
      { tls: { ca } },
      /is not for 127\.0\.0\.1; set tls\.serverName/,
    ],
    [
      'own key',
      made.issue('good'),
      { tls: { ca, cert: ca, key: other.key } },
      /other\.key holds the key of another certificate/,
    ],
    ['own authority', made.issue('good'), { tls: { ca: made.path('none.crt') } }, /none\.crt cannot be read/],
  ];
  for (const [what, server, config, message] of cases) {
    const broker = await runBroker(t, { tls: server }, new FakeIntake(0));
    const { collector } = await startClient(t, { port: broker.port, ...config });
    await waitFor(what, () => collector.health().state === 'waiting');
    t.match(collector.health().problem, message, what);
    t.equal(broker.collector.details().clients, 0);
    t.same(broker.intake.samples, []);
  }
  const far = await runBroker(t, { tls: made.issue('far', { altNames: 'DNS:far.example' }) }, new FakeIntake(0));
  await runClient(t, { port: far.port, tls: { ca, serverName: 'far.example' } });
  const plain = await runBroker(t, {}, new FakeIntake(0));
  const { collector } = await startClient(t, { port: plain.port, tls: { ca } });
  await waitFor('no TLS', () => collector.health().state === 'waiting');
  t.match(collector.health().problem, /it may not speak TLS on this port: look at the port, or leave tls out$/);
});

t.test('a port that speaks something else than the config says is told, with what to set', async (t) => {
  if (!requireTools(t, 'openssl')) return;
  const made = new Certificates(t);
  const ca = made.ca.cert;
  const tls = { ca };
  const answering = async (bytes: string) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(Buffer.from(bytes, 'latin1')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    return (server.address() as { port: number }).port;
  };
  const secure = await runTlsBroker(t, made);
  const stranger = made.issue('pit', { authority: made.authority('strangers') });
  const asking = await runTlsBroker(t, made, { tls: { ...made.issue('asking'), clientCa: ca } });
  const cases: [what: string, config: PartOfConfig, message: RegExp][] = [
    [
      'TLS at SSH',
      { port: await answering('SSH-2.0-OpenSSH_9\r\n'), tls },
      /does not speak TLS on this port; look at the port/,
    ],
    [
      'TLS at HTTP',
      { port: await answering('HTTP/1.1 400 Bad Request\r\n\r\n'), tls },
      /does not speak TLS on this port/,
    ],
    ['plain at TLS', { port: secure.port }, /it (?:may speak|speaks) TLS on this port[:;] set tls/],
    [
      'an alert of TLS',
      { port: await answering('\x15\x03\x03\x00\x02\x02\x46') },
      /: it speaks TLS on this port; set tls/,
    ],
    ['nobody', { port: 1 }, /nothing listens there; does the broker run, and is that its port\?/],
    [
      'another authority',
      { port: asking.port, tls: { ca, ...stranger } },
      /(?:asks for another certificate than that of|may not trust the certificate of) .*pit\.crt/,
    ],
  ];
  for (const [what, config, message] of cases) {
    const { collector } = await startClient(t, config);
    await waitFor(what, () => collector.health().state === 'waiting');
    t.match(collector.health().problem, message, what);
    t.notMatch(collector.health().problem, /SSL routines|openssl|error:0/, what);
    await collector.stop();
  }
});

t.test('an expired certificate of the broker is named', async (t) => {
  if (!requireTools(t, 'openssl', 'mosquitto-broker')) return;
  const made = new Certificates(t);
  const server = made.issue('server', { days: -1 });
  const broker = await MosquittoBroker.start(t, [`certfile ${server.cert}`, `keyfile ${server.key}`]);
  const { collector } = await startClient(t, { port: broker.port, tls: { ca: made.ca.cert } });
  await waitFor('refused', () => collector.health().state === 'waiting');
  t.match(collector.health().problem, /its certificate has expired; it needs a new one, or the clock here is wrong/);
});
