import type { Command } from 'commander';
import type { TelemetryClient } from '../../sync/api/client.ts';
import { ownerOf, ownerOfGateway } from '../../sync/usage/owners.ts';
import { conclude, Output, UsageError } from './outcome.ts';
import { openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';
import { type OwnerSum, type UsageReport, usageCsv, usageText } from './usage-text.ts';

const DAY_MS = 86_400_000;

interface Options extends ServerOptions {
  readonly month?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

export function registerUsage(program: Command): void {
  serverOptions(program.command('usage'))
    .option('--month <yyyy-mm>', 'of UTC; the present one if not said')
    .option('--json', 'one JSON object: every day of every line, the owners, and what is stored of each gateway')
    .option('--csv', 'a line for each day of each line')
    .addHelpText(
      'after',
      `
Examples:
  caisson usage
  caisson usage --month 2026-11 --server 127.0.0.1:7444 --csv

Bytes are those of the wire, both ways, without headers of TCP and IP. Samples count on the day of their time. What is
stored is stored now, whatever the month: packs as they lie in the store, without its index.`,
    )
    .action((options: Options) => conclude(() => printUsage(options)));
}

async function printUsage(options: Options): Promise<void> {
  if (options.json === true && options.csv === true) throw new UsageError('give --json or --csv, not both');
  const month = options.month ?? new Date().toISOString().slice(0, 7);
  const [from, to] = daysOf(month);
  const client = await openClient(options);
  try {
    const report = await readReport(client, { month, from, to });
    const output = new Output();
    if (options.json === true) await output.write(`${JSON.stringify(report)}\n`);
    else await output.write(options.csv === true ? usageCsv(report) : usageText(report));
  } finally {
    client.close();
  }
}

/** First day of a month and of the next one, since 1970. @throws UsageError */
function daysOf(month: string): [number, number] {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month);
  if (match === null) throw new UsageError(`--month is '${month}', expected a month such as 2026-11`);
  const [year, number] = [Number(match[1]), Number(match[2])];
  return [Date.UTC(year, number - 1) / DAY_MS, Date.UTC(year, number) / DAY_MS];
}

async function readReport(
  client: TelemetryClient,
  { month, from, to }: { readonly month: string; readonly from: number; readonly to: number },
): Promise<UsageReport> {
  const { rows, owners, stored } = await client.usage(from, to);
  const ownerBy = ownerOf(owners);
  const sums = new Map<string, OwnerSum>(
    owners.map(({ owner }) => [owner, { owner, channels: 0, samples: 0, lost: 0 }]),
  );
  const channels = new Set<string>();
  for await (const { gateway, channel, days } of client.ledger({ days: true })) {
    const owner = ownerBy(gateway, channel);
    const sum = sums.get(owner) ?? { owner, channels: 0, samples: 0, lost: 0 };
    const ofMonth = days.filter(({ day }) => day >= from * DAY_MS * 1e3 && day < to * DAY_MS * 1e3);
    if (ofMonth.length === 0) continue;
    const key = JSON.stringify([gateway, channel]);
    sums.set(owner, {
      ...sum,
      channels: sum.channels + (channels.has(key) ? 0 : 1),
      samples: sum.samples + ofMonth.reduce((total, { kept }) => total + kept, 0),
      lost: sum.lost + ofMonth.reduce((total, { lost }) => total + lost, 0),
    });
    channels.add(key);
  }
  const ownerOfAll = ownerOfGateway(owners);
  const kept = stored.map((each) => {
    const owner = ownerOfAll(each.gateway);
    return { ...each, ...(owner !== undefined && { owner }) };
  });
  for (const { owner, bytes } of kept) {
    if (owner === undefined) continue;
    const sum = sums.get(owner) ?? { owner, channels: 0, samples: 0, lost: 0 };
    sums.set(owner, { ...sum, storedBytes: (sum.storedBytes ?? 0) + bytes });
  }
  return { month, lines: rows, owners: [...sums.values()], stored: kept };
}
