import type { Command } from 'commander';
import { TelemetryClient } from '../../sync/api/client.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import { conclude, Output } from './outcome.ts';
import { parseServer } from './server-address.ts';

interface Options {
  readonly gateway?: string;
  readonly server: string;
  readonly json?: boolean;
}

export function registerChannels(program: Command): void {
  program
    .command('channels')
    .description('list the channels of a gateway or a central')
    .argument('[text...]', 'only channels with all of these in their name, whatever the case')
    .option('--gateway <id>', 'only those of this gateway')
    .option('--server <host:port>', 'gateway or central to ask', '127.0.0.1:7443')
    .option('--json', 'one JSON object a line, with all that is known of the channel')
    .addHelpText(
      'after',
      `
Examples:
  caisson channels
  caisson channels wheel speed
  caisson channels --json --server 127.0.0.1:7444`,
    )
    .action((texts: string[], options: Options) => conclude(() => listChannels(texts, options)));
}

async function listChannels(texts: readonly string[], { gateway, server, json }: Options): Promise<void> {
  const client = new TelemetryClient(parseServer(server));
  try {
    const wanted = texts.map((text) => text.toLowerCase());
    const found = (await client.listChannels({ gateway }))
      .filter(({ name }) => wanted.every((text) => name.toLowerCase().includes(text)))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.gateway < b.gateway ? -1 : 1));
    const lines = json === true ? found.map((channel) => JSON.stringify(channel)) : channelTable(found);
    await new Output().write(lines.map((line) => `${line}\n`).join(''));
  } finally {
    client.close();
  }
}

/** Channels for people, a line each, with a head. */
export function channelTable(channels: readonly StoredChannel[]): string[] {
  const cells = channels.map(({ name, type, unit, rateHz, gateway, description }) => {
    return [
      name,
      type,
      unit,
      rateHz === undefined ? '' : `${Number(rateHz.toPrecision(3))} Hz`,
      gateway,
      description ?? '',
    ];
  });
  const rows = [['CHANNEL', 'TYPE', 'UNIT', 'RATE', 'GATEWAY', 'DESCRIPTION'], ...cells];
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
