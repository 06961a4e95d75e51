import { type Command, Option } from 'commander';
import { ATTENTIONS, type Attention, type FleetBox } from '../fleet.ts';
import { addConfigCommands } from './fleet-config.ts';
import { fleetText } from './fleet-text.ts';
import { conclude, Output } from './outcome.ts';
import { identityOption, openClient, type ServerOptions } from './telemetry-client.ts';

interface Options extends ServerOptions {
  readonly need?: Attention;
  readonly json?: boolean;
}

export function registerFleet(program: Command): void {
  const fleet = identityOption(program.command('fleet'))
    .argument('[words...]', 'only boxes in whose name, version or reasons all of these occur')
    .option('--server <host:port>', 'central to ask', '127.0.0.1:7444')
    .addOption(new Option('--need <attention>', 'only boxes that need this').choices(ATTENTIONS))
    .option('--json', 'all that is known of them as one JSON object')
    .addHelpText(
      'after',
      `
A box needs somebody to act where data is lost or about to be, and to watch where that may come. A central that was asked
with --http shows the same at /fleet.html.

Examples:
  caisson fleet
  caisson fleet --need act
  caisson fleet --server central.example:7444 --identity ~/anna pit certificate`,
    )
    .action((words: string[], options: Options) => conclude(() => printFleet(words, options)));
  addConfigCommands(fleet);
}

async function printFleet(words: readonly string[], options: Options): Promise<void> {
  const client = await openClient(options);
  try {
    const fleet = await client.fleet();
    const boxes = fleet.boxes.filter(
      (box) => (options.need === undefined || box.attention === options.need) && mentions(box, words),
    );
    const text = options.json === true ? `${JSON.stringify({ ...fleet, boxes })}\n` : fleetText(fleet, boxes);
    await new Output().write(text);
  } finally {
    client.close();
  }
}

function mentions({ gateway, version = '', reasons }: FleetBox, words: readonly string[]): boolean {
  const text = [gateway, version, ...reasons].join('\n').toLowerCase();
  return words.every((word) => text.includes(word.toLowerCase()));
}
