import type { Command } from 'commander';
import type { ListedVersion } from '../../sync/api/list-versions-call.ts';
import type { StoredChannel } from '../query/telemetry.ts';
import { conclude, Output } from './outcome.ts';
import { openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';

interface Options extends ServerOptions {
  readonly gateway?: string;
  readonly json?: boolean;
}

export function registerChannels(program: Command): void {
  serverOptions(program.command('channels'))
    .argument('[text...]', 'only channels with all of these in their name, whatever the case')
    .option('--gateway <id>', 'only those of this gateway')
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

async function listChannels(texts: readonly string[], { gateway, json, ...options }: Options): Promise<void> {
  const client = await openClient(options);
  try {
    const wanted = texts.map((text) => text.toLowerCase());
    const found = (await client.listChannels({ gateway }))
      .filter(({ name }) => wanted.every((text) => name.toLowerCase().includes(text)))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.gateway < b.gateway ? -1 : 1));
    const versions = versionsOf(await client.listVersions(gateway));
    const lines =
      json === true
        ? found.map((channel) => JSON.stringify({ ...channel, versions: versions(channel) }))
        : channelTable(found, versions);
    await new Output().write(lines.map((line) => `${line}\n`).join(''));
  } finally {
    client.close();
  }
}

/** The versions of a channel's past beside what was taken in, ascending. */
function versionsOf(listed: readonly ListedVersion[]): (channel: StoredChannel) => number[] {
  const known = new Map<string, Set<number>>();
  for (const { gateway, version, channels } of listed) {
    for (const name of channels) {
      const key = `${gateway}\n${name}`;
      known.set(key, (known.get(key) ?? new Set()).add(version));
    }
  }
  return ({ gateway, name }) => [...(known.get(`${gateway}\n${name}`) ?? [])].sort((a, b) => a - b);
}

/**
 * Channels for people, a line each, with a head.
 * @param versions of a channel's past, beside what was taken in
 */
export function channelTable(
  channels: readonly StoredChannel[],
  versions: (channel: StoredChannel) => readonly number[] = () => [],
): string[] {
  const cells = channels.map((channel) => {
    const { name, type, unit, rateHz, gateway, description } = channel;
    const rate = rateHz === undefined ? '' : `${Number(rateHz.toPrecision(3))} Hz`;
    const known = versions(channel);
    return [name, type, unit, rate, gateway, known.length === 0 ? '' : `0,${known.join()}`, description ?? ''];
  });
  const rows = [['CHANNEL', 'TYPE', 'UNIT', 'RATE', 'GATEWAY', 'VERSIONS', 'DESCRIPTION'], ...cells];
  const widths = [0, 1, 2, 3, 4, 5, 6].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
