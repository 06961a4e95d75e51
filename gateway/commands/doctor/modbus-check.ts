import type { CollectorHealth } from '../../../collectors/collector.ts';
import { type ModbusConfig, type ModbusSettings, modbusSettings } from '../../../collectors/modbus/modbus-config.ts';
import type { SerialPortEntry } from '../../../hardware/serial/serial-ports.ts';
import { type DeviceFacts, deviceFinding, readDeviceFacts, refusalFinding } from './device-findings.ts';
import { type Examined, type Finding, found, well } from './finding.ts';
import { tryCollector } from './trial.ts';

type Rtu = Extract<ModbusSettings['port'], { path: string }>;
type LineSettings = Pick<Rtu, 'baudRate' | 'parity' | 'stopBits'>;

/** Settings that units are set to, the standard's and the usual ones first. */
const USUAL_LINES: readonly LineSettings[] = [
  { baudRate: 19_200, parity: 'even', stopBits: 1 },
  { baudRate: 9600, parity: 'none', stopBits: 1 },
  { baudRate: 9600, parity: 'even', stopBits: 1 },
  { baudRate: 19_200, parity: 'none', stopBits: 1 },
  { baudRate: 38_400, parity: 'none', stopBits: 1 },
  { baudRate: 115_200, parity: 'none', stopBits: 1 },
  { baudRate: 9600, parity: 'none', stopBits: 2 },
  { baudRate: 4800, parity: 'none', stopBits: 1 },
];

/** Time that a unit has to answer while settings are tried, and how often it is asked. */
const TRIAL_TIMEOUT_MS = 400;
const TRIAL_REQUESTS = 2;

/** What asking the units of a source gave. */
export interface ModbusSighting {
  readonly source: string;
  readonly settings: ModbusSettings;
  readonly device?: DeviceFacts;
  /** Missing where the device was not opened. */
  readonly health?: CollectorHealth;
  /** Settings of the line with which a unit answered, where it does not with those of the config. */
  readonly answering?: LineSettings;
}

/** Reads what the config has read, and where nothing answers on a serial line tries its usual settings. Nothing is written. */
export async function lookAtModbus(source: string, config: ModbusConfig, listenMs: number): Promise<ModbusSighting> {
  const settings = modbusSettings(config);
  const { port, units } = settings;
  const device = 'path' in port ? await readDeviceFacts(port.path) : undefined;
  const sighting = { source, settings, ...(device !== undefined && { device }) };
  if (device !== undefined && (!device.isThere || device.holder !== undefined)) return sighting;
  const timeouts = units.reduce((sum, { timeoutMs }) => sum + timeoutMs, 0);
  const health = await tryCollector(source, { type: 'modbus', ...config }, listenMs + 2 * timeouts, (seen) => {
    const isShut = seen.problem !== undefined && !hasFailed(seen, 1);
    return seen.received >= units.length || isShut || hasFailed(seen, 2 * units.length);
  });
  const isOpen = !/locked|denied|no such|cannot/i.test(health.problem ?? '');
  if (health.received > 0 || !('path' in port) || !isOpen) return { ...sighting, health };
  const answering = await findAnswering(source, config, port);
  return { ...sighting, health, ...(answering !== undefined && { answering }) };
}

async function findAnswering(source: string, config: ModbusConfig, port: Rtu): Promise<LineSettings | undefined> {
  const [unit] = config.units;
  const [point] = unit?.points ?? [];
  if (unit === undefined || point === undefined) return undefined;
  const units = [{ ...unit, timeoutMs: TRIAL_TIMEOUT_MS, points: [point] }];
  for (const line of USUAL_LINES) {
    if (sameLine(line, port)) continue;
    const trial = { ...config, port: { ...port, ...line }, units };
    const limitMs = (TRIAL_REQUESTS + 1) * TRIAL_TIMEOUT_MS;
    const health = await tryCollector(source, { type: 'modbus', ...trial }, limitMs, (seen) => {
      return seen.received > 0 || hasFailed(seen, TRIAL_REQUESTS);
    });
    if (health.received > 0) return line;
  }
  return undefined;
}

function sameLine(a: LineSettings, b: LineSettings): boolean {
  return a.baudRate === b.baudRate && a.parity === b.parity && a.stopBits === b.stopBits;
}

function hasFailed({ errors }: CollectorHealth, requests: number): boolean {
  return Object.values(errors).reduce((sum, count) => sum + count, 0) >= requests;
}

/** What the units of a source are found to be. Pure. */
export function modbusFindings(sighting: ModbusSighting, ports: readonly SerialPortEntry[]): Examined {
  const { source, settings, device, health, answering } = sighting;
  const about = `source ${source}`;
  const place = { about, path: ['sources', source, 'port', 'path'] };
  if (device !== undefined) {
    const finding = deviceFinding(place, device, ports);
    if (finding !== undefined) return found(finding);
  }
  if (health === undefined) return found();
  const { received, errors, problem = '' } = health;
  const bad = Object.entries(errors).map(([reason, count]) => `${reason} ${count}`);
  const seen = `${received} answers${bad.length === 0 ? '' : `; ${bad.join(', ')}`}`;
  if (answering !== undefined) return found(lineFinding(source, about, seen, answering));
  if (received === 0 && device !== undefined && bad.length === 0 && problem !== '') {
    return found(refusalFinding(place, device, problem));
  }
  if (received === 0 && device !== undefined && (errors['garbled-answer'] ?? 0) > 0) {
    return found(garbled(about, seen));
  }
  if (received === 0) return found(unanswered(source, settings, seen, problem));
  if (bad.length === 0) return well(about, seen);
  return found(partlyAnswered(source, about, seen, errors));
}

function lineFinding(source: string, about: string, seen: string, answering: LineSettings): Finding {
  const { baudRate, parity, stopBits } = answering;
  return {
    code: 'baud-rate',
    severity: 'broken',
    about,
    seen: `${seen}; at ${baudRate} baud, parity ${parity}, ${stopBits} stop bits a unit answers`,
    means: 'the units are set to other line settings than the config says',
    mend: {
      path: ['sources', source, 'port', 'baudRate'],
      config: `baudRate: ${baudRate}, parity: ${parity}, stopBits: ${stopBits}`,
    },
  };
}

function garbled(about: string, seen: string): Finding {
  return {
    code: 'line-garbled',
    severity: 'broken',
    about,
    seen: `${seen}, at any of the usual line settings`,
    means:
      'something sends on this line, and not Modbus RTU to this box: another kind of device, a second master, or two units of one address',
    mend: { byHand: 'see what is wired to this port, have one master only, and give each unit an address of its own' },
  };
}

function unanswered(source: string, { port }: ModbusSettings, seen: string, problem: string): Finding {
  const about = `source ${source}`;
  if ('path' in port) {
    return {
      code: 'units-silent',
      severity: 'broken',
      about,
      seen: `${seen}, at any of the usual line settings`,
      means: 'no unit of that address is on the line, A and B are swapped, or the line is not terminated',
      mend: { byHand: 'swap A and B, look at power and address of the unit, and at 120 ohm at both ends of the line' },
    };
  }
  const isConnected = /no answer from/.test(problem) || seen !== '0 answers';
  return {
    code: isConnected ? 'units-silent' : 'host-unreachable',
    severity: 'broken',
    about,
    seen: isConnected ? `${port.host}:${port.port} takes the connection, and ${seen}` : problem || seen,
    means: isConnected
      ? 'no unit of that address is behind it'
      : 'nothing listens there, or the network does not lead there',
    mend: isConnected
      ? {
          path: ['sources', source, 'units', 0, 'unit'],
          config: 'unit: 255   # of devices that are one unit; else as in its manual',
        }
      : { command: `nc -vz ${port.host} ${port.port}` },
  };
}

function partlyAnswered(source: string, about: string, seen: string, errors: CollectorHealth['errors']): Finding {
  const isRefused = Object.keys(errors).some((reason) => reason.startsWith('exception'));
  return {
    code: isRefused ? 'points-refused' : 'units-silent',
    severity: 'risk',
    about,
    seen,
    means: isRefused
      ? 'a unit has no such address or table; the others are read'
      : 'some requests are not answered: a unit is off, or the line is disturbed',
    mend: isRefused
      ? {
          path: ['sources', source, 'units'],
          config: 'address: as on the wire, from 0: what data sheets call 40001 is holding 0',
        }
      : { command: 'caisson status   # with the gateway running: says which unit does not answer' },
  };
}
