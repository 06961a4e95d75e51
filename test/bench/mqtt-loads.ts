import { Buffer } from 'node:buffer';
import { encodePackedFrame, type PackedChannel } from '../../collectors/mqtt/packed-frame.ts';

/** What the clients of one load publish, and what of it must be found in the store. */
export interface Load {
  readonly clients: number;
  readonly window: number;
  readonly lap: readonly { readonly topic: string; readonly payload: string }[];
  readonly lapUs?: number;
  /** Values that one lap of one client gives, by channel below the client's own. */
  readonly values: ReadonlyMap<string, Float64Array>;
  readonly valuesPerMessage: number;
}

const START_US = 1_700_000_000_000_000;

/** Messages of a load of single numbers that all its clients may have in flight, and that a lap of all of them has at most. */
const SINGLES_IN_FLIGHT = 32_768;
const SINGLES_LAP_MAX = 8192;

/** One number a message, eight topics a client; as many messages in flight whatever the number of clients. */
export function singleLoad(clients = 8): Load {
  const topics = 8;
  const window = Math.min(SINGLES_LAP_MAX, 2 ** Math.floor(Math.log2(SINGLES_IN_FLIGHT / clients)));
  const messages = Math.min(SINGLES_LAP_MAX, 4 * window);
  return load({ clients, window }, 1, messages, (at) => {
    const [topic, value] = [`sensor/${at % topics}`, sensed(at, at % topics)];
    return { topic, payload: Buffer.from(String(value)), values: [[topic, value]] };
  });
}

/** Objects with 25 numbers of a machine. */
export function jsonLoad(): Load {
  const fields = 25;
  return load({ clients: 4, window: 1024 }, fields, 2048, (at) => {
    const entries = Array.from({ length: fields }, (_, field) => [`signal_${field}`, sensed(at, field)] as const);
    const payload = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
    return { topic: 'machine', payload, values: entries.map(([name, value]) => [`machine/${name}`, value] as const) };
  });
}

/** Packed frames of 40 ms: 25 channels of 16-bit integers at 1 kHz. */
export function packedLoad(): Load {
  const [frames, channels, samples, intervalUs] = [256, 25, 40, 1000];
  const frameUs = samples * intervalUs;
  const gain = 0.01;
  const packed = load({ clients: 4, window: 256 }, channels * samples, frames, (frame) => {
    const values: [string, number][] = [];
    const content = Array.from({ length: channels }, (_, channel): PackedChannel => {
      const raw = new Int16Array(samples);
      for (let at = 0; at < samples; at += 1) {
        raw[at] = Math.round(sensed(frame * samples + at, channel) / gain);
        values.push([`adc/${channel}`, (raw[at] ?? 0) * gain]);
      }
      return { name: String(channel), type: 'i16', gain, offset: 0, firstUs: 0, intervalUs, values: raw };
    });
    const payload = Buffer.from(encodePackedFrame({ baseTimeUs: START_US + frame * frameUs, channels: content }));
    return { topic: 'adc', payload, values };
  });
  return { ...packed, lapUs: frames * frameUs };
}

interface Made {
  readonly topic: string;
  readonly payload: Buffer;
  readonly values: readonly (readonly [channel: string, value: number])[];
}

function load(
  shape: Pick<Load, 'clients' | 'window'>,
  valuesPerMessage: number,
  messages: number,
  make: (at: number) => Made,
): Load {
  const lap: { topic: string; payload: string }[] = [];
  const values = new Map<string, number[]>();
  for (let at = 0; at < messages; at += 1) {
    const made = make(at);
    lap.push({ topic: made.topic, payload: made.payload.toString('base64') });
    for (const [channel, value] of made.values) {
      const column = values.get(channel);
      if (column === undefined) values.set(channel, [value]);
      else column.push(value);
    }
  }
  const columns = new Map([...values].map(([channel, column]) => [channel, Float64Array.from(column)]));
  return { ...shape, lap, values: columns, valuesPerMessage };
}

/** A slow wave with the noise of a sensor, to as many decimals as a sensor gives. */
function sensed(at: number, quantity: number): number {
  const wave = Math.sin(at / (50 + 7 * quantity) + quantity) * 10 ** (quantity % 3);
  const noise = (((at * 7919 + quantity * 1_299_709) % 1000) / 1000 - 0.5) * 0.02;
  // A negative zero is no value of a sensor, and is written without its sign.
  return Number((wave + noise).toFixed(2)) + 0;
}
