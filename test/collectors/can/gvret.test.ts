import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createCanCollector } from '../../../collectors/can/can-collector.ts';
import type { CanConfig } from '../../../collectors/can/can-config.ts';
import { listenGvret } from '../../hardware/can/gvret-adapter.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

const DBC = 'BO_ 256 Engine: 2 ECU\n SG_ Speed : 0|16@1+ (1,0) [0|0] "rpm" Dash\n';

function collectorOf(config: CanConfig) {
  const intake = new RecordedIntake();
  return { intake, collector: createCanCollector(config, { source: 'car', intake, clock: new SetClock() }) };
}

t.test('each bus of an adapter becomes channels of its own, apart by the microseconds of the adapter', async (t) => {
  const { adapter, port, close } = await listenGvret();
  t.teardown(close);
  const folder = await mkdtemp(join(tmpdir(), 'caisson-gvret-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const dbc = join(folder, 'car.dbc');
  await writeFile(dbc, DBC);
  const { intake, collector } = collectorOf({
    bus: { gvret: '127.0.0.1', port, buses: [{ bitrate: 500_000 }, { bitrate: 125_000, listenOnly: true }] },
    interfaces: { can0: { name: 'powertrain', dbc: [dbc] }, can1: { name: 'body', dbc: [dbc] } },
  });
  await collector.start();
  t.teardown(() => collector.stop());
  await waitFor('the adapter is set up', () => adapter.setup.length === 2);
  const frame = (bus: number, speed: number, time: number) => ({ bus, id: 256, data: Uint8Array.of(speed, 0), time });
  adapter.pass(frame(0, 1, 2 ** 32 - 100), frame(1, 2, 50), frame(0, 3, 900));
  await waitFor('all are there', () => collector.health().received === 3);
  t.same(intake.values('car/powertrain/Engine/Speed'), [1, 3]);
  t.same(intake.values('car/body/Engine/Speed'), [2]);
  const [first, last] = intake.samples('car/powertrain/Engine/Speed').map(({ time }) => time);
  t.equal((last ?? 0) - (first ?? 0), 1000);
  t.match(collector.health(), { state: 'running', errors: {}, dropped: 0 });
});

t.test('what an adapter cannot do is refused before it is opened', async (t) => {
  const bus = { gvret: '/dev/ttyUSB0', buses: [{ bitrate: 500_000, listenOnly: true }] };
  const cases: readonly (readonly [CanConfig, RegExp])[] = [
    [{ bus, timestamp: 'device' }, /timestamp is device/],
    [{ bus, obd: { poll: ['engine_speed'] } }, /obd asks a car, but its bus only listens/],
  ];
  for (const [config, problem] of cases) await t.rejects(collectorOf(config).collector.start(), problem);
});
