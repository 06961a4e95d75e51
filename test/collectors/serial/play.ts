import { createSerialCollector } from '../../../collectors/serial/serial-collector.ts';
import type { SerialConfig } from '../../../collectors/serial/serial-config.ts';
import { recording } from '../../data-dir.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from './recorded-intake.ts';

/** Plays a recording of bytes through the collector, with source name `gps`, to its end. */
export async function play(log: string, options: Partial<SerialConfig> = {}) {
  const intake = new RecordedIntake();
  const clock = new SetClock();
  const collector = createSerialCollector({ port: { log }, ...options }, { source: 'gps', intake, clock });
  await collector.start();
  await waitFor('the end of the recording', () => collector.health().state === 'stopped');
  await collector.stop();
  return { intake, clock, health: collector.health() };
}

/** Path of a recording under `serial/`; empty where this machine does not have it, see {@link skipWithout}. */
export function serialRecording(name: string): string {
  return recording(`serial/${name}`) ?? '';
}

/** Options of a test that needs recordings under `serial/`. */
export function skipWithout(...names: string[]): { skip: string | false } {
  const missing = names.filter((name) => serialRecording(name) === '');
  return { skip: missing.length > 0 && `this machine lacks ${missing.join(', ')}` };
}
