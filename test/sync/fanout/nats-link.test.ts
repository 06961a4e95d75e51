import { writeFileSync } from 'node:fs';
import { jetstreamManager } from '@nats-io/jetstream';
import { nkeys } from '@nats-io/transport-node';
import t, { type Test } from 'tap';
import { NatsLink, type NatsLinkParts } from '../../../sync/fanout/nats-link.ts';
import { NATS_DEFAULTS, type NatsOptions } from '../../../sync/fanout/nats-options.ts';
import { NatsSubjects } from '../../../sync/fanout/nats-subjects.ts';
import { Certificates, type Pair } from '../../collectors/tls/certificates.ts';
import { requireTools } from '../../debian.ts';
import { freePort } from '../../free-port.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { CaissonProcess } from '../caisson-process.ts';
import { NatsCluster } from './nats-cluster.ts';
import { MuteServer, NatsServer, startNatsServer } from './nats-server.ts';

const HOST = '127.0.0.1';
const LIMIT_MS = 180_000;
const TOKEN = 'a-token-of-some-length';

/** What is seen of a server that ends the handshake behind it, as TLS 1.3 has it, or while it goes on. */
const SILENT = /timeout|certificate|alert|ECONN|closed/i;

function openLink(
  t: Test,
  options: Partial<NatsOptions>,
  more: Partial<Pick<NatsLinkParts, 'process' | 'stuckMs'>> = {},
): NatsLink {
  const link = new NatsLink({
    options: { ...NATS_DEFAULTS, servers: [], replicas: 1, ...options },
    subjects: new NatsSubjects('hq'),
    process: 'test',
    onProblem: () => {},
    onUp: () => {},
    ...more,
  });
  t.teardown(() => link.close());
  return link;
}

/** True when what is published is kept by the cluster. */
async function keeps(link: NatsLink, content: string): Promise<boolean> {
  const subject = new NatsSubjects('hq').of('places', content);
  try {
    await link.publish({ subject, payload: Buffer.from(content), id: `${content} ${Math.random()}` });
    return Buffer.from((await link.last('places', subject)) ?? []).toString() === content;
  } catch {
    return false;
  }
}

/** True where every node has what the stream has: the next one that is cut off leaves a majority that can go on. */
async function isWhole(cluster: NatsCluster): Promise<boolean> {
  const nats = await cluster.client();
  try {
    const { streams } = await jetstreamManager(nats);
    const { cluster: nodes } = await streams.info(new NatsSubjects('hq').stream('places'));
    const followers = nodes?.replicas ?? [];
    return followers.length === 2 && followers.every(({ current, offline }) => current && offline !== true);
  } catch {
    return false;
  } finally {
    await nats.close();
  }
}

function tlsOf({ cert, key }: Pair, ca: Pair, more = ''): string {
  return `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca.cert}", timeout: 60${more} }`;
}

if (requireTools(t, 'nats', 'openssl')) {
  const certificates = new Certificates(t);
  const { ca } = certificates;
  const server = certificates.issue('server');
  const client = certificates.issue('client');
  const stranger = certificates.issue('stranger', { authority: certificates.authority('other-ca') });
  const elsewhere = certificates.issue('elsewhere', { altNames: 'DNS:elsewhere.example' });
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(certificates.path(name), content);
    return certificates.path(name);
  };
  const [user, other] = [nkeys.createUser(), nkeys.createUser()];
  const token = file('token', `${TOKEN}\n`);
  const seed = file('seed', user.getSeed());
  const servers = {
    certificates: await startNatsServer(t, tlsOf(server, ca, ', verify: true')),
    token: await startNatsServer(t, `${tlsOf(server, ca)}\nauthorization { token: "${TOKEN}" }`),
    nkey: await startNatsServer(t, `${tlsOf(server, ca)}\nauthorization { users: [{ nkey: ${user.getPublicKey()} }] }`),
    elsewhere: await startNatsServer(t, `${tlsOf(elsewhere, ca)}\nauthorization { token: "${TOKEN}" }`),
    plain: await startNatsServer(t, `authorization { token: "${TOKEN}" }`),
  };
  const trusting = { ca: ca.cert };

  /** What each server says to whom; undefined: lets it in. */
  const CASES: readonly {
    name: string;
    at: keyof typeof servers;
    user?: string;
    options: Partial<NatsOptions>;
    refused?: RegExp;
  }[] = [
    { name: 'a certificate', at: 'certificates', options: { ...trusting, cert: client.cert, key: client.key } },
    { name: 'no certificate', at: 'certificates', options: trusting, refused: SILENT },
    {
      ...{ name: 'a certificate of somebody else', at: 'certificates', refused: SILENT },
      options: { ...trusting, cert: stranger.cert, key: stranger.key },
    },
    { name: 'a token in a file', at: 'token', options: { ...trusting, credentials: token } },
    { name: 'a token in the address', at: 'token', user: `${TOKEN}@`, options: trusting },
    { name: 'no token', at: 'token', options: trusting, refused: /authorization/i },
    { name: 'another token', at: 'token', user: 'guess@', options: trusting, refused: /authorization/i },
    { name: 'the seed of an nkey', at: 'nkey', options: { ...trusting, credentials: seed } },
    {
      ...{ name: 'the seed of another nkey', at: 'nkey', refused: /authorization/i },
      options: { ...trusting, credentials: file('other-seed', other.getSeed()) },
    },
    {
      ...{ name: 'a server that nobody vouches for', at: 'token', refused: /self.signed|unable to verify|issuer/i },
      options: { credentials: token },
    },
    {
      ...{ name: 'a server with the certificate of another host', at: 'elsewhere', refused: /altnames/i },
      options: { ...trusting, credentials: token },
    },
    {
      ...{ name: 'a server without TLS', at: 'plain', refused: /does not support 'tls'/ },
      options: { ...trusting, credentials: token },
    },
  ];

  t.test('over TLS a cluster lets in whom it knows, and goes to no other server than was named', async (t) => {
    // Side by side, because a server that waits for a certificate says no only by its silence.
    const tried = CASES.map(async ({ name, at, user = '', options, refused }) => {
      const link = openLink(t, { servers: [`tls://${user}${HOST}:${servers[at]}`], ...options });
      if (refused === undefined) {
        await eventually(`${name}: what is published is kept`, () => keeps(link, name), LIMIT_MS);
        return;
      }
      await eventually(`${name}: it says why`, () => refused.test(link.problem ?? ''), LIMIT_MS);
      t.equal(await keeps(link, name), false, `there is no line with ${name}`);
    });
    await Promise.all(tried);
  });

  t.test('credentials that are put right are taken without a restart', async (t) => {
    const credentials = file('renewed', 'expired');
    const link = openLink(t, { servers: [`tls://${HOST}:${servers.token}`], ...trusting, credentials });
    await eventually('it is refused', () => /authorization/i.test(link.problem ?? ''), LIMIT_MS);
    file('renewed', TOKEN);
    await eventually('it is let in', () => keeps(link, 'renewed'), LIMIT_MS);
    t.equal(link.problem, undefined);
  });

  t.test('a server that takes no larger message is told nothing larger, and what fits goes on', async (t) => {
    const port = await startNatsServer(t, 'max_payload: 8192');
    const link = openLink(t, { servers: [`nats://${HOST}:${port}`] });
    await eventually('it is there', () => link.isUp, LIMIT_MS);
    const subject = new NatsSubjects('hq').of('places', 'car');
    link.tell(subject, new Uint8Array(100_000));
    t.equal(link.counters.untold, 1);
    // With its headers it is larger than what the server takes.
    await link.publish({ subject, payload: new Uint8Array(8_190), id: 'large' });
    t.equal(link.counters.tooLarge, 1);
    await eventually('what fits is kept', () => keeps(link, 'small'), LIMIT_MS);
  });

  t.test('a central whose cluster never answered ends when it is asked to', async (t) => {
    const nats = ['--nats', `nats://${HOST}:${await freePort()}`];
    const central = new CaissonProcess([
      'central',
      '--data',
      certificates.path('hq'),
      '--listen',
      `${HOST}:0`,
      ...nats,
    ]);
    t.teardown(() => central.kill('SIGKILL'));
    await central.said('central answers on ');
    await central.said('NATS at ');
    t.equal((await central.kill('SIGTERM')).code, 0);
  });

  t.test('a server that was not there when the first one was is gone to when that one goes', async (t) => {
    const [early, late] = [await NatsServer.prepare(t), await NatsServer.prepare(t)];
    const servers = [early, late].map(({ port }) => `nats://${HOST}:${port}`);
    early.start();
    // Several, because it is left to chance which server each asks first.
    const links = Array.from({ length: 6 }, () => openLink(t, { servers }));
    const all = (content: string) => Promise.all(links.map((link) => keeps(link, content)));
    await eventually('all are at the one that is there', async () => (await all('early')).every(Boolean), LIMIT_MS);
    late.start();
    await early.kill();
    await eventually('all are at the other', async () => (await all('late')).every(Boolean), LIMIT_MS);
  });

  t.test('a server that goes while it is asked, and is away for longer, is found when it is back', async (t) => {
    const server = await NatsServer.prepare(t);
    const mute = await MuteServer.start(server.port);
    const link = openLink(t, { servers: [`nats://${HOST}:${server.port}`] });
    await eventually('it is asked for its streams', () => mute.isAsked, LIMIT_MS);
    await mute.stop();
    const wasRefused = () => /refused/i.test(link.problem ?? '');
    await eventually('it is away', wasRefused, LIMIT_MS);
    // The answer that never came is given up after five seconds.
    const since = performance.now();
    await eventually('it is away for longer', () => performance.now() - since > 7_000, LIMIT_MS);
    const heard: string[] = [];
    const stop = link.listen('news', ({ data }) => heard.push(Buffer.from(data).toString()));
    link.listen('gone', () => {})();
    server.start();
    await eventually('it is there again', () => keeps(link, 'back'), LIMIT_MS);
    const other = openLink(t, { servers: [`nats://${HOST}:${server.port}`] }, { process: 'other' });
    await eventually('what was listened to meanwhile is heard', () => {
      other.tell('news', Buffer.from('told'));
      return heard.includes('told');
    });
    stop();
  });

  t.test('a node that is cut off from the others is left for one of them', async (t) => {
    const cluster = await NatsCluster.start();
    t.teardown(() => cluster.dispose());
    // Longer than a busy machine takes to keep something on three nodes.
    const link = openLink(t, { servers: cluster.urls, replicas: 3 }, { stuckMs: 2_000 });
    await eventually('the cluster keeps what is published', () => keeps(link, 'whole'), LIMIT_MS);
    // One of them is the one that the link has.
    for (let node = 0; node < cluster.size; node += 1) {
      cluster.partition(node);
      await eventually(`goes on while node ${node} is alone`, () => keeps(link, `without ${node}`), LIMIT_MS);
      cluster.rejoin();
      await eventually('all of them follow again', () => isWhole(cluster), LIMIT_MS);
    }
  });
}
