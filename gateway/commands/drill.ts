import process from 'node:process';
import type { Command } from 'commander';
import { isDatabaseUrl } from '../../sync/central/postgres/sql-place.ts';
import { DatabaseStore } from '../../sync/drill/database-store.ts';
import { type DrillRecord, differenceText, problemOf } from '../../sync/drill/drill-record.ts';
import { GatewayAtCentral } from '../../sync/drill/gateway-at-central.ts';
import type { KeepRule } from '../../sync/drill/keep-rule.ts';
import { type DrilledStore, runDrill } from '../../sync/drill/run-drill.ts';
import { Vault } from '../../sync/drill/vault.ts';
import { sleep } from '../../sync/line/sleep.ts';
import type { DrillStatus } from '../status.ts';
import { conclude, EXIT_FAILED, EXIT_OK, interrupted, Output, UsageError } from './outcome.ts';
import { ProgressLine } from './progress-line.ts';
import { openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';
import { formatTime, parseDuration } from './time-text.ts';
import { caissonVersion } from './version.ts';

interface RestoreOptions extends ServerOptions {
  readonly store?: string;
  readonly gateway?: string;
  readonly name: string;
  readonly every?: string;
  readonly keep: string;
  readonly keepDaily: string;
  readonly keepMonthly: string;
  readonly json?: boolean;
}

interface ListOptions {
  readonly maxAge?: string;
  readonly json?: boolean;
}

export function registerDrill(program: Command): void {
  const drill = program.command('drill');
  serverOptions(drill.command('restore'), 'gateway or central that is backed up')
    .description('back a gateway up over the network, restore the backup, and hold it against the gateway')
    .argument('<vault>', 'folder of the backups of this gateway, made if it is not there')
    .option(
      '--gateway <name>',
      'of a central, what it has of this gateway; one over PostgreSQL is asked for no more than that',
    )
    .option('--store <url>', 'database of a central over PostgreSQL instead, read as it stands; needs --gateway')
    .option('--name <name>', 'destination as which it pulls, where there are no certificates', 'backup')
    .option('--every <duration>', 'go on, so often')
    .option('--keep <n>', 'newest backups that are kept', '7')
    .option('--keep-daily <n>', 'days of which the newest backup is kept', '0')
    .option('--keep-monthly <n>', 'months of which the newest backup is kept', '0')
    .option('--json', 'one JSON object a drill')
    .addHelpText(
      'after',
      `
It only reads: a certificate of the role \`backup\` is enough. What is pulled is what may go to a destination of its name; of a database,
which is read as it stands, all that is there of the gateway. Ends with 1 where the
restored store is not what the gateway has, and says which samples of which channel and boot.

Examples:
  caisson drill restore /srv/backups/car7 --server 10.0.0.5:7443 --identity /etc/caisson/backup
  caisson drill restore ./car7 --server 127.0.0.1:7443 --every 1d --keep 7 --keep-daily 30 --keep-monthly 12
  caisson drill restore /srv/backups/car7 --server central:7444 --gateway car7 --identity /etc/caisson/backup
  caisson drill restore /srv/backups/car7 --store postgres://caisson@db.local/caisson --gateway car7`,
    )
    .action((vault: string, options: RestoreOptions) => conclude(() => restore(vault, options)));
  drill
    .command('list')
    .description('print what the drills of vaults found')
    .argument('<vault...>', 'folders of `caisson drill restore`')
    .option('--max-age <duration>', 'end with 1 where the last drill that found all right is older')
    .option('--json', 'one JSON object a drill')
    .addHelpText(
      'after',
      `
Ends with 1 where the last drill of a vault found anything wrong, or there was none: a backup that was not restored does not count.

Examples:
  caisson drill list /srv/backups/car7
  caisson drill list /srv/backups/* --max-age 36h`,
    )
    .action((vaults: string[], options: ListOptions) => conclude(() => list(vaults, options)));
}

async function restore(dir: string, options: RestoreOptions): Promise<void> {
  const every = options.every === undefined ? undefined : parseDuration(options.every, '--every: ');
  const rule = ruleOf(options);
  const connect = connectorOf(options);
  const vault = new Vault(dir);
  const signal = interrupted();
  const output = new Output();
  const progress = new ProgressLine();
  for (;;) {
    const record = await runDrill({
      ...{ vault, rule, signal, version: caissonVersion() },
      connect,
      onStep: (step) => progress.show((seconds) => `${step}, ${seconds} s`),
    }).finally(() => progress.clear());
    process.exitCode = record.ok ? EXIT_OK : EXIT_FAILED;
    await output.write(options.json === true ? `${JSON.stringify(record)}\n` : recordText(record));
    if (every === undefined || signal.aborted) return;
    await sleep(every / 1e3, signal);
    if (signal.aborted) return;
  }
}

async function list(dirs: readonly string[], options: ListOptions): Promise<void> {
  const maxAge = options.maxAge === undefined ? Number.POSITIVE_INFINITY : parseDuration(options.maxAge, '--max-age: ');
  const output = new Output();
  for (const dir of dirs) {
    const vault = new Vault(dir);
    const [records, status] = [vault.records(), vault.status()];
    const isOld = status?.ok === true && Date.now() * 1e3 - status.good > maxAge;
    if (status?.ok !== true || isOld) process.exitCode = EXIT_FAILED;
    if (isOld) process.stderr.write(`${dir}: the last drill that found all right is older than ${options.maxAge}\n`);
    const lines =
      options.json === true
        ? records.map((record) => `${JSON.stringify(record)}\n`)
        : [statusText(dir, status), ...records.map(recordText)];
    await output.write(lines.join(''));
  }
}

/** @throws UsageError */
function connectorOf(options: RestoreOptions): () => DrilledStore | Promise<DrilledStore> {
  const { store, gateway } = options;
  if (store === undefined) {
    if (gateway === undefined) return () => openClient(options, options.name);
    return async () => new GatewayAtCentral(await openClient(options, options.name), gateway);
  }
  if (gateway === undefined) throw new UsageError('--store needs --gateway: one of which that database has something');
  if (!isDatabaseUrl(store)) throw new UsageError(`--store is '${store}', expected postgres://user@host:port/database`);
  return () => new DatabaseStore(store, gateway);
}

/** @throws UsageError */
function ruleOf({ keep, keepDaily, keepMonthly }: RestoreOptions): KeepRule {
  const count = (name: string, text: string, least: number) => {
    if (/^\d{1,6}$/.test(text) && Number(text) >= least) return Number(text);
    throw new UsageError(`${name} is '${text}', expected a whole number from ${least} on`);
  };
  return {
    newest: count('--keep', keep, 1),
    daily: count('--keep-daily', keepDaily, 0),
    monthly: count('--keep-monthly', keepMonthly, 0),
  };
}

function statusText(dir: string, status: DrillStatus | undefined): string {
  if (status === undefined) return `${dir}: no drill yet\n`;
  const { gateway, copies, restored, good } = status;
  const when = good === 0 ? 'never restored' : `last found right ${formatTime(good)}`;
  return `${dir}: ${gateway}, ${copies} backups, ${restored} of them restored, ${when}\n`;
}

function recordText(record: DrillRecord): string {
  const { begun, gateway, pulled, samples, compared, onlyHere, differences, differenceCount } = record;
  const counts = `${count(pulled)} new samples; ${count(samples)} restored, ${count(compared)} compared, ${count(onlyHere)} no longer at the gateway`;
  const ms = `${record.pullMs} ms pulling, ${record.copyMs} copying, ${record.restoreMs} restoring, ${record.compareMs} comparing`;
  const problem = problemOf(record);
  const lines = [`${begun} ${gateway}: ${problem === undefined ? 'restored, all right' : `WRONG: ${problem}`}`];
  lines.push(`  ${counts}`, `  ${ms}`);
  for (const difference of differences) lines.push(`  ${differenceText(difference)}`);
  if (differenceCount > differences.length) lines.push(`  and ${differenceCount - differences.length} more`);
  return `${lines.join('\n')}\n`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}
