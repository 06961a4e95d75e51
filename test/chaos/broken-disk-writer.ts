/**
 * What runs in a machine whose disk breaks while samples are taken in, and is mended: says `acked N` after each batch that is
 * durable, and `mended` when samples are durable again and the ledger of those that are not critical adds up. Goes on until
 * there is no power.
 *
 * usage: broken-disk-writer.js full|failing    with the disk /dev/ubda, mounted at /data
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import type { LedgerLine } from '../../gateway/query/telemetry.ts';
import { StoreHost } from '../../gateway/store-host.ts';
import { eventually } from '../scenarios/eventually.ts';
import { type BreakableDisk, FailingDisk, FullDisk } from './breakable-disk.ts';
import { BATCH_SLOTS_MAX, StreamPusher } from './sample-stream.ts';

/** Batches acknowledged before the disk breaks, and again after it was mended. */
const BATCHES_SOUND = 60;

/** Samples of a channel of its own that are tried at once when the ring has no room for a batch. */
const SPILL = 100;

const DIR = '/data/store';

const say = (line: string) => writeSync(1, `${line}\n`);

const isFull = process.argv[2] === 'full';
const disk: BreakableDisk = isFull ? new FullDisk() : FailingDisk.remounted();
let deaths = 0;
const host = await StoreHost.open({
  dir: DIR,
  gateway: 'cut',
  commitFloorMs: 2,
  blockAgeSeconds: 1,
  ringSlots: 1 << 14,
  onProblem: (text) => {
    if (text.includes('store thread died')) deaths += 1;
    process.stderr.write(`${text}\n`);
  },
});
// As in a gateway somebody reads meanwhile, so that no connection of the store is ever the last.
const viewer = StoreTelemetry.open(DIR);
const pusher = new StreamPusher(host.intake, 0);
const spill = { id: host.intake.channel({ name: 'spill', source: 'stream' }).id, taken: 0, lost: 0 };
let acked = 0;
const timer = setInterval(push, 5);

await eventually('acknowledgements of a sound disk', () => acked >= BATCHES_SOUND);
disk.break(DIR);
if (isFull) await eventually('samples that are lost', () => lineOf(spill.id).lost > 0 || spill.lost > 0);
else await eventually('the death of the store', () => deaths > 0);
disk.mend();
const before = acked;
await eventually('acknowledgements of a mended disk', () => acked >= before + BATCHES_SOUND);
clearInterval(timer);
await host.intake.durable(host.intake.publish());
await eventually('taken in = kept + lost', () => {
  const { taken, kept, lost } = lineOf(spill.id);
  return taken === kept + lost;
}).catch((error: unknown) => {
  throw new Error(JSON.stringify(lineOf(spill.id)), { cause: error });
});
say('mended');
setInterval(push, 5);

function lineOf(id: number): Omit<LedgerLine, 'channel'> {
  return viewer.ledger().find(({ channel }) => channel === id) ?? { taken: 0, kept: 0, lost: 0, derived: 0 };
}

function push(): void {
  if (host.intake.hasRoom(BATCH_SLOTS_MAX)) {
    const batch = pusher.next;
    spillOne();
    void host.intake.durable(pusher.push()).then(() => {
      acked += 1;
      say(`acked ${batch}`);
    });
    return;
  }
  for (let i = 0; i < SPILL; i += 1) spillOne();
  host.intake.publish();
}

/** A sample of a channel that is not critical: lost when the disk is full or the ring has no room. */
function spillOne(): void {
  if (!host.intake.push(spill.id, host.clock.now(), spill.taken)) spill.lost += 1;
  spill.taken += 1;
}
