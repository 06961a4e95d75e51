import { canSettings } from '../../collectors/can/can-config.ts';
import { Dictionaries } from '../../collectors/can/dictionary.ts';
import { SOCKETCAND_PORT } from '../../hardware/can/socketcand-bus.ts';
import { formatAddress } from '../../sync/api/address.ts';
import { counted } from '../quantity-text.ts';
import { listenersOf } from './config-rules.ts';
import type { CaissonConfig } from './config-schema.ts';
import { type CyclePlan, cyclePlans } from './cycle-plan.ts';
import type { SourceConfig } from './source-kinds.ts';

/** What a gateway with this config opens. */
export interface Plan {
  /** Undefined: the name that its store keeps. */
  readonly gateway?: string;
  readonly store: string;
  readonly dashboard: string;
  readonly grpc: string;
  /** Centrals that it dials, to hand them a line. */
  readonly dials: readonly string[];
  readonly sources: readonly SourcePlan[];
  readonly cycles: readonly CyclePlan[];
}

/** What becomes of one source. */
export interface SourcePlan {
  readonly name: string;
  readonly type: string;
  readonly opens: string;
  /** Where its DBC files contradict each other, and what of them is passed over, each as `file:line: text`. */
  readonly notes?: readonly string[];
}

/** @param names of channels that its store has, where that is known */
export function planOf(config: CaissonConfig, names?: readonly string[]): Plan {
  const { id } = config.gateway;
  return {
    ...(id !== undefined && { gateway: id }),
    store: config.store.dir,
    dashboard: `http://${formatAddress(config.dashboard)}`,
    grpc: formatAddress(config.grpc),
    dials: config.central?.dial ?? [],
    sources: Object.entries(config.sources).map(([name, source]) => ({
      name,
      type: source.type,
      opens: opensOf(name, source, config),
      ...(source.type === 'can' && { notes: Dictionaries.load(canSettings(source)).notes }),
    })),
    cycles: cyclePlans(config.cycles ?? {}, names),
  };
}

function opensOf(name: string, source: SourceConfig, config: CaissonConfig): string {
  switch (source.type) {
    case 'http':
    case 'mqtt': {
      const listener = listenersOf(config).find(({ path }) => path[0] === 'sources' && path[1] === name);
      return listener === undefined ? '' : `port ${formatAddress(listener)}`;
    }
    case 'mqtt-client':
      return `broker ${source.host}:${source.port ?? ''}`;
    case 'can':
      if ('socketcan' in source.bus) return `CAN interface ${source.bus.socketcan}`;
      if ('gvret' in source.bus) return `GVRET adapter ${source.bus.gvret}`;
      if ('socketcand' in source.bus) {
        const { socketcand: host, port = SOCKETCAND_PORT, interface: bus = 'can0' } = source.bus;
        return `${bus} of socketcand at ${formatAddress({ host, port })}`;
      }
      return 'log' in source.bus ? `recording ${source.bus.log}` : `SLCAN adapter ${source.bus.slcan}`;
    case 'health':
      return `this box, disk of ${source.disk}`;
    case 'modbus':
      return 'path' in source.port ? source.port.path : `${source.port.host}:${source.port.port ?? 502}`;
    case 'replay':
      return `recording ${source.file}`;
    case 'serial':
      if ('host' in source.port) return `${source.port.host}:${source.port.port}`;
      return 'log' in source.port ? `recording ${source.port.log}` : source.port.path;
  }
}

/** Notes of one source that are shown to a person. */
const NOTES_SHOWN_MAX = 20;

/** For people. */
export function renderPlan(file: string, plan: Plan): string {
  const lines = [
    `${file} fits: ${counted(plan.sources.length, 'source')}`,
    `  gateway    ${plan.gateway ?? '(the name its store keeps)'}`,
    `  store      ${plan.store}`,
    `  dashboard  ${plan.dashboard}`,
    `  grpc       ${plan.grpc}`,
    ...plan.dials.map((central) => `  dials      ${central}`),
  ];
  const width = Math.max(...plan.sources.map(({ name }) => name.length), 0);
  const typeWidth = Math.max(...plan.sources.map(({ type }) => type.length), 6);
  for (const { name, type, opens, notes = [] } of plan.sources) {
    lines.push(`  source     ${name.padEnd(width)}  ${type.padEnd(typeWidth)}  ${opens}`.trimEnd());
    for (const note of notes.slice(0, NOTES_SHOWN_MAX)) lines.push(`    note     ${note}`);
    if (notes.length > NOTES_SHOWN_MAX) {
      lines.push(`    note     ${notes.length - NOTES_SHOWN_MAX} more; caisson check --json has all of them`);
    }
  }
  for (const { name, told, note } of plan.cycles) {
    lines.push(`  cycle      ${name}  ${told}`, ...(note === undefined ? [] : [`    note     ${note}`]));
  }
  return `${lines.join('\n')}\n`;
}
