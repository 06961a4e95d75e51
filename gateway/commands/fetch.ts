import process from 'node:process';
import type { Command } from 'commander';
import { counted } from '../quantity-text.ts';
import { conclude, Output } from './outcome.ts';
import { rangeOf } from './query.ts';
import { identityOption, openClient, type ServerOptions } from './telemetry-client.ts';

interface Options extends ServerOptions {
  readonly from?: string;
  readonly to?: string;
  readonly last?: string;
  readonly gateway?: string;
  readonly outlines?: boolean;
  readonly json?: boolean;
}

export function registerFetch(program: Command): void {
  identityOption(program.command('fetch'))
    .argument('<channel...>', 'names of channels, as the gateway has them')
    .option('--from <time>', 'begin, inclusive: ISO 8601 (UTC without a zone) or microseconds since 1970')
    .option('--to <time>', 'end, exclusive')
    .option('--last <duration>', "the stretch before the server's present, such as 60s, 2h (default: 60s)")
    .option('--outlines', 'envelopes of a second are enough')
    .option('--gateway <id>', 'of this gateway only')
    .option('--server <host:port>', 'central to ask', '127.0.0.1:7444')
    .option('--json', 'as one JSON object')
    .addHelpText(
      'after',
      `
Returns at once: what came until then is in the next query. Brings also what was withheld from that central before it might have it; the ledger
tells what that is.

Examples:
  caisson fetch car1/gnss/speed --gateway pit-12 --last 5m
  caisson fetch car1/gnss/speed car1/powertrain/Engine/EngineSpeed --from 2025-06-01T12:00:00Z --to 2025-06-01T12:01:30Z`,
    )
    .action((channels: string[], options: Options) => conclude(() => fetchRange(channels, options)));
}

async function fetchRange(channels: readonly string[], options: Options): Promise<void> {
  const client = await openClient(options);
  try {
    const { from = 0, to = 0 } = await rangeOf(options, async () => (await client.status()).now);
    const { gateway = '', outlines = false } = options;
    const known = new Set((await client.listChannels({ gateway })).map(({ name }) => name));
    const unknown = channels.filter((name) => !known.has(name));
    // Of a backlog channels come first, but a line that is not there yet has told of none.
    if (unknown.length > 0) process.stderr.write(`not known here, or not yet: ${unknown.join(', ')}\n`);
    const lines = await client.wish({ gateway, channels, from, to, outlines });
    const said = lines > 0 ? `told ${counted(lines, 'line')}` : 'no line is there now: those that come are told';
    await new Output().write(options.json === true ? `${JSON.stringify({ lines })}\n` : `${said}\n`);
  } finally {
    client.close();
  }
}
