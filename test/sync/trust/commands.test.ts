import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { freePort } from '../../free-port.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { waitFor } from '../../wait-for.ts';
import { CaissonProcess, caisson } from '../caisson-process.ts';
import { folderOf, HOST, PASSPHRASE } from './trusted.ts';

t.test('invited, enrolled, pulled from over mTLS, and revoked, by commands alone', async (t) => {
  const dir = folderOf(t);
  const [authority, store, identity] = ['authority', 'central', 'identity'].map((name) => join(dir, name));
  if (authority === undefined || store === undefined || identity === undefined) throw new Error('no folders');
  writeFileSync(join(dir, 'passphrase'), `${PASSPHRASE}\n`);
  const central = (...more: readonly string[]) => {
    const known = ['--authority', authority, '--passphrase-file', join(dir, 'passphrase'), '--name', 'hub'];
    return new CaissonProcess(['central', '--data', store, '--listen', at, ...known, ...more]);
  };
  const at = `${HOST}:${await freePort()}`;
  const first = central();
  t.teardown(() => first.kill('SIGKILL'));
  await first.said('central answers on ');
  t.notMatch(
    readdirSync(authority)
      .map((name) => readFileSync(join(authority, name), 'latin1'))
      .join(''),
    /PRIVATE KEY/,
    'no key lies open',
  );
  const invited = await caisson('invite', 'car7', '--authority', authority, '--central', at);
  t.equal(invited.code, 0, invited.stderr);
  const nowhere = await caisson('enroll', invited.stdout.trim(), '--identity', join(dir, 'passphrase', 'identity'));
  t.match(nowhere, { code: 1, stderr: /identity cannot be written/ }, 'and the token is as good as before');
  const enrolled = await caisson('enroll', invited.stdout.trim(), '--identity', identity, '--json');
  t.equal(enrolled.code, 0, enrolled.stderr);
  t.match(JSON.parse(enrolled.stdout), { role: 'gateway', name: 'car7', central: at });
  t.equal(statSync(identity).mode & 0o777, 0o700);
  for (const name of readdirSync(identity)) t.equal(statSync(join(identity, name)).mode & 0o777, 0o600, name);
  t.match(await caisson('enroll', invited.stdout.trim(), '--identity', identity), { code: 1, stderr: /was used/ });

  const config = join(dir, 'caisson.yaml');
  const write = (id: string, isEnrolled = true) =>
    writeFileSync(
      config,
      stringify({
        gateway: { id },
        store: { dir: 'store' },
        dashboard: { port: 0 },
        grpc: { host: '0.0.0.0', port: 0, ...(isEnrolled && { identity: 'identity' }) },
        central: { dial: [at] },
        sources: { box: { type: 'health' } },
      }),
    );
  write('car8');
  t.match(await caisson('check', config), { code: 1, stderr: /it is of gateway car7, expected that of gateway car8/ });
  write('car7', false);
  t.match(await caisson('check', config), {
    code: 1,
    stderr:
      /no central takes a line without a certificate[\s\S]*expected 127\.0\.0\.1|expected 127\.0\.0\.1[\s\S]*no central takes a line/,
  });
  write('car7');
  t.match(await caisson('check', config), { code: 0, stdout: `\n  dials      ${at}\n` });
  const gateway = new CaissonProcess(['run', config]);
  t.teardown(() => gateway.kill('SIGKILL'));
  await waitFor('the gateway listens', () => /gRPC 0\.0\.0\.0:\d+/.test(gateway.stderr));
  const port = /gRPC 0\.0\.0\.0:(\d+)/.exec(gateway.stderr)?.[1] ?? '';
  const status = await caisson('status', '--server', `${HOST}:${port}`, '--identity', identity);
  t.match(
    status,
    { code: 0, stdout: /trust +gateway car7, certificate until 20\d\d-.*; \d connections/ },
    status.stderr,
  );

  t.equal((await first.kill('SIGTERM')).code, 0);
  const second = central('--pull', `car7@${HOST}:${port}`);
  t.teardown(() => second.kill('SIGKILL'));
  await second.said('central answers on ');
  const token = await caisson('invite', 'anna', '--role', 'reader', '--authority', authority, '--central', at);
  const anna = join(dir, 'anna');
  t.match(await caisson('enroll', token.stdout.trim(), '--identity', anna), { code: 0 });
  await eventually('central has channels of the box', async () => {
    const { stdout } = await caisson('channels', '--server', at, '--identity', anna);
    return stdout.includes('box/');
  });
  await eventually('the box has its line taken', async () => {
    const { stdout } = await caisson('status', '--server', `${HOST}:${port}`, '--identity', identity);
    return /uplink +127\.0\.0\.1:\d+: taken by hub since /.test(stdout);
  });
  await eventually('central pulls over both lines', async () => {
    const { stdout } = await caisson('status', '--server', at, '--identity', anna);
    return /car7 at 127.*: pull, running/.test(stdout) && /car7, dialling in: reverse, running/.test(stdout);
  });
  t.match(
    await caisson('status', '--server', at),
    { code: 1, stderr: /a server with certificates needs --identity/ },
    'not without a certificate',
  );
  const revoked = await caisson('revoke', 'anna', '--role', 'reader', '--authority', authority);
  t.match(revoked, { code: 0, stdout: /1 certificate of reader anna revoked/ });
  await eventually('anna is told so', async () => {
    const { stderr } = await caisson('status', '--server', at, '--identity', anna);
    return /central hub does not trust this end: the certificate of reader anna was revoked/.test(stderr);
  });
  const anew = await caisson('status', '--server', at, '--identity', anna);
  t.match(anew.stderr, /`caisson invite anna` at central lets it enrol again/);
  t.notMatch(anew.stderr, /may be tried again/);
  t.match(await caisson('revoke', 'car7', '--authority', authority), { code: 0 });
  await second.said('the certificate of gateway car7 was taken back: what was connected with it is cut');
  await eventually('the box is told so, and goes on dialling', async () => {
    const { stdout } = await caisson('status', '--server', `${HOST}:${port}`, '--identity', identity);
    return /uplink .*the certificate of gateway car7 was revoked/.test(stdout);
  });
  t.equal(second.stderr.match(/gateway car7 was taken back/g)?.length, 1, 'said once for both of its lines');
  t.match(await caisson('revoke', 'nobody', '--authority', authority), {
    code: 1,
    stderr: /no certificate was ever issued/,
  });
  t.equal((await gateway.kill('SIGTERM')).code, 0);
});

t.test('a central with the wrong passphrase does not start, and says so', async (t) => {
  const dir = folderOf(t);
  const start = (passphrase: string) => {
    writeFileSync(join(dir, 'passphrase'), passphrase);
    const known = ['--authority', join(dir, 'authority'), '--passphrase-file', join(dir, 'passphrase')];
    return new CaissonProcess(['central', '--data', join(dir, 'store'), '--listen', `${HOST}:0`, ...known]);
  };
  const right = start(PASSPHRASE);
  await right.said('central answers on ');
  await right.kill('SIGTERM');
  t.match(await start('another passphrase').ended, { code: 1, stderr: /the passphrase does not open the key/ });
  t.match(await caisson('central', '--data', dir, '--authority', dir), { code: 2, stderr: /--passphrase-file/ });
  t.match(await caisson('invite', 'x', '--authority', join(dir, 'none'), '--central', 'h:1'), {
    code: 1,
    stderr: /there is no authority/,
  });
  t.match(await caisson('enroll', 'caisson1.AAAA'), { code: 1, stderr: /no whole token/ });
});
