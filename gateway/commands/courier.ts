import process from 'node:process';
import type { Command } from 'commander';
import { bring, carry } from '../../sync/courier/bring-courier.ts';
import type { CourierRead } from '../../sync/courier/courier-reader.ts';
import { sendCourier } from '../../sync/courier/send-courier.ts';
import { bytesText, counted } from '../quantity-text.ts';
import { requireConfig } from './config.ts';
import { CONFIG_FILE } from './config-file.ts';
import { conclude, EXIT_FAILED, Output, UsageError } from './outcome.ts';
import { identityOption, openClient } from './telemetry-client.ts';

const FILE_MB_DEFAULT = '64';

interface WriteOptions {
  readonly for: string;
  readonly config: string;
  readonly fileMb: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

interface ReadOptions {
  readonly data?: string;
  readonly store?: string;
  readonly name?: string;
  readonly server?: string;
  readonly identity?: string;
  readonly json?: boolean;
}

export function registerCourier(program: Command): void {
  const courier = program.command('courier');
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
  identityOption(courier.command('read'))
    .description('bring what a medium carries into a central, one that runs or the store of one that is stopped')
    .argument('<folder>', 'folder of the medium')
    .option('--server <host:port>', 'a central that runs')
    .option('--data <dir>', 'store of a central that is stopped; with --store: folder of its key')
    .option('--store <url>', 'PostgreSQL in which the central keeps what it has; needs --name and --data')
    .option('--name <name>', 'with --store: name of the central')
    .option('--json', 'one JSON object a file')
    .addHelpText(
      'after',
      `
Media may come in any order, and twice, before or after what a line brings: each block is kept once. Ends with 1 where a file is damaged.

Examples:
  caisson courier read /media/usb --server 127.0.0.1:7444
  caisson courier read /media/usb --data /var/lib/caisson-central
  caisson courier read /media/usb --store postgres://caisson@db.local/caisson --name hq --data /etc/caisson/hq`,
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
  const text = `${counted(files.length, 'file')}, ${counted(items, 'item')}, ${bytesText(bytes)}; the medium goes up to position ${to}\n`;
  await new Output().write(options.json === true ? `${JSON.stringify(written)}\n` : text);
}

async function read(medium: string, options: ReadOptions): Promise<void> {
  const output = new Output();
  const reads: CourierRead[] = [];
  await readInto(medium, options, (each) => reads.push(each));
  if (reads.length === 0) process.stderr.write(`no courier files are on ${medium}\n`);
  if (reads.some(({ outcome }) => outcome === 'damaged')) process.exitCode = EXIT_FAILED;
  const lines = reads.map((each) => (options.json === true ? JSON.stringify(each) : lineOf(each)));
  await output.write(lines.map((line) => `${line}\n`).join(''));
}

async function readInto(medium: string, options: ReadOptions, onRead: (read: CourierRead) => void): Promise<void> {
  const { server, identity, data, store, name } = options;
  if (server !== undefined) {
    if (data !== undefined || store !== undefined) throw new UsageError('give --server, or --data and --store');
    const client = await openClient({ server, ...(identity !== undefined && { identity }) });
    try {
      for await (const read of sendCourier(medium, client)) onRead(read);
    } finally {
      client.close();
    }
    return;
  }
  if (data === undefined) throw new UsageError('give --server, or --data: the key of the central is there');
  if (store !== undefined && name === undefined) throw new UsageError('--store needs --name');
  const onProblem = (text: string) => process.stderr.write(`${text}\n`);
  const database = store === undefined || name === undefined ? {} : { database: { url: store, name } };
  await bring({ dir: data, medium, ...database, onProblem, onRead });
}

function lineOf({ path, outcome, samples, problem }: CourierRead): string {
  if (outcome === 'foreign') return `${path}: for another central`;
  return `${path}: ${outcome}, ${samples} new samples${problem === undefined ? '' : `; ${problem}`}`;
}
