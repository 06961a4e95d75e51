import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { freePort } from '../../free-port.ts';
import { eventually } from '../../scenarios/eventually.ts';
import { GatewayChild } from '../../scenarios/gateway-child.ts';
import { CaissonProcess, caisson } from '../../sync/caisson-process.ts';

t.test('a session outlives kill -9, is the same at both ends, and finds its samples', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-sessions-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const http = await freePort();
  const config = {
    gateway: { id: 'box' },
    store: { dir: join(folder, 'data'), blockAgeSeconds: 1 },
    dashboard: { port: 0 },
    grpc: { port: await freePort() },
    sources: { line: { type: 'http', port: http } },
  };
  const post = async (speed: number) => {
    const { status } = await fetch(`http://127.0.0.1:${http}/write`, { method: 'POST', body: `car speed=${speed}` });
    t.equal(status, 204);
  };
  const server = `127.0.0.1:${config.grpc.port}`;
  const sessions = (...args: string[]) => caisson('sessions', ...args, '--server', server);

  const first = await GatewayChild.start({ config, folder });
  await post(1);
  t.match(await sessions('begin', 'FP1', '--note', 'driver=Kim', '--note', 'track=Spa'), {
    code: 0,
    stdout: /^SESSION .*\nFP1 +box +\d{4}-.* goes on +\d+ s +[0-9a-f]{12} +driver=Kim, track=Spa\n$/,
  });
  await post(2);
  await first.kill();

  const second = await GatewayChild.start({ config, folder });
  t.teardown(() => second.kill());
  await post(3);
  t.match(await sessions('note', '--note', 'track='), { code: 0, stdout: /FP1 .* driver=Kim\n$/ }, 'it goes on');
  t.equal((await sessions('end')).code, 0);
  await post(4);
  t.match(await sessions('end'), { code: 1, stderr: /no session goes on/ });
  t.match(await sessions('begin', 'Q', '--note', 'driver'), {
    code: 2,
    stderr: /--note is 'driver', expected key=value/,
  });
  t.match(await sessions('note', 'FP2'), { code: 1, stderr: /no session is called "FP2"\n +did you mean FP1\?/ });

  const speeds = await caisson('query', 'car/speed', '--session', 'FP1', '--json', '--server', server);
  t.same(
    speeds.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).value),
    [2, 3],
    'before it and after it is not in it',
  );
  const both = await caisson('query', 'car/speed', '--session', 'FP1', '--last', '1h', '--server', server);
  t.match(both, { code: 2, stderr: /give --session or --from/ });
  const sql = "SELECT name, seconds > 0 AS lasted, metadata->>'driver' AS driver FROM sessions";
  const told = await caisson('sql', sql, '--json', '--store', config.store.dir);
  t.same(JSON.parse(told.stdout), { name: 'FP1', lasted: 1, driver: 'Kim' });

  const central = new CaissonProcess([
    ...['central', '--data', join(folder, 'central'), '--listen', '127.0.0.1:0', '--pull', server],
  ]);
  t.teardown(() => central.kill('SIGKILL'));
  const port = /:(\d+)/.exec(await central.said('central answers'))?.[1];
  const there = ['--server', `127.0.0.1:${port}`];
  const here = await sessions('--json');
  await eventually('central has it, as it is', async () => {
    return (await caisson('sessions', '--json', '--gateway', 'box', ...there)).stdout === here.stdout;
  });
  t.match(await caisson('sessions', 'end', ...there), {
    code: 1,
    stderr: /keeps no sessions of its own\n +ask the gateway/,
  });
});
