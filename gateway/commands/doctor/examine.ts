import { dirname, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { canSettings } from '../../../collectors/can/can-config.ts';
import { serialSettings } from '../../../collectors/serial/serial-config.ts';
import { listCanLinks } from '../../../hardware/can/can-links.ts';
import { listSerialPorts, type SerialPortEntry } from '../../../hardware/serial/serial-ports.ts';
import type { TelemetryClient } from '../../../sync/api/client.ts';
import { secretKeysOf } from '../../config/schema-walk.ts';
import { messageOf } from '../../errors.ts';
import type { GatewayStatus } from '../../status.ts';
import type { ConfigFile } from '../config.ts';
import { listenersOf } from '../config-rules.ts';
import { type CaissonConfig, CONFIG_SCHEMA } from '../config-schema.ts';
import type { SourceConfig } from '../source-kinds.ts';
import { gatewayClient } from '../telemetry-client.ts';
import { type BoxFacts, readBoxFacts, realPath } from './box-facts.ts';
import { boxFindings, clockFindings, secretFindings } from './box-findings.ts';
import { brokerFindings, lookAtBroker } from './broker-check.ts';
import { canFindings, linkFindings } from './can-findings.ts';
import { lookAtCan } from './can-sightings.ts';
import { type ConfigPlaces, modeOf } from './config-places.ts';
import { type Examined, found, together, well } from './finding.ts';
import { holderText } from './holder-text.ts';
import { lookAtModbus, modbusFindings } from './modbus-check.ts';
import { serialFindings, surveyFindings } from './serial-findings.ts';
import { lookAtSerial, surveyPort } from './serial-sightings.ts';
import { statusFindings } from './status-findings.ts';
import { tlsFindings } from './tls-findings.ts';

export interface ExamineOptions {
  /** How long each wire is listened to at each speed, milliseconds. */
  readonly listenMs: number;
  /** Further DBC files that may belong to a bus. */
  readonly dbc: readonly string[];
}

/** Looks at everything that a config is about. A gateway that runs is asked, and nothing that it may use is touched. */
export async function examineConfig(
  file: ConfigFile & { config: CaissonConfig },
  places: ConfigPlaces,
  options: ExamineOptions,
): Promise<Examined> {
  const { config } = file;
  const facts = await readBoxFacts(config.store.dir);
  const secrets = secretFindings(
    file.path,
    modeOf(file.path),
    places.secretFiles(),
    places.writtenSecrets(secretKeysOf(CONFIG_SCHEMA)),
  );
  const tls = tlsFindings(config.sources, Date.now());
  const running = await askGateway(config, facts);
  if (running !== undefined) {
    const box = boxFindings(config, facts, []);
    // The gateway knows its clock better, from whatever tells it.
    const ofBox = withoutAbout(box, 'clock');
    return together([ofBox, secrets, tls, statusFindings(running, facts.wallUs), sourcesDiffer(config, running)]);
  }
  if (facts.storeHolder !== undefined) {
    return together([boxFindings(config, facts, []), secrets, tls, silentGateway(config, facts)]);
  }
  const box = boxFindings(config, facts, listenersOf(config));
  return together([box, secrets, tls, await examineSources(file, options)]);
}

/** Looks at the wires of the box without a config: what could be a source. */
export async function surveyBox({ listenMs }: ExamineOptions): Promise<Examined> {
  const facts = await readBoxFacts('.');
  const [ports, links] = await Promise.all([survey(await listSerialPorts(), listenMs), lookAtLinks(listenMs)]);
  const none = ports.sound.length + ports.findings.length + links.sound.length + links.findings.length === 0;
  return together([
    clockFindings(facts),
    ports,
    links,
    none ? well('wires', 'there is no serial port and no CAN interface') : together([]),
  ]);
}

/** Says which DBC file is of which bus of a recording. @param config whose CAN sources would play it; undefined: none yet */
export async function examineRecording(
  recording: string,
  config: CaissonConfig | undefined,
  { listenMs, dbc }: ExamineOptions,
): Promise<Examined> {
  const log = resolve(recording);
  const sources = Object.entries(config?.sources ?? {}).flatMap(([name, source]) =>
    source.type === 'can' ? [[name, canSettings(source)] as const] : [],
  );
  const played = sources.length > 0 ? sources : [['recording', canSettings({ bus: { log } })] as const];
  const { bus } = canSettings({ bus: { log } });
  const sightings = await Promise.all(
    played.map(([name, settings]) => lookAtCan(name, { ...settings, bus }, listenMs)),
  );
  return canFindings(sightings, { ports: [], dbc, folder: resolve('.') });
}

/** The status of the gateway that runs with this config; undefined where none answers. */
async function askGateway({ grpc }: CaissonConfig, { listening }: BoxFacts): Promise<GatewayStatus | undefined> {
  if (!listening.some(({ port }) => port === grpc.port)) return undefined;
  let client: TelemetryClient | undefined;
  try {
    client = gatewayClient(grpc);
    const status = await client.status();
    return status.role === 'gateway' ? status : undefined;
  } catch {
    // What listens there is another program, which the ports then tell.
    return undefined;
  } finally {
    client?.close();
  }
}

function sourcesDiffer({ sources }: CaissonConfig, status: GatewayStatus): Examined {
  const running = status.sources.map(({ name }) => name);
  const missing = Object.keys(sources).filter((name) => !running.includes(name));
  const further = running.filter((name) => !Object.hasOwn(sources, name));
  if (missing.length + further.length === 0) return together([]);
  const parts = [
    ...(missing.length > 0 ? [`without ${missing.join(', ')}`] : []),
    ...(further.length > 0 ? [`with ${further.join(', ')}, which this file does not have`] : []),
  ];
  return found({
    code: 'config-not-running',
    severity: 'risk',
    about: 'gateway',
    seen: `it runs ${parts.join(' and ')}`,
    means: 'it was started with another file, or before this one was changed',
    mend: { command: 'sudo systemctl restart caisson' },
  });
}

function silentGateway({ grpc, store }: CaissonConfig, { storeHolder }: BoxFacts): Examined {
  return found({
    code: 'gateway-silent',
    severity: 'risk',
    about: 'gateway',
    seen: `${storeHolder === undefined ? 'another process' : holderText(storeHolder)} has ${store.dir} open, and port ${grpc.port} does not answer`,
    means: 'it is starting, or runs with another file; its wires were not touched',
    mend: { command: `caisson status --server ${grpc.host}:PORT` },
  });
}

async function examineSources(
  { config, path }: ConfigFile & { config: CaissonConfig },
  options: ExamineOptions,
): Promise<Examined> {
  const { listenMs, dbc } = options;
  const ports = await listSerialPorts();
  const sources = Object.entries(config.sources);
  const taken = new Set(sources.flatMap(([, source]) => devicesOf(source)).map(realPath));
  const free = ports.filter(({ device }) => !taken.has(device));
  const [serial, can, modbus, brokers, surveyed, links] = await Promise.all([
    Promise.all(
      sources.flatMap(([name, source]) =>
        source.type === 'serial' ? [lookAtSerial(name, serialSettings(source), listenMs)] : [],
      ),
    ),
    Promise.all(
      sources.flatMap(([name, source]) =>
        source.type === 'can' ? [lookAtCan(name, canSettings(source), listenMs)] : [],
      ),
    ),
    Promise.all(
      sources.flatMap(([name, source]) => (source.type === 'modbus' ? [lookAtModbus(name, source, listenMs)] : [])),
    ),
    Promise.all(
      sources.flatMap(([name, source]) =>
        source.type === 'mqtt-client' ? [lookAtBroker(name, source, listenMs)] : [],
      ),
    ),
    Promise.all(free.map((port) => surveyPort(port, listenMs))),
    lookAtLinks(listenMs, new Set(sources.flatMap(([, source]) => interfacesOf(source)))),
  ]);
  return together([
    serialFindings(serial, ports, surveyed),
    canFindings(can, { ports, dbc, folder: dirname(resolve(path)) }),
    ...modbus.map((sighting) => modbusFindings(sighting, ports)),
    ...brokers.map((sighting) => brokerFindings(sighting, Date.now())),
    surveyFindings(surveyed),
    links,
  ]);
}

/** Serial devices that a source names, wherever in its section. */
function devicesOf(value: unknown): string[] {
  if (typeof value === 'string') return value.startsWith('/dev/') ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value as SourceConfig).flatMap(devicesOf);
}

async function survey(ports: readonly SerialPortEntry[], listenMs: number): Promise<Examined> {
  return surveyFindings(await Promise.all(ports.map((port) => surveyPort(port, listenMs))));
}

/** Interface of the kernel that a source reads. */
function interfacesOf(source: SourceConfig): string[] {
  return source.type === 'can' && 'socketcan' in source.bus ? [source.bus.socketcan] : [];
}

async function lookAtLinks(listenMs: number, used?: ReadonlySet<string>): Promise<Examined> {
  const before = new Map((await listCanLinks()).map(({ name, received }) => [name, received]));
  if (before.size === 0) return together([]);
  await pause(listenMs);
  const links = await listCanLinks();
  const traffic = new Map(links.map(({ name, received }) => [name, received - (before.get(name) ?? received)]));
  return linkFindings(links, traffic, used);
}

function withoutAbout({ findings, sound }: Examined, about: string): Examined {
  return {
    findings: findings.filter((finding) => finding.about !== about),
    sound: sound.filter((each) => each.about !== about),
  };
}

/** How a central does, and how far its clock is from this box's. @param toleratedUs difference that is nothing to tell */
export async function examineCentral(
  client: Pick<TelemetryClient, 'status' | 'address'>,
  nowUs: () => number,
  toleratedUs: number,
): Promise<Examined> {
  const about = `central ${client.address}`;
  const asked = nowUs();
  let status: GatewayStatus;
  try {
    status = await client.status();
  } catch (error) {
    return found({
      code: 'central-unreachable',
      severity: 'broken',
      about,
      seen: messageOf(error),
      means: 'nothing answers there, or the network does not lead there',
      mend: { command: `nc -vz ${client.address.replace(/:(\d+)$/, ' $1')}` },
    });
  }
  const answered = nowUs();
  // Its clock was read between both moments.
  const aheadUs = status.now - (asked + answered) / 2;
  const seen = `its clock is ${(Math.abs(aheadUs) / 1e6).toFixed(3)} s ${aheadUs < 0 ? 'behind' : 'ahead of'} that of this box, answered in ${((answered - asked) / 1e3).toFixed(0)} ms`;
  if (Math.abs(aheadUs) <= toleratedUs + (answered - asked) / 2) return well(about, seen);
  return found({
    code: 'clocks-differ',
    severity: 'risk',
    about,
    seen,
    means: 'one of both clocks is wrong: samples of this box may seem to come from the past or the future',
    mend: { command: 'sudo timedatectl set-ntp true' },
  });
}
