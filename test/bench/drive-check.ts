import type { StoredChannel, Telemetry } from '../../gateway/query/telemetry.ts';
import { type Columns, columnsByChannel, type Drive, lapUsOf } from './drive.ts';

/**
 * Throws unless a store holds exactly so many laps of a drive: each sample, bit by bit, and no other, and none of them lost
 * by the ledger.
 */
export function requireSame(telemetry: Telemetry, drive: Drive, laps: number): void {
  const lapUs = lapUsOf(drive);
  const kept = new Map(telemetry.ledger().map((line) => [line.channel, line]));
  for (const [index, columns] of columnsByChannel(drive).entries()) {
    const channel = telemetry.channel(drive.specs[index]?.name ?? '');
    requireChannel(telemetry, channel, columns, laps, lapUs);
    const account = kept.get(channel.id);
    const fed = columns.times.length * laps;
    if (fed > 0 && (account?.kept !== fed || account.lost !== 0 || account.taken !== fed)) {
      throw new Error(`${channel.name}: ${fed} samples fed, the ledger says ${JSON.stringify(account)}`);
    }
  }
}

function requireChannel(
  telemetry: Telemetry,
  channel: StoredChannel,
  { times, values }: Columns,
  laps: number,
  lapUs: number,
): void {
  let row = 0;
  let lap = 0;
  for (const piece of telemetry.raw(channel.id, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < piece.times.length; i += 1) {
      if (row === times.length) {
        row = 0;
        lap += 1;
      }
      const time = (times[row] as number) + lap * lapUs;
      if (piece.times[i] !== time || !Object.is(piece.values[i], values[row])) {
        throw new Error(
          `${channel.name}, lap ${lap}, sample ${row}: fed ${values[row]} at ${time}, read ${piece.values[i]} at ${piece.times[i]}`,
        );
      }
      row += 1;
    }
  }
  const read = lap * times.length + row;
  if (read !== times.length * laps)
    throw new Error(`${channel.name}: ${times.length * laps} samples fed, ${read} read`);
}
