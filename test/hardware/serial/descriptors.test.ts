import { readdirSync } from 'node:fs';
import { symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openPty } from '../../../hardware/serial/pty.ts';
import { openSerialPort } from '../../../hardware/serial/serial-port.ts';
import { waitFor } from '../../wait-for.ts';
import { HurriedTimers } from './hurried-timers.ts';

const PLUGGINGS = 200;

t.test('a port that is unplugged and plugged in again 200 times leaks no descriptor', async (t) => {
  const path = join(t.testdir(), 'port');
  const port = openSerialPort({ path, baudRate: 115_200 }, { timers: new HurriedTimers() });
  t.teardown(() => port.close());
  let received = 0;
  await port.open((bytes) => {
    received += bytes.length;
  });
  const problems = new Set<string>();
  let before = 0;
  for (let round = 0; round <= PLUGGINGS; round += 1) {
    const device = await openPty();
    await symlink(device.path, path);
    await waitFor('open', () => port.state.kind === 'open');
    device.write(new Uint8Array([1]));
    await waitFor('a byte of this device', () => received > round);
    await unlink(path);
    await device.close();
    await waitFor('lost', () => port.state.kind !== 'open');
    if (port.state.kind === 'waiting') problems.add(port.state.problem);
    // The first round loads what stays.
    if (round === 0) before = descriptors();
  }
  await waitFor('all released', () => descriptors() <= before);
  t.equal(received, PLUGGINGS + 1);
  for (const problem of problems) t.match(problem, /the device was disconnected|^No such file or directory/);
});

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
