import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Test } from 'tap';
import { ChannelRegistry } from '../../../gateway/channel-registry.ts';
import { BoxClock } from '../../../gateway/clock.ts';
import { loadCollector } from '../../../gateway/commands/source-collectors.ts';
import type { Intake } from '../../../gateway/intake.ts';
import { JOURNAL_SEGMENT_BYTES } from '../../../gateway/limits.ts';
import { createRing, RingWriter } from '../../../gateway/ring.ts';
import { RingIntake } from '../../../gateway/ring-intake.ts';
import { beginBoot } from '../../../gateway/store/begin-boot.ts';
import { BlockDb } from '../../../gateway/store/block-db.ts';
import { Journal } from '../../../gateway/store/journal/journal.ts';
import { Merger } from '../../../gateway/store/merge/merger.ts';
import { recover } from '../../../gateway/store/recovery.ts';
import { storePaths } from '../../../gateway/store/store-dir.ts';
import { waitFor } from '../../wait-for.ts';
import type { RawStore } from './raw-store.ts';

/** Small, so that few packs fill them. */
const WINDOWS = [4, 16] as const;

const RING_SLOTS = 1 << 14;

/**
 * Runs the source of a store to the end of its recording, as one boot, and seals after every so many texts, which are its
 * raw frames: as a box does whose blocks are closed by age.
 * @param losesAt texts, counted from 0, before which the boot says that it lost one more
 */
export async function takeInPieces(
  store: RawStore,
  car: object,
  textsEach: number,
  losesAt: readonly number[] = [],
): Promise<void> {
  const config = store.configure(car);
  const source = config.sources.car;
  if (source === undefined) throw new Error('no source car');
  const paths = storePaths(store.dir);
  mkdirSync(store.dir, { recursive: true });
  const blocks = BlockDb.open(paths.blocks);
  const boots = new Set(blocks.boots().map(({ boot }) => boot));
  const journal = Journal.open(paths.journal, { boots, segmentBytes: JOURNAL_SEGMENT_BYTES });
  const recovered = recover(journal, blocks);
  const memory = createRing(RING_SLOTS);
  const box = new BoxClock(BoxClock.startingAt(blocks.lastTime() + 1e6, blocks.lastTime()));
  const clock = { now: () => box.now(), observe: () => {} };
  const { writer } = beginBoot({
    ...{ ring: memory, journal, blocks, recovered, gateway: 'box', onProblem: () => {} },
    ...{ boot: randomBytes(8).toString('hex'), started: clock.now() },
    reading: { time: clock.now(), offset: 1e6, error: 1e6, source: 'rtc' },
  });
  const ring = new RingWriter(memory);
  const registry = new ChannelRegistry(recovered.channels, (channel) => writer.keepChannels([channel]));
  const inner = new RingIntake(ring, registry, clock);
  const commit = () => {
    inner.publish();
    const waiting = writer.waiting();
    if (waiting > 0) writer.commit(waiting);
  };
  const seal = () => {
    commit();
    writer.sealOlderThan(writer.nextRow);
    while (writer.seal() > 0);
  };
  let texts = 0;
  const intake: Intake = {
    channel: (spec) => inner.channel(spec),
    hasRoom: () => true,
    push: (channel, time, value) => inner.push(channel, time, value),
    pushColumns: (...columns) => inner.pushColumns(...columns),
    pushText(channel, time, text) {
      if (texts % textsEach === 0) seal();
      if (losesAt.includes(texts)) ring.writeLoss(channel, time, time, 1, 'ring-full');
      texts += 1;
      return inner.pushText(channel, time, text);
    },
    pushReceipt: (digest) => inner.pushReceipt(digest),
    isKnownReceipt: (digest) => inner.isKnownReceipt(digest),
    publish() {
      commit();
      return inner.publish();
    },
    durable: (ticket) => inner.durable(ticket),
    settle: () => inner.settle(),
    withholds: false,
  };
  const create = await loadCollector(source);
  const collector = create({ source: 'car', intake, clock });
  await collector.start();
  await waitFor('the end of the recording', () => collector.health().state === 'stopped');
  await collector.stop();
  seal();
  writer.trim();
  journal.close();
  blocks.close();
}

/** Merges what can be merged of a store that nobody has open; says into how many packs. */
export function mergeAll(t: Test, { dir }: RawStore): number {
  const blocks = BlockDb.open(storePaths(dir).blocks);
  const scales = new Map(blocks.channelsAfter(0).channels.map(({ id, scale }) => [id, scale]));
  const merger = new Merger({
    ...{ store: blocks, windows: WINDOWS, isApart: () => true },
    scaleOf: (channel) => scales.get(channel),
    onProblem: (text) => t.fail(text),
  });
  merger.runRound();
  blocks.close();
  return merger.status().into;
}
