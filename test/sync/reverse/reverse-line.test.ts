import { PassThrough } from 'node:stream';
import t from 'tap';
import { readVerdict } from '../../../sync/reverse/line-verdict.ts';
import { withRegister } from '../../../sync/trust/authority.ts';
import { waitFor } from '../../wait-for.ts';
import { CutProxy } from '../cut-proxy.ts';
import { HOST, startGatewayServer } from '../trust/trusted.ts';
import { startBox, startCentral } from './dialled.ts';

/** One for all: making the key of an authority takes its time on purpose. */
const shared = await startCentral(t);

t.test('a box that dials out is pulled from over its line, and dials again when it is cut', async (t) => {
  const { central, health } = shared;
  const proxy = await CutProxy.start(central.server.port);
  t.teardown(() => proxy.stop());
  const { server, dialer } = await startBox(t, 'car1', await central.enrolled(t, 'car1'), proxy.port);
  await waitFor('central pulls', () => health('car1')?.state === 'running');
  t.match(dialer.status(), {
    state: 'connected',
    central: 'hub',
    lines: 1,
    failures: 0,
    address: `${HOST}:${proxy.port}`,
  });
  t.match(server.secure?.status(), { open: 1, accepted: 0 }, 'nobody dialled the box');
  t.match(health('car1'), { peer: { role: 'gateway', gateway: 'car1' } });
  for (let round = 1; round <= 3; round += 1) {
    proxy.goDown();
    await waitFor('central notices', () => health('car1')?.state === 'waiting');
    await waitFor('the box tries again', () => dialer.status().failures >= round);
    proxy.goUp();
    await waitFor('the line is back', () => health('car1')?.state === 'running');
    t.equal(health('car1')?.connections, round + 1, 'the same line of the same gateway');
  }
});

t.test('of two lines of one gateway the newer is the live one', async (t) => {
  const { central, health } = shared;
  const identity = await central.enrolled(t, 'car2');
  const frozen = await CutProxy.start(central.server.port);
  t.teardown(() => frozen.stop());
  const old = await startBox(t, 'car2', identity, frozen.port);
  await waitFor('the first line is pulled over', () => health('car2')?.state === 'running');
  const open = central.server.secure?.status().open;
  frozen.freeze();
  const newer = await startBox(t, 'car2', identity, central.server.port);
  await waitFor('the newer one is pulled over', () => health('car2')?.connections === 2);
  t.match(newer.dialer.status(), { state: 'connected', lines: 1 });
  t.equal(central.server.secure?.status().open, open, 'the old one is closed');
  await old.dialer.stop();
});

t.test('who may not hand over a line is told why', async (t) => {
  const { central, health } = shared;
  const reader = await startBox(t, 'anna', await central.enrolled(t, 'anna', 'reader'), central.server.port);
  await waitFor('the reader is refused', () => reader.dialer.status().failures > 0);
  t.match(reader.dialer.status(), {
    problem: /central hub does not take this line: it is of reader anna, and only gateways/,
  });
  const identity = await central.enrolled(t, 'car3');
  const box = await startBox(t, 'car3', identity, central.server.port);
  await waitFor('the box is connected', () => box.dialer.status().state === 'connected');
  withRegister(central.dir, (register) => register.revoke({ role: 'gateway', name: 'car3' }, 'revoked', Date.now()));
  await waitFor('its line is cut, and no other taken', () => box.dialer.status().failures > 0);
  await waitFor('it is told why', () => /was revoked; `caisson invite car3`/.test(box.dialer.status().problem ?? ''));
  t.equal(health('anna'), undefined);
  const central2 = await startCentral(t);
  const stranger = await startBox(t, 'car3', await central2.central.enrolled(t, 'car3'), central.server.port);
  await waitFor('the box does not trust the other central', () => stranger.dialer.status().failures > 0);
  t.match(stranger.dialer.status(), {
    problem: /is not trusted here: the certificate of central hub is of another authority/,
  });
});

t.test('another gateway cannot answer over the line as this one', async (t) => {
  const { central, health } = shared;
  await startBox(t, 'car4', await central.enrolled(t, 'car4x'), central.server.port);
  await waitFor('it is found out', () => (health('car4x')?.errors['peer-invalid'] ?? 0) > 0);
  t.match(health('car4x')?.problem, /says that it is gateway car4, its certificate is of gateway car4x/);
});

t.test('who is no central is handed no line', async (t) => {
  const { central } = shared;
  const identity = await central.enrolled(t, 'car5');
  const other = await startGatewayServer(t, 'car5x', await central.enrolled(t, 'car5x'));
  const box = await startBox(t, 'car5', identity, other.port);
  await waitFor('a gateway is no central', () => box.dialer.status().failures > 0);
  t.match(box.dialer.status().problem, /ALPN|expected a central|handshake|no application protocol/i);
});

t.test('a line that nothing is said on is given up by the box', async (t) => {
  const line = new PassThrough();
  line.write('{"taken": tru');
  const verdict = readVerdict(line, 'there');
  line.write('e}\nPRI');
  await verdict;
  t.equal(String(line.read()), 'PRI', 'what stands behind is not taken');
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['HTTP/1.1 400 Bad Request\n', 'peer-invalid', /does not speak/],
    ['x'.repeat(5000), 'peer-invalid', /says more/],
    ['{"taken":false,"code":"peer-untrusted","message":"revoked","hint":"ask"}\n', 'peer-untrusted', /revoked/],
    ['{"taken":false,"code":"store-failed","message":"no"}\n', 'access-refused', /no/],
  ];
  for (const [says, code, message] of cases) {
    const other = new PassThrough();
    other.write(says);
    await t.rejects(readVerdict(other, 'there'), { code, message });
  }
  const closed = new PassThrough();
  const waiting = readVerdict(closed, 'there');
  closed.destroy();
  await t.rejects(waiting, { code: 'central-unreachable' });
});

t.test('a line over which nothing comes any more is dialled anew, though HTTP/2 holds on to it', async (t) => {
  const { central, health } = shared;
  const proxy = await CutProxy.start(central.server.port);
  t.teardown(() => proxy.stop());
  const { dialer } = await startBox(t, 'silent', await central.enrolled(t, 'silent'), proxy.port, {}, 1_000);
  await waitFor('central pulls', () => health('silent')?.state === 'running');
  proxy.freeze();
  await waitFor('why is told', () => /not even pings/.test(dialer.status().problem ?? ''));
  await waitFor('it is made anew', () => dialer.status().lines > 1);
});
