import { Buffer } from 'node:buffer';

/*
 * The sender's half of PACKED_FRAME.md, as small as a sensor node would have it: runs of 16-bit samples of several
 * channels, all at the same times and with the same gain.
 */

const HEADER_BYTES = 14;
const RECORD_HEAD_BYTES = 14;
const SCALE_BYTES = 16;
const TYPE_I16 = 3;

/** Raw number of a sample that was not taken (PF-3.4). */
export const NOT_TAKEN = -32_768;

/** Writes frames of always the same channels; what never changes is laid down once. */
export class PackedFrameWriter {
  readonly #template: Uint8Array<ArrayBuffer>;
  readonly #valuesAt: readonly number[];
  readonly #samples: number;

  /**
   * @param names of the channels, below the topic
   * @param samples of each channel in a frame
   * @param intervalUs from one sample to the next
   * @param gain, offset value = raw * gain + offset (PF-3.3)
   */
  constructor(names: readonly string[], samples: number, intervalUs: number, gain: number, offset: number) {
    const records = names.map((name) => RECORD_HEAD_BYTES + Buffer.byteLength(name) + SCALE_BYTES + 2 * samples);
    const bytes = new Uint8Array(records.reduce((sum, record) => sum + record, HEADER_BYTES));
    const view = new DataView(bytes.buffer);
    bytes.set([0xca, 0x15, 1, HEADER_BYTES]);
    view.setUint16(12, names.length, true);
    const valuesAt: number[] = [];
    let at = HEADER_BYTES;
    for (const [index, name] of names.entries()) {
      const scaleAt = at + RECORD_HEAD_BYTES + Buffer.byteLength(name);
      view.setUint16(at, records[index] ?? 0, true);
      view.setUint8(at + 2, TYPE_I16);
      view.setUint8(at + 3, Buffer.byteLength(name));
      view.setUint16(at + 4, samples, true);
      view.setUint32(at + 10, samples > 1 ? intervalUs : 0, true);
      bytes.set(Buffer.from(name), at + RECORD_HEAD_BYTES);
      view.setFloat64(scaleAt, gain, true);
      view.setFloat64(scaleAt + 8, offset, true);
      valuesAt.push(scaleAt + SCALE_BYTES);
      at += records[index] ?? 0;
    }
    this.#template = bytes;
    this.#valuesAt = valuesAt;
    this.#samples = samples;
  }

  /**
   * @param baseTimeUs UTC of the first sample, microseconds since 1970; 0 where the node does not know it
   * @param raw numbers, sample by sample, within it channel by channel
   * @returns a new frame
   */
  write(baseTimeUs: number, raw: Int16Array): Uint8Array<ArrayBuffer> {
    const bytes = this.#template.slice();
    const view = new DataView(bytes.buffer);
    view.setUint32(4, baseTimeUs % 2 ** 32, true);
    view.setUint32(8, Math.floor(baseTimeUs / 2 ** 32), true);
    const channels = this.#valuesAt.length;
    for (let channel = 0; channel < channels; channel++) {
      const at = this.#valuesAt[channel] ?? 0;
      for (let i = 0; i < this.#samples; i++) view.setInt16(at + 2 * i, raw[i * channels + channel] ?? NOT_TAKEN, true);
    }
    return bytes;
  }
}
