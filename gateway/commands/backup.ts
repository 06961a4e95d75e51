import process from 'node:process';
import type { Command } from 'commander';
import { type BackupProgress, backupStore } from '../store/backup/backup-store.ts';
import { CONFIG_FILE } from './config-file.ts';
import { conclude, EXIT_FAILED, Output } from './outcome.ts';
import { ProgressLine } from './progress-line.ts';
import { type StoreOption, storeDirOf } from './store-option.ts';
import { storeReportText } from './store-report-text.ts';
import { caissonVersion } from './version.ts';

interface Options extends StoreOption {
  readonly json?: boolean;
}

export function registerBackup(program: Command): void {
  program
    .command('backup')
    .argument('<folder>', 'where to; a folder that is not there yet, or an empty one')
    .option('--config <file>', 'config of the gateway whose store is backed up', CONFIG_FILE)
    .option('--store <dir>', 'the store itself instead, such as the --data of a central')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Everything that was acknowledged when it began is in it. The backup is a store itself: \`caisson sql --store\` reads it.
Ends with 1 where the check of what was written found something wrong.

Examples:
  caisson backup /media/usb/pit-12-2025-06-01
  caisson backup ./central-backup --store ./central --json`,
    )
    .action((folder: string, options: Options) => conclude(() => backup(folder, options)));
}

async function backup(folder: string, options: Options): Promise<void> {
  const progress = new ProgressLine();
  const show = (state: BackupProgress) => progress.show(() => progressText(state));
  const report = await backupStore(storeDirOf(options), folder, caissonVersion(), show).finally(() => progress.clear());
  if (!report.ok) process.exitCode = EXIT_FAILED;
  const text = options.json === true ? `${JSON.stringify(report)}\n` : storeReportText(report);
  await new Output().write(text);
}

const STEPS: Readonly<Record<BackupProgress['step'], string>> = {
  blocks: 'copying',
  database: 'checking pages',
  packs: 'checking packs',
  pyramid: 'checking the pyramid',
  sequences: 'checking sequence numbers',
};

/** How far a backup, a restore or a check is. */
export function progressText({ step, part }: BackupProgress): string {
  return `${STEPS[step]}${part === 0 ? '' : `, ${Math.floor(part * 100)} %`}`;
}
