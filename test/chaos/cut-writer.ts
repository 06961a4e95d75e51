/**
 * What runs in the machine whose power is cut: opens the store as a gateway does, holds it against what was acknowledged
 * before, and then takes in samples, saying so after each batch that is durable, until there is no power.
 *
 * usage: cut-writer.js DIR ACKED [BATCHES [DEVICE]]
 *   ACKED    JSON: of each run before the last batch acknowledged
 *   BATCHES  end in good order after so many; without it go on until the power is cut
 *   DEVICE   device mapper's name of a dm-log-writes disk: its log gets a mark at each acknowledgement
 */
import { execFileSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { StoreHost } from '../../gateway/store-host.ts';
import { BATCH_SLOTS_MAX, RUN_BATCHES_MAX, StreamPusher } from './sample-stream.ts';
import { accountOf } from './stream-account.ts';

/** Batches that may wait for their commit. */
const BACKLOG_BATCHES_MAX = 8;

/** Small, so that segments are begun, filled and recycled all the time. */
const SEGMENT_BYTES = 1 << 17;

/** Pause between two batches, so that commits, seals and trims get their share of one slow processor. */
const BATCH_PAUSE_MS = 5;

const [dir = '', ackedText = '[]', batchesText, device] = process.argv.slice(2);
const acked = JSON.parse(ackedText) as number[];
const batches = batchesText === undefined ? RUN_BATCHES_MAX : Number(batchesText);

// A line at once and in one piece: after a power cut it is the only witness.
const say = (line: string) => writeSync(1, `${line}\n`);

const host = await StoreHost.open({
  dir,
  gateway: 'cut',
  commitFloorMs: 2,
  blockAgeSeconds: 1,
  ringSlots: 1 << 15,
  segmentBytes: SEGMENT_BYTES,
  onProblem: (text) => say(`problem ${text}`),
});
say(`opened ${host.recoveredSamples}`);
check(acked);
const pusher = new StreamPusher(host.intake, acked.length);
const waiting: Promise<void>[] = [];
while (pusher.next < batches) {
  if (host.intake.hasRoom(BATCH_SLOTS_MAX)) {
    const batch = pusher.next;
    waiting.push(host.intake.durable(pusher.push()).then(() => acknowledge(batch)));
  }
  if (waiting.length > BACKLOG_BATCHES_MAX) await waiting.shift();
  await pause(BATCH_PAUSE_MS);
}
await Promise.all(waiting);
await host.stop();
check([...acked, pusher.next - 1]);

function acknowledge(batch: number): void {
  if (device !== undefined) execFileSync('dmsetup', ['message', device, '0', 'mark', String(batch)]);
  say(`acked ${batch}`);
}

function check(runs: readonly number[]): void {
  const { kept, lost, faults } = accountOf(dir, runs);
  for (const fault of faults) process.stderr.write(`fault: ${fault}\n`);
  if (faults.length > 0) process.exit(1);
  say(`accounted ${kept} ${lost}`);
}
