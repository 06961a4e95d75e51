import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Client, credentials } from '@grpc/grpc-js';
import t, { type Test } from 'tap';
import { CaissonError } from '../../../gateway/errors.ts';
import { TelemetryClient } from '../../../sync/api/client.ts';
import { HEALTH_SERVICE, loadProtos, serviceOf } from '../../../sync/api/descriptor.ts';
import { type Issued, withRegister } from '../../../sync/trust/authority.ts';
import { type Identity, tlsOptions } from '../../../sync/trust/identity.ts';
import { IdentityFolder, keepIdentity } from '../../../sync/trust/identity-folder.ts';
import { sealKey } from '../../../sync/trust/sealed-key.ts';
import { secureClient } from '../../../sync/trust/secure-client.ts';
import { dialSecure } from '../../../sync/trust/secure-dial.ts';
import { shownCertificate } from '../../../sync/trust/shown-certificate.ts';
import { formatToken, parseToken } from '../../../sync/trust/token.ts';
import { enroll, refresh } from '../../../sync/trust/trust-client.ts';
import type { Expected } from '../../../sync/trust/verify-peer.ts';
import { waitFor } from '../../wait-for.ts';
import { exampleStatus } from '../memory-telemetry.ts';
import { DAY_MS, folderOf, HOST, startGatewayServer, startServer, TrustedCentral } from './trusted.ts';

const ANY: Expected = { roles: ['gateway', 'central'] };

/** The error of a call; fails where it succeeds. */
async function errorOf(t: Test, call: Promise<unknown>): Promise<CaissonError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CaissonError) return error;
    throw error;
  }
  t.fail('it was let through');
  throw new Error('no error');
}

function clientOf(t: Test, port: number, identity: Identity, expected = ANY): TelemetryClient {
  const client = secureClient({ host: HOST, port }, identity, expected);
  t.teardown(() => client.close());
  return client;
}

/** One for all tests that nothing is counted in: making the key of an authority takes its time on purpose. */
const shared = await TrustedCentral.start(t);

t.test('central and a gateway speak, each knowing who the other is', async (t) => {
  const central = shared;
  const box = await startGatewayServer(t, 'car7', await central.enrolled(t, 'car7'));
  const client = clientOf(t, box.port, central.identity, { roles: ['gateway'], name: 'car7' });
  t.equal((await client.status()).gateway, 'car7');
  t.same(await client.listChannels(), []);
  t.match(box.secure?.status(), { role: 'gateway', name: 'car7', open: 1, accepted: 1, refused: {} });
});

t.test('by role: a reader reads, and pulls nothing', async (t) => {
  const central = shared;
  const box = await startGatewayServer(t, 'car7', await central.enrolled(t, 'car7'));
  const anna = clientOf(t, box.port, await central.enrolled(t, 'anna', 'reader'));
  t.equal((await anna.status()).gateway, 'car7');
  const pull = anna.pull({ feed: '', after: 0, follow: false });
  t.match(await errorOf(t, pull.next()), {
    code: 'access-refused',
    message: /gateway car7: .*PullBlocks may be called by central, backup, not reader anna/,
    retryable: false,
  });
  t.match(await errorOf(t, anna.acknowledge({ follower: 'hub', feed: 'x', position: 1 })), { code: 'access-refused' });
  const hub = clientOf(t, box.port, central.identity);
  t.match(await errorOf(t, hub.acknowledge({ follower: 'other', feed: 'x', position: 1 })), {
    code: 'access-refused',
    message: /speaks for 'other'/,
  });
  await hub.acknowledge({ follower: 'hub', feed: 'x', position: 1 });
});

t.test("another gateway's certificate opens nothing, and is not taken for the one expected", async (t) => {
  const central = shared;
  const [car7, car8] = [await central.enrolled(t, 'car7'), await central.enrolled(t, 'car8')];
  const box = await startGatewayServer(t, 'car7', car7);
  t.match(await errorOf(t, clientOf(t, box.port, car8).status()), {
    code: 'access-refused',
    message: /not gateway car8/,
  });
  t.equal((await clientOf(t, box.port, car7).status()).gateway, 'car7', 'the command line on the box asks as the box');
  const impostor = await startGatewayServer(t, 'car7', car8);
  t.match(
    await errorOf(t, clientOf(t, impostor.port, central.identity, { roles: ['gateway'], name: 'car7' }).status()),
    {
      code: 'peer-untrusted',
      message: /is not trusted here: it is gateway car8, expected gateway car7/,
    },
  );
  t.match(await errorOf(t, clientOf(t, impostor.port, central.identity).status()), {
    code: 'peer-invalid',
    message: /says that it is gateway car7, its certificate is of gateway car8/,
  });
});

t.test('each side says whom it distrusts: another authority, at either end', async (t) => {
  const [ours, theirs] = [shared, await TrustedCentral.start(t)];
  const box = await startGatewayServer(t, 'car7', await ours.enrolled(t, 'car7'));
  t.match(await errorOf(t, clientOf(t, box.port, theirs.identity).status()), {
    code: 'peer-untrusted',
    message: /127\.0\.0\.1:\d+ is not trusted here: the certificate of gateway car7 is of another authority/,
    hint: /same central/,
  });
  // One that trusts everybody is told by the other end.
  const { own, key, certificate, revoked } = theirs.identity.credentials;
  const blind: Identity = {
    credentials: { own, key, certificate, revoked, authority: ours.authority.certificate },
    onChange: () => () => {},
  };
  t.match(await errorOf(t, clientOf(t, box.port, blind).status()), {
    code: 'peer-untrusted',
    message: /gateway car7 does not trust this end: the certificate of central hub is of another authority/,
  });
  t.match(box.secure?.status().refused, { untrusted: 2 }, 'of the one that went as well');
});

t.test('revoked while it is connected: cut at once, told why, and let in again only by a new token', async (t) => {
  const central = shared;
  const anna = await central.enrolled(t, 'anna', 'reader');
  const client = clientOf(t, central.server.port, anna);
  await client.status();
  let cut = false;
  const { socket } = await dialSecure(central.address, { as: anna, expected: ANY });
  socket.resume().once('close', () => {
    cut = true;
  });
  t.equal(
    withRegister(central.dir, (register) => register.revoke({ role: 'reader', name: 'anna' }, 'revoked', Date.now())),
    1,
  );
  await waitFor('the open connection is cut', () => cut);
  t.same(central.cut, ['reader anna'], 'said once for both of its connections');
  t.match(await errorOf(t, clientOf(t, central.server.port, anna).status()), {
    code: 'peer-untrusted',
    message: /central hub does not trust this end: the certificate of reader anna was revoked/,
    hint: /caisson invite anna/,
    retryable: false,
    retryAfterMs: undefined,
  });
  t.match(await errorOf(t, refresh(anna, Date.now, true)), { code: 'peer-untrusted' }, 'nor is it renewed');
  const again = await central.enrolled(t, 'anna', 'reader');
  t.equal((await clientOf(t, central.server.port, again).status()).gateway, 'hub');
});

t.test('revoked while central is connected to it: cut at once, and not dialled in vain as if it passed', async (t) => {
  const central = shared;
  const box = await startGatewayServer(t, 'car9', await central.enrolled(t, 'car9'));
  const cut: string[] = [];
  const onCut = (peer: { name: string }) => cut.push(peer.name);
  const client = secureClient({ host: HOST, port: box.port }, central.identity, ANY, { onCut });
  t.teardown(() => client.close());
  await client.status();
  t.equal(box.secure?.status().open, 1);
  withRegister(central.dir, (register) => register.revoke({ role: 'gateway', name: 'car9' }, 'revoked', Date.now()));
  await waitFor('the open connection is cut', () => box.secure?.status().open === 0);
  t.same(cut, ['car9']);
  t.match(await errorOf(t, dialSecure({ host: HOST, port: box.port }, { as: central.identity, expected: ANY })), {
    code: 'peer-untrusted',
    message: /is not trusted here: the certificate of gateway car9 was revoked/,
    retryable: false,
  });
});

t.test('a gateway hears of what was revoked, and cuts it as well', async (t) => {
  const central = shared;
  const car7 = await central.enrolled(t, 'car7');
  const box = await startGatewayServer(t, 'car7', car7);
  const anna = await central.enrolled(t, 'anna', 'reader');
  await clientOf(t, box.port, anna).status();
  withRegister(central.dir, (register) => register.revoke({ role: 'reader', name: 'anna' }, 'revoked', Date.now()));
  const { serial } = anna.credentials.own;
  await waitFor('central knows', () => central.authority.revoked.has(serial));
  t.equal(await refresh(car7), false, 'the certificate stays');
  await waitFor('the connection is cut', () => box.secure?.status().open === 0);
  t.match(box.secure?.status().refused, { revoked: 1 });
  t.match(await errorOf(t, clientOf(t, box.port, anna).status()), {
    code: 'peer-untrusted',
    message: /gateway car7 does not trust/,
  });
});

t.test('renewed while calls are open: they go on, and new connections show the new certificate', async (t) => {
  const central = shared;
  const car7 = await central.enrolled(t, 'car7');
  const box = await startGatewayServer(t, 'car7', car7);
  const client = clientOf(t, box.port, central.identity);
  await client.status();
  const before = car7.credentials;
  const soon = Date.parse(before.certificate.validFrom) + 300 * DAY_MS;
  t.equal(await refresh(car7, () => soon), true, 'two thirds of its life have passed');
  t.not(car7.credentials.own.serial, before.own.serial);
  t.not(car7.credentials.key, before.key, 'with a new key');
  t.equal((await client.status()).gateway, 'car7');
  t.match(box.secure?.status(), { accepted: 1, open: 1 }, 'over the same connection');
  const { socket } = await dialSecure({ host: HOST, port: box.port }, { as: central.identity, expected: ANY });
  t.equal(shownCertificate(socket)?.serialNumber, car7.credentials.own.serial);
  socket.destroy();
  t.equal(statSync(join(car7.dir, 'identity.pem')).mode & 0o777, 0o600);
});

t.test('a token lets in once, in time, and whole', async (t) => {
  const central = shared;
  const token = central.invite('car7');
  const first = await enroll(parseToken(token));
  t.match(new X509Certificate(first.issued.certificate).subjectAltName, /caisson:\/\/gateway\/car7, IP Address:127/);
  t.match(await errorOf(t, enroll(parseToken(token))), {
    code: 'invite-refused',
    message: /the token was used 20/,
    hint: /caisson revoke car7/,
  });
  t.match(await errorOf(t, enroll(parseToken(central.invite('car7', 'gateway', 1)))), { message: /expired/ });
  const wrong = parseToken(central.invite('car7'));
  t.match(await errorOf(t, enroll({ ...wrong, secret: Buffer.alloc(16) })), { message: /central knows no such token/ });
  t.match(await errorOf(t, enroll({ ...wrong, fingerprint: Buffer.alloc(32) })), {
    code: 'peer-untrusted',
    message: /its authority is not the one that made the token/,
  });
  t.match(await errorOf(t, enroll({ ...wrong, peer: { role: 'central', name: 'car7' } })), { code: 'peer-invalid' });
  for (const broken of [token.slice(0, -1), token.replace('n', 'm'), `x${token}`, '', 'caisson1.', 'caisson1.AAAA']) {
    if (broken !== token) t.throws(() => parseToken(broken), { code: 'invite-refused', message: /no whole token/ });
  }
  t.equal(formatToken(parseToken(token)), token);
});

t.test(
  'the same key is answered again, as after an answer that was lost; enrolling anew takes the old one back',
  async (t) => {
    const central = shared;
    const { makeCertificateRequest } = await import('../../../sync/trust/certificate-request.ts');
    const { generateKeyPairSync } = await import('node:crypto');
    const { secret } = parseToken(central.invite('car7'));
    const request = makeCertificateRequest('x', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const serialOf = ({ certificate }: Issued) => new X509Certificate(certificate).serialNumber;
    const [lost, second] = [central.authority.enroll(secret, request), central.authority.enroll(secret, request)];
    t.ok(central.authority.revoked.has(serialOf(lost)));
    t.notOk(central.authority.revoked.has(serialOf(second)));
  },
);

t.test('a box whose clock is in 1970 enrols, speaks and renews; one in the future is told', async (t) => {
  const central = shared;
  const then = () => 1000;
  const { issued, key } = await enroll(parseToken(central.invite('car7')), then);
  const dir = join(folderOf(t), 'identity');
  keepIdentity(dir, issued, { key, central: central.address });
  const identity = IdentityFolder.open(dir);
  t.teardown(() => identity.close());
  const { peer, socket } = await dialSecure(central.address, { as: identity, expected: ANY, now: then });
  t.equal(peer.name, 'hub');
  socket.destroy();
  t.equal(await refresh(identity, then, true), true);
  const late = () => Date.now() + 400 * DAY_MS;
  t.match(await errorOf(t, dialSecure(central.address, { as: identity, expected: ANY, now: late })), {
    code: 'peer-untrusted',
    message: /is not trusted here: the certificate of central hub expired .*, the clock here says/,
    hint: /set the clock/,
  });
  t.match(await errorOf(t, enroll(parseToken(central.invite('car8')), late)), { message: /by the clock here/ });
});

t.test('what is no TLS, breaks off or says nothing is closed and counted, and costs the others nothing', async (t) => {
  const central = await TrustedCentral.start(t);
  const { port, secure } = central.server;
  const closed = (socket: Socket) => new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
  const http = connectTcp(port, HOST, () => http.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  await closed(http.resume());
  const noise = connectTcp(port, HOST, () => noise.write(Buffer.alloc(64, 0x55)));
  await closed(noise.resume());
  const half = connectTcp(port, HOST, () => half.destroy());
  await closed(half);
  await waitFor('all are counted', () => {
    const refused: Readonly<Record<string, number>> = secure?.status().refused ?? {};
    return (refused['no-tls'] ?? 0) >= 2 && (refused['broken-off'] ?? 0) >= 1;
  });
  // No certificate: let in as far as being told so, and no further than 32 at a time.
  const { authority } = central.identity.credentials;
  const strangers = Array.from({ length: 40 }, () =>
    connectTls({
      port,
      host: HOST,
      ca: authority.toString(),
      ALPNProtocols: ['h2'],
      checkServerIdentity: () => undefined,
    }),
  );
  for (const each of strangers) each.on('error', () => {}).resume();
  await waitFor('those beyond are closed', () => strangers.filter(({ destroyed }) => destroyed).length === 8);
  t.match(secure?.status(), { open: 32, refused: { untrusted: 8, 'too-many-strangers': 8 } });
  const anna = await central.enrolled(t, 'anna', 'reader').catch((error: unknown) => error);
  t.match(anna, { code: 'central-unreachable' }, 'while strangers fill their places, nobody enrols');
  for (const each of strangers) each.destroy();
  await waitFor('they are gone', () => secure?.status().open === 0);
  const turnedAway = { ...secure?.status().refused };
  t.ok((turnedAway.untrusted ?? 0) > 40, 'who asked for nothing, and anna');
  t.equal((await clientOf(t, port, await central.enrolled(t, 'anna', 'reader')).status()).gateway, 'hub');
  t.same(secure?.status().refused, turnedAway, 'who enrols is not turned away');
});

t.test('plain gRPC at a secure port, and a secure client at a plain one, are told apart', async (t) => {
  const central = shared;
  const plain = new TelemetryClient(central.address);
  t.teardown(() => plain.close());
  t.match(await errorOf(t, plain.status()), { code: 'central-unreachable' });
  const open = await startServer(exampleStatus('car7'));
  t.teardown(() => open.stop());
  t.match(await errorOf(t, clientOf(t, open.port, central.identity).status()), {
    code: 'central-unreachable',
    hint: /with certificates\?/,
  });
});

t.test('health and reflection answer those who have a certificate, with a gRPC client of any make', async (t) => {
  const central = shared;
  const { key, certificate, authority } = (await central.enrolled(t, 'anna', 'reader')).credentials;
  const pem = (text: unknown) => Buffer.from(String(text));
  const secure = credentials.createSsl(pem(authority), pem(key), pem(certificate));
  const client = new Client(`localhost:${central.server.port}`, secure, { 'grpc.enable_http_proxy': 0 });
  t.teardown(() => client.close());
  const { Check } = serviceOf(loadProtos(), HEALTH_SERVICE);
  if (Check === undefined) throw new Error('no health');
  const health = await new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      Check.path,
      Check.requestSerialize,
      Check.responseDeserialize,
      { service: '' },
      (error, reply) => (error === null ? resolve(reply) : reject(error)),
    );
  });
  t.same(health, { status: 'SERVING' });
});

t.test('listens beyond this machine only with certificates', async (t) => {
  await t.rejects(startServer(exampleStatus('car7'), { host: '0.0.0.0' }), { code: 'config-invalid', hint: /enrol/ });
  const central = await TrustedCentral.start(t, { host: '0.0.0.0' });
  t.ok(central.server.port > 0);
});

t.test('an identity that others may read, or is damaged, is not used', async (t) => {
  const central = shared;
  const { dir } = await central.enrolled(t, 'car7');
  const path = join(dir, 'identity.pem');
  const { chmodSync } = await import('node:fs');
  chmodSync(path, 0o640);
  t.throws(() => IdentityFolder.open(dir), { code: 'trust-unusable', message: /can be read by others/ });
  chmodSync(path, 0o600);
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, -200));
  t.throws(() => IdentityFolder.open(dir), { code: 'trust-unusable', hint: /caisson enroll/ });
  const empty = join(dir, 'empty');
  mkdirSync(empty);
  t.throws(() => IdentityFolder.open(empty), { message: /there is no identity in/ });
  t.throws(() => sealKey({} as never, 'short'), { message: /12 at least/ });
  t.ok(tlsOptions(central.identity.credentials).minVersion === 'TLSv1.3');
});
