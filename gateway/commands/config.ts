import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { Type } from '@sinclair/typebox';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { readDbc } from '../../collectors/can/dbc/read-dbc.ts';
import { RedundancyConfig, redundancyFaults } from '../../collectors/redundancy/redundancy-config.ts';
import { shapingFaults } from '../../collectors/shaping/shaping-config.ts';
import { DashboardConfig } from '../../dashboards/server/dashboard-config.ts';
import { GrpcConfig, type GrpcSettings } from '../../sync/api/grpc-config.ts';
import { DestinationsConfig, destinationFaults } from '../../sync/destinations/destination-config.ts';
import { RelayConfig, type RelaySettings } from '../../sync/relay/relay-config.ts';
import { CentralConfig } from '../../sync/reverse/central-config.ts';
import { IdentityFolder } from '../../sync/trust/identity-folder.ts';
import { peerText } from '../../sync/trust/peer-name.ts';
import { UsageConfig, usageFaults } from '../../sync/usage/usage-config.ts';
import { CyclesConfig, cyclesFaults } from '../analysis/cycles/cycles-config.ts';
import { GatewayConfig } from '../config/gateway-config.ts';
import { renderIssues } from '../config/issue.ts';
import { type ConfigRule, type LoadedConfig, loadConfig, type RuleBreach } from '../config/load-config.ts';
import { walkSchema } from '../config/schema-walk.ts';
import { CaissonError, messageOf } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { StoreConfig, type StoreSettings } from '../store/store-config.ts';
import { anySourceSchema, checkSource, type SourceConfig } from './source-kinds.ts';

export const CONFIG_FILE = 'caisson.yaml';

/** Bytes of a config file, or of one with a secret. Larger: refused. */
const CONFIG_BYTES_MAX = 1 << 20;

/** Name of a source: it begins the names of its channels. */
const SOURCE_NAME = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$';

/** The one schema of `caisson.yaml`, composed of the sections that stand beside their owners. */
export const CONFIG_SCHEMA = Type.Object(
  {
    gateway: Type.Optional(GatewayConfig),
    store: Type.Optional(StoreConfig),
    dashboard: Type.Optional(DashboardConfig),
    grpc: Type.Optional(GrpcConfig),
    central: Type.Optional(CentralConfig),
    relay: Type.Optional(RelayConfig),
    destinations: Type.Optional(DestinationsConfig),
    usage: Type.Optional(UsageConfig),
    redundancy: Type.Optional(RedundancyConfig),
    cycles: Type.Optional(CyclesConfig),
    sources: Type.Optional(
      Type.Record(Type.String({ pattern: SOURCE_NAME }), anySourceSchema(), {
        additionalProperties: false,
        'x-pattern': 'letters, digits, `-` and `_`, first a letter or digit, 63 at most',
        default: {},
        description: 'where samples come from, each under the name that begins its channels',
      }),
    ),
  },
  { additionalProperties: false },
);

/** A whole config: checked, defaults filled in, paths absolute, frozen. */
export interface CaissonConfig {
  readonly gateway: GatewayConfig;
  readonly store: StoreSettings;
  readonly dashboard: Required<DashboardConfig>;
  readonly central?: CentralConfig;
  readonly relay?: RelaySettings;
  readonly destinations?: DestinationsConfig;
  readonly usage?: UsageConfig;
  readonly grpc: GrpcSettings;
  readonly redundancy?: RedundancyConfig;
  readonly cycles?: CyclesConfig;
  readonly sources: Readonly<Record<string, SourceConfig>>;
}

/** A config file as it was found: its text is what issues point into. */
export type ConfigFile = LoadedConfig<CaissonConfig> & { readonly path: string; readonly text: string };

/**
 * Reads and checks a config file, with this process's environment and the files it names, which are relative to it.
 * @throws CaissonError `config-unreadable`
 */
export function readConfigFile(path: string): ConfigFile {
  return checkConfigText(path, readText(path));
}

/** As {@link readConfigFile}, of a text as if it stood in that file. */
export function checkConfigText(path: string, text: string): ConfigFile {
  const folder = dirname(resolve(path));
  const resolvePath = (named: string) => resolve(folder, named);
  const loaded = loadConfig(CONFIG_SCHEMA, text, {
    env: process.env,
    readFile: (named) => readText(resolvePath(named)),
    resolvePath,
    rules: RULES as ConfigRule<unknown>[],
  });
  return { ...(loaded as LoadedConfig<CaissonConfig>), path, text };
}

/**
 * The config in a file.
 * @throws CaissonError `config-unreadable`, `config-invalid` with every issue in its message
 */
export function requireConfig(path: string): CaissonConfig {
  const { config, issues, text } = readConfigFile(path);
  if (config !== undefined) return config;
  throw new CaissonError('config-invalid', `${path} does not fit\n${renderIssues(text, issues)}`, {
    hint: '`caisson schema --markdown` lists every key',
  });
}

/**
 * Where the gateway of a config file serves gRPC. The other sections are not looked at: what they lack here, such as a secret in the
 * environment of the service, does not keep anybody from asking the gateway that runs.
 * @throws CaissonError `config-unreadable`, `config-invalid`
 */
export function grpcOf(path: string): GrpcSettings {
  const folder = dirname(resolve(path));
  const resolvePath = (named: string) => resolve(folder, named);
  const text = readText(path);
  let grpc: unknown;
  try {
    grpc = (parseYaml(text) as { readonly grpc?: unknown } | null)?.grpc;
  } catch (cause) {
    throw new CaissonError('config-invalid', `${path} is no YAML: ${messageOf(cause)}`, { cause, hint: SERVER_HINT });
  }
  const section = stringifyYaml(grpc === undefined ? {} : { grpc });
  const readFile = (named: string) => readText(resolvePath(named));
  const { config, issues } = loadConfig(GRPC_SCHEMA, section, { env: process.env, readFile, resolvePath });
  if (config !== undefined) return config.grpc as GrpcSettings;
  // The same, at their places in the file.
  const placed = checkConfigText(path, text).issues.filter((issue) => /^grpc\b/.test(issue.path));
  const rendered = placed.length > 0 ? renderIssues(text, placed) : issues.map(({ message }) => message).join('\n');
  throw new CaissonError('config-invalid', `${path} does not fit\n${rendered}`, { hint: SERVER_HINT });
}

const GRPC_SCHEMA = Type.Object({ grpc: Type.Optional(GrpcConfig) }, { additionalProperties: false });

const SERVER_HINT = '`caisson check` shows where; --server HOST:PORT asks a gateway without its config';

/** Every file and folder that a config names, absolute. */
export function filesNamedIn(config: CaissonConfig): string[] {
  const files: string[] = [];
  walkSchema(CONFIG_SCHEMA, config, (part, holder, key) => {
    const value = holder[key];
    if (part['x-path'] === true && typeof value === 'string') files.push(value);
  });
  return files;
}

function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new CaissonError('config-unreadable', messageOf(cause), {
      cause,
      hint: `\`caisson init\` writes a ${CONFIG_FILE} to start from`,
    });
  }
  if (bytes.length > CONFIG_BYTES_MAX) {
    throw new CaissonError(
      'config-unreadable',
      `${path} has ${bytes.length} bytes, expected ${CONFIG_BYTES_MAX} at most`,
    );
  }
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

const RULES: readonly ConfigRule<CaissonConfig>[] = [
  onlyLoopback,
  onlyOnePortEach,
  onlyOneDeviceEach,
  whatCollectorsRefuse,
  whatShapingRefuses,
  whatRedundancyRefuses,
  whatCyclesRefuse,
  whatIdentityIs,
  whatDbcFilesAre,
  whatDestinationsRefuse,
  whatUsageRefuses,
];

function* whatDestinationsRefuse({ destinations = {} }: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  for (const { path, problem } of destinationFaults(destinations)) yield { path: ['destinations', ...path], problem };
}

function* whatUsageRefuses({ usage = {} }: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  for (const { path, problem } of usageFaults(usage)) yield { path: ['usage', ...path], problem };
}

/** Where no credentials guard a port, only this machine may reach it. */
function* onlyLoopback(config: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  for (const section of ['dashboard', 'grpc'] as const) {
    const { host } = config[section];
    if (isLoopback(host) || (section === 'grpc' && config.grpc.identity !== undefined)) continue;
    const problem = `expected 127.0.0.1, ::1 or localhost, got ${JSON.stringify(host)}`;
    const way = section === 'grpc' ? '`caisson enroll` gets it a certificate' : 'reach it from elsewhere by ssh -L';
    yield { path: [section, 'host'], problem, hint: `it asks for no credentials; ${way}` };
  }
  for (const [name, source] of Object.entries(config.sources)) {
    if (source.type !== 'mqtt' && source.type !== 'http') continue;
    const { listen = '', users = [] } = source;
    const tokens = source.type === 'http' ? (source.tokens ?? []) : [];
    if (isLoopback(listen) || users.length + tokens.length > 0) continue;
    if (source.type === 'mqtt' && source.tls?.clientCa !== undefined) continue;
    const keys = source.type === 'http' ? 'users and tokens are' : 'users is';
    const problem = `${JSON.stringify(listen)} is wider than loopback, and ${keys} empty`;
    yield { path: ['sources', name, 'listen'], problem, hint: 'add users, or listen on 127.0.0.1' };
  }
}

/** No two parts listen on one port of one address. */
function* onlyOnePortEach(config: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  const taken = new Map<string, string>();
  for (const { path, host, port } of listenersOf(config)) {
    const address = `${host}:${port}`;
    const owner = taken.get(address);
    if (port === 0) continue;
    if (owner === undefined) taken.set(address, path.join('.'));
    else yield { path, problem: `${address} is taken by ${owner}` };
  }
}

/** No two sources read one serial device: the second would wait for it for ever. */
function* onlyOneDeviceEach(config: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  const taken = new Map<string, string>();
  for (const [name, source] of Object.entries(config.sources)) {
    const place = deviceOf(source);
    if (place === undefined) continue;
    const path = ['sources', name, ...place.keys];
    const owner = taken.get(place.device);
    if (owner === undefined) taken.set(place.device, path.join('.'));
    else yield { path, problem: `${place.device} is taken by ${owner}` };
  }
}

/** The serial device that a source reads, and the keys below it that name the device. */
function deviceOf(source: SourceConfig): { device: string; keys: readonly string[] } | undefined {
  if (source.type === 'serial' && 'path' in source.port) return { device: source.port.path, keys: ['port', 'path'] };
  if (source.type === 'modbus' && 'path' in source.port) return { device: source.port.path, keys: ['port', 'path'] };
  if (source.type === 'can' && 'slcan' in source.bus) return { device: source.bus.slcan, keys: ['bus', 'slcan'] };
  if (source.type === 'can' && 'gvret' in source.bus && source.bus.gvret.startsWith('/')) {
    return { device: source.bus.gvret, keys: ['bus', 'gvret'] };
  }
  return undefined;
}

/** DBC files that are missing or broken end the start of their source, so they are part of what must fit. */
function* whatDbcFilesAre(config: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  for (const [name, source] of Object.entries(config.sources)) {
    if (source.type !== 'can') continue;
    const buses = Object.entries(source.interfaces ?? {});
    yield* refusedDbcFiles(['sources', name, 'dbc'], source.dbc);
    for (const [bus, { dbc }] of buses) yield* refusedDbcFiles(['sources', name, 'interfaces', bus, 'dbc'], dbc);
  }
}

function* refusedDbcFiles(path: readonly string[], files: readonly string[] = []): Generator<RuleBreach> {
  for (const [index, file] of files.entries()) {
    const refusal = refusalOf(() => readDbc(file));
    if (refusal !== undefined) yield { path: [...path, index], ...refusal };
  }
}

/** What is wrong, where `work` throws a CaissonError. */
function refusalOf(work: () => void): Pick<RuleBreach, 'problem' | 'hint'> | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    const { message: problem, hint } = error;
    return { problem, ...(hint !== undefined && { hint }) };
  }
}

function* whatCollectorsRefuse(config: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  for (const [name, source] of Object.entries(config.sources)) {
    const refusal = refusalOf(() => checkSource(name, source));
    if (refusal !== undefined) yield { path: ['sources', name], at: 'key', ...refusal };
  }
}

function* whatShapingRefuses(config: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  for (const [name, source] of Object.entries(config.sources)) {
    for (const { path, ...fault } of shapingFaults(source)) yield { path: ['sources', name, ...path], ...fault };
  }
}

function* whatRedundancyRefuses({ redundancy = {} }: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  for (const { path, ...fault } of redundancyFaults(redundancy)) yield { path: ['redundancy', ...path], ...fault };
}

function* whatCyclesRefuse({ cycles = {} }: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  for (const { path, ...fault } of cyclesFaults(cycles)) yield { path: ['cycles', ...path], ...fault };
}

/** The certificate must be there, and be that of this gateway. */
function* whatIdentityIs({ grpc, gateway, central }: CaissonConfig): ReturnType<ConfigRule<CaissonConfig>> {
  const { identity: dir } = grpc;
  if (dir === undefined) {
    if ((central?.dial ?? []).length === 0) return;
    const hint = '`caisson enroll` gets a certificate; `grpc.identity` names its folder';
    yield { path: ['central', 'dial'], problem: 'no central takes a line without a certificate', hint };
    return;
  }
  const path = ['grpc', 'identity'];
  const refusal = refusalOf(() => IdentityFolder.open(dir).close());
  if (refusal !== undefined) {
    yield { path, ...refusal };
    return;
  }
  const identity = IdentityFolder.open(dir);
  const { own } = identity.credentials;
  identity.close();
  if (own.role === 'gateway' && (gateway.id === undefined || gateway.id === own.name)) return;
  const wanted = gateway.id === undefined ? 'a gateway' : `gateway ${gateway.id}`;
  yield { path, problem: `it is of ${peerText(own)}, expected that of ${wanted}` };
}

/** A port that a config opens. */
export interface Listener {
  /** Keys from the top to the port. */
  readonly path: readonly string[];
  readonly host: string;
  readonly port: number;
}

/** Every port that a config opens. */
export function listenersOf(config: CaissonConfig): Listener[] {
  const listeners: Listener[] = (['dashboard', 'grpc'] as const).map((section) => ({
    path: [section, 'port'],
    ...config[section],
  }));
  for (const [name, source] of Object.entries(config.sources)) {
    if (source.type !== 'mqtt' && source.type !== 'http') continue;
    listeners.push({ path: ['sources', name, 'port'], host: source.listen ?? '', port: source.port ?? 0 });
  }
  return listeners;
}
