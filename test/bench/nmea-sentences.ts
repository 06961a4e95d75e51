import { readFileSync } from 'node:fs';
import process from 'node:process';
import { gunzipSync } from 'node:zlib';
import { SerialCollector } from '../../collectors/serial/serial-collector.ts';
import { serialSettings } from '../../collectors/serial/serial-config.ts';
import { ChannelRegistry } from '../../gateway/channel-registry.ts';
import { RING_SLOTS } from '../../gateway/limits.ts';
import { createRing, RingReader, RingWriter } from '../../gateway/ring.ts';
import { RingIntake } from '../../gateway/ring-intake.ts';
import type { BytePort, DataListener, PortState } from '../../hardware/serial/byte-port.ts';
import { recording } from '../data-dir.ts';
import { atLeast, type Figure, type Progress } from './figure.ts';
import { median } from './statistics.ts';
import { SummingSink } from './summing-sink.ts';

const ROUNDS = 15;
/** Rounds until the machine code is what it stays. */
const WARM_ROUNDS = 3;

/** Bytes handed over at once: what a busy port has ready. */
const PIECE_BYTES = 4096;

/** Time between two pieces at 115,200 bit/s, whole microseconds. */
const PIECE_US = Math.round((PIECE_BYTES * 1e6) / 11_520);

/** Pieces between two times that the ring is emptied. */
const PIECES_A_TURN = 200;

/** A recording, how often it is played in a round, and the sentences that it has. */
interface Wire {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly plays: number;
  readonly sentences: number;
}

export async function nmeaFigures(progress: Progress): Promise<Figure[]> {
  const boat = await measure(
    { name: 'boat', bytes: gunzipSync(read('nmea-signalk/plaka.log.gz')), plays: 4, sentences: 116_000 },
    progress,
  );
  const receiver = await measure(
    { name: 'receiver', bytes: read('gpsd/ublox-neo-m9n-nmea.log'), plays: 200, sentences: 1403 },
    progress,
  );
  return [
    {
      name: 'nmea_sentences_per_s',
      value: boat.perSecond,
      unit: 'sentences/s',
      target: atLeast(1_000_000),
      meaning: `NMEA 0183 of a sailing boat, 4 h, into the ring, ${boat.samplesEach.toFixed(2)} samples a sentence, one core`,
    },
    {
      name: 'nmea_gnss_sentences_per_s',
      value: receiver.perSecond,
      unit: 'sentences/s',
      meaning: `the same of a satellite receiver, ${receiver.samplesEach.toFixed(2)} samples a sentence`,
    },
  ];
}

function read(name: string): Uint8Array {
  const path = recording(`serial/${name}`);
  if (path === undefined) throw new Error(`no ${name} on this machine: CAISSON_TEST_DATA names its folder`);
  return readFileSync(path);
}

async function measure(wire: Wire, progress: Progress): Promise<{ perSecond: number; samplesEach: number }> {
  for (let round = 0; round < WARM_ROUNDS; round += 1) await decodeAll(wire);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const result = await decodeAll(wire);
    progress(`${wire.name}: ${(result.perSecond / 1e6).toFixed(2)} M sentences/s`);
    rounds.push(result);
  }
  const samplesEach = rounds[0]?.samplesEach ?? 0;
  if (rounds.some((round) => round.samplesEach !== samplesEach)) throw new Error('rounds gave different samples');
  return { perSecond: median(rounds.map(({ perSecond }) => perSecond)), samplesEach };
}

/** A port that hands over what is asked for. */
class BenchPort implements BytePort {
  readonly name = 'bench';
  readonly droppedBytes = 0;
  state: PortState = { kind: 'closed' };
  pass: DataListener = () => {};

  async open(onData: DataListener): Promise<void> {
    this.pass = onData;
    this.state = { kind: 'open' };
  }

  async close(): Promise<void> {
    this.state = { kind: 'closed' };
  }

  write(): boolean {
    return false;
  }
}

/** CPU time of this process in which sentences become samples in the ring; not that in which the ring is emptied again. */
async function decodeAll({ bytes, plays, sentences }: Wire): Promise<{ perSecond: number; samplesEach: number }> {
  const memory = createRing(RING_SLOTS);
  let now = 1_600_000_000_000_000;
  const clock = { now: () => now, observe: () => {} };
  const intake = new RingIntake(new RingWriter(memory), new ChannelRegistry([], () => {}), clock);
  const reader = new RingReader(memory);
  const port = new BenchPort();
  const collector = new SerialCollector(
    serialSettings({ port: { path: '/dev/bench', baudRate: 115_200 } }),
    { source: 'bench', intake, clock },
    port,
  );
  await collector.start();
  const sink = new SummingSink();
  let spent = 0;
  for (let play = 0; play < plays; play += 1) {
    for (let from = 0; from < bytes.length; from += PIECES_A_TURN * PIECE_BYTES) {
      const before = process.cpuUsage();
      const end = Math.min(bytes.length, from + PIECES_A_TURN * PIECE_BYTES);
      for (let at = from; at < end; at += PIECE_BYTES) {
        now += PIECE_US;
        void port.pass(bytes.subarray(at, Math.min(end, at + PIECE_BYTES)));
      }
      const { user, system } = process.cpuUsage(before);
      spent += user + system;
      reader.drain(RING_SLOTS, sink);
      reader.release();
    }
  }
  await collector.stop();
  const { received, samples, dropped } = collector.health();
  if (received !== sentences * plays || dropped > 0 || samples !== sink.count) {
    throw new Error(
      `${received} sentences of ${sentences * plays}, ${dropped} dropped, ${samples} samples, ${sink.count} in the ring`,
    );
  }
  return { perSecond: (received * 1e6) / spent, samplesEach: samples / received };
}
