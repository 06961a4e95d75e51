import { basename, relative, sep } from 'node:path';
import { bitratesOf, isDevice } from '../../../collectors/can/can-config.ts';
import { type BusCoverage, type BusSighting, dbcCoverage } from '../../../collectors/can/dbc-coverage.ts';
import { CanDictionary } from '../../../collectors/can/dictionary.ts';
import type { FrameCensus } from '../../../collectors/can/frame-census.ts';
import type { CanLink } from '../../../hardware/can/can-links.ts';
import type { SerialPortEntry } from '../../../hardware/serial/serial-ports.ts';
import type { CanSighting } from './can-sightings.ts';
import { deviceFinding, refusalFinding } from './device-findings.ts';
import { type Examined, type Finding, found, together, well } from './finding.ts';

/** Share of the frames of a bus below which its DBC files are called wrong or missing. */
const KNOWN_SHARE_MIN = 0.05;

/** Reports of the controller from which a bus is called disturbed, share of what came. */
const ERROR_SHARE = 0.01;

/** What the CAN buses of sources are found to be. Pure, but for DBC files that are read. */
export function canFindings(
  sightings: readonly CanSighting[],
  options: {
    readonly ports: readonly SerialPortEntry[];
    /** Further DBC files that may belong to a bus. */
    readonly dbc: readonly string[];
    /** Folder that names of files are shown relative to. */
    readonly folder: string;
  },
): Examined {
  const wires = sightings.map((sighting) => wireFindings(sighting, options.ports));
  const paths = new Set([...sightings.flatMap(({ settings }) => filesOf(settings)), ...options.dbc]);
  const files = new Map([...paths].map((path) => [path, CanDictionary.load([path])]));
  // What NMEA 2000 says is defined by canboat, and not by DBC files.
  const buses = sightings.filter(({ settings }) => settings.protocol !== 'nmea2000').flatMap(busesOf);
  const rows = dbcCoverage(
    buses.map(({ sighting }) => sighting),
    files,
  );
  const dbc = buses.map((bus, index) => {
    const row = rows[index];
    return row === undefined ? together([]) : dbcFindings(bus, row, rows, options.folder);
  });
  return together([...wires, ...dbc]);
}

function filesOf({ dbc, interfaces }: CanSighting['settings']): readonly string[] {
  return [...dbc, ...Object.values(interfaces ?? {}).flatMap((bus) => bus.dbc ?? [])];
}

interface Bus {
  readonly sighting: BusSighting;
  /** Keys from the top to its DBC files, or to what is to hold them. */
  readonly path: readonly string[];
  /** The line of the config that gives it these files. */
  readonly line: (files: string) => string;
}

/** The buses of a source on which frames came, and that the config wants. */
function busesOf({ source, settings, censuses }: CanSighting): Bus[] {
  const { interfaces, protocol } = settings;
  const wanted = [...censuses].filter(([name]) => interfaces === undefined || Object.hasOwn(interfaces, name));
  const isOne = censuses.size === 1 && interfaces === undefined;
  return wanted.map(([name, census]) => {
    const own = interfaces?.[name]?.dbc;
    const bus = isOne ? `source ${source}` : `source ${source} ${name}`;
    const sighting = { bus, census, dbc: own ?? settings.dbc, j1939: protocol === 'j1939' };
    const line = (files: string) => `dbc: [${files}]`;
    if (isOne) return { sighting, path: ['sources', source, 'dbc'], line };
    if (own !== undefined) return { sighting, path: ['sources', source, 'interfaces', name, 'dbc'], line };
    const place = ['sources', source, 'interfaces'];
    return { sighting, path: place, line: (files) => `interfaces: { ${name}: { ${line(files)} } }` };
  });
}

function dbcFindings(
  { sighting, path, line }: Bus,
  row: BusCoverage,
  rows: readonly BusCoverage[],
  folder: string,
): Examined {
  const { bus, census, dbc } = sighting;
  if (census.frames === 0) return together([]);
  const shares = row.files.map((file) => {
    return `${basename(file.dbc)} ${percent(file.frames)} (${file.known} of ${file.ids} identifiers)`;
  });
  const matrix = `of ${row.frames} frames ${shares.length === 0 ? 'none is known: there is no DBC file' : shares.join(', ')}`;
  const { better } = row;
  if (better !== undefined) {
    const config = line(better.map((each) => shortName(each, folder)).join(', '));
    if (dbc.length === 0) {
      return found({
        code: 'dbc-missing',
        severity: 'note',
        about: bus,
        seen: matrix,
        means: `${better.map((each) => basename(each)).join(', ')} are of this bus, and it has no DBC file yet`,
        mend: { path, config },
      });
    }
    const other = rows.find((each) => each.bus !== bus && each.better?.some((file) => dbc.includes(file)) === true);
    return found({
      code: 'dbc-swapped',
      severity: 'broken',
      about: bus,
      seen: `the files of the config know ${percent(row.configured)}; ${matrix}`,
      means:
        other === undefined
          ? 'the DBC file of another bus or vehicle stands here: what it decodes looks like values and is none'
          : `the DBC files of this bus and of ${other.bus} are swapped: what is decoded looks like values and is none`,
      mend: { path, config },
    });
  }
  if (dbc.length > 0 && row.configured >= KNOWN_SHARE_MIN) return well(bus, matrix);
  return found({
    code: dbc.length === 0 ? 'dbc-missing' : 'dbc-unknown',
    severity: dbc.length === 0 ? 'note' : 'risk',
    about: bus,
    seen: matrix,
    means:
      'next to nothing of this bus is decoded; frames that nothing decodes are kept as they came unless the source has `raw: false`',
    mend: {
      path: path.slice(0, 2),
      config: 'raw: true   # until there is its DBC file: `caisson redecode` then makes samples of the past',
    },
  });
}

/** What is wrong between the box and the bus. */
function wireFindings(sighting: CanSighting, ports: readonly SerialPortEntry[]): Examined {
  const { source, settings, device, problem, adapterBaudRate, bitrate } = sighting;
  const { bus } = settings;
  const about = `source ${source}`;
  const isSlcan = 'slcan' in bus;
  const place = { about, path: ['sources', source, 'bus', isSlcan ? 'slcan' : 'gvret'] };
  if (device !== undefined) {
    const finding = deviceFinding(place, device, ports);
    if (finding !== undefined) return found(finding);
    if (problem !== undefined) return found(refusalFinding(place, device, problem));
    if (isSlcan && adapterBaudRate === undefined) return found(noAdapter(about, source, device.path));
  }
  if (problem !== undefined) return found(busProblem(about, source, settings, problem));
  const findings: Finding[] = [];
  if ('slcan' in bus && adapterBaudRate !== undefined && adapterBaudRate !== bus.baudRate) {
    findings.push({
      code: 'baud-rate',
      severity: 'broken',
      about,
      seen: `the adapter says its version at ${adapterBaudRate} baud, not at ${bus.baudRate}`,
      means: 'the line to the adapter has another speed than the config says',
      mend: { path: ['sources', source, 'bus', 'baudRate'], config: `baudRate: ${adapterBaudRate}` },
    });
  }
  if (bitrate !== undefined) {
    findings.push({
      code: 'bitrate',
      severity: 'broken',
      about,
      seen: `no frame at ${bitratesOf(bus).bitrate} bit/s; at ${bitrate} bit/s ${framesOf(sighting.censuses)} frames`,
      means: 'the bus has another speed; a node that sends at the wrong one disturbs the others',
      mend: { path: ['sources', source, 'bus', 'bitrate'], config: `bitrate: ${bitrate}` },
    });
  }
  const frames = framesOf(sighting.censuses);
  if (frames === 0) findings.push(silentBus(about, source, sighting));
  else if (settings.protocol === 'nmea2000') return together([well(about, `${frames} frames`), found(...findings)]);
  return together([found(...findings), ...errorFindings(about, sighting.censuses)]);
}

function noAdapter(about: string, source: string, path: string): Finding {
  return {
    code: 'adapter-silent',
    severity: 'broken',
    about,
    seen: `${path} does not say its version at any of the usual speeds`,
    means: 'it is no SLCAN adapter, or one with other firmware (candleLight adapters are SocketCAN interfaces)',
    mend: { path: ['sources', source, 'bus', 'slcan'], config: 'slcan: /dev/serial/by-id/...   # of the adapter' },
  };
}

function busProblem(about: string, source: string, { bus }: CanSighting['settings'], problem: string): Finding {
  if ('log' in bus) {
    return {
      code: 'recording-unusable',
      severity: 'broken',
      about,
      seen: `${bus.log}: ${problem}`,
      means: 'the recording cannot be played',
      mend: { path: ['sources', source, 'bus', 'log'], config: 'log: FILE   # candump, ASC, BLF, TRC, pcap or MF4' },
    };
  }
  return {
    code: 'bus-unreachable',
    severity: 'broken',
    about,
    seen: problem,
    means: 'the bus cannot be opened; the gateway tries again by itself',
    mend: { command: reachCommand(bus) },
  };
}

/** What shows whether the bus can be reached at all. */
function reachCommand(bus: CanSighting['settings']['bus']): string {
  if ('socketcand' in bus) return `nc -vz ${bus.socketcand} ${bus.port}`;
  if ('gvret' in bus) return isDevice(bus.gvret) ? `ls -lL ${bus.gvret}` : `nc -vz ${bus.gvret} ${bus.port}`;
  return 'ip -details link show type can';
}

function silentBus(about: string, source: string, { settings, isBlind = false }: CanSighting): Finding {
  const isSlcan = 'slcan' in settings.bus;
  return {
    code: isBlind ? 'adapter-blind' : 'bus-silent',
    severity: 'broken',
    about,
    seen: isBlind
      ? 'the adapter refuses to only listen, so that nothing was tried'
      : `not one frame${isSlcan ? ', at any of the usual speeds' : ''}`,
    means: isBlind
      ? 'its bus is known only once the gateway opens it'
      : 'the bus sleeps or has no power, CAN-H and CAN-L are swapped or open, or the one other node waits for an acknowledgement, which who only listens does not give',
    mend: isBlind
      ? { path: ['sources', source, 'bus', 'listenOnly'], config: 'listenOnly: false' }
      : { byHand: 'switch the ignition on; measure 60 ohm between CAN-H and CAN-L, 2.5 V from each to ground at rest' },
  };
}

function errorFindings(about: string, censuses: ReadonlyMap<string, FrameCensus>): Examined[] {
  return [...censuses].map(([name, { frames, errorFrames }]) => {
    if (errorFrames <= ERROR_SHARE * (frames + errorFrames)) return together([]);
    return found({
      code: 'bus-errors',
      severity: 'risk',
      about: `${about} ${name}`,
      seen: `${errorFrames} error frames beside ${frames} frames`,
      means: 'a node has another speed, the bus is not terminated, or its wires are too long for its speed',
      mend: { byHand: 'measure 60 ohm between CAN-H and CAN-L with the bus at rest: 120 ohm at each of both ends' },
    });
  });
}

/**
 * What the CAN interfaces of the kernel tell. Pure.
 * @param traffic frames that came on each while it was looked at
 * @param used interfaces that a source names
 */
export function linkFindings(
  links: readonly CanLink[],
  traffic: ReadonlyMap<string, number>,
  used: ReadonlySet<string> = new Set(),
): Examined {
  return together(links.map((link) => linkFinding(link, traffic.get(link.name) ?? 0, used.has(link.name))));
}

function linkFinding({ name, isUp, state, bitrate }: CanLink, frames: number, isUsed: boolean): Examined {
  const about = `interface ${name}`;
  const up = `sudo ip link set ${name} up type can bitrate ${bitrate ?? 500_000} restart-ms 100`;
  if (!isUp) {
    return found({
      code: 'bus-down',
      severity: isUsed ? 'broken' : 'note',
      about,
      seen: 'it is there, and down',
      means: 'nothing can be received; the speed must be that of the bus',
      mend: { command: state === undefined ? `sudo ip link set ${name} up` : up },
    });
  }
  if (state === 'bus-off' || state === 'error-passive') {
    const isOff = state === 'bus-off';
    return found({
      code: state,
      severity: isOff ? 'broken' : 'risk',
      about,
      seen: `its controller is ${state} at ${bitrate ?? '?'} bit/s`,
      means: isOff
        ? 'it saw so many errors that it left the bus: wrong speed, a short, or nobody who acknowledges'
        : 'it sees errors again and again: wrong speed, no termination, or nobody who acknowledges',
      mend: { command: `sudo ip link set ${name} down && ${up}` },
    });
  }
  const at = `${state ?? 'up'}${bitrate === undefined ? '' : ` at ${bitrate} bit/s`}`;
  // Of a bus that a source has, the source itself is told to be silent.
  if (frames > 0 || isUsed) return well(about, `${at}, ${frames} frames while it was looked at`);
  return found({
    code: 'bus-silent',
    severity: 'note',
    about,
    seen: `${at}, and not one frame while it was looked at`,
    means: 'the bus sleeps, has no power, or is not connected',
    mend: { command: `candump -ta ${name}` },
  });
}

function framesOf(censuses: ReadonlyMap<string, FrameCensus>): number {
  return [...censuses.values()].reduce((sum, { frames }) => sum + frames, 0);
}

/** A path as a config in that folder would have it. */
function shortName(path: string, folder: string): string {
  const short = relative(folder, path);
  return short.startsWith(`..${sep}`) ? path : short;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
