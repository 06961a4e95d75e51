import type { SampleSink } from '../../gateway/intake.ts';
import type { PointSettings, UnitSettings } from './modbus-config.ts';
import { TABLES } from './pdu.ts';
import type { ReadGroup } from './read-plan.ts';
import { readBit, readBits, readValue } from './registers.ts';

/** Makes samples of answers. */
export class PointChannels {
  readonly #sink: SampleSink;
  readonly #source: string;
  readonly #prefix: string;
  readonly #ids = new Map<PointSettings, number>();

  constructor(sink: SampleSink, source: string, prefix: string | undefined) {
    this.#sink = sink;
    this.#source = source;
    this.#prefix = prefix ?? source;
  }

  /**
   * Pushes what an answer holds.
   *
   * @param data of the answer, see `ReadAnswer`
   * @param told counts each sample: whether it was taken
   */
  push(unit: UnitSettings, group: ReadGroup, data: Uint8Array, time: number, told: (taken: boolean) => void): void {
    for (const point of group.points) {
      const raw = rawValue(point, data, point.address - group.request.address);
      // A device that has no value says so by a number of its own, or by NaN.
      if (raw === point.absent || Number.isNaN(raw)) continue;
      told(this.#sink.push(this.#channel(unit, point), time, raw * point.scale + point.offset));
    }
  }

  #channel(unit: UnitSettings, point: PointSettings): number {
    let id = this.#ids.get(point);
    if (id === undefined) {
      id = this.#define(unit, point);
      this.#ids.set(point, id);
    }
    return id;
  }

  #define({ name: unitName, unit, everyMs }: UnitSettings, point: PointSettings): number {
    const { name, description, labels, decimals, scale, offset, table, address } = point;
    const isBool = TABLES[table].isBits || (point.bit !== undefined && point.bits === 1);
    const isInteger = !isBool && point.type !== 'f32' && point.type !== 'f64';
    const { id } = this.#sink.channel({
      name: [this.#prefix, unitName, name].filter((part) => part !== undefined).join('/'),
      source: this.#source,
      unit: point.unit,
      type: labels !== undefined ? 'enum' : isBool ? 'bool' : 'number',
      description: description ?? `Unit ${unit}, ${table} ${address}`,
      rateHz: 1e3 / everyMs,
      ...(labels === undefined ? {} : { labels }),
      ...(decimals === undefined ? {} : { decimals }),
      ...(isInteger && labels === undefined ? { scale: { gain: scale, offset } } : {}),
    });
    return id;
  }
}

/** Number of a point before scaling; `index` counts registers or bits from the first of the answer. */
function rawValue({ table, type, order, bit, bits }: PointSettings, data: Uint8Array, index: number): number {
  if (TABLES[table].isBits) return readBit(data, index);
  const value = readValue(data, 2 * index, type, order);
  return bit === undefined ? value : readBits(value, bit, bits);
}
