import { readDbc } from '../../collectors/can/dbc/read-dbc.ts';
import { redundancyFaults } from '../../collectors/redundancy/redundancy-config.ts';
import { shapingFaults } from '../../collectors/shaping/shaping-config.ts';
import { destinationFaults } from '../../sync/destinations/destination-config.ts';
import { IdentityFolder } from '../../sync/trust/identity-folder.ts';
import { peerText } from '../../sync/trust/peer-name.ts';
import { usageFaults } from '../../sync/usage/usage-config.ts';
import { cyclesFaults } from '../analysis/cycles/cycles-config.ts';
import type { ConfigRule, RuleBreach } from '../config/load-config.ts';
import { CaissonError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import type { CaissonConfig } from './config-schema.ts';
import { checkSource, type SourceConfig } from './source-kinds.ts';

/** What must hold of a config beyond its schema. */
export const CONFIG_RULES: readonly ConfigRule<CaissonConfig>[] = [
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
