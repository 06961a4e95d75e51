import { CaissonError } from '../../gateway/errors.ts';
import type { SampleSink } from '../../gateway/intake.ts';
import type { CollectorCounters } from '../collector.ts';
import { FramedDecoding } from './framed-decoding.ts';
import { GnssSamples } from './gnss-samples.ts';
import { LineProtocolDecoding } from './line-protocol-decoding.ts';
import { LinesDecoding } from './lines-decoding.ts';
import { NmeaDecoding } from './nmea-decoding.ts';
import { Outlet } from './outlet.ts';
import type { SerialSettings } from './serial-config.ts';
import { ShdrDecoding } from './shdr-decoding.ts';
import { UbxDecoding } from './ubx-decoding.ts';
import { VeDirectDecoding } from './vedirect-decoding.ts';
import type { WireDecoding, WireListener } from './wire-decoding.ts';

/** What decides what bytes of a wire mean: all of the settings but where they come from. */
export type DecodingSettings = Omit<SerialSettings, 'port' | 'raw'>;

/**
 * The decoding of a wire by its protocol.
 * @param near UTC that the first of a recording is taken to be near, microseconds, where it tells times of day alone or none; undefined:
 *   that is not known, or it comes in now
 */
export function makeDecoding(
  settings: DecodingSettings,
  source: string,
  sink: SampleSink,
  counters: CollectorCounters,
  listener?: WireListener,
  near?: number,
): WireDecoding {
  const outlet = new Outlet(source, settings.prefix, sink, counters);
  const byDevice = settings.timestamp === 'device';
  switch (settings.protocol) {
    case 'nmea':
      return new NmeaDecoding(settings, outlet, new GnssSamples(outlet, byDevice), listener, near);
    case 'ubx':
      return new UbxDecoding(settings, outlet, new GnssSamples(outlet, byDevice), listener, undefined);
    case 'vedirect':
      return new VeDirectDecoding(outlet, listener, near);
    case 'lines':
      return new LinesDecoding(settings.lines ?? [], outlet, listener);
    case 'line-protocol':
      return new LineProtocolDecoding(
        settings.lineProtocol,
        { source, prefix: settings.prefix },
        sink,
        counters,
        outlet,
        listener,
      );
    case 'shdr':
      return new ShdrDecoding({ source, prefix: settings.prefix, byDevice }, sink, outlet, listener);
    case 'framed':
      return new FramedDecoding(requireFrame(settings), outlet, listener);
    case 'mixed': {
      const samples = new GnssSamples(outlet, byDevice);
      return new UbxDecoding(
        settings,
        outlet,
        samples,
        listener,
        new NmeaDecoding(settings, outlet, samples, listener, near),
      );
    }
  }
}

/** `checkSerial` refuses a config without. */
function requireFrame({ frame }: DecodingSettings): NonNullable<DecodingSettings['frame']> {
  if (frame === undefined) throw new CaissonError('config-invalid', 'protocol: framed needs frame');
  return frame;
}
