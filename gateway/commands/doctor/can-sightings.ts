import { openBus } from '../../../collectors/can/can-collector.ts';
import { type CanSettings, isDevice } from '../../../collectors/can/can-config.ts';
import { countFrames, type FrameCensus } from '../../../collectors/can/frame-census.ts';
import { censusOfRecording } from '../../../collectors/can/recording-census.ts';
import type { CanBus } from '../../../hardware/can/can-bus.ts';
import { SLCAN_BITRATES, SLCAN_REFUSED } from '../../../hardware/can/slcan.ts';
import { openSlcanBus } from '../../../hardware/can/slcan-bus.ts';
import { openSerialPort } from '../../../hardware/serial/serial-port.ts';
import { messageOf } from '../../errors.ts';
import { type DeviceFacts, readDeviceFacts } from './device-findings.ts';

/** Speeds of a bus, the usual ones of vehicles and plants first, bit/s. */
const USUAL_BITRATES = [500_000, 250_000, 125_000, 1_000_000, 100_000, 50_000, 800_000, 20_000, 10_000];

/** Speeds of the line to an adapter with a real UART, baud. */
const ADAPTER_BAUD_RATES = [115_200, 57_600, 230_400, 921_600, 500_000, 1_000_000, 2_000_000, 38_400, 9600];

/** Time that an adapter has to answer and between two looks, milliseconds, and how much of that is looked at. */
const ANSWER_MS = 500;
const ANSWER_LOOK_MS = 20;
const ANSWER_CHARACTERS_MAX = 256;

/** What adapters say to two commands: a line end each where they consent, a bell where they refuse. */
const TWO_ANSWERS = new RegExp(`^[\\r${String.fromCharCode(SLCAN_REFUSED)}]{2}`);

/** Frames that are enough, how long a bus is listened to at a speed that is not the config's, and time between two looks, milliseconds. */
const FRAMES_WANTED = 5000;
const TRIAL_MS = 600;
const TRIAL_LOOK_MS = 50;

/** What listening at a CAN bus gave. */
export interface CanSighting {
  readonly source: string;
  readonly settings: CanSettings;
  readonly device?: DeviceFacts;
  /** Why it could not be opened. */
  readonly problem?: string;
  /** What came, by interface. */
  readonly censuses: ReadonlyMap<string, FrameCensus>;
  /** What came and was no frame, by reason. */
  readonly errors: Readonly<Record<string, number>>;
  /** Of an SLCAN adapter: speed of its line at which it says its version, baud; undefined where it says none. */
  readonly adapterBaudRate?: number | undefined;
  /** Of an SLCAN adapter: it refuses to only listen, so that its bus was left alone. */
  readonly isBlind?: boolean;
  /** Speed of the bus at which frames came, bit/s, where it is not the config's. */
  readonly bitrate?: number;
}

const NOTHING = { censuses: new Map<string, FrameCensus>(), errors: {} };

/** Listens at the bus of a source, or reads its recording. Nothing is sent onto the bus, and no frame acknowledged. */
export async function lookAtCan(source: string, settings: CanSettings, listenMs: number): Promise<CanSighting> {
  const { bus } = settings;
  try {
    if ('log' in bus) return { source, settings, censuses: await censusOfRecording(bus.log), errors: {} };
    if ('slcan' in bus) return await lookAtSlcan(source, settings, bus, listenMs);
    const device = 'gvret' in bus && isDevice(bus.gvret) ? await readDeviceFacts(bus.gvret) : undefined;
    if (device !== undefined && (!device.isThere || device.holder !== undefined)) {
      return { source, settings, device, ...NOTHING };
    }
    return { source, settings, ...(device && { device }), ...(await listen(openBus(asItIs(bus)), listenMs)) };
  } catch (error) {
    return { source, settings, ...NOTHING, problem: messageOf(error) };
  }
}

/** A bus that is opened without being set up: another setup may acknowledge frames where this one does not. */
function asItIs(bus: CanSettings['bus']): CanSettings['bus'] {
  if (!('gvret' in bus)) return bus;
  const { buses: _, ...rest } = bus;
  return rest;
}

async function lookAtSlcan(
  source: string,
  settings: CanSettings,
  bus: Extract<CanSettings['bus'], { slcan: string }>,
  listenMs: number,
): Promise<CanSighting> {
  const device = await readDeviceFacts(bus.slcan);
  const about = { source, settings, device };
  if (!device.isThere || device.holder !== undefined) return { ...about, ...NOTHING };
  const rates = [bus.baudRate, ...ADAPTER_BAUD_RATES.filter((rate) => rate !== bus.baudRate)];
  let adapterBaudRate: number | undefined;
  for (const baudRate of rates) {
    const answer = await askAdapter(bus.slcan, baudRate, bus.bitrate);
    if (answer.problem !== undefined) return { ...about, ...NOTHING, problem: answer.problem };
    if (!answer.isAdapter) continue;
    adapterBaudRate = baudRate;
    if (!answer.canListen) return { ...about, ...NOTHING, adapterBaudRate, isBlind: true };
    break;
  }
  if (adapterBaudRate === undefined) return { ...about, ...NOTHING };
  const bitrates = [
    bus.bitrate,
    ...USUAL_BITRATES.filter((rate) => rate !== bus.bitrate && SLCAN_BITRATES.includes(rate)),
  ];
  let last: Omit<CanSighting, 'source' | 'settings'> = NOTHING;
  for (const [index, bitrate] of bitrates.entries()) {
    const adapter = openSlcanBus({ path: bus.slcan, baudRate: adapterBaudRate, bitrate, listenOnly: true });
    const heard = await listen(adapter, index === 0 ? listenMs : TRIAL_MS);
    if (heard.problem !== undefined) return { ...about, ...heard, adapterBaudRate };
    if (heard.censuses.size > 0) return { ...about, ...heard, adapterBaudRate, ...(index > 0 && { bitrate }) };
    if (index === 0) last = heard;
  }
  return { ...about, ...last, adapterBaudRate };
}

/**
 * Asks an adapter for its version, and whether it can only listen. Only of a device that the config calls an adapter: to another it
 * would mean something else.
 */
async function askAdapter(
  path: string,
  baudRate: number,
  bitrate: number,
): Promise<{ isAdapter: boolean; canListen: boolean; problem?: string }> {
  const port = openSerialPort({ path, baudRate });
  let answer = '';
  await port.open((bytes) => {
    if (answer.length < ANSWER_CHARACTERS_MAX) answer += new TextDecoder('latin1').decode(bytes);
  });
  const ask = async (commands: string, pattern: RegExp) => {
    answer = '';
    port.write(new TextEncoder().encode(commands));
    // Looks are counted, not time: where this process is held up, what came meanwhile is read before the next.
    for (let looks = ANSWER_MS / ANSWER_LOOK_MS; looks > 0 && !pattern.test(answer); looks -= 1) {
      await new Promise((resolve) => setTimeout(resolve, ANSWER_LOOK_MS));
    }
    return pattern.exec(answer);
  };
  try {
    if (port.state.kind === 'waiting') return { isAdapter: false, canListen: false, problem: port.state.problem };
    // Ends a command that was begun, and closes a channel that was left open, before it asks.
    const isAdapter = (await ask('\rC\rV\r', /V[0-9A-Za-z.]{2,}\r/)) !== null;
    if (!isAdapter) return { isAdapter, canListen: false };
    await ask(`S${SLCAN_BITRATES.indexOf(bitrate)}\rL\r`, TWO_ANSWERS);
    return { isAdapter, canListen: answer.startsWith('\r\r') };
  } finally {
    port.write(new TextEncoder().encode('C\r'));
    await port.close();
  }
}

/** Counts what comes from a bus. */
export async function listen(
  bus: CanBus,
  listenMs: number,
): Promise<Pick<CanSighting, 'censuses' | 'errors'> & { problem?: string }> {
  const censuses = new Map<string, FrameCensus>();
  let problem: string | undefined;
  let frames = 0;
  bus.start({
    onFrames: (batch, from, to) => {
      countFrames(censuses, bus.interfaces, batch, from, to);
      frames += to - from;
      return undefined;
    },
    onState: (state) => {
      problem = state.state === 'waiting' ? state.problem : undefined;
    },
  });
  for (let looks = Math.ceil(listenMs / TRIAL_LOOK_MS); looks > 0 && frames < FRAMES_WANTED; looks -= 1) {
    await new Promise((resolve) => setTimeout(resolve, TRIAL_LOOK_MS));
  }
  const errors = { ...bus.errors };
  await bus.stop();
  return { censuses, errors, ...(frames === 0 && problem !== undefined && { problem }) };
}
