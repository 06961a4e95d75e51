import process from 'node:process';
import type { Command } from 'commander';
import { bring, carry } from '../../sync/courier/bring-courier.ts';
import type { CourierRead } from '../../sync/courier/courier-reader.ts';
import { CONFIG_FILE, requireConfig } from './config.ts';
import { conclude, EXIT_FAILED, Output, UsageError } from './outcome.ts';

const FILE_MB_DEFAULT = '64';

interface WriteOptions {
  readonly for: string;
  readonly config: string;
  readonly fileMb: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

interface ReadOptions {
  readonly data: string;
  readonly json?: boolean;
}

export function registerCourier(program: Command): void {
  const courier = program.command('courier').description('carry blocks to a central on a medium, encrypted to its key');
  courier
    .command('write')
    .description(
      'write what a central lacks of the store, of a gateway that runs or not; goes on behind what is on the medium',
    )
    .argument('<folder>', 'folder of the medium')
    .requiredOption('--for <central>', 'name of the central, which has a courierKey in `destinations`')
    .option('--config <file>', 'config of the gateway', CONFIG_FILE)
    .option('--file-mb <n>', 'about how large a file may be, MB', FILE_MB_DEFAULT)
    .option('--all', 'from the beginning, also what the central has said it has')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Every file is there wholly or not at all: pull the medium out when you like, and run the same command again.

Examples:
  caisson courier write /media/usb --for hq
  caisson courier write /media/usb --for hq --config /etc/caisson/caisson.yaml --file-mb 256`,
    )
    .action((folder: string, options: WriteOptions) => conclude(() => write(folder, options)));
  courier
    .command('read')
    .description('bring what a medium carries into the store of a central that is stopped')
    .argument('<folder>', 'folder of the medium')
    .requiredOption('--data <dir>', 'store of the central')
    .option('--json', 'one JSON object a file')
    .addHelpText(
      'after',
      `
Media may come in any order, and twice, before or after what a line brings: each block is kept once. Ends with 1 where a file is damaged.

Examples:
  caisson courier read /media/usb --data /var/lib/caisson-central`,
    )
    .action((folder: string, options: ReadOptions) => conclude(() => read(folder, options)));
}

async function write(medium: string, options: WriteOptions): Promise<void> {
  const fileMb = Number(options.fileMb);
  if (!(fileMb > 0)) throw new UsageError(`--file-mb is '${options.fileMb}', expected a number above 0`);
  const { store, destinations = {} } = requireConfig(options.config);
  const written = carry({
    ...{ dir: store.dir, destinations, central: options.for, medium },
    ...{ fileBytes: fileMb * 1e6, all: options.all === true },
  });
  const { files, items, bytes, to } = written;
  const text = `${files.length} files, ${items} items, ${(bytes / 1e6).toFixed(1)} MB; the medium goes up to position ${to}\n`;
  await new Output().write(options.json === true ? `${JSON.stringify(written)}\n` : text);
}

async function read(medium: string, options: ReadOptions): Promise<void> {
  const output = new Output();
  const reads: CourierRead[] = [];
  const onProblem = (text: string) => process.stderr.write(`${text}\n`);
  await bring({ dir: options.data, medium, onProblem, onRead: (each) => reads.push(each) });
  if (reads.some(({ outcome }) => outcome === 'damaged')) process.exitCode = EXIT_FAILED;
  const lines = reads.map((each) => (options.json === true ? JSON.stringify(each) : lineOf(each)));
  await output.write(lines.map((line) => `${line}\n`).join(''));
}

function lineOf({ path, outcome, samples, problem }: CourierRead): string {
  if (outcome === 'foreign') return `${path}: for another central`;
  return `${path}: ${outcome}, ${samples} new samples${problem === undefined ? '' : `; ${problem}`}`;
}
