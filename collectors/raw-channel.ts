import { Type } from '@sinclair/typebox';
import type { ChannelClass, ChannelSpec, Stamp } from '../gateway/channel.ts';
import type { SampleSink } from '../gateway/intake.ts';

/** Key `raw` of a source. */
export const RawConfig = Type.Union(
  [Type.Boolean(), Type.Literal('critical'), Type.Literal('standard'), Type.Literal('bulk')],
  {
    default: false,
    description:
      'whether what comes from the wire is kept as it came beside what is decoded from it, so that `caisson redecode` can ' +
      'decode it again; a word instead of true is the class of that channel',
  },
);

/** Class of a raw channel: undefined where the source has none. */
export function rawClass(config: boolean | ChannelClass | undefined): ChannelClass | undefined {
  if (config === undefined || typeof config === 'boolean') return config === true ? 'bulk' : undefined;
  return config;
}

/** Name of the channel in which a source keeps what came from its wire. */
export function rawChannelName(source: string): string {
  return `${source}/raw`;
}

/** Name of the channel in which a source keeps of its wire what nothing decodes, and that alone. */
export function undefinedChannelName(source: string): string {
  return `${source}/undefined`;
}

/** Whether a channel of the source holds what came from its wire, as it came. */
export function isRawChannel(source: string, name: string): boolean {
  return name === rawChannelName(source) || name === undefinedChannelName(source);
}

/** A text channel that holds what came from a source's wire, as it came. */
export class RawChannel {
  readonly #sink: SampleSink;
  readonly #spec: ChannelSpec;
  #id: number | undefined;

  constructor(
    sink: SampleSink,
    about: {
      readonly source: string;
      readonly name: string;
      readonly class: ChannelClass;
      readonly stamp: Stamp;
      /** What one sample holds, in which notation. */
      readonly description: string;
    },
  ) {
    this.#sink = sink;
    this.#spec = { ...about, type: 'text' };
  }

  /** As {@link SampleSink.pushText}. */
  push(time: number, text: string): boolean {
    this.#id ??= this.#sink.channel(this.#spec).id;
    return this.#sink.pushText(this.#id, time, text);
  }
}
