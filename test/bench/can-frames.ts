import process from 'node:process';
import { CanCollector } from '../../collectors/can/can-collector.ts';
import { type CanConfig, canSettings } from '../../collectors/can/can-config.ts';
import { DecodedFrame } from '../../collectors/can/dbc/compile.ts';
import { CanDictionary, frameKey, type KnownMessage } from '../../collectors/can/dictionary.ts';
import { ChannelRegistry } from '../../gateway/channel-registry.ts';
import { RING_SLOTS } from '../../gateway/limits.ts';
import { createRing, RingReader, RingWriter } from '../../gateway/ring.ts';
import { RingIntake } from '../../gateway/ring-intake.ts';
import type { CanBus, CanBusListener } from '../../hardware/can/can-bus.ts';
import { FRAME_BYTES_MAX, FrameBatch } from '../../hardware/can/can-frame.ts';
import { openCanRecording } from '../../hardware/can/recording/can-recording.ts';
import { recordingContext } from '../../hardware/can/recording/frame-decoder.ts';
import { type OracleFrame, timeCanmatrix } from '../collectors/can/canmatrix.ts';
import { rav4File, rav4Source } from '../rav4-oracle.ts';
import { atLeast, type Figure, type Progress } from './figure.ts';
import { median } from './statistics.ts';
import { SummingSink } from './summing-sink.ts';

const ROUNDS = 15;
/** Frames handed over at once, as a recording or a busy adapter does. */
const BATCH_FRAMES = 256;
/** Rounds until the machine code is what it stays. */
const WARM_ROUNDS = 3;

/** Frames of a recording as a bus hands them over. */
interface Recorded {
  readonly batches: readonly FrameBatch[];
  readonly interfaces: readonly string[];
  readonly frames: number;
}

interface Round {
  readonly framesPerSecond: number;
  readonly samples: number;
}

export async function canFigures(progress: Progress): Promise<Figure[]> {
  const path = rav4File('rav4_20180802_60s.candump.log.gz');
  if (path === '') throw new Error('no recording of the RAV4 on this machine: CAISSON_TEST_DATA names its folder');
  const recorded = await readAll(path);
  for (let round = 0; round < WARM_ROUNDS; round += 1) await decodeAll(recorded);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const result = await decodeAll(recorded);
    progress(`${(result.framesPerSecond / 1e6).toFixed(2)} M frames/s`);
    rounds.push(result);
  }
  const samples = rounds[0]?.samples ?? 0;
  if (rounds.some((round) => round.samples !== samples)) throw new Error('rounds gave different numbers of samples');
  const framesPerSecond = median(rounds.map((round) => round.framesPerSecond));
  const reading: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) reading.push(await secondsToRead(path));
  return [
    {
      name: 'can_frames_per_s',
      value: framesPerSecond,
      unit: 'frames/s',
      target: atLeast(1_000_000),
      meaning: `${recorded.frames} frames of a RAV4 with three DBC files into the ring, one core`,
    },
    {
      name: 'can_samples_per_s',
      value: (framesPerSecond * samples) / recorded.frames,
      unit: 'samples/s',
      meaning: `the same as samples, ${(samples / recorded.frames).toFixed(1)} a frame`,
    },
    {
      name: 'can_log_frames_per_s',
      value: recorded.frames / median(reading),
      unit: 'frames/s',
      meaning: 'reading the same frames out of their packed candump log, CPU of all threads',
    },
    await canmatrixRatio(recorded, progress),
  ];
}

/** Frames that both decode, and how often ours does in a round. */
const COMPARED_FRAMES = 3000;
const OUR_PASSES = 200;
/** Rounds in each of which first canmatrix decodes and then ours; the median of their ratios is told. */
const RATIO_ROUNDS = 5;

/** How many times as many frames are decoded in the same CPU time as canmatrix decodes, every value being the same. */
async function canmatrixRatio({ batches, interfaces }: Recorded, progress: Progress): Promise<Figure> {
  const dbc = rav4File('toyota_nodsu_pt_concat.dbc');
  const dictionary = CanDictionary.load([dbc]);
  const wanted = interfaces.indexOf('can0');
  const known: ComparedFrame[] = [];
  for (const batch of batches) {
    for (let i = 0; i < batch.count && known.length < COMPARED_FRAMES; i += 1) {
      const id = batch.ids[i] ?? 0;
      const message = dictionary.find(frameKey(id, false));
      if (batch.interfaces[i] !== wanted || message === undefined) continue;
      const bytes = new Uint8Array(2 * FRAME_BYTES_MAX);
      bytes.set(batch.data.subarray(i * FRAME_BYTES_MAX, i * FRAME_BYTES_MAX + (batch.lengths[i] ?? 0)));
      const data = bytes.slice(0, message.message.length);
      known.push({ message, frame: { id, extended: false, data }, view: new DataView(bytes.buffer) });
    }
  }
  const frames = known.map(({ frame }) => frame);
  const out = new DecodedFrame();
  const ratios: number[] = [];
  for (let round = 0; round < RATIO_ROUNDS; round += 1) {
    const theirs = await timeCanmatrix({ dbc, frames });
    if (round === 0) compareValues(known, theirs.frames, out);
    const ours = secondsToDecode(known, out);
    ratios.push(theirs.seconds / ours);
    progress(
      `canmatrix: ${(theirs.seconds * 1e3).toFixed(0)} ms for ${known.length} frames, ours ${(ours * 1e3).toFixed(2)} ms`,
    );
  }
  return {
    name: 'ratio_canmatrix',
    value: median(ratios),
    unit: '',
    target: atLeast(100),
    meaning: `frames decoded in the CPU time of one of canmatrix's, ${known.length} frames, values compared`,
  };
}

/** A frame that is decoded by both. */
interface ComparedFrame {
  readonly message: KnownMessage;
  readonly frame: OracleFrame;
  readonly view: DataView;
}

/** Throws where a value is another one than canmatrix's. */
function compareValues(
  known: readonly ComparedFrame[],
  theirs: Awaited<ReturnType<typeof timeCanmatrix>>['frames'],
  out: DecodedFrame,
): void {
  for (const [index, { message, view }] of known.entries()) {
    message.decode(view, 0, message.message.length, out);
    const expected = theirs[index] ?? {};
    for (let k = 0; k < out.count; k += 1) {
      const name = message.message.signals[out.signals[k] ?? -1]?.name ?? '';
      const { raw = Number.NaN, factor = 0, offset = 0 } = expected[name] ?? {};
      if (out.values[k] !== raw * factor + offset)
        throw new Error(`${name} of frame ${index} differs from canmatrix's`);
    }
  }
}

/** CPU seconds of one pass over the frames. */
function secondsToDecode(known: readonly ComparedFrame[], out: DecodedFrame): number {
  const before = process.cpuUsage();
  for (let pass = 0; pass < OUR_PASSES; pass += 1) {
    for (const { message, view } of known) message.decode(view, 0, message.message.length, out);
  }
  return cpuSeconds(process.cpuUsage(before)) / OUR_PASSES;
}

async function readAll(path: string): Promise<Recorded> {
  const context = recordingContext();
  const recording = await openCanRecording(path, context);
  const batches: FrameBatch[] = [];
  let frames = 0;
  for (;;) {
    const batch = new FrameBatch(BATCH_FRAMES);
    if (!(await recording.read(batch))) break;
    batches.push(batch);
    frames += batch.count;
  }
  await recording.close();
  return { batches, interfaces: context.interfaces.names, frames };
}

/** CPU seconds. */
async function secondsToRead(path: string): Promise<number> {
  const before = process.cpuUsage();
  const recording = await openCanRecording(path, recordingContext());
  const batch = new FrameBatch(BATCH_FRAMES);
  while (await recording.read(batch)) batch.clear();
  await recording.close();
  return cpuSeconds(process.cpuUsage(before));
}

/** A bus that hands over what is asked for. */
class BenchBus implements CanBus {
  readonly waits = true;
  readonly speed = Number.POSITIVE_INFINITY;
  readonly errors = {};
  readonly interfaces: readonly string[];
  #listener: CanBusListener | undefined;

  constructor(interfaces: readonly string[]) {
    this.interfaces = interfaces;
  }

  start(listener: CanBusListener): void {
    this.#listener = listener;
    listener.onState({ state: 'open' });
  }

  async stop(): Promise<void> {}

  pass(batch: FrameBatch): void {
    if (this.#listener?.onFrames(batch, 0, batch.count) !== undefined) throw new Error('the ring was full');
  }
}

async function decodeAll({ batches, interfaces, frames }: Recorded): Promise<Round> {
  const memory = createRing(RING_SLOTS);
  const clock = { now: () => 1_600_000_000_000_000, observe: () => {} };
  const intake = new RingIntake(new RingWriter(memory), new ChannelRegistry([], () => {}), clock);
  const reader = new RingReader(memory);
  const bus = new BenchBus(interfaces);
  const { type: _, ...config } = rav4Source();
  const collector = new CanCollector(
    canSettings(config as unknown as CanConfig),
    { source: 'rav4', intake, clock },
    () => bus,
  );
  await collector.start();
  const sink = new SummingSink();
  let seconds = 0;
  // A quarter of the ring at a time, so that there is always room.
  const step = Math.ceil(batches.length / 16);
  for (let from = 0; from < batches.length; from += step) {
    const before = process.cpuUsage();
    for (const batch of batches.slice(from, from + step)) bus.pass(batch);
    seconds += cpuSeconds(process.cpuUsage(before));
    reader.drain(RING_SLOTS, sink);
    reader.release();
  }
  await collector.stop();
  const { received, samples, dropped } = collector.health();
  if (received !== frames || dropped > 0 || samples !== sink.count) {
    throw new Error(
      `${received} of ${frames} frames, ${dropped} dropped, ${samples} samples, ${sink.count} in the ring`,
    );
  }
  return { framesPerSecond: frames / seconds, samples };
}

function cpuSeconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}
