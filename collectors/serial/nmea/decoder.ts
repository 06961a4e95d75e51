import type { Buffer } from 'node:buffer';
import { Fields } from './fields.ts';
import { type Decode, GNSS_SENTENCES, SATELLITE_SENTENCES } from './gnss-sentences.ts';
import { MARINE_SENTENCES } from './marine-sentences.ts';
import { type Quantity, revolutions, transducer } from './quantities.ts';
import { Report } from './report.ts';

/** Quantities that only sentences name (XDR, RPM). At the maximum: further names are not decoded, `bad-field`. */
export const NAMED_QUANTITIES_MAX = 256;

/** What became of a sentence. */
export type Outcome =
  /** Its values are in the report, possibly none when the fields were empty. */
  | 'decoded'
  /** As `decoded`, but a field was not what its place demands; it is left out. */
  | 'bad-field'
  /** A type that is not decoded here; {@link NmeaDecoder.type} names it. */
  | 'unknown';

/** Sentence types that are decoded. */
export const SENTENCE_TYPES: readonly string[] = [
  ...Object.keys(GNSS_SENTENCES),
  ...Object.keys(MARINE_SENTENCES),
  'XDR',
  'RPM',
];

/** Letters and digits of an address that is not proprietary. */
const ADDRESS_BYTES = 5;

/** Addresses that are remembered. Further ones are looked up anew each time. */
const ADDRESSES_MAX = 1024;

/** What an address says. */
interface Address {
  readonly text: string;
  readonly talker: string;
  readonly type: string;
  readonly decode: Decode | undefined;
}

/** Turns sentences into {@link Report}s. Reads no clock: what time a report belongs to is for its user to say. */
export class NmeaDecoder {
  /** What the last sentence told. */
  readonly report = new Report();
  /** Two letters of who spoke last, as `GP`; `P` for a proprietary sentence. */
  talker = '';
  /** Type of the last sentence, as `GGA`; a proprietary one's is its whole address. */
  type = '';
  /** Address of the last sentence, talker and type. */
  address = '';
  readonly #fields = new Fields();
  readonly #addresses = new Map<number, Address>();
  readonly #named = new Map<string, Quantity>();
  readonly #decodes: ReadonlyMap<string, Decode>;

  /** @param withSatellites whether each satellite in view is told, beside their number */
  constructor(withSatellites = false) {
    this.#decodes = new Map([
      ...Object.entries(GNSS_SENTENCES),
      ...Object.entries(withSatellites ? SATELLITE_SENTENCES : {}),
      ...Object.entries(MARINE_SENTENCES),
      ['XDR', (fields: Fields, report: Report) => this.#transducers(fields, report)],
      ['RPM', (fields: Fields, report: Report) => this.#revolutions(fields, report)],
    ]);
  }

  /** Takes the sentence at `from` to `to - 1`, without start and checksum, as the framer gives it. */
  decode(bytes: Buffer, from: number, to: number): Outcome {
    this.report.clear();
    this.#fields.take(bytes, from, to);
    const address = this.#address(bytes, from);
    this.address = address.text;
    this.talker = address.talker;
    this.type = address.type;
    if (address.decode === undefined) return 'unknown';
    address.decode(this.#fields, this.report, address.talker);
    return this.#fields.isBad ? 'bad-field' : 'decoded';
  }

  /** What the address of the sentence at hand says; addresses of five letters and digits are remembered. */
  #address(bytes: Buffer, from: number): Address {
    let key = 0;
    for (let at = from; at < from + ADDRESS_BYTES; at += 1) {
      const byte = bytes[at] ?? 0;
      const isLetter = byte >= 0x41 && byte <= 0x5a;
      if (!isLetter && (byte < 0x30 || byte > 0x39)) return this.#makeAddress();
      key = key * 36 + (isLetter ? byte - 0x41 : byte - 0x30 + 26);
    }
    if (this.#fields.lengthOf(0) !== ADDRESS_BYTES) return this.#makeAddress();
    let address = this.#addresses.get(key);
    if (address === undefined) {
      address = this.#makeAddress();
      if (this.#addresses.size < ADDRESSES_MAX) this.#addresses.set(key, address);
    }
    return address;
  }

  #makeAddress(): Address {
    const text = this.#fields.text(0);
    const isProprietary = text.startsWith('P') || text.length !== ADDRESS_BYTES;
    const type = isProprietary ? text : text.slice(2);
    return { text, type, talker: isProprietary ? 'P' : text.slice(0, 2), decode: this.#decodes.get(type) };
  }

  /** XDR: groups of kind, value, unit, name. */
  #transducers(fields: Fields, report: Report): void {
    for (let index = 1; index + 3 < fields.count; index += 4) {
      const value = fields.number(index + 1);
      const name = fields.text(index + 3).replaceAll('/', '_');
      if (value === undefined || name === '') continue;
      const unit = TRANSDUCER_UNITS[fields.text(index) + fields.text(index + 2)] ?? fields.text(index + 2);
      this.#putNamed(`${name} ${unit}`, value, fields, report, () => transducer(name, unit));
    }
  }

  /** RPM: engine or shaft, its number, revolutions, pitch, status. */
  #revolutions(fields: Fields, report: Report): void {
    const what = { E: 'engine', S: 'shaft' } as const;
    const source = what[fields.text(1) as 'E' | 'S'];
    const number = fields.number(2);
    const value = fields.number(3);
    if (fields.text(5) !== 'A' || source === undefined || number === undefined || value === undefined) return;
    this.#putNamed(`${source} ${number}`, value, fields, report, () => revolutions(source, number));
  }

  #putNamed(key: string, value: number, fields: Fields, report: Report, make: () => Quantity): void {
    let quantity = this.#named.get(key);
    if (quantity === undefined) {
      if (this.#named.size === NAMED_QUANTITIES_MAX) {
        fields.isBad = true;
        return;
      }
      quantity = make();
      this.#named.set(key, quantity);
    }
    report.put(quantity, value);
  }
}

/** Units by kind and unit letter of XDR. */
const TRANSDUCER_UNITS: Readonly<Record<string, string>> = {
  CC: '°C',
  AD: 'deg',
  PB: 'bar',
  PP: 'Pa',
  HP: '%',
  UV: 'V',
  IA: 'A',
  DM: 'm',
  FH: 'Hz',
  NN: 'N',
  TR: 'rpm',
  VM: 'm3',
  RI: 'l/s',
  LS: 'ppt',
};
