import { Buffer } from 'node:buffer';
import { symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { openPty, type Pty } from '../../hardware/serial/pty.ts';
import { Random } from '../../hardware/simulated/random.ts';
import { TelemetryClient } from '../../sync/api/client.ts';
import { eventually } from './eventually.ts';
import { GatewayChild } from './gateway-child.ts';
import { keptValues } from './kept-values.ts';

const SEED = Number(process.env.CAISSON_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));
const NOISE_BYTES = 200_000;
const PIECE_BYTES = 4096;
const PLUGGINGS = 3;

const COUNT = 'car/Engine/Count';
const DBC = 'BU_: Ecu\nBO_ 256 Engine: 8 Ecu\n SG_ Count : 0|16@1+ (1,0) [0|0] "" Ecu\n';

t.test('noise, endless lines and pulled plugs on real ports cost only themselves', async (t) => {
  t.comment(`CAISSON_TEST_SEED=${SEED}`);
  const random = new Random(SEED);
  const folder = t.testdir({ 'car.dbc': DBC });
  const canPath = join(folder, 'can');
  const gnssPath = join(folder, 'gnss');
  const dir = join(folder, 'data');
  const config = {
    store: { dir },
    dashboard: { port: 0 },
    grpc: { port: 0 },
    sources: {
      car: { type: 'can', bus: { slcan: canPath, bitrate: 500_000 }, dbc: ['car.dbc'] },
      gnss: { type: 'serial', port: { path: gnssPath, baudRate: 4800 } },
    },
  };
  const gateway = await GatewayChild.start({ config, folder });
  const client = new TelemetryClient({ host: '127.0.0.1', port: gateway.grpcPort });
  t.teardown(async () => {
    client.close();
    await gateway.kill();
  });
  const source = async (name: string) => (await client.status()).sources.find((each) => each.name === name);
  const counts = async () => {
    const found: number[] = [];
    for await (const piece of client.query({ channels: [COUNT], from: 0 })) {
      if ('samples' in piece) found.push(...[...piece.samples.values].map(Number));
    }
    return found;
  };
  const plugged = async (name: string, path: string) => {
    const pty = await openPty();
    symlinkSync(pty.path, path);
    const opened = new Promise<void>((resolve) => pty.onData(() => resolve()));
    if (name === 'car') await opened;
    else await eventually(`${name} opens`, async () => (await source(name))?.state !== 'waiting');
    return pty;
  };

  await t.test('CAN: what is valid between noise is kept', async (t) => {
    const expected: number[] = [];
    for (let round = 0; round < PLUGGINGS; round += 1) {
      const pty = await plugged('car', canPath);
      await sendAll(pty, noise(random));
      await sendAll(pty, Buffer.alloc(1 << 20, 'A'));
      const values = Array.from({ length: 100 }, (_, n) => 1000 * (round + 1) + n);
      await sendAll(pty, Buffer.from(`\r${values.map(slcanFrame).join('')}`));
      await eventually('the frames', async () => (await counts().catch(() => [])).at(-1) === values.at(-1));
      expected.push(...values);
      unlinkSync(canPath);
      await pty.close();
      // The status is put together once a second: one from before this plugging says waiting as well.
      const { errors, problem } = await eventually('the port is missed', async () => {
        const found = await source('car');
        return found?.state === 'waiting' && found.received >= expected.length && found;
      });
      t.ok((errors['line-too-long'] ?? 0) > round, JSON.stringify(errors));
      t.match(problem, /disconnected|No such file/);
    }
    t.same(await counts(), expected);
  });

  await t.test(
    'NMEA: noise is said to be noise, and a sentence after it counts, over midnight and back in time',
    async (t) => {
      const pty = await plugged('gnss', gnssPath);
      await sendAll(pty, Buffer.from(noise(random).map((byte) => byte | 0x80)));
      await eventually('the problem', async () =>
        (await source('gnss'))?.problem?.includes('is the baudRate that of the device'),
      );
      const times = [
        '235958 311223',
        '235959 311223',
        '000000 010124',
        '120000 010123',
        '996199 320223',
        '120001 010123',
      ];
      const sentences = times.map((at, n) => rmc(at.slice(0, 6), at.slice(7), n));
      sentences.splice(3, 0, seal(`GPRMC,${'1'.repeat(10_000)}`));
      await sendAll(pty, Buffer.from(`\r\n${sentences.join('')}`));
      const { errors } = await eventually('all sentences', async () => {
        const found = await source('gnss');
        return found !== undefined && found.state === 'running' && found.received >= sentences.length && found;
      });
      t.same(errors, { 'too-long': 1, 'bad-field': 1 });
      await pty.close();
    },
  );

  await gateway.stop();
  t.equal(gateway.exitCode, 0);
  const telemetry = StoreTelemetry.open(dir);
  t.same(keptValues(telemetry, 'gnss/course'), [0, 1, 2, 3, 4, 5], 'a bad time costs no other field of its sentence');
  telemetry.close();
});

function noise(random: Random): Buffer {
  return Buffer.from(Uint8Array.from({ length: NOISE_BYTES }, () => random.below(256)));
}

/** Sends in pieces, as fast as the other side reads. */
async function sendAll(pty: Pty, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    pty.write(bytes.subarray(at, at + PIECE_BYTES));
    while (pty.waitingBytes > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function slcanFrame(value: number): string {
  const low = (value & 0xff).toString(16).padStart(2, '0');
  const high = (value >> 8).toString(16).padStart(2, '0');
  return `t1008${low}${high}000000000000\r`.toUpperCase().replace('T', 't');
}

function rmc(time: string, date: string, course: number): string {
  return seal(`GPRMC,${time}.00,A,4807.038,N,01131.000,E,022.4,${course}.0,${date},,`);
}

function seal(body: string): string {
  const sum = Buffer.from(body, 'latin1').reduce((total, byte) => total ^ byte, 0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}
