import process from 'node:process';
import type { Command } from 'commander';
import { formatAddress } from '../../sync/api/address.ts';
import type { ChannelAccount } from '../../sync/api/ledger-call.ts';
import { compareLedgers, type LedgerDifference } from '../../sync/ledger/compare-ledgers.ts';
import { cycleTable } from './cycles-text.ts';
import { type CycleChoice, cycleAccounts, findCycle, parseCycle } from './ledger-cycle.ts';
import { cycleLedgerTable, differenceTable, ledgerTable } from './ledger-text.ts';
import { conclude, EXIT_FAILED, Output, UsageError } from './outcome.ts';
import { addressOf, openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';

interface Options extends ServerOptions {
  readonly gateway?: string;
  readonly boots?: boolean;
  readonly days?: boolean;
  readonly against?: string;
  readonly each?: boolean;
  readonly cycle?: string;
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
    .option('--cycle <name[:number]>', 'of one cycle, such as lap:17: which channels are complete in it, and why not')
    .option('--each', 'with --against: each channel, not only the sums and what contradicts')
    .option('--json', 'one JSON object a line: accounts with all that is known, or differences')
    .addHelpText(
      'after',
      `
Examples:
  caisson ledger
  caisson ledger car1/gnss/speed --days
  caisson ledger --cycle lap:17 --server 127.0.0.1:7444
  caisson ledger --server 127.0.0.1:7443 --against 127.0.0.1:7444

A loss counts on the day on which it began. --cycle without a number is the newest cycle of that name that has ended. With --against it ends with 1 where one end counts as lost what the other has.`,
    )
    .action((channels: string[], options: Options) => conclude(() => ledger(channels, options)));
}

async function ledger(names: readonly string[], options: Options): Promise<void> {
  const { gateway, against, boots = false, days = false, cycle } = options;
  if (cycle !== undefined) return ledgerOfCycle(parseCycle(cycle), names, options);
  const filter = { gateway, names, days };
  const { accounts: here, gateway: own } = await read(options, filter);
  const output = new Output();
  const write = (lines: readonly string[]) => output.write(lines.map((line) => `${line}\n`).join(''));
  const asJson = options.json === true;
  if (against === undefined) {
    return write(asJson ? here.map((account) => JSON.stringify(account)) : ledgerTable(here, { boots, days }));
  }
  const there = await read({ ...options, server: against }, filter);
  const [isHere, isThere] = [own !== undefined, there.gateway !== undefined];
  const source = { end: isHere ? 'here' : 'there', gateway: own ?? there.gateway ?? '' } as const;
  const differences = compareLedgers(here, there.accounts, isHere === isThere ? undefined : source);
  if (differences.some(({ verdict }) => verdict === 'contradiction')) process.exitCode = EXIT_FAILED;
  const ends = [addressOf(options), addressOf({ server: against })].map(formatAddress) as [string, string];
  return write(asJson ? differences.map(asLine) : differenceTable(differences, ends, options.each === true));
}

async function ledgerOfCycle(choice: CycleChoice, names: readonly string[], options: Options): Promise<void> {
  const { gateway, json, against, boots, days, each } = options;
  const others = { '--against': against, '--boots': boots, '--days': days, '--each': each };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new UsageError(`give --cycle or ${other}, not both`);
  const client = openClient(options);
  try {
    const cycle = await findCycle(client, choice, gateway);
    const accounts = await cycleAccounts(client, cycle, names);
    const lines =
      json === true
        ? accounts.map((account) => JSON.stringify(account))
        : [...cycleTable([cycle]), '', ...cycleLedgerTable(accounts)];
    await new Output().write(lines.map((line) => `${line}\n`).join(''));
  } finally {
    client.close();
  }
}

async function read(
  options: ServerOptions,
  filter: { readonly gateway: string | undefined; readonly names: readonly string[]; readonly days: boolean },
): Promise<{ readonly accounts: ChannelAccount[]; readonly gateway: string | undefined }> {
  const client = openClient(options);
  const accounts: ChannelAccount[] = [];
  try {
    const { role, gateway } = await client.status();
    for await (const account of client.ledger(filter)) accounts.push(account);
    return { accounts, gateway: role === 'gateway' ? gateway : undefined };
  } finally {
    client.close();
  }
}

function asLine(difference: LedgerDifference): string {
  return JSON.stringify(difference);
}
