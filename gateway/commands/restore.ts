import type { Command } from 'commander';
import { rebuildStore } from '../../sync/drill/rebuild-store.ts';
import { restoreStore } from '../store/backup/restore-store.ts';
import { progressText } from './backup.ts';
import { requireConfig } from './config.ts';
import { CONFIG_FILE } from './config-file.ts';
import { conclude, interrupted, Output, UsageError } from './outcome.ts';
import { ProgressLine } from './progress-line.ts';
import type { StoreOption } from './store-option.ts';
import { storeReportText } from './store-report-text.ts';
import { identityOption, openClient } from './telemetry-client.ts';

interface Options extends StoreOption {
  readonly from?: string;
  readonly gateway?: string;
  readonly identity?: string;
  readonly damaged?: boolean;
  readonly json?: boolean;
}

export function registerRestore(program: Command): void {
  identityOption(program.command('restore'))
    .argument('[backup]', 'folder that `caisson backup` or `caisson drill restore` wrote')
    .option('--from <host:port>', 'the central that has the data of the gateway that was lost, instead of a backup')
    .option('--gateway <id>', 'with --from: the gateway')
    .option('--config <file>', 'config of the gateway that is to run on it', CONFIG_FILE)
    .option('--store <dir>', 'the folder itself instead, such as the --data of a central')
    .option('--damaged', 'also where the check of the backup finds something wrong: what can be read of it')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
The backup is checked first. The gateway of old must not run on: both would be the same gateway to central, which looks
through what the restored one has once more and keeps what it lacks, each sample once.
With --from the store has what that central has, bit for bit. What was interrupted goes on where it was. What the gateway did not get to send is lost, and
samples that were in its journal only.

Examples:
  caisson restore --from 10.0.0.1:7444 --gateway car7 --identity /etc/caisson/identity
  caisson restore /media/usb/pit-12-2025-06-01
  caisson restore ./central-backup --store ./central`,
    )
    .action((backup: string | undefined, options: Options) => conclude(() => run(backup, options)));
}

async function run(backup: string | undefined, options: Options): Promise<void> {
  const { from, gateway } = options;
  if ((backup === undefined) === (from === undefined)) throw new UsageError('give a backup, or --from');
  if (backup !== undefined) return restore(backup, options);
  if (from === undefined || gateway === undefined) throw new UsageError('--from needs --gateway');
  return rebuild(from, gateway, options);
}

async function rebuild(server: string, gateway: string, options: Options): Promise<void> {
  const dir = options.store ?? requireConfig(options.config).store.dir;
  const progress = new ProgressLine();
  const client = await openClient({ server, ...(options.identity !== undefined && { identity: options.identity }) });
  const report = await rebuildStore({
    ...{ dir, gateway, central: client, signal: interrupted() },
    onProgress: (samples) =>
      progress.show((seconds) => `${(samples / 1e6).toFixed(1)} M samples are back, ${seconds} s`),
  }).finally(() => {
    progress.clear();
    client.close();
  });
  const asJson = options.json === true;
  const text = asJson ? `${JSON.stringify({ dir, gateway, report })}\n` : storeReportText(report);
  await new Output().write(asJson ? text : `${dir} has what the central at ${server} has of ${gateway}\n${text}`);
}

async function restore(backup: string, options: Options): Promise<void> {
  const dir = options.store ?? requireConfig(options.config).store.dir;
  const progress = new ProgressLine();
  const { note, report } = await restoreStore(backup, dir, { damaged: options.damaged === true }, (state) =>
    progress.show(() => progressText(state)),
  ).finally(() => progress.clear());
  const text =
    options.json === true
      ? `${JSON.stringify({ dir, backup: note, report })}\n`
      : `${dir} is restored from the backup of ${note.begun}\n${storeReportText(report)}`;
  await new Output().write(text);
}
