import type { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';

/** Samples of channels as a store has them. */
export class Kept {
  readonly #telemetry: StoreTelemetry;

  constructor(telemetry: StoreTelemetry) {
    this.#telemetry = telemetry;
  }

  samples(channel: string): { times: number[]; values: number[] } {
    const { id } = this.#telemetry.channel(channel);
    const times: number[] = [];
    const values: number[] = [];
    for (const piece of this.#telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)) {
      for (const time of piece.times) times.push(time);
      for (const value of piece.values) values.push(Number(value));
    }
    return { times, values };
  }

  values(channel: string): number[] {
    return this.samples(channel).values;
  }
}
