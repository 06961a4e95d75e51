import type { Channel, ChannelSpec } from '../../gateway/channel.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import { CollectorCounters } from '../collector.ts';
import type { RedecodePlan, Redecoder } from '../redecoder.ts';
import { makeDecoding } from './make-decoding.ts';
import { unescapeBytes } from './raw-lines.ts';
import { type SerialConfig, type SerialSettings, serialSettings } from './serial-config.ts';
import type { WireDecoding } from './wire-decoding.ts';

/** How bytes of a wire that were kept raw are decoded. */
export function planSerialRedecode(config: SerialConfig, source: string): RedecodePlan {
  const settings = serialSettings(config);
  const { port: _, raw: __, ...meaning } = settings;
  return {
    recipe: { kind: 'serial', ...meaning },
    // What a sentence says depends on the date, the fix and the instrument that were told before.
    reads: 'boot',
    begin: (_stamp, sink) => new SerialRedecoder(settings, source, sink),
  };
}

class SerialRedecoder implements Redecoder {
  readonly #counters = new CollectorCounters();
  readonly #given = new Set<string>();
  readonly #decoding: WireDecoding;

  constructor(settings: SerialSettings, source: string, sink: SampleSink) {
    const watched: SampleSink = {
      channel: (spec) => this.#channel(sink, spec),
      push: (channel, time, value) => sink.push(channel, time, value),
      pushColumns: (channel, times, values, from, to) => sink.pushColumns(channel, times, values, from, to),
      pushText: (channel, time, text) => sink.pushText(channel, time, text),
    };
    this.#decoding = makeDecoding(settings, source, watched, this.#counters);
  }

  get errors(): Readonly<Record<string, number>> {
    return this.#counters.errors;
  }

  take(time: number, text: string): void {
    const bytes = unescapeBytes(text);
    if (bytes === undefined) this.#counters.error('not-raw');
    else if (bytes.length === 0) this.#decoding.lost();
    else this.#decoding.feed(bytes, time);
  }

  end(): void {
    this.#decoding.end();
  }

  channels(): Iterable<string> {
    return this.#given;
  }

  #channel(sink: SampleSink, spec: ChannelSpec): Channel {
    const channel = sink.channel(spec);
    this.#given.add(channel.name);
    return channel;
  }
}
