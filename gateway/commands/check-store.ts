import process from 'node:process';
import { checked } from '../store/backup/backup-store.ts';
import { progressText } from './backup.ts';
import { EXIT_FAILED, EXIT_OK, Output } from './outcome.ts';
import { ProgressLine } from './progress-line.ts';
import { type StoreOption, storeDirOf } from './store-option.ts';
import { storeReportText } from './store-report-text.ts';

/** `caisson check --store`: says whether all of a store is whole, and what of it is not. */
export async function checkStoreCommand(option: StoreOption, asJson: boolean): Promise<void> {
  const progress = new ProgressLine();
  const report = await checked(storeDirOf(option), (state) => progress.show(() => progressText(state))).finally(() =>
    progress.clear(),
  );
  process.exitCode = report.ok ? EXIT_OK : EXIT_FAILED;
  await new Output().write(asJson ? `${JSON.stringify(report)}\n` : storeReportText(report));
}
