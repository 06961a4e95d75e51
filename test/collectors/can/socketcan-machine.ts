/**
 * Runs in a virtual machine with SocketCAN, as root: frames of can-utils against the collector, and an interface that
 * goes and comes. Each line of its output is what one scenario found, as JSON.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createCanCollector } from '../../../collectors/can/can-collector.ts';
import type { CanConfig } from '../../../collectors/can/can-config.ts';
import { type Clock, monotonicUs } from '../../../gateway/clock.ts';
import { openSocketcanBus } from '../../../hardware/can/socketcan/socketcan-bus.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake } from '../serial/recorded-intake.ts';

type Reader = 'candump' | 'addon';
type SocketcanConfig = Extract<CanConfig['bus'], { socketcan: string }>;

const NAME = 'vcan0';
/**
 * Last frame of a round, so that it is known when everything before it has come; and a frame that begins one: another,
 * for it is sent until it is heard, and may come once more after that.
 */
const END = '7FE#';
const BEGIN = '7FD#';

const clock: Clock = { now: () => Math.round(monotonicUs()), observe() {} };

function tell(fact: string, found: unknown): void {
  process.stdout.write(`${JSON.stringify({ fact, found, at: Math.round(performance.now()) })}\n`);
}

const execute = promisify(execFile);

async function run(command: string, ...args: string[]): Promise<void> {
  await execute(command, args);
}

/** Puts frames onto the bus, in one process: each takes a tenth of a second in the machine. */
async function send(...frames: string[]): Promise<void> {
  const player = spawn('canplayer', ['-t'], { stdio: ['pipe', 'ignore', 'inherit'] });
  player.stdin.end(frames.map((frame) => `(1.000000) ${NAME} ${frame}\n`).join(''));
  await once(player, 'exit');
}

function received(): number {
  return Number(readFileSync(`/sys/class/net/${NAME}/statistics/rx_packets`, 'utf8'));
}

/** A collector that keeps every frame as text, and is known to hear. */
async function listen(reader: Reader | 'auto', bus: Partial<SocketcanConfig> = {}) {
  const intake = new RecordedIntake();
  const config: CanConfig = { bus: { socketcan: NAME, reader, ...bus }, raw: true };
  const collector = createCanCollector(config, { source: 'car', intake, clock: clock });
  const frames = () => intake.texts('car/raw').map(({ text }) => text.replace(`${NAME} `, ''));
  await collector.start();
  const hears = async (frame: string) => {
    const before = frames().length;
    // candump does not say when it has opened its socket.
    while (frames().length === before) await send(frame);
  };
  return { collector, intake, frames, hears };
}

async function countFrames(reader: Reader): Promise<void> {
  const { collector, intake, frames, hears } = await listen(reader);
  await hears(BEGIN);
  await run('cangen', NAME, '-g', '1', '-n', '200', '-I', 'i', '-L', '8', '-D', 'i');
  await send(END);
  await waitFor('the end', () => frames().at(-1) === END);
  const generated = frames().filter((frame) => frame !== BEGIN && frame !== END);
  const inOrder = generated.every((frame, n) => Number.parseInt(frame.slice(0, 3), 16) === n);
  await waitFor('the meter', () => intake.values('car/bus/frame_rate').length > 0);
  const { errors, dropped } = collector.health();
  tell('count', { reader, frames: generated.length, inOrder, dropped, errors: Object.keys(errors) });
  await collector.stop();
}

async function kindsOfFrames(reader: Reader): Promise<void> {
  const { collector, intake, frames, hears } = await listen(reader);
  await hears(BEGIN);
  await send('123#0102', '12345678#AABBCC', '123#R4', '123##1AABB', `12345678##1${'5A'.repeat(64)}`);
  await send('20000004#0004000000000000', '20000004#0010000000000000', '20000040#0000000000000000');
  await waitFor('bus-off', () => collector.health().state === 'waiting');
  const { problem } = collector.health();
  await send('20000100#0000000000000000', END);
  await waitFor('the end', () => frames().at(-1) === END);
  // On a busy machine a second may end between two reports.
  const controller = () => intake.values('car/bus/controller').at(-1);
  await waitFor('the meter', () => controller() === 0);
  const { state, errors } = collector.health();
  const heard = frames().filter((frame) => frame !== BEGIN && frame !== END);
  tell('kinds', { reader, heard, problem, state, errors, controller: controller() });
  await collector.stop();
}

/** More frames than the buffer of the socket holds, while nobody reads. */
async function dropFrames(reader: Reader): Promise<void> {
  const { collector, intake, frames, hears } = await listen(reader, { receiveBufferBytes: 4096 });
  await hears(BEGIN);
  // At the first look a frame may still have waited in the buffer of the socket.
  const looks = () => intake.values('car/bus/lost_rate').length;
  await waitFor('the counters were looked at on a quiet bus', () => looks() > 2);
  const [before, heardBefore] = [received(), frames().length];
  const generator = spawn('sh', [
    '-c',
    `sleep 0.2; cangen ${NAME} -g 0 -n 3000 -I 100 -L 8 -D i; touch /tmp/generated`,
  ]);
  const ended = once(generator, 'exit');
  while (!exists('/tmp/generated')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  await run('rm', '/tmp/generated');
  await ended;
  const generated = received() - before;
  // The kernel tells what it dropped with the next frame that it takes; one sent to hear it may find no room itself.
  const found = () => ({
    sent: received() - before,
    heard: frames().length - heardBefore,
    dropped: collector.health().dropped,
  });
  const isAccounted = ({ sent, heard, dropped } = found()) => heard + dropped === sent;
  let tries = 0;
  do await hears(END);
  while (!isAccounted() && ++tries < 200);
  const told = () => intake.values('car/bus/lost_rate').filter((rate) => rate > 0).length;
  await waitFor('the channel tells it', () => told() > 0);
  tell('drops', { reader, generated, ...found() });
  await collector.stop();
}

function exists(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

async function goAndCome(reader: Reader): Promise<void> {
  const { collector, frames, hears } = await listen(reader);
  await hears(BEGIN);
  const problems: (string | undefined)[] = [];
  const missed = async (cause: string) => {
    await waitFor('it is missed', () => collector.health().state === 'waiting');
    // After the first retry it is known what is wrong; it may have been by now.
    await waitFor(`the cause is known: ${cause}`, () => collector.health().problem?.includes(cause) === true);
    problems.push(collector.health().problem);
  };
  await run('ip', 'link', 'set', NAME, 'down');
  await missed('is down; `ip link set');
  await run('ip', 'link', 'set', NAME, 'up');
  await hears('101#');
  await run('ip', 'link', 'del', NAME);
  await missed('there is no interface');
  await run('ip', 'link', 'add', NAME, 'mtu', '72', 'type', 'vcan');
  await run('ip', 'link', 'set', NAME, 'up');
  await hears('102#');
  tell('comes', { reader, problems, state: collector.health().state, last: frames().at(-1) });
  await collector.stop();
}

async function filterFrames(reader: Reader): Promise<void> {
  const kept = [
    { id: 0x100, mask: 0x7f0 },
    { id: 0x18fef100, mask: 0x1fffff00, extended: true },
  ];
  const { collector, frames, hears } = await listen(reader, { filters: [...kept, { id: 0x7fd }, { id: 0x7fe }] });
  await hears(BEGIN);
  await send(
    '100#01',
    '10F#02',
    '110#03',
    '00000100#04',
    '18FEF117#05',
    '18FEF217#06',
    '20000040#0000000000000000',
    END,
  );
  await waitFor('the end', () => frames().at(-1) === END);
  tell('filters', { reader, heard: frames().filter((frame) => frame !== BEGIN && frame !== END) });
  await collector.stop();
}

async function sendFrames(reader: Reader): Promise<void> {
  const { collector, frames, hears } = await listen('candump');
  await hears(BEGIN);
  const bus = openSocketcanBus({ name: NAME, receiveBufferBytes: 65_536, reader });
  const early = bus.send?.(0x7df, 0, Uint8Array.of(1));
  let isOpen = false;
  bus.start({
    onFrames: () => undefined,
    onState: ({ state }) => {
      isOpen = state === 'open';
    },
  });
  await waitFor('the bus is open', () => isOpen);
  const sent = [bus.send?.(0x7df, 0, Uint8Array.of(2, 1, 12)), bus.send?.(0x18db33f1, 1, Uint8Array.of(9))];
  await waitFor('both are heard', () => frames().at(-1) === '18DB33F1#09');
  tell('sends', { reader, early, sent, heard: frames().filter((frame) => frame !== BEGIN) });
  await bus.stop();
  await collector.stop();
}

/** Where nothing can read an interface, it is said what to install; where one can, `auto` takes it. */
async function missingReaders(): Promise<void> {
  process.env.PATH = '/nowhere';
  const stateWith = async (reader: Reader | 'auto') => {
    const config: CanConfig = { bus: { socketcan: NAME, reader } };
    const intake = new RecordedIntake();
    const collector = createCanCollector(config, { source: 'car', intake, clock });
    await collector.start();
    // An open bus has a meter.
    const isOpen = () => intake.values('car/bus/frame_rate').length > 0;
    await waitFor('it is open or missed', () => isOpen() || collector.health().state === 'waiting');
    const { problem } = collector.health();
    await collector.stop();
    return problem ?? 'open';
  };
  const addon = fileURLToPath(import.meta.resolve('socketcan'));
  // Nothing of what this machine writes stays.
  renameSync(addon, `${addon}-away`);
  const nothing = { addon: await stateWith('addon'), auto: await stateWith('auto') };
  renameSync(`${addon}-away`, addon);
  const candump = await stateWith('candump');
  tell('missing', { candump, ...nothing, autoWithAddon: await stateWith('auto') });
}

const LOAD_BITRATE = 500_000;

/** Bits that canbusload counts on the bus, whole seconds added up as they come. */
function countBits(stuffing: '-i' | '-e') {
  const meter = spawn('stdbuf', ['-oL', 'canbusload', stuffing, `${NAME}@${LOAD_BITRATE}`]);
  const lines: { frames: number; bits: number }[] = [];
  createInterface(meter.stdout).on('line', (line) => {
    const [, frames, bits] = /@\d+ +(\d+) +(\d+)/.exec(line) ?? [];
    if (bits !== undefined) lines.push({ frames: Number(frames), bits: Number(bits) });
  });
  const total = () => lines.reduce((sum, { bits }) => sum + bits, 0);
  const frames = () => lines.reduce((sum, each) => sum + each.frames, 0);
  const isQuiet = () => lines.at(-1)?.frames === 0;
  const stop = async () => {
    const ended = once(meter, 'exit');
    meter.kill('SIGINT');
    await ended;
  };
  return { total, frames, isQuiet, stop };
}

/** The load of the bus, beside what canbusload counts of the same frames, without and with stuff bits. */
async function meterLoad(reader: Reader): Promise<void> {
  const { collector, intake, hears } = await listen(reader, { bitrate: LOAD_BITRATE });
  await hears(BEGIN);
  const readings = () => intake.samples('car/bus/load');
  /** Waits until a second has ended without a frame, and what was heard until now lies before it. */
  const quiet = async () => {
    const before = readings().length;
    await waitFor('a quiet second', () => readings().length > before && readings().at(-1)?.value === 0);
  };
  await quiet();
  const first = readings().length - 1;
  const [plain, stuffed] = [countBits('-i'), countBits('-e')];
  await waitFor('canbusload hears', () => plain.isQuiet() && stuffed.isQuiet());
  const frames = () => intake.texts('car/raw').filter(({ text }) => text.startsWith(NAME)).length;
  const heardBefore = frames();
  await run('cangen', NAME, '-g', '2', '-n', '300', '-I', 'r', '-L', 'i', '-D', 'r');
  await run('cangen', NAME, '-g', '2', '-n', '300', '-I', 'r', '-L', 'i', '-D', 'r', '-e');
  await waitFor('the last frame', () => frames() >= heardBefore + 600);
  // There may have been a quiet second between the two.
  await waitFor('canbusload has metered all', () => plain.frames() === 600 && stuffed.frames() === 600);
  await quiet();
  const ours = readings().reduce((bits, { time, value }, n, all) => {
    const seconds = n > first ? (time - (all[n - 1]?.time ?? time)) / 1e6 : 0;
    return bits + (value / 100) * seconds * LOAD_BITRATE;
  }, 0);
  await Promise.all([plain.stop(), stuffed.stop()]);
  await collector.stop();
  tell('load', { reader, ours: Math.round(ours), plain: plain.total(), stuffed: stuffed.total() });
}

async function runScenarios(reader: Reader): Promise<void> {
  await countFrames(reader);
  await kindsOfFrames(reader);
  await dropFrames(reader);
  await goAndCome(reader);
  await filterFrames(reader);
  await sendFrames(reader);
  if (reader === 'candump') await meterLoad(reader);
  tell('left', execFileSync('sh', ['-c', 'pidof candump || true'], { encoding: 'utf8' }).trim());
}

const [, , scenario] = process.argv;
if (scenario === 'candump' || scenario === 'addon') await runScenarios(scenario);
else await missingReaders();
