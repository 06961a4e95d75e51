import { createHash } from 'node:crypto';
import { type CarOptions, SimulatedCar } from '../../../hardware/simulated/car.ts';
import type { CanBusName } from '../../../hardware/simulated/dbc.ts';

export interface RecordedFrame {
  readonly bus: CanBusName;
  readonly id: number;
  readonly data: Uint8Array;
  readonly sampledUs: number;
  readonly sentUs: number;
}

export interface Recording {
  readonly car: SimulatedCar;
  readonly frames: RecordedFrame[];
  readonly sentences: { readonly sentUs: number; readonly text: string }[];
  readonly messages: {
    readonly sentUs: number;
    readonly topic: string;
    readonly payload: Uint8Array | string;
    readonly qos: number;
  }[];
}

/** A car whose every word is kept; nothing is driven yet. */
export function recordCar(options: CarOptions): Recording {
  const frames: Recording['frames'] = [];
  const sentences: Recording['sentences'] = [];
  const messages: Recording['messages'] = [];
  const car = new SimulatedCar(options, {
    frame(bus, { id, data, length, sampledUs, sentUs }) {
      frames.push({ bus, id, data: data.slice(0, length), sampledUs, sentUs });
    },
    sentence: (sentUs, text) => sentences.push({ sentUs, text }),
    message: (sentUs, topic, payload, qos) => messages.push({ sentUs, topic, payload, qos }),
  });
  return { car, frames, sentences, messages };
}

/** Digest of everything a car sends in `seconds`, times included, when it is driven on by `stride` seconds at a time. */
export function digestOf(options: CarOptions, seconds: number, stride: number): string {
  // One digest a wire: what the wires send is in order on each, not among them.
  const wires = new Map<string, ReturnType<typeof createHash>>();
  const take = (wire: string, sentUs: number, payload: Uint8Array | string): void => {
    const hash = wires.get(wire) ?? createHash('sha256');
    wires.set(wire, hash);
    hash.update(`${sentUs} `).update(payload);
  };
  const car = new SimulatedCar(options, {
    frame: (bus, { id, data, length, sentUs }) => take(`${bus} ${id}`, sentUs, data.subarray(0, length)),
    sentence: (sentUs, text) => take('gnss', sentUs, text),
    message: (sentUs, topic, payload) => take(topic, sentUs, payload),
  });
  for (let step = 1; step * stride <= seconds + 1e-9; step++) car.advance(step * stride);
  return [...wires].map(([wire, hash]) => `${wire} ${hash.digest('hex')}`).join('\n');
}
