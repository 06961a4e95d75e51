import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { listSerialPorts } from '../../../hardware/serial/serial-ports.ts';

/** A machine with a USB adapter that has an id, a modem that has none, a UART of the board, and names of UARTs that are not there. */
function machine(t: Test, consoles: string): string {
  const root = t.testdir({ dev: { serial: { 'by-id': {} }, ttyUSB0: '', ttyACM0: '', ttyS0: '', ttyS1: '' } });
  symlinkSync('../../ttyUSB0', join(root, 'dev/serial/by-id/usb-FTDI_FT232R-if00-port0'));
  for (const [name, type] of Object.entries({
    ttyUSB0: undefined,
    ttyACM0: undefined,
    ttyS0: '4',
    ttyS1: '0',
    tty3: '4',
  })) {
    mkdirSync(join(root, 'sys/class/tty', name), { recursive: true });
    if (type !== undefined) writeFileSync(join(root, 'sys/class/tty', name, 'type'), `${type}\n`);
  }
  mkdirSync(join(root, 'sys/class/tty/console'));
  writeFileSync(join(root, 'sys/class/tty/console/active'), `${consoles}\n`);
  return root;
}

t.test('ports are named by their id where they have one', async (t) => {
  t.same(await listSerialPorts(machine(t, 'tty0')), [
    { path: '/dev/ttyACM0', device: '/dev/ttyACM0' },
    { path: '/dev/ttyS0', device: '/dev/ttyS0' },
    { path: '/dev/serial/by-id/usb-FTDI_FT232R-if00-port0', device: '/dev/ttyUSB0' },
  ]);
});

t.test('the console of the kernel is no port of a device', async (t) => {
  const devices = (await listSerialPorts(machine(t, 'tty0 ttyS0'))).map(({ device }) => device);
  t.same(devices, ['/dev/ttyACM0', '/dev/ttyUSB0']);
});

t.test('a machine without serial ports has none', async (t) => {
  t.same(await listSerialPorts(t.testdir({})), []);
});
