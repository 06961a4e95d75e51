import process from 'node:process';
import type { Command } from 'commander';
import { formatAddress } from '../../sync/api/address.ts';
import type { ChannelAccount } from '../../sync/api/ledger-call.ts';
import { compareLedgers, type LedgerDifference } from '../../sync/ledger/compare-ledgers.ts';
import { differenceTable, ledgerTable } from './ledger-text.ts';
import { conclude, EXIT_FAILED, Output } from './outcome.ts';
import { addressOf, openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';

interface Options extends ServerOptions {
  readonly gateway?: string;
  readonly boots?: boolean;
  readonly days?: boolean;
  readonly against?: string;
  readonly each?: boolean;
  readonly json?: boolean;
}

export function registerLedger(program: Command): void {
  serverOptions(program.command('ledger'))
    .description('say what became of every sample: kept, or lost and why; and where two ends differ')
    .argument('[channel...]', 'names of channels, as `caisson channels` lists them; none: all')
    .option('--gateway <id>', 'only channels of this gateway')
    .option('--boots', 'a line for each boot of the gateway')
    .option('--days', 'a line for each day of UTC')
    .option('--against <host:port>', 'the other end: say what one of the two lacks, and why')
    .option('--each', 'with --against: each channel, not only the sums and what contradicts')
    .option('--json', 'one JSON object a line: accounts with all that is known, or differences')
    .addHelpText(
      'after',
      `
Examples:
  caisson ledger
  caisson ledger car1/gnss/speed --days
  caisson ledger --server 127.0.0.1:7443 --against 127.0.0.1:7444

A loss counts on the day on which it began. With --against it ends with 1 where one end counts as lost what the other has.`,
    )
    .action((channels: string[], options: Options) => conclude(() => ledger(channels, options)));
}

async function ledger(names: readonly string[], options: Options): Promise<void> {
  const { gateway, against, boots = false, days = false } = options;
  const filter = { gateway, names, days };
  const here = await read(options, filter);
  const output = new Output();
  const write = (lines: readonly string[]) => output.write(lines.map((line) => `${line}\n`).join(''));
  const asJson = options.json === true;
  if (against === undefined) {
    return write(asJson ? here.map((account) => JSON.stringify(account)) : ledgerTable(here, { boots, days }));
  }
  const differences = compareLedgers(here, await read({ ...options, server: against }, filter));
  if (differences.some(({ verdict }) => verdict === 'contradiction')) process.exitCode = EXIT_FAILED;
  const ends = [addressOf(options), addressOf({ server: against })].map(formatAddress) as [string, string];
  return write(asJson ? differences.map(asLine) : differenceTable(differences, ends, options.each === true));
}

async function read(
  options: ServerOptions,
  filter: { readonly gateway: string | undefined; readonly names: readonly string[]; readonly days: boolean },
): Promise<ChannelAccount[]> {
  const client = openClient(options);
  const accounts: ChannelAccount[] = [];
  try {
    for await (const account of client.ledger(filter)) accounts.push(account);
    return accounts;
  } finally {
    client.close();
  }
}

function asLine(difference: LedgerDifference): string {
  return JSON.stringify(difference);
}
