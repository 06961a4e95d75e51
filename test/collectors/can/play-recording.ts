import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { createCanCollector } from '../../../collectors/can/can-collector.ts';
import type { CanConfig } from '../../../collectors/can/can-config.ts';
import type { CollectorHealth } from '../../../collectors/collector.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

/** Plays a recording through the collector to its end. */
export async function playRecording(
  config: Omit<CanConfig, 'bus'> & { readonly log: string },
): Promise<{ intake: RecordedIntake; health: CollectorHealth }> {
  const { log, ...rest } = config;
  const intake = new RecordedIntake();
  const full: CanConfig = { bus: { log, speed: 'max' }, timestamp: 'device', ...rest };
  const collector = createCanCollector(full, { source: 'car', intake, clock: new SetClock() });
  await collector.start();
  await waitFor('the end of the recording', () => collector.health().state === 'stopped');
  await collector.stop();
  return { intake, health: collector.health() };
}

/** Plays frames as candump writes them, a tenth of a second apart, with a DBC file. */
export async function playFrames(
  t: Test,
  frames: readonly string[],
  config: Omit<CanConfig, 'bus' | 'dbc'>,
  dbc?: string,
): Promise<{ intake: RecordedIntake; health: CollectorHealth }> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-frames-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const log = join(folder, 'log');
  const lines = frames.map((frame, n) => `(${(1_600_000_000 + n / 10).toFixed(6)}) can0 ${frame}\n`);
  await writeFile(log, lines.join(''));
  if (dbc === undefined) return playRecording({ log, ...config });
  await writeFile(join(folder, 'car.dbc'), dbc);
  return playRecording({ log, ...config, dbc: [join(folder, 'car.dbc')] });
}
