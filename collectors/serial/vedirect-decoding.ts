import type { Outlet, OutletChannel } from './outlet.ts';
import { ALARMS, FIELDS, type FieldMeaning } from './vedirect/fields.ts';
import { BlockFramer } from './vedirect/framer.ts';
import type { WireDecoding, WireListener } from './wire-decoding.ts';

/** Labels that are not Victron's own and become channels by themselves. At the maximum further ones are `unknown-label`. */
export const OTHER_LABELS_MAX = 128;

const INTEGER = /^[+-]?\d{1,15}$/;
const HEX = /^0x[0-9A-Fa-f]{1,8}$/;

/** What devices write in place of a value that they do not have. */
const ABSENT = '---';

/** Devices send all that they tell once in so long, in one block or several, microseconds. */
const ROUND_US = 1_000_000;

/**
 * Times of recorded blocks, which tell none. The blocks of a second stand in one order, so one that does not come behind the last begins
 * the next second. A second of which no block is whole is not seen to have passed.
 */
class BlockPace {
  #time: number;
  /** First labels of blocks, in the order in which they were met. */
  readonly #places = new Map<string, number>();
  #last = -1;

  constructor(startAt: number) {
    this.#time = startAt;
  }

  /** Time of a block with that first label, microseconds. */
  timeOf(label: string): number {
    const place = this.#places.get(label) ?? this.#places.size;
    this.#places.set(label, place);
    if (place <= this.#last) this.#time += ROUND_US;
    this.#last = place;
    return this.#time;
  }
}

/** Blocks of VE.Direct's text protocol to samples, stamped when their last byte arrived. */
export class VeDirectDecoding implements WireDecoding {
  readonly unit = 'VE.Direct block';
  readonly #outlet: Outlet;
  readonly #framer: BlockFramer;
  readonly #channels = new Map<string, number>();
  readonly #others = new Map<string, FieldMeaning>();
  /** Texts as they were told last: they are samples when they change. */
  readonly #texts = new Map<string, string>();
  readonly #pace: BlockPace | undefined;

  /** @param startAt of a recording: UTC of its first block, microseconds, from which the others follow at the pace of devices */
  constructor(outlet: Outlet, listener?: WireListener, startAt?: number) {
    this.#outlet = outlet;
    this.#pace = startAt === undefined ? undefined : new BlockPace(startAt);
    this.#framer = new BlockFramer({
      block: (fields) => {
        listener?.understood();
        this.#block(fields);
      },
      hex: () => {
        outlet.begin();
        outlet.unknown('HEX');
      },
      damaged: (reason) => outlet.damaged(reason),
    });
  }

  feed(bytes: Uint8Array, arrival: number): void {
    this.#outlet.arrival = arrival;
    this.#framer.feed(bytes);
  }

  end(): void {
    this.#framer.reset();
  }

  lost(): void {
    this.#framer.reset();
    this.#texts.clear();
  }

  #block(fields: readonly string[]): void {
    if (this.#pace !== undefined) this.#outlet.arrival = this.#pace.timeOf(fields[0] ?? '');
    this.#outlet.begin();
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const label = fields[index] ?? '';
      const value = fields[index + 1] ?? '';
      const meaning = FIELDS[label] ?? this.#other(label, value);
      if (meaning === undefined) this.#outlet.error('unknown-label');
      else if (value !== ABSENT && !this.#field(meaning, value)) this.#outlet.error('bad-field');
    }
  }

  /** A label that is not known is a number where its first value is one, else a text. */
  #other(label: string, value: string): FieldMeaning | undefined {
    const known = this.#others.get(label);
    if (known !== undefined || value === ABSENT) return known;
    if (label === '' || this.#others.size === OTHER_LABELS_MAX) return undefined;
    const about = { path: `other/${label.replaceAll('/', '_')}`, description: `Field ${label}` };
    const meaning: FieldMeaning = INTEGER.test(value)
      ? { ...about, kind: 'number', unit: '', divisor: 1 }
      : { ...about, kind: 'text' };
    this.#others.set(label, meaning);
    return meaning;
  }

  /** Pushes the samples of a field; false where its value is not what its kind has. */
  #field(meaning: FieldMeaning, value: string): boolean {
    const { path, description } = meaning;
    switch (meaning.kind) {
      case 'number': {
        if (!INTEGER.test(value)) return false;
        const { unit, divisor, absent } = meaning;
        const decimals = Math.round(Math.log10(divisor));
        if (value !== absent) this.#push({ path, unit, description, decimals }, Number(value) / divisor);
        return true;
      }
      case 'enum': {
        if (!INTEGER.test(value)) return false;
        this.#push({ path, description, type: 'enum', labels: meaning.labels }, Number(value));
        return true;
      }
      case 'switch': {
        const isOn = value.toUpperCase() === 'ON';
        if (!isOn && value.toUpperCase() !== 'OFF') return false;
        this.#push({ path, description, type: 'bool' }, isOn ? 1 : 0);
        return true;
      }
      case 'bits': {
        if (!INTEGER.test(value) && !HEX.test(value)) return false;
        this.#push({ path, description }, Number(value));
        return true;
      }
      case 'alarms': {
        if (!INTEGER.test(value)) return false;
        for (const [bit, alarm] of ALARMS.entries()) {
          const about = { path: `${path}/${alarm}`, description: `${description}: ${alarm.replaceAll('-', ' ')}` };
          this.#push({ ...about, type: 'bool' }, (Number(value) >> bit) & 1);
        }
        return true;
      }
      case 'text':
        this.#pushText({ path, description, type: 'text' }, value);
        return true;
    }
  }

  #push(about: OutletChannel, value: number): void {
    this.#outlet.push(this.#channel(about), this.#outlet.arrival, value);
  }

  #pushText(about: OutletChannel, text: string): void {
    if (this.#texts.get(about.path) === text) return;
    this.#texts.set(about.path, text);
    this.#outlet.pushText(this.#channel(about), this.#outlet.arrival, text);
  }

  #channel(about: OutletChannel): number {
    let id = this.#channels.get(about.path);
    if (id === undefined) {
      id = this.#outlet.channel(about);
      this.#channels.set(about.path, id);
    }
    return id;
  }
}
