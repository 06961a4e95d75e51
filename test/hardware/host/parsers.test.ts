import { readFileSync } from 'node:fs';
import t from 'tap';
import { cpuLoad, parseCpuTimes, parseLoadAverages, parseUptime } from '../../../hardware/host/cpu.ts';
import { parseMemory, parsePressure } from '../../../hardware/host/memory.ts';
import { parseDisks, parseNetwork } from '../../../hardware/host/traffic.ts';
import { recording } from '../../data-dir.ts';

/** Recorded files of /proc, each with what another parser (jc) makes of it. */
const folder = recording('box/jc-proc') ?? '';
const needsRecordings = { skip: folder === '' && 'this machine lacks box/jc-proc' };
const text = (name: string): string => readFileSync(`${folder}/${name}`, 'latin1');
const oracle = (name: string) => JSON.parse(text(`${name}.json`));

t.test('agrees with jc on recorded files of /proc', needsRecordings, async (t) => {
  t.test('stat', async (t) => {
    const cpus = parseCpuTimes(text('stat'));
    const expected = oracle('stat');
    t.same([...cpus.keys()], ['cpu', 'cpu0', 'cpu1']);
    for (const [name, times] of cpus) {
      const ticks = expected[name];
      const busy = ticks.user + ticks.nice + ticks.system + ticks.irq + ticks.softirq + ticks.steal;
      t.same(times, { busy, total: busy + ticks.idle + ticks.iowait }, name);
    }
  });

  t.test('meminfo', async (t) => {
    const expected = oracle('meminfo');
    t.same(parseMemory(text('meminfo')), {
      total: expected.MemTotal * 1024,
      available: expected.MemAvailable * 1024,
      swapTotal: expected.SwapTotal * 1024,
      swapFree: expected.SwapFree * 1024,
    });
  });

  t.test('loadavg and uptime', async (t) => {
    const load = oracle('loadavg');
    t.same(parseLoadAverages(text('loadavg')), [load.load_1m, load.load_5m, load.load_15m]);
    t.equal(parseUptime(text('uptime')), oracle('uptime').up_time);
  });

  t.test('diskstats, whole disks only', async (t) => {
    const disks = parseDisks(text('diskstats'));
    const expected = oracle('diskstats').filter((disk: { device: string }) =>
      /^(sd[a-z]|nvme\d+n\d+)$/.test(disk.device),
    );
    t.ok(expected.length > 0);
    t.same(
      [...disks.keys()],
      expected.map((disk: { device: string }) => disk.device),
    );
    for (const disk of expected) {
      t.same(disks.get(disk.device), {
        readBytes: disk.sectors_read * 512,
        writtenBytes: disk.sectors_written * 512,
        busyMs: disk.io_time_ms,
      });
    }
  });

  t.test('net/dev, without the loopback', async (t) => {
    const interfaces = parseNetwork(text('net_dev'));
    const expected = oracle('net_dev').filter((card: { interface: string }) => card.interface !== 'lo');
    t.equal(interfaces.size, expected.length);
    for (const card of expected) {
      t.same(interfaces.get(card.interface), {
        receivedBytes: card.r_bytes,
        sentBytes: card.t_bytes,
        lostPackets: card.r_errs + card.r_drop + card.t_errs + card.t_drop,
      });
    }
  });
});

t.test('reads pressure, with and without the line for all tasks', async (t) => {
  const some = 'some avg10=0.18 avg60=0.34 avg300=0.10 total=159886802\n';
  t.same(parsePressure(`${some}full avg10=0.18 avg60=0.34 avg300=0.10 total=159229614\n`), {
    some: 159_886_802,
    full: 159_229_614,
  });
  t.same(parsePressure(some), { some: 159_886_802, full: 0 });
});

t.test('tells nothing from files that are empty or of another kind', async (t) => {
  for (const junk of ['', '\n', 'cpu\n', 'garbage 1 2 3\n', 'MemTotal: 5 MB\n', 'eth0: 1 2\n']) {
    t.equal(parseMemory(junk), undefined);
    t.equal(parsePressure(junk), undefined);
    t.equal(parseLoadAverages(junk), undefined);
    t.equal(parseUptime(junk), undefined);
    t.equal(parseDisks(junk).size, 0);
    t.equal(parseNetwork(junk).size, 0);
  }
});

t.test('computes the load between two readings', async (t) => {
  t.equal(cpuLoad({ busy: 100, total: 1000 }, { busy: 150, total: 1200 }), 25);
  t.equal(cpuLoad({ busy: 100, total: 1000 }, { busy: 100, total: 1000 }), undefined, 'no time passed');
  t.equal(cpuLoad({ busy: 100, total: 1000 }, { busy: 90, total: 1100 }), 0, 'the kernel may take ticks back');
});

t.test('knows whole disks from partitions, loops and RAM disks', async (t) => {
  const names = [
    'sda',
    'sda1',
    'nvme0n1',
    'nvme0n1p1',
    'mmcblk0',
    'mmcblk0p2',
    'mmcblk0boot0',
    'loop0',
    'ram0',
    'vda',
    'dm-0',
  ];
  const lines = names.map((name) => `   8       0 ${name} 1 0 10 1 2 0 20 2 0 30 3 0 0 0 0`);
  t.same([...parseDisks(lines.join('\n')).keys()], ['sda', 'nvme0n1', 'mmcblk0', 'vda']);
});
