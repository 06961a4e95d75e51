import { Buffer } from 'node:buffer';
import { closeSync, constants, existsSync, openSync, readSync } from 'node:fs';
import t from 'tap';
import { openPty } from '../../../hardware/serial/pty.ts';
import { openSerialPort } from '../../../hardware/serial/serial-port.ts';
import { WRITE_QUEUE_BYTES_MAX } from '../../../hardware/serial/write-queue.ts';
import { waitFor } from '../../wait-for.ts';

t.test('echoes nothing and edits nothing before anyone opens the other side', async (t) => {
  const pty = await openPty();
  t.teardown(() => pty.close());
  const heard: Uint8Array[] = [];
  pty.onData((bytes) => heard.push(bytes));
  t.ok(pty.write(Buffer.from('a\r\nb\x03\x04\x11\x13\x7f')));
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.same(heard, []);
});

t.test('bounds what waits for a side that nobody reads, and counts the rest', async (t) => {
  const pty = await openPty();
  t.teardown(() => pty.close());
  const piece = Buffer.alloc(16 * 1024, 0x55);
  let taken = 0;
  for (let round = 0; round < 64; round += 1) if (pty.write(piece)) taken += piece.length;
  t.equal(taken + pty.droppedBytes, 64 * piece.length);
  t.ok(pty.droppedBytes > 0);
  t.ok(taken <= WRITE_QUEUE_BYTES_MAX + 128 * 1024, `${taken} bytes wait, of which the kernel holds some`);
});

t.test('loses nothing of what it took while the other side reads slower than it writes', async (t) => {
  const pty = await openPty();
  const port = openSerialPort({ path: pty.path, baudRate: 115_200 });
  t.teardown(async () => {
    await port.close();
    await pty.close();
  });
  const received: Buffer[] = [];
  let bytes = 0;
  await port.open((piece) => {
    received.push(Buffer.from(piece));
    bytes += piece.length;
  });
  const sent: Buffer[] = [];
  for (let round = 0; round < 200; round += 1) {
    const piece = Buffer.alloc(2000, round);
    if (pty.write(piece)) sent.push(piece);
  }
  const expected = Buffer.concat(sent);
  await waitFor('all that was taken', () => bytes >= expected.length);
  t.ok(Buffer.concat(received).equals(expected));
  t.equal(expected.length + pty.droppedBytes, 200 * 2000);
});

t.test('takes its device away when it is closed, and can be closed twice', async (t) => {
  const pty = await openPty();
  // As long as the other side is open, the system gives nobody else the name.
  const other = openSync(pty.path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  t.teardown(() => closeSync(other));
  await pty.close();
  await pty.close();
  t.notOk(existsSync(pty.path));
  t.equal(readSync(other, Buffer.alloc(1)), 0, 'the other side has ended');
  t.equal(pty.write(Buffer.from('x')), false);
  t.equal(pty.droppedBytes, 1);
});
