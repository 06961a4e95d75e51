import type { ChannelSpec, ChannelType, Stamp } from '../../gateway/channel.ts';
import { CHANNEL_LABELS_MAX } from '../../gateway/limits.ts';
import type { DbcMessage, DbcSignal } from './dbc/dbc.ts';

/** What a DBC file says of a signal, as a channel. */
export function channelOf(
  name: string,
  source: string,
  stamp: Stamp,
  message: DbcMessage,
  signal: DbcSignal,
): ChannelSpec {
  const type = typeOf(signal);
  const description = signal.comment === '' ? message.comment : signal.comment;
  return {
    ...{ name, source, stamp, type, unit: signal.unit },
    ...(description === '' ? {} : { description }),
    ...(message.cycleMs === undefined ? {} : { rateHz: 1000 / message.cycleMs }),
    ...(signal.encoding !== 'integer' || signal.gain === 0
      ? {}
      : { scale: { gain: signal.gain, offset: signal.offset }, decimals: decimalsOf(signal.gain, signal.offset) }),
    ...(type === 'enum' ? { labels: labelsOf(signal) } : {}),
  };
}

/** A value table makes an enum, also where it names only some of the values; a scaled signal stays a number. */
function typeOf(signal: DbcSignal): ChannelType {
  if (signal.encoding !== 'integer' || signal.gain !== 1) return 'number';
  if (signal.labels.size > 0) return 'enum';
  return signal.length === 1 && !signal.signed && signal.offset === 0 ? 'bool' : 'number';
}

function labelsOf(signal: DbcSignal): Record<string, string> {
  const known = [...signal.labels].slice(0, CHANNEL_LABELS_MAX);
  return Object.fromEntries(known.map(([raw, label]) => [String(raw * signal.gain + signal.offset), label]));
}

/** Digits of gain and offset up to which they are measurement and not arithmetic: 1/128 is 0.0078125. */
const EXACT_DIGITS_MAX = 3;

/** Digits behind the point that a value needs: those of gain and offset, or what tells two neighbouring raw values apart. */
export function decimalsOf(gain: number, offset: number): number {
  const exact = Math.max(decimalDigits(gain), decimalDigits(offset));
  return exact <= EXACT_DIGITS_MAX ? exact : Math.max(0, Math.ceil(-Math.log10(Math.abs(gain))));
}

function decimalDigits(value: number): number {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  return Math.max(0, (mantissa.split('.')[1] ?? '').length - Number(exponent));
}
