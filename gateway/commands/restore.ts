import type { Command } from 'commander';
import { restoreStore } from '../store/backup/restore-store.ts';
import { progressText } from './backup.ts';
import { CONFIG_FILE, requireConfig } from './config.ts';
import { conclude, Output } from './outcome.ts';
import { ProgressLine } from './progress-line.ts';
import type { StoreOption } from './store-option.ts';
import { storeReportText } from './store-report-text.ts';

interface Options extends StoreOption {
  readonly damaged?: boolean;
  readonly json?: boolean;
}

export function registerRestore(program: Command): void {
  program
    .command('restore')
    .description('make a store from a backup, in a folder that is empty or not there yet')
    .argument('<backup>', 'folder that `caisson backup` wrote')
    .option('--config <file>', 'config of the gateway that is to run on it', CONFIG_FILE)
    .option('--store <dir>', 'the folder itself instead, such as the --data of a central')
    .option('--damaged', 'also where the check of the backup finds something wrong')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
The backup is checked first. The gateway of old must not run on: both would be the same gateway to central, which looks
through what the restored one has once more and keeps what it lacks, each sample once.

Examples:
  caisson restore /media/usb/pit-12-2025-06-01
  caisson restore ./central-backup --store ./central`,
    )
    .action((backup: string, options: Options) => conclude(() => restore(backup, options)));
}

async function restore(backup: string, options: Options): Promise<void> {
  const dir = options.store ?? requireConfig(options.config).store.dir;
  const progress = new ProgressLine();
  const { note, report } = await restoreStore(backup, dir, { damaged: options.damaged === true }, (state) =>
    progress.show(() => progressText(state)),
  ).finally(() => progress.clear());
  const text =
    options.json === true
      ? `${JSON.stringify({ dir, backup: note, report }, undefined, 2)}\n`
      : `${dir} is restored from the backup of ${note.begun}\n${storeReportText(report)}`;
  await new Output().write(text);
}
