/**
 * What runs in a machine whose disk breaks while samples are taken in, and is mended: says `acked N` after each batch that is
 * durable, and `mended` when samples are durable again and the ledger has every sample that was refused meanwhile. Goes on
 * until there is no power.
 *
 * usage: broken-disk-writer.js full|failing    with the disk /dev/ubda, mounted at /data
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
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
await eventually('the death of the store', () => deaths > 0);
if (isFull) await eventually('samples that are refused', () => spill.lost > 0);
disk.mend();
const before = acked;
await eventually('acknowledgements of a mended disk', () => acked >= before + BATCHES_SOUND);
clearInterval(timer);
await host.intake.durable(host.intake.publish());
const line = viewer.ledger().find(({ channel }) => channel === spill.id) ?? { taken: 0, lost: 0 };
if (line.taken !== spill.taken || line.lost !== spill.lost) {
  throw new Error(`the ledger has ${JSON.stringify(line)}, expected ${JSON.stringify(spill)}`);
}
say('mended');
setInterval(push, 5);

function push(): void {
  if (host.intake.hasRoom(BATCH_SLOTS_MAX)) {
    const batch = pusher.next;
    void host.intake.durable(pusher.push()).then(() => {
      acked += 1;
      say(`acked ${batch}`);
    });
    return;
  }
  for (let i = 0; i < SPILL; i += 1) {
    if (!host.intake.push(spill.id, host.clock.now(), i)) spill.lost += 1;
    spill.taken += 1;
  }
  host.intake.publish();
}
