import { CollectorCounters } from '../collector.ts';
import type { Redecoder, RedecoderContext } from '../redecoder.ts';
import { NmeaDecoding } from './nmea-decoding.ts';
import { unescapeBytes } from './raw-lines.ts';
import { type SerialConfig, serialSettings } from './serial-config.ts';

/** Decodes bytes of a wire that were kept raw. */
export function createSerialRedecoder(config: SerialConfig, { source, sink }: RedecoderContext): Redecoder {
  const settings = serialSettings(config);
  const { protocol, checksum, talkers, timestamp, prefix } = settings;
  const counters = new CollectorCounters();
  const given = new Set<string>();
  const watched = {
    ...{ push: sink.push.bind(sink), pushText: sink.pushText.bind(sink) },
    channel: (spec: Parameters<typeof sink.channel>[0]) => {
      const channel = sink.channel(spec);
      given.add(channel.name);
      return channel;
    },
  };
  const decoding = new NmeaDecoding(settings, source, watched, counters);
  return {
    recipe: { kind: 'serial', protocol, checksum, talkers, timestamp, ...(prefix === undefined ? {} : { prefix }) },
    // What a sentence says depends on the date, the fix and the instrument that were told before.
    reads: 'boot',
    errors: counters.errors,
    take(time, text) {
      const bytes = unescapeBytes(text);
      if (bytes === undefined) counters.error('not-raw');
      else if (bytes.length === 0) decoding.lost();
      else decoding.feed(bytes, time);
    },
    end: () => decoding.end(),
    channels: () => given,
  };
}
