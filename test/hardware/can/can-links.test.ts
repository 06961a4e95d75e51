import t from 'tap';
import { listCanLinks } from '../../../hardware/can/can-links.ts';

const DETAILS = { state: 'bus-off', bitrate: 500_000, dataBitrate: undefined } as const;

t.test('CAN interfaces are listed, up or not, and no others', async (t) => {
  const link = (type: number, flags: string) => ({
    type: `${type}\n`,
    flags: `${flags}\n`,
    statistics: { rx_packets: '10\n' },
  });
  const folder = t.testdir({ lo: link(772, '0x9'), can1: link(280, '0x40080'), can0: link(280, '0x40081'), odd: {} });
  const can = { state: 'bus-off', bitrate: 500_000, received: 10 };
  t.same(await listCanLinks(folder, async () => DETAILS), [
    { ...can, name: 'can0', isUp: true },
    { ...can, name: 'can1', isUp: false },
  ]);
});

t.test('a machine without interfaces has none', async (t) => {
  t.same(await listCanLinks('/nowhere', async () => DETAILS), []);
});
