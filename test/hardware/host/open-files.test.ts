import { once } from 'node:events';
import { openSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { listeningSockets, parseListeningSockets } from '../../../hardware/host/listening-sockets.ts';
import { holdersOf, parseFileLimit, unitOf } from '../../../hardware/host/open-files.ts';

const NOBODY = -1;

t.test('a process that has a file open is named, and one that looks for itself is left out', async (t) => {
  const path = join(realpathSync(t.testdir({ file: '' })), 'file');
  openSync(path, 'r');
  const holders = await holdersOf(new Set([path]), '/', NOBODY);
  t.equal(holders.get(path)?.pid, process.pid);
  t.match(holders.get(path)?.name, /\w/);
  t.match(holders.get(path), { script: 'open-files.test.js', user: userInfo().username });
  t.equal((await holdersOf(new Set([path]))).size, 0);
  t.equal((await holdersOf(new Set(), '/', NOBODY)).size, 0);
  t.equal((await holdersOf(new Set([path]), t.testdir({}))).size, 0, 'a machine without /proc');
});

t.test('a port of this process is found, with who listens at it', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const found = (await listeningSockets()).find((socket) => socket.port === port);
  t.equal(found?.host, '127.0.0.1');
  const target = `socket:[${found?.inode}]`;
  t.equal((await holdersOf(new Set([target]), '/', NOBODY)).get(target)?.pid, process.pid);
});

t.test('the unit of a service is told, and none of what a person has started', async (t) => {
  t.equal(unitOf('0::/system.slice/gpsd.service\n'), 'gpsd.service');
  t.equal(
    unitOf('12:cpu:/x\n1:name=systemd:/system.slice/system-serial\\x2dgetty.slice/serial-getty@ttyS0.service\n'),
    'serial-getty@ttyS0.service',
  );
  t.equal(unitOf('0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope\n'), undefined);
  t.equal(unitOf('0::/user.slice/user-1000.slice/session-3.scope\n'), undefined);
  t.equal(unitOf(''), undefined);
});

t.test('tables of sockets are read as the kernel writes them', async (t) => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
  const rows = [
    '   0: 0100007F:075B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0 100',
    '   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 99 1 0 100',
    '   2: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1',
    '   3: 00000000000000000000000001000000:0017 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 78 1',
    '   4: 0000000000000000FFFF00000200000A:0018 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 79 1',
    '   5: B80D0120000000000000000001000000:0019 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 80 1',
    'nonsense',
  ];
  t.same(parseListeningSockets(head + rows.join('\n')), [
    { host: '127.0.0.1', port: 1883, inode: 1234 },
    { host: '::', port: 22, inode: 77 },
    { host: '::1', port: 23, inode: 78 },
    { host: '10.0.0.2', port: 24, inode: 79 },
    { host: '2001:db8:0:0:0:0:0:1', port: 25, inode: 80 },
  ]);
});

t.test('the limit of open files is read', async (t) => {
  const text =
    'Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 ';
  t.same(parseFileLimit(`${text}524288               files     \n`), { soft: 1024, hard: 524_288 });
  t.equal(parseFileLimit(`${text}unlimited files`)?.hard, Number.POSITIVE_INFINITY);
  t.equal(parseFileLimit('nothing'), undefined);
});
