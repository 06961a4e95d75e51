import { Fields } from './fields.ts';
import { type Decode, GNSS_SENTENCES } from './gnss-sentences.ts';
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

/** Turns sentences into {@link Report}s. Reads no clock: what time a report belongs to is for its user to say. */
export class NmeaDecoder {
  /** What the last sentence told. */
  readonly report = new Report();
  /** Two letters of who spoke last, as `GP`; `P` for a proprietary sentence. */
  talker = '';
  /** Type of the last sentence, as `GGA`; a proprietary one's is its whole address. */
  type = '';
  readonly #named = new Map<string, Quantity>();
  readonly #decodes: ReadonlyMap<string, Decode> = new Map([
    ...Object.entries(GNSS_SENTENCES),
    ...Object.entries(MARINE_SENTENCES),
    ['XDR', (fields: Fields, report: Report) => this.#transducers(fields, report)],
    ['RPM', (fields: Fields, report: Report) => this.#revolutions(fields, report)],
  ]);

  /** @param text a sentence without start and checksum, as the framer gives it */
  decode(text: string): Outcome {
    this.report.clear();
    const fields = new Fields(text);
    this.#address(fields.text(0));
    const decode = this.#decodes.get(this.type);
    if (decode === undefined) return 'unknown';
    decode(fields, this.report, this.talker);
    return fields.isBad ? 'bad-field' : 'decoded';
  }

  #address(address: string): void {
    const isProprietary = address.startsWith('P') || address.length !== 5;
    this.talker = isProprietary ? 'P' : address.slice(0, 2);
    this.type = isProprietary ? address : address.slice(2);
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
