import {
  findLineSettings,
  type Judge,
  type LineSearch,
  recogniseLine,
  USUAL_BAUD_RATES,
} from '../../../collectors/serial/find-line-settings.ts';
import { type SpokenProtocol, type Understanding, understand } from '../../../collectors/serial/recognise.ts';
import type { SerialSettings } from '../../../collectors/serial/serial-config.ts';
import type { SerialPortEntry } from '../../../hardware/serial/serial-ports.ts';
import { openTcpPort } from '../../../hardware/serial/tcp-port.ts';
import { type DeviceFacts, readDeviceFacts } from './device-findings.ts';
import { hear, listenAt } from './serial-listening.ts';

/** Units that are waited for, to tell a wire that is well from one that is disturbed. */
const UNITS_WANTED = 5;

/** What listening at the wire of a serial source gave. */
export interface SerialSighting {
  readonly source: string;
  readonly settings: SerialSettings;
  /** Of a device of this machine. */
  readonly device?: DeviceFacts;
  /** Why it could not be opened. */
  readonly problem?: string;
  /** What came with the settings of the config. */
  readonly heard?: Understanding & { readonly bytes: number; readonly firstLine: string };
  /** Where nothing of it made sense: what came with others. */
  readonly search?: LineSearch;
}

/** A serial port that no source has, and what it says. */
export interface SurveyedPort {
  readonly port: SerialPortEntry;
  readonly device: DeviceFacts;
  readonly search?: LineSearch;
}

/** Listens at the wire of a source as its collector would, and then with other settings. Nothing is sent. */
export async function lookAtSerial(
  source: string,
  settings: SerialSettings,
  listenMs: number,
): Promise<SerialSighting> {
  const { port } = settings;
  if ('log' in port) return { source, settings };
  const isEnough = (bytes: Uint8Array) => understand(bytes, settings).units >= UNITS_WANTED;
  if ('host' in port) {
    const answer = await hear(openTcpPort(port), listenMs, isEnough);
    if (answer.kind === 'closed') return { source, settings, problem: answer.problem };
    return { source, settings, heard: heardOf(answer.bytes, settings), search: judged(answer.bytes) };
  }
  const device = await readDeviceFacts(port.path);
  if (!device.isThere || device.holder !== undefined) return { source, settings, device };
  const answer = await listenAt(port, listenMs)(port.baudRate, isEnough);
  if (answer.kind === 'closed') return { source, settings, device, problem: answer.problem };
  const heard = heardOf(answer.bytes, settings);
  if (heard.units > 0) return { source, settings, device, heard };
  const judge: Judge = (bytes) => {
    const { units, damaged } = understand(bytes, settings);
    if (units <= damaged || units === 0 || settings.protocol === 'lines') return recogniseLine(bytes);
    return { dataBits: 8, parity: 'none', recognition: { protocol: spokenAs(settings.protocol), units, damaged } };
  };
  const rates = [port.baudRate, ...USUAL_BAUD_RATES.filter((rate) => rate !== port.baudRate)];
  return {
    source,
    settings,
    device,
    heard,
    search: await findLineSettings(listenAt({ path: port.path }, listenMs), rates, judge),
  };
}

/** Frames that the config describes are known only as those of the config. */
function spokenAs(protocol: SerialSettings['protocol']): SpokenProtocol {
  return protocol === 'framed' || protocol === 'lines' ? 'described' : protocol;
}

/** Listens at a port that no source has. */
export async function surveyPort(port: SerialPortEntry, listenMs: number): Promise<SurveyedPort> {
  const device = await readDeviceFacts(port.path);
  if (!device.isThere || device.holder !== undefined) return { port, device };
  return { port, device, search: await findLineSettings(listenAt({ path: port.path }, listenMs), USUAL_BAUD_RATES) };
}

function heardOf(bytes: Uint8Array, settings: SerialSettings): NonNullable<SerialSighting['heard']> {
  return { ...understand(bytes, settings), bytes: bytes.length, firstLine: wholeLine(bytes) };
}

/** What came over the network has no speed. */
function judged(bytes: Uint8Array): LineSearch {
  if (bytes.length === 0) return { kind: 'silent' };
  const found = recogniseLine(bytes);
  return found === undefined
    ? { kind: 'noise', bytes: bytes.length, tried: [] }
    : { kind: 'found', baudRate: 0, bytes, ...found };
}

/** Characters of a line that are shown. */
const LINE_SHOWN = 80;

/** A line from its beginning to its end, where there is one of printable text. */
export function wholeLine(bytes: Uint8Array): string {
  const lines = new TextDecoder('latin1')
    .decode(bytes)
    .split(/[\r\n]+/)
    .slice(1, -1);
  return (lines.find((line) => /^[\t\x20-\x7e]+$/.test(line)) ?? '').slice(0, LINE_SHOWN);
}
