import process from 'node:process';
import type { Command } from 'commander';
import { canSettings } from '../../collectors/can/can-config.ts';
import { Dictionaries } from '../../collectors/can/dictionary.ts';
import { formatAddress } from '../../sync/api/address.ts';
import { type ConfigIssue, renderIssues } from '../config/issue.ts';
import { checkStoreCommand } from './check-store.ts';
import { type CaissonConfig, CONFIG_FILE, listenersOf, readConfigFile } from './config.ts';
import { conclude, EXIT_FAILED, EXIT_OK, Output } from './outcome.ts';
import type { SourceConfig } from './source-kinds.ts';

/** What `caisson check --json` prints. */
export interface CheckReport {
  readonly file: string;
  readonly ok: boolean;
  readonly issues: readonly ConfigIssue[];
  /** Undefined when the file does not fit. */
  readonly plan?: Plan;
}

/** What a gateway with this config opens. */
export interface Plan {
  /** Undefined: the name that its store keeps. */
  readonly gateway?: string;
  readonly store: string;
  readonly dashboard: string;
  readonly grpc: string;
  readonly sources: readonly SourcePlan[];
}

/** What becomes of one source. */
export interface SourcePlan {
  readonly name: string;
  readonly type: string;
  readonly opens: string;
  /** Where its DBC files contradict each other, and what of them is passed over, each as `file:line: text`. */
  readonly notes?: readonly string[];
}

export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('say whether a config fits, and what a gateway with it opens; with --store, whether a store is whole')
    .argument('[file]', 'config file', CONFIG_FILE)
    .option(
      '--store [dir]',
      'read all of the store of the config, or of a folder, while a gateway or central runs or not',
    )
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Ends with 0 when the file fits, or the store is whole; with 1 when not; with 2 when the file cannot be read.

Examples:
  caisson check
  caisson check /etc/caisson/caisson.yaml --json
  caisson check --store
  caisson check --store ./central`,
    )
    .action((file: string, { store, json }: Options) =>
      conclude(() => {
        if (store === undefined) return check(file, json === true);
        return checkStoreCommand({ config: file, ...(store === true ? {} : { store }) }, json === true);
      }),
    );
}

interface Options {
  /** True: the store of the config. */
  readonly store?: string | true;
  readonly json?: boolean;
}

async function check(file: string, asJson: boolean): Promise<void> {
  const { config, issues, text } = readConfigFile(file);
  const ok = config !== undefined;
  const report: CheckReport = { file, ok, issues, ...(ok && { plan: planOf(config) }) };
  process.exitCode = ok ? EXIT_OK : EXIT_FAILED;
  if (asJson) await new Output().write(`${JSON.stringify(report, undefined, 2)}\n`);
  else if (report.plan !== undefined) await new Output().write(renderPlan(file, report.plan));
  else process.stderr.write(`${renderIssues(text, issues)}\n${file}: ${countOf(issues.length, 'issue')}\n`);
}

function planOf(config: CaissonConfig): Plan {
  const { id } = config.gateway;
  return {
    ...(id !== undefined && { gateway: id }),
    store: config.store.dir,
    dashboard: `http://${formatAddress(config.dashboard)}`,
    grpc: formatAddress(config.grpc),
    sources: Object.entries(config.sources).map(([name, source]) => ({
      name,
      type: source.type,
      opens: opensOf(name, source, config),
      ...(source.type === 'can' && { notes: Dictionaries.load(canSettings(source)).notes }),
    })),
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
      if ('socketcand' in source.bus) return `socketcand at ${source.bus.socketcand}`;
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

/** What a gateway with that config opens, for people. */
export function planText(file: string, config: CaissonConfig): string {
  return renderPlan(file, planOf(config));
}

/** Notes of one source that are shown to a person. */
const NOTES_SHOWN_MAX = 20;

function renderPlan(file: string, plan: Plan): string {
  const lines = [
    `${file} fits: ${countOf(plan.sources.length, 'source')}`,
    `  gateway    ${plan.gateway ?? '(the name its store keeps)'}`,
    `  store      ${plan.store}`,
    `  dashboard  ${plan.dashboard}`,
    `  grpc       ${plan.grpc}`,
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
  return `${lines.join('\n')}\n`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
