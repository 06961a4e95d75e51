import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { HostReader } from '../../../hardware/host/host-reader.ts';

/** A machine with two NVMe drives, a CPU whose zone is shown twice, and a broken sensor. */
const MACHINE: Record<string, string> = {
  'sys/class/hwmon/hwmon0/name': 'nvme\n',
  'sys/class/hwmon/hwmon0/temp1_input': '38850\n',
  'sys/class/hwmon/hwmon0/temp1_label': 'Composite\n',
  'sys/class/hwmon/hwmon0/temp1_max': '81850\n',
  'sys/class/hwmon/hwmon0/temp1_crit': '84850\n',
  'sys/class/hwmon/hwmon1/name': 'nvme\n',
  'sys/class/hwmon/hwmon1/temp1_input': '41850\n',
  'sys/class/hwmon/hwmon1/temp1_label': 'Composite\n',
  'sys/class/hwmon/hwmon2/name': 'cpu_thermal\n',
  'sys/class/hwmon/hwmon2/temp1_input': '52121\n',
  'sys/class/hwmon/hwmon2/temp2_input': '-273150\n',
  'sys/class/hwmon/hwmon10/name': 'board\n',
  'sys/class/hwmon/hwmon10/temp2_input': '-5500\n',
  'sys/class/hwmon/hwmon10/temp2_label': 'Inlet A/B\n',
  'sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  'sys/class/thermal/thermal_zone0/temp': '52121\n',
  'sys/class/thermal/thermal_zone1/type': 'gpu-thermal\n',
  'sys/class/thermal/thermal_zone1/temp': '47000\n',
};

t.test('finds and reads every sensor once', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'caisson-host-'));
  t.teardown(() => rm(root, { recursive: true }));
  for (const [path, content] of Object.entries(MACHINE)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  const host = new HostReader(root);
  const sensors = await host.findTemperatureSensors();
  const readings = await Promise.all(sensors.map((sensor) => host.readTemperature(sensor)));
  t.same(
    sensors.map(({ name, high, critical }, index) => [name, readings[index], high, critical]),
    [
      ['nvme/Composite', 38.85, 81.85, 84.85],
      ['nvme/Composite-2', 41.85, undefined, undefined],
      ['cpu_thermal/temp1', 52.121, undefined, undefined],
      ['cpu_thermal/temp2', undefined, undefined, undefined],
      ['board/Inlet_A_B', -5.5, undefined, undefined],
      ['gpu-thermal', 47, undefined, undefined],
    ],
  );
});

t.test('finds nothing and fails nowhere on a machine that tells nothing', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'caisson-host-'));
  t.teardown(() => rm(root, { recursive: true }));
  const host = new HostReader(root);
  t.same(await host.findTemperatureSensors(), []);
  const reading = host.read();
  t.equal(reading.memory, undefined);
  t.equal(reading.cpus.size, 0);
  t.ok(reading.process.rss > 0);
  t.equal(await host.readSpace(join(root, 'nowhere')), undefined);
  host.close();
});
