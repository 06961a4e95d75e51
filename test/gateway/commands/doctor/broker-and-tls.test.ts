/** What the doctor finds at brokers, certificates and GVRET adapters: at a real mosquitto and at an adapter that is simulated. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect, connectAsync } from 'mqtt';
import t, { type Test } from 'tap';
import { canSettings } from '../../../../collectors/can/can-config.ts';
import type { MqttClientConfig } from '../../../../collectors/mqtt/client/client-config.ts';
import { brokerFindings, lookAtBroker } from '../../../../gateway/commands/doctor/broker-check.ts';
import { canFindings } from '../../../../gateway/commands/doctor/can-findings.ts';
import { lookAtCan } from '../../../../gateway/commands/doctor/can-sightings.ts';
import type { Examined } from '../../../../gateway/commands/doctor/finding.ts';
import { tlsFindings } from '../../../../gateway/commands/doctor/tls-findings.ts';
import type { SourceConfig } from '../../../../gateway/commands/source-kinds.ts';
import { MosquittoBroker } from '../../../collectors/mqtt/client/mosquitto-broker.ts';
import { Certificates } from '../../../collectors/tls/certificates.ts';
import { requireTools } from '../../../debian.ts';
import { freePort } from '../../../free-port.ts';
import { listenGvret } from '../../../hardware/can/gvret-adapter.ts';

const LISTEN_MS = 1000;
const DAY_MS = 86_400_000;

async function atBroker(config: Partial<MqttClientConfig> & { port: number }, nowMs = Date.now()): Promise<Examined> {
  const whole = { host: '127.0.0.1', clientId: 'box', subscribe: ['site/#'], ...config };
  return brokerFindings(await lookAtBroker('plant', whole, LISTEN_MS), nowMs);
}

const codes = ({ findings }: Examined) => findings.map(({ code }) => code);

if (requireTools(t, 'mosquitto')) {
  t.test('a broker that lets the client in is well, and nothing is taken from the session that it keeps', async (t) => {
    const broker = await MosquittoBroker.start(t);
    const url = `mqtt://127.0.0.1:${broker.port}`;
    const box = await connectAsync(url, { clientId: 'box', clean: false });
    await box.subscribeAsync('site/#', { qos: 1 });
    await box.endAsync();
    const device = await connectAsync(url);
    await device.publishAsync('site/level', '7', { qos: 1, retain: true });
    t.match(await atBroker({ port: broker.port }), {
      findings: [],
      sound: [{ about: 'source plant', seen: /accepts the client and its subscriptions; 1 messages/ }],
    });
    t.same(codes(await atBroker({ port: broker.port, subscribe: ['other/#'] })), ['topics-silent']);
    const again = connect(url, { clientId: 'box', clean: false });
    t.equal(await new Promise((resolve) => again.once('message', resolve)), 'site/level');
    await again.endAsync();
    await device.endAsync();
  });

  t.test('who is not let in, and what may not be read, is told', async (t) => {
    const broker = await MosquittoBroker.start(t, ['allow_anonymous false', 'password_file {folder}/users'], (folder) =>
      writeFileSync(join(folder, 'users'), ''),
    );
    const refused = await atBroker({ port: broker.port, user: 'box', password: 'wrong' });
    t.match(refused.findings, [
      { code: 'credentials-refused', mend: { path: ['sources', 'plant', 'user'] }, seen: /refuses user "box"/ },
    ]);
  });

  t.test(
    'a certificate that ends soon, is of another authority or for another name is told with the key to set',
    async (t) => {
      const certificates = new Certificates(t);
      const { cert, key } = certificates.issue('broker', { days: 30, altNames: 'DNS:broker.example' });
      const lines = [`certfile ${cert}`, `keyfile ${key}`];
      const broker = await MosquittoBroker.start(t, lines);
      const { port } = broker;
      const ca = certificates.ca.cert;
      const named = { ca, serverName: 'broker.example' };
      t.same(codes(await atBroker({ port, tls: named })), ['topics-silent']);
      t.same(codes(await atBroker({ port, tls: named }, Date.now() + 20 * DAY_MS)), [
        'certificate-expires',
        'topics-silent',
      ]);
      t.match((await atBroker({ port, tls: {} })).findings, [
        { code: 'tls-refused', mend: { path: ['sources', 'plant', 'tls', 'ca'] }, seen: /no authority/ },
      ]);
      t.match((await atBroker({ port, tls: { ca } })).findings, [
        { code: 'tls-refused', mend: { path: ['sources', 'plant', 'tls', 'serverName'] } },
      ]);
      t.match((await atBroker({ port, tls: { ca: certificates.path('none') } })).findings, [
        { seen: /cannot be read/ },
      ]);
    },
  );
}

t.test('where nothing listens, or something else does, is told', async (t) => {
  t.same(codes(await atBroker({ port: await freePort() })), ['host-unreachable']);
  const other = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH\r\n'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  t.same(codes(await atBroker({ port: (other.address() as { port: number }).port })), ['host-unreachable']);
});

/** The TLS section of a broker of ours. */
function server(cert: string, key: string, nowMs = Date.now()): Examined {
  const source = { type: 'mqtt', port: 8883, tls: { cert, key } } as unknown as SourceConfig;
  return tlsFindings({ ours: source }, nowMs);
}

t.test('certificates of the config: how long they are valid, for whom, and by whom', async (t) => {
  const certificates = new Certificates(t);
  const { cert, key } = certificates.issue('box', { days: 90 });
  t.match(server(cert, key), {
    findings: [],
    sound: [{ seen: /is valid for 89 days, for DNS:localhost, IP Address:127.0.0.1/ }],
  });
  t.same(codes(server(cert, key, Date.now() + 80 * DAY_MS)), ['certificate-expires']);
  t.match(server(cert, key, Date.now() + 91 * DAY_MS).findings, [{ code: 'tls-unusable', seen: /expired/ }]);
  t.same(codes(server(cert, key, Date.now() - 10 * DAY_MS)), ['certificate-not-yet-valid']);
  t.match(server(cert, certificates.ca.key).findings, [
    { code: 'tls-unusable', mend: { path: ['sources', 'ours', 'tls', 'key'] }, seen: /key of another certificate/ },
  ]);
  const chained = certificates.path('chained.crt');
  const other = certificates.authority('other');
  writeFileSync(chained, readFileSync(cert, 'utf8') + readFileSync(other.cert, 'utf8'));
  t.match(
    server(chained, key, Date.now() - 10_000).findings.find(({ code }) => code === 'certificate-chain'),
    {
      seen: /number 2 is not the authority of number 1/,
    },
  );
  t.same(codes(server(certificates.ca.cert, certificates.ca.key)).sort(), [
    'certificate-expires',
    'certificate-nameless',
  ]);
});

async function atGvret(t: Test, gvret: string, port: number): Promise<Examined> {
  const settings = canSettings({ bus: { gvret, port } });
  return canFindings([await lookAtCan('car', settings, LISTEN_MS)], { ports: [], dbc: [], folder: t.testdir({}) });
}

t.test('a GVRET adapter: with frames, without, not there, and by a path that is not there', async (t) => {
  const { adapter, port, close } = await listenGvret();
  t.teardown(close);
  const passing = setInterval(() => {
    adapter.pass({ bus: 0, id: 256, data: Uint8Array.of(1, 0), time: Math.round(performance.now() * 1e3) });
  }, 20);
  t.teardown(() => clearInterval(passing));
  t.same(codes(await atGvret(t, '127.0.0.1', port)), ['dbc-missing'], 'frames that no DBC file has');
  t.same(adapter.setup, [], 'it was not set up');
  clearInterval(passing);
  t.same(codes(await atGvret(t, '127.0.0.1', port)), ['bus-silent']);
  t.same(codes(await atGvret(t, '127.0.0.1', await freePort())), ['bus-unreachable']);
  t.match((await atGvret(t, '/dev/serial/by-id/none', 23)).findings, [
    { code: 'port-missing', seen: /\/dev\/serial\/by-id\/none is not there/ },
  ]);
});
