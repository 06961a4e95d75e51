import process from 'node:process';
import type { Command } from 'commander';
import { type ConfigIssue, renderIssues } from '../config/issue.ts';
import { counted } from '../quantity-text.ts';
import { checkStoreCommand } from './check-store.ts';
import { readConfigFile } from './config.ts';
import { CONFIG_FILE } from './config-file.ts';
import { storedNames } from './cycle-plan.ts';
import { conclude, EXIT_FAILED, EXIT_OK, Output } from './outcome.ts';
import { type Plan, planOf, renderPlan } from './plan.ts';

/** What `caisson check --json` prints. */
export interface CheckReport {
  readonly file: string;
  readonly ok: boolean;
  readonly issues: readonly ConfigIssue[];
  /** Undefined when the file does not fit. */
  readonly plan?: Plan;
}

export function registerCheck(program: Command): void {
  program
    .command('check')
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
  const names = config?.cycles && (await storedNames(config.store.dir));
  const report: CheckReport = { file, ok, issues, ...(ok && { plan: planOf(config, names) }) };
  process.exitCode = ok ? EXIT_OK : EXIT_FAILED;
  if (asJson) await new Output().write(`${JSON.stringify(report)}\n`);
  else if (report.plan !== undefined) await new Output().write(renderPlan(file, report.plan));
  else process.stderr.write(`${renderIssues(text, issues)}\n${file}: ${counted(issues.length, 'issue')}\n`);
}
