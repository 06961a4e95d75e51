import type { LineSearch, LineSettingsFound } from '../../../collectors/serial/find-line-settings.ts';
import type { SpokenProtocol } from '../../../collectors/serial/recognise.ts';
import type { SerialPortEntry } from '../../../hardware/serial/serial-ports.ts';
import { type DevicePlace, deviceFinding, refusalFinding } from './device-findings.ts';
import { type Examined, type Finding, found, together, well } from './finding.ts';
import { type SerialSighting, type SurveyedPort, wholeLine } from './serial-sightings.ts';

/** Share of damaged units from which a wire is called disturbed. */
const DISTURBED_SHARE = 0.05;

/** What protocols are called by people, and what a unit of each is. */
const SPOKEN: Readonly<Record<SpokenProtocol, string>> = {
  nmea: 'NMEA 0183 sentences',
  ubx: 'UBX frames',
  mixed: 'UBX frames and NMEA 0183 sentences',
  vedirect: 'VE.Direct blocks',
  shdr: 'MTConnect SHDR lines',
  slcan: 'frames of an SLCAN adapter',
  'line-protocol': 'lines of InfluxDB line protocol',
  text: 'lines of text',
  described: 'units as the config describes them',
};

/** What the wires of serial sources are found to be. Pure. */
export function serialFindings(
  sightings: readonly SerialSighting[],
  ports: readonly SerialPortEntry[],
  surveyed: readonly SurveyedPort[],
): Examined {
  const swapped = swappedWith(sightings);
  return together(
    sightings.map((sighting) => {
      const other = swapped.get(sighting.source);
      return other === undefined ? oneFindings(sighting, ports, surveyed) : found(swapFinding(sighting, other));
    }),
  );
}

function oneFindings(
  sighting: SerialSighting,
  ports: readonly SerialPortEntry[],
  surveyed: readonly SurveyedPort[],
): Examined {
  const { source, settings, device, problem, heard, search } = sighting;
  const place: DevicePlace = { about: `source ${source}`, path: ['sources', source, 'port', 'path'] };
  if (device !== undefined) {
    const finding = deviceFinding(place, device, ports);
    if (finding !== undefined) return found(finding);
    if (problem !== undefined) return found(refusalFinding(place, device, problem));
  }
  if (problem !== undefined) return found(unreachable(sighting, problem));
  if (heard === undefined) return together([]);
  const { units, damaged, bytes } = heard;
  if (units > 0) {
    const seen = `${units} ${SPOKEN[spokenOf(settings.protocol)]} in ${bytes} bytes, ${damaged} damaged`;
    if (damaged <= DISTURBED_SHARE * (units + damaged)) return well(place.about, seen);
    return found({
      code: 'wire-noisy',
      severity: 'risk',
      about: place.about,
      seen,
      means: 'the wire is disturbed, or too long for its speed; damaged units are counted and lost',
      mend: { byHand: 'look at the ground and screen of the cable, and try a lower speed at both ends' },
    });
  }
  if (search === undefined || search.kind === 'closed') return together([]);
  if (search.kind === 'silent') return found(silent(sighting, surveyed));
  if (search.kind === 'noise') return found(noise(sighting, search));
  return found(...differences(sighting, search));
}

function unreachable({ source, settings }: SerialSighting, problem: string): Finding {
  const { port } = settings;
  return {
    code: 'host-unreachable',
    severity: 'broken',
    about: `source ${source}`,
    seen: problem,
    means: 'nothing listens there, or the network does not lead there',
    mend: { command: `nc -vz ${'host' in port ? `${port.host} ${port.port}` : ''}` },
  };
}

function silent({ source, settings, device }: SerialSighting, surveyed: readonly SurveyedPort[]): Finding {
  const about = `source ${source}`;
  const elsewhere = surveyed.find(
    ({ search }) => search?.kind === 'found' && search.recognition.protocol === settings.protocol,
  );
  const where = device?.path ?? placeOf(settings);
  if (elsewhere !== undefined) {
    return {
      code: 'wire-elsewhere',
      severity: 'broken',
      about,
      seen: `not one byte from ${where}, and ${SPOKEN[spokenOf(settings.protocol)]} from ${elsewhere.port.path}, which no source has`,
      means: 'the device is on the other port',
      mend: { path: ['sources', source, 'port', 'path'], config: `path: ${elsewhere.port.path}` },
    };
  }
  return {
    code: 'wire-silent',
    severity: 'broken',
    about,
    seen: `not one byte from ${where}, at any of several speeds`,
    means: 'the device is off or does not send by itself, or its TX is not on the RX of the box',
    mend: { byHand: 'see that the device has power, that TX and RX cross over, and that both share a ground' },
  };
}

function noise({ source, settings }: SerialSighting, search: Extract<LineSearch, { kind: 'noise' }>): Finding {
  const isNetwork = search.tried.length === 0;
  return {
    code: 'wire-unknown',
    severity: 'broken',
    about: `source ${source}`,
    seen: isNetwork
      ? `${search.bytes} bytes, and nothing known in them`
      : `${search.bytes} bytes, and nothing known in them at ${search.tried.join(', ')} baud`,
    means: 'the device speaks a protocol of its own, or the wire is inverted or at another level (RS-232, TTL, RS-485)',
    mend: isNetwork
      ? { command: `nc ${'host' in settings.port ? `${settings.port.host} ${settings.port.port}` : ''} | xxd | head` }
      : { byHand: 'look up speed and protocol in its manual; `protocol: framed` or `lines` describes one of its own' },
  };
}

/** What the config says and the wire does not. */
function differences({ source, settings, heard }: SerialSighting, search: LineSettingsFound): Finding[] {
  const about = `source ${source}`;
  const { recognition, baudRate, dataBits, parity } = search;
  const { protocol, units } = recognition;
  const said = `${units} ${SPOKEN[protocol]}`;
  const findings: Finding[] = [];
  const { port } = settings;
  if ('path' in port && baudRate !== port.baudRate) {
    findings.push({
      code: 'baud-rate',
      severity: 'broken',
      about,
      seen: `${heard?.bytes ?? 0} bytes without sense at ${port.baudRate} baud; at ${baudRate} baud ${said}`,
      means: `the device sends at ${baudRate} baud`,
      mend: { path: ['sources', source, 'port', 'baudRate'], config: `baudRate: ${baudRate}` },
    });
  }
  if ('path' in port && (dataBits !== port.dataBits || parity !== port.parity)) {
    findings.push({
      code: 'byte-format',
      severity: 'broken',
      about,
      seen: `${said} of ${dataBits} data bits, parity ${parity}`,
      means: `the config has ${port.dataBits} data bits, parity ${port.parity}`,
      mend: { path: ['sources', source, 'port', 'parity'], config: `dataBits: ${dataBits}, parity: ${parity}` },
    });
  }
  const wanted = settings.protocol;
  if (protocol === 'described' || protocol === wanted) return findings;
  if (protocol === 'text' && wanted === 'lines') findings.push(unmatched(about, source, search));
  else findings.push(otherProtocol(about, source, settings, search));
  return findings;
}

function unmatched(about: string, source: string, { recognition, bytes }: LineSettingsFound): Finding {
  return {
    code: 'pattern-unmatched',
    severity: 'broken',
    about,
    seen: `${recognition.units} lines of text, such as ${JSON.stringify(wholeLine(bytes))}; no pattern matches one`,
    means: 'every line is counted as no-match and skipped',
    mend: { path: ['sources', source, 'lines'], config: `lines: [{ pattern: '${patternOf(wholeLine(bytes))}' }]` },
  };
}

function otherProtocol(
  about: string,
  source: string,
  settings: SerialSighting['settings'],
  { recognition, bytes }: LineSettingsFound,
): Finding {
  const { protocol, units } = recognition;
  const path = 'path' in settings.port ? settings.port.path : placeOf(settings);
  const line = protocol === 'text' ? `, such as ${JSON.stringify(wholeLine(bytes))}` : '';
  return {
    code: 'protocol-other',
    severity: 'broken',
    about,
    seen: `${units} ${SPOKEN[protocol]}${line}, and no ${SPOKEN[spokenOf(settings.protocol)]}`,
    means: 'the device speaks another protocol than the config says, or is another device',
    mend: {
      path: ['sources', source, protocol === 'slcan' ? 'type' : 'protocol'],
      config: sourceLines(protocol, path, undefined, wholeLine(bytes)),
    },
  };
}

/** What a config says of a protocol that was recognised. @param baudRate where the whole source is to be written */
function sourceLines(protocol: SpokenProtocol, path: string, baudRate: number | undefined, line: string): string {
  const port = baudRate === undefined ? '' : `type: serial, port: { path: ${path}, baudRate: ${baudRate} }, `;
  if (protocol === 'slcan') return `type: can, bus: { slcan: ${path}, bitrate: 500000 }`;
  if (protocol === 'text') return `${port}protocol: lines, lines: [{ pattern: '${patternOf(line)}' }]`;
  return `${port}protocol: ${protocol}`;
}

/** A pattern for lines like this one: its numbers become values. */
function patternOf(line: string): string {
  let count = 0;
  const escaped = line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return escaped
    .replace(/-?\d+(\\\.\d+)?/g, () => {
      count += 1;
      return `(?<value${count}>-?[0-9.]+)`;
    })
    .replaceAll("'", "''");
}

/** Sources each of which gets what another waits for. */
function swappedWith(sightings: readonly SerialSighting[]): Map<string, SerialSighting> {
  const swapped = new Map<string, SerialSighting>();
  for (const one of sightings) {
    const spoken = protocolOn(one);
    const other = sightings.find(
      (each) =>
        each.settings.protocol === spoken &&
        each.settings.protocol !== one.settings.protocol &&
        protocolOn(each) === one.settings.protocol,
    );
    if (other !== undefined && 'path' in other.settings.port) swapped.set(one.source, other);
  }
  return swapped;
}

/** What is spoken on the wire of a source where that is not what it should be. */
function protocolOn({ search }: SerialSighting): SpokenProtocol | undefined {
  return search?.kind === 'found' ? search.recognition.protocol : undefined;
}

function swapFinding({ source, settings }: SerialSighting, other: SerialSighting): Finding {
  const path = placeOf(other.settings);
  return {
    code: 'ports-swapped',
    severity: 'broken',
    about: `source ${source}`,
    seen: `${SPOKEN[spokenOf(other.settings.protocol)]} come here, and ${SPOKEN[spokenOf(settings.protocol)]} at source ${other.source}`,
    means: 'the ports of the two sources are swapped',
    mend: { path: ['sources', source, 'port', 'path'], config: `path: ${path}` },
  };
}

function placeOf({ port }: SerialSighting['settings']): string {
  if ('path' in port) return port.path;
  return 'host' in port ? `${port.host}:${port.port}` : port.log;
}

function spokenOf(protocol: SerialSighting['settings']['protocol']): SpokenProtocol {
  if (protocol === 'framed') return 'described';
  return protocol === 'lines' ? 'text' : protocol;
}

/** What ports that no source has could be. Pure. */
export function surveyFindings(surveyed: readonly SurveyedPort[]): Examined {
  return together(surveyed.map(portFindings));
}

function portFindings({ port, device, search }: SurveyedPort): Examined {
  const about = `port ${port.path}`;
  if (device.holder !== undefined) {
    return well(about, `${device.holder.name} (process ${device.holder.pid}) has it open; it was left to it`);
  }
  if (search === undefined) return together([]);
  if (search.kind === 'closed')
    return found({ ...refusalFinding({ about, path: [] }, device, search.problem), severity: 'note' });
  if (search.kind === 'silent') return well(about, 'nothing is heard, and no source has it');
  if (search.kind === 'noise')
    return well(about, `${search.bytes} bytes that nothing is known of, and no source has it`);
  const { recognition, baudRate, bytes } = search;
  const name = recognition.protocol === 'slcan' ? 'can' : recognition.protocol.replace('text', 'lines');
  return found({
    code: 'port-unused',
    severity: 'note',
    about,
    seen: `${recognition.units} ${SPOKEN[recognition.protocol]} at ${baudRate} baud, and no source has it`,
    means: 'this could be a source',
    mend: {
      path: ['sources'],
      config: `${name}: { ${sourceLines(recognition.protocol, port.path, baudRate, wholeLine(bytes))} }`,
    },
  });
}
