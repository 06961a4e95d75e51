import { type Static, Type } from '@sinclair/typebox';
import { normalName } from '../../gateway/channel.ts';

/** Channels that may have redundant sources, and sources that one may have. */
export const REDUNDANT_CHANNELS_MAX = 1024;
export const RANKS_MAX = 8;

const RedundantChannelConfig = Type.Object(
  {
    channel: Type.String({
      minLength: 1,
      description: 'name of the channel that is made of whichever is best',
      examples: ['car/speed'],
    }),
    from: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 2,
      maxItems: RANKS_MAX,
      description:
        'names of the channels that measure it, best first, of any sources; each is kept under its own name as well',
      examples: [['gnss/speed', 'can/wheel_speed']],
    }),
    silentMs: Type.Optional(
      Type.Integer({
        minimum: 10,
        maximum: 3_600_000,
        description:
          'silence after which the next best takes over, milliseconds; without it three of the usual intervals, or twice the ' +
          'longest of late, and 250 at least',
      }),
    ),
    returnS: Type.Optional(
      Type.Number({
        minimum: 0.1,
        maximum: 3600,
        default: 5,
        description: 'a better one is gone back to when it has spoken for so long without a break, seconds',
      }),
    ),
  },
  { additionalProperties: false },
);
export type RedundantChannelConfig = Static<typeof RedundantChannelConfig>;

/** Section `redundancy`: which channels have several sources. */
export const RedundancyConfig = Type.Object(
  {
    channels: Type.Optional(
      Type.Array(RedundantChannelConfig, {
        maxItems: REDUNDANT_CHANNELS_MAX,
        description: 'channels with several sources',
        examples: [[{ channel: 'car/speed', from: ['gnss/speed', 'can/wheel_speed'] }]],
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'channels that are made of the best of several' },
);
export type RedundancyConfig = Static<typeof RedundancyConfig>;

/** What a schema cannot say of {@link RedundancyConfig}. */
export interface RedundancyFault {
  /** Keys from the section to what is at fault. */
  readonly path: readonly (string | number)[];
  readonly problem: string;
  readonly hint?: string;
}

export function* redundancyFaults({ channels = [] }: RedundancyConfig): Generator<RedundancyFault> {
  const targets = new Map<string, number>();
  for (const [index, { channel }] of channels.entries()) {
    const path = ['channels', index, 'channel'];
    yield* nameFaults(path, channel);
    const other = targets.get(channel);
    if (other !== undefined) yield { path, problem: `${channel} is made by channels.${other}` };
    else targets.set(channel, index);
  }
  const members = new Map<string, string>();
  for (const [index, { from }] of channels.entries()) {
    for (const [rank, name] of from.entries()) {
      const path = ['channels', index, 'from', rank];
      yield* nameFaults(path, name);
      const owner = members.get(name);
      const target = targets.get(name);
      if (target !== undefined) yield { path, problem: `${name} is made by channels.${target}, not by a source` };
      else if (owner !== undefined) yield { path, problem: `${name} stands in ${owner} already` };
      members.set(name, `channels.${index}.from.${rank}`);
    }
  }
}

function* nameFaults(path: readonly (string | number)[], name: string): Generator<RedundancyFault> {
  const normal = normalName(name);
  if (normal !== name)
    yield { path, problem: `${JSON.stringify(name)} is not the name of a channel`, hint: `did you mean ${normal}?` };
}
