import type { Command } from 'commander';
import type { ListedCycle } from '../../sync/api/list-cycles-call.ts';
import { cycleTable, sumTable } from './cycles-text.ts';
import { conclude, interrupted, Output } from './outcome.ts';
import { rangeOf } from './query.ts';
import { openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';

const LAST_DEFAULT = '1d';

interface Options extends ServerOptions {
  readonly from?: string;
  readonly to?: string;
  readonly last?: string;
  readonly gateway?: string;
  readonly sums?: boolean;
  readonly json?: boolean;
}

export function registerCycles(program: Command): void {
  serverOptions(program.command('cycles'))
    .argument('[name]', 'kind, as `cycles` of the config names it; none: all')
    .option('--from <time>', 'those that touch the range from here: ISO 8601 (UTC without a zone) or microseconds')
    .option('--to <time>', 'its end, exclusive')
    .option('--last <duration>', `the stretch before the server's present (default: ${LAST_DEFAULT})`)
    .option('--sums', 'count, extremes and mean of each channel in each cycle')
    .option('--gateway <id>', 'only those of this gateway')
    .option('--json', 'one JSON object a line, times in microseconds')
    .addHelpText(
      'after',
      `
Examples:
  caisson cycles
  caisson cycles lap --last 2h --server 127.0.0.1:7444
  caisson cycles lap --last 10m --sums --json`,
    )
    .action((name: string | undefined, options: Options) => conclude(() => listCycles(name, options)));
}

async function listCycles(name: string | undefined, options: Options): Promise<void> {
  const { gateway, sums = false, json, last } = options;
  const client = await openClient(options);
  const output = new Output();
  const stop = AbortSignal.any([output.closed, interrupted()]);
  try {
    const asked = { ...options, ...(options.from === undefined && { last: last ?? LAST_DEFAULT }) };
    const range = await rangeOf(asked, async () => (await client.status()).now);
    const cycles: ListedCycle[] = [];
    for await (const cycle of client.cycles({ name, gateway, ...range, sums }, stop)) {
      if (json === true) await output.write(`${JSON.stringify(cycle)}\n`);
      else cycles.push(cycle);
    }
    if (json === true) return;
    const lines = sums
      ? cycles.flatMap((cycle) => [...cycleTable([cycle]), ...sumTable(cycle.sums), ''])
      : cycleTable(cycles);
    await output.write(lines.map((line) => `${line}\n`).join(''));
  } finally {
    client.close();
  }
}
