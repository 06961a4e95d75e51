import process from 'node:process';
import type { Command } from 'commander';
import { formatAddress } from '../../sync/api/address.ts';
import type { TelemetryClient } from '../../sync/api/client.ts';
import type { ChannelAccount } from '../../sync/api/ledger-call.ts';
import { compareLedgers, type LedgerDifference } from '../../sync/ledger/compare-ledgers.ts';
import { nearestName } from '../config/nearest-name.ts';
import { CaissonError } from '../errors.ts';
import type { GatewayStatus } from '../status.ts';
import { withheldText } from '../withheld-text.ts';
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
  readonly to?: string;
  readonly each?: boolean;
  readonly cycle?: string;
  readonly json?: boolean;
}

export function registerLedger(program: Command): void {
  serverOptions(program.command('ledger'))
    .argument('[channel...]', 'names of channels, as `caisson channels` lists them; none: all')
    .option('--gateway <id>', 'only channels of this gateway')
    .option('--boots', 'a line for each boot of the gateway')
    .option('--days', 'a line for each day of UTC')
    .option('--against <host:port>', 'the other end: say what one of the two lacks, and why')
    .option(
      '--to <central>',
      'at a gateway: which channels go to that central and, where not, whether residency or its filter keeps them',
    )
    .option('--cycle <name[:number]>', 'of one cycle, such as lap:17: which channels are complete in it, and why not')
    .option('--each', 'with --against: each channel, not only the sums and what contradicts')
    .option('--json', 'one JSON object a line: accounts with all that is known, or differences')
    .addHelpText(
      'after',
      `
Examples:
  caisson ledger
  caisson ledger car1/gnss/speed --days
  caisson ledger --to hq
  caisson ledger --cycle lap:17 --server 127.0.0.1:7444
  caisson ledger --server 127.0.0.1:7443 --against 127.0.0.1:7444

A loss counts on the day on which it began. --cycle without a number is the newest cycle of that name that has ended. What does not go to a
central it never hears of: there only the number of such channels is told, with --to and --against a gateway says which. With --against it ends with 1 where one end counts as lost what the other has.`,
    )
    .action((channels: string[], options: Options) => conclude(() => ledger(channels, options)));
}

async function ledger(names: readonly string[], options: Options): Promise<void> {
  const { gateway, against, boots = false, days = false, cycle, to } = options;
  if (cycle !== undefined) return ledgerOfCycle(parseCycle(cycle), names, options);
  const asJson = options.json === true;
  const output = new Output();
  const write = (lines: readonly string[]) => output.write(lines.map((line) => `${line}\n`).join(''));
  const filter = { gateway, names, days };
  if (against === undefined) {
    if (to !== undefined) process.stderr.write(await strangerText(options, to));
    const accounts = await read(options, { ...filter, destination: to });
    requireKnown(names, accounts);
    if (asJson) return write(accounts.map((account) => JSON.stringify(account)));
    return write([...ledgerTable(accounts, { boots, days, to }), ...(await withheldLines(options, gateway))]);
  }
  const others = { '--to': to, '--boots': options.boots, '--days': options.days };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new UsageError(`give ${other} or --against, not both`);
  const peerOptions = { ...options, server: against };
  const [own, peer] = [await endOf(options), await endOf(peerOptions)];
  const here = await read(options, { ...filter, destination: centralName(peer) });
  const there = await read(peerOptions, { ...filter, destination: centralName(own) });
  const isHere = own.role === 'gateway';
  const source = { end: isHere ? 'here' : 'there', gateway: (isHere ? own : peer).gateway } as const;
  requireKnown(names, [...here, ...there]);
  const differences = compareLedgers(here, there, own.role === peer.role ? undefined : source);
  if (differences.some(({ verdict }) => verdict === 'contradiction')) process.exitCode = EXIT_FAILED;
  const end = async (asked: ServerOptions) => formatAddress(await addressOf(asked));
  const ends = [await end(options), await end({ server: against })] as const;
  return write(asJson ? differences.map(asLine) : differenceTable(differences, ends, options.each === true));
}

async function ledgerOfCycle(choice: CycleChoice, names: readonly string[], options: Options): Promise<void> {
  const { gateway, json, against, boots, days, each, to } = options;
  const others = { '--against': against, '--to': to, '--boots': boots, '--days': days, '--each': each };
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw new UsageError(`give --cycle or ${other}, not both`);
  const client = await openClient(options);
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

type End = Pick<GatewayStatus, 'role' | 'gateway' | 'destinations'>;

async function endOf(options: ServerOptions): Promise<End> {
  const client = await openClient(options);
  try {
    return await client.status();
  } finally {
    client.close();
  }
}

/** By what name the other end may know an end as a destination. */
function centralName({ role, gateway }: End): string | undefined {
  return role === 'central' ? gateway : undefined;
}

async function read(
  options: ServerOptions,
  filter: Parameters<TelemetryClient['ledger']>[0],
): Promise<readonly ChannelAccount[]> {
  const client = await openClient(options);
  const accounts: ChannelAccount[] = [];
  try {
    for await (const account of client.ledger(filter)) accounts.push(account);
    return accounts;
  } finally {
    client.close();
  }
}

/** What to say of a central that never came to a gateway; empty where it did. */
async function strangerText(options: ServerOptions, central: string): Promise<string> {
  const { role, gateway, destinations = [] } = await endOf(options);
  const names = destinations.map(({ name }) => name);
  const known = destinations.find(({ name }) => name === central);
  const hasCome = known !== undefined && (known.position > 0 || known.told !== undefined);
  if (role !== 'gateway' || hasCome) return '';
  const nearest = known === undefined ? nearestName(central, names) : undefined;
  const meant = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return `no central ${central} has come to ${gateway} yet: this is what its config lets one of that name have${meant}\n`;
}

/** @throws CaissonError `channel-unknown` of a name without an account: with none it would look as if nothing was taken in. */
function requireKnown(names: readonly string[], accounts: readonly ChannelAccount[]): void {
  const known = new Set(accounts.map(({ channel }) => channel));
  const unknown = names.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new CaissonError('channel-unknown', `no channel is named ${unknown}`, {
    hint: '`caisson channels` lists them',
  });
}

/** What of the boxes of a central is in no ledger of it, for people: how many channels, whose names it does not know. */
async function withheldLines(options: ServerOptions, wanted: string | undefined): Promise<string[]> {
  const client = await openClient(options);
  try {
    if ((await client.status()).role !== 'central') return [];
    const { boxes } = await client.fleet();
    return boxes.flatMap(({ gateway, withheld }) => {
      const text = wanted === undefined || gateway === wanted ? withheldText(withheld) : '';
      return text === '' ? [] : [`${gateway} keeps ${text} from this central: what they have is not counted here`];
    });
  } finally {
    client.close();
  }
}

function asLine(difference: LedgerDifference): string {
  return JSON.stringify(difference);
}
