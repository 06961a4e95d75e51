import type { Command } from 'commander';
import type { LiveValue } from '../../sync/fanout/live-update.ts';
import { conclude, interrupted, Output, UsageError } from './outcome.ts';
import { SampleText } from './sample-text.ts';
import { openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';

interface Options extends ServerOptions {
  readonly rate?: string;
  readonly count?: string;
  readonly gateway?: string;
  readonly json?: boolean;
}

export function registerTail(program: Command): void {
  serverOptions(program.command('tail'))
    .argument('<channel...>', 'names of channels, as `caisson channels` lists them')
    .option('--rate <hz>', 'most updates a second of one channel, up to 60 (default: 10)')
    .option('--count <n>', 'end after so many lines')
    .option('--gateway <id>', 'whose channels, where several gateways have the name')
    .option('--json', 'one JSON object a line, times in microseconds')
    .addHelpText(
      'after',
      `
Examples:
  caisson tail car1/powertrain/Engine/EngineSpeed
  caisson tail car1/gnss/speed car1/powertrain/Gearbox/Gear --rate 2 --json
  caisson tail car1/powertrain/Engine/EngineSpeed --count 1 --server 127.0.0.1:7444`,
    )
    .action((channels: string[], options: Options) => conclude(() => tail(channels, options)));
}

async function tail(names: readonly string[], options: Options): Promise<void> {
  const rateMax = positive('--rate', options.rate) ?? 0;
  let left = positive('--count', options.count) ?? Number.POSITIVE_INFINITY;
  const client = await openClient(options);
  const output = new Output();
  const stop = AbortSignal.any([output.closed, interrupted()]);
  try {
    const { gateway } = options;
    const known = await client.listChannels({ gateway, names });
    const text = new SampleText(
      options.json === true ? 'json' : 'table',
      names,
      names.map((name) => known.find((channel) => channel.name === name)),
    );
    /** What was shown last, by channel. */
    const last = new Map<number, LiveValue>();
    for await (const values of client.subscribe({ channels: names, gateway, rateMax }, stop)) {
      // The newest value comes at once, and again with what was there when the subscription began.
      const shown = values.filter((each) => !isSame(each, last.get(each.channel))).slice(0, left);
      for (const each of shown) last.set(each.channel, each);
      await output.write(shown.map(({ channel, time, value }) => text.sample(channel, time, value)).join(''));
      left -= shown.length;
      if (left <= 0) break;
    }
  } finally {
    client.close();
  }
}

function isSame({ time, value }: LiveValue, last: LiveValue | undefined): boolean {
  return last !== undefined && last.time === time && Object.is(last.value, value);
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new UsageError(`${option} is '${text}', expected a number above 0`);
}
