import { CaissonError } from '../../gateway/errors.ts';
import type { RecordingTable } from './recording-table.ts';
import type { ReplaySettings } from './replay-config.ts';

/**
 * UTC at which the times of a recording begin to count, microseconds; 0 where samples are stamped on arrival.
 * @throws CaissonError `config-invalid` when device time is asked for and the recording has none
 */
export function utcStartOf({ epoch, format }: RecordingTable, settings: ReplaySettings, source: string): number {
  const { timestamp, utcOffsetUs } = settings;
  if (timestamp === 'arrival' || epoch.kind === 'utc') return 0;
  const refuse = (problem: string, hint: string) =>
    new CaissonError('config-invalid', `source ${source}: timestamp is device, but ${settings.file} ${problem}`, {
      hint,
    });
  if (epoch.kind === 'unknown') throw refuse(`(${format}) has no date that can be read`, 'use timestamp: arrival');
  if (utcOffsetUs !== undefined) return epoch.start - utcOffsetUs;
  const local = new Date(epoch.start / 1e3).toISOString().slice(0, 16);
  throw refuse(
    `(${format}) began at ${local} local time without a zone`,
    'set utcOffset to what local time was ahead of UTC, such as +08:00, or use timestamp: arrival',
  );
}
