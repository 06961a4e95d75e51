import process from 'node:process';
import type { Command } from 'commander';
import type { RedecodedBoot } from './boot-redecoder.ts';
import { requireConfig } from './config.ts';
import { CONFIG_FILE } from './config-file.ts';
import { conclude, Output, UsageError } from './outcome.ts';
import { redecodeStore } from './redecode-store.ts';
import { parseTime } from './time-text.ts';

/** Time between two lines of progress, milliseconds. */
const PROGRESS_MS = 1000;

/** Reasons of errors shown in one line. Further ones are in the JSON. */
const REASONS_SHOWN = 4;

interface Options {
  readonly source: string;
  readonly from?: string;
  readonly to?: string;
  readonly json?: boolean;
}

export function registerRedecode(program: Command): void {
  program
    .command('redecode')
    .argument('[file]', 'configuration, as it is to be decoded now', CONFIG_FILE)
    .requiredOption('--source <name>', 'source, which kept what came from its wire by `raw: true`')
    .option('--from <time>', 'begin, inclusive: ISO 8601 (UTC without a zone) or microseconds since 1970')
    .option('--to <time>', 'end, exclusive')
    .option('--json', 'one JSON object for each boot')
    .addHelpText(
      'after',
      `
Examples:
  caisson redecode --source car
  caisson redecode /etc/caisson/caisson.yaml --source car --from 2025-06-01T12:00:00Z --to 2025-06-01T13:00:00Z

Nothing that was kept changes: what was taken in is version 0, and \`caisson query --version N\` shows each. The gateway must
not run meanwhile. A run that is broken off leaves nothing behind.`,
    )
    .action((file: string, options: Options) => conclude(() => redecode(file, options)));
}

async function redecode(file: string, { source, from, to, json }: Options): Promise<void> {
  const span = {
    from: from === undefined ? Number.NEGATIVE_INFINITY : parseTime(from, '--from: '),
    to: to === undefined ? Number.POSITIVE_INFINITY : parseTime(to, '--to: '),
  };
  if (!(span.from < span.to)) throw new UsageError(`--from ${from} is not before --to ${to}`);
  const config = requireConfig(file);
  const say = (text: string) => process.stderr.write(`${text}\n`);
  let told = performance.now();
  const made = redecodeStore(config, {
    source,
    span,
    now: Date.now() * 1e3,
    onProblem: say,
    onProgress: (boot, decoded) => {
      if (performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      say(`boot ${boot}: ${decoded} raw samples decoded`);
    },
  });
  if (made.length === 0) say(`nothing that ${source} kept raw lies in that stretch: no version was made`);
  const lines = made.map((each) => (json === true ? JSON.stringify(each) : redecodedText(each)));
  await new Output().write(lines.map((line) => `${line}\n`).join(''));
}

/** What was made of a boot, a line for people. */
export function redecodedText({ boot, version, raw, samples, channels, errors }: RedecodedBoot): string {
  const reasons = Object.entries(errors).sort((a, b) => b[1] - a[1]);
  const shown = reasons.slice(0, REASONS_SHOWN).map(([reason, count]) => `${count} ${reason}`);
  if (reasons.length > REASONS_SHOWN) shown.push('...');
  const skipped = shown.length === 0 ? '' : ` (${shown.join(', ')})`;
  return `version ${version} of boot ${boot}: ${samples} samples of ${channels.length} channels from ${raw} raw samples${skipped}`;
}
