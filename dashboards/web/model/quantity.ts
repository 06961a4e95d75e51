import type { WireChannel } from '../../wire.ts';
import { formatNumber, formatValue } from './format.ts';

/** A value as it is printed: digits and unit apart, since they stand in columns of their own. */
export interface Quantity {
  readonly text: string;
  readonly unit: string;
}

/** Units that are written larger or smaller with the value, three digits each; sizes in the unit of the channel. */
const LADDERS: Readonly<Record<string, readonly (readonly [size: number, unit: string])[]>> = {
  B: ladder('B'),
  byte: ladder('B'),
  bytes: ladder('B'),
  'B/s': ladder('B/s'),
  bit: ladder('bit'),
  'bit/s': ladder('bit/s'),
  ns: [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, '\u00b5s'],
    [1, 'ns'],
  ],
  us: [
    [1e6, 's'],
    [1e3, 'ms'],
    [1, '\u00b5s'],
  ],
};

/** How units that sources spell in ASCII are written. */
const WRITTEN: Readonly<Record<string, string>> = {
  degC: '\u00b0C',
  degF: '\u00b0F',
  deg: '\u00b0',
  us: '\u00b5s',
  ohm: '\u03a9',
  Ohm: '\u03a9',
  minute: 'min',
  minutes: 'min',
  bytes: 'B',
  byte: 'B',
};

/** A unit as it is written: `degC` is `°C`, `deg/s2` is `°/s²`; what is not known stays as the source spells it. */
export function writtenUnit(unit: string): string {
  return unit
    .split('/')
    .map(
      (part) =>
        WRITTEN[part] ?? part.replace(/^(\w*[a-z])\^?([23])$/, (_, base, power) => base + '\u00b2\u00b3'[power - 2]),
    )
    .join('/')
    .replace(/\/sec$/, '/s');
}

/** A channel's value with its unit; `decimals` where the channel does not say its own. */
export function quantityOf(channel: WireChannel, decimals: number, value: number | string | undefined): Quantity {
  if (channel.type === 'number' && typeof value === 'number') {
    const scaled = scaledQuantity(value, channel.unit);
    if (scaled !== undefined) return scaled;
  }
  return { text: formatValue({ ...channel, decimals }, value), unit: writtenUnit(channel.unit) };
}

/** A quantity in one string, for where the unit of the channel stands beside it: another unit is named. */
export function quantityText(channel: WireChannel, { text, unit }: Quantity): string {
  return unit === '' || unit === writtenUnit(channel.unit) ? text : `${text} ${unit}`;
}

/** One step of a ladder of units. */
export interface Rung {
  /** In the unit of the channel. */
  readonly size: number;
  readonly unit: string;
  /** What a number needs behind it where the unit of the channel is known: `G`, `ms`; empty on the lowest rung. */
  readonly mark: string;
}

/** The step of the ladder that `magnitude` stands on; undefined for a unit that has no ladder. */
export function rungOf(unit: string, magnitude: number): Rung | undefined {
  const rungs = LADDERS[unit];
  if (rungs === undefined) return undefined;
  const [size, name] = rungs.find(([size]) => magnitude >= size * 0.9995) ?? [1, writtenUnit(unit)];
  const base = writtenUnit(unit);
  return { size, unit: name, mark: name.endsWith(base) ? name.slice(0, -base.length) : name };
}

/** The value as the gateway has it, for where every digit is wanted: `83532283904 B`. */
export function exactText(channel: WireChannel, value: number | string | undefined): string {
  if (value === undefined) return '';
  return `${value} ${channel.unit}`.trim();
}

function scaledQuantity(value: number, unit: string): Quantity | undefined {
  const magnitude = Math.abs(value);
  if (!Number.isFinite(value)) return undefined;
  const rung = rungOf(unit, magnitude);
  if (rung === undefined) return undefined;
  const scaled = value / rung.size;
  const digits = rung.size === 1 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.max(1, Math.abs(scaled) * 1.0005))));
  return { text: formatNumber(scaled, digits), unit: rung.unit };
}

function ladder(unit: string): readonly (readonly [number, string])[] {
  return [
    [1e12, `T${unit}`],
    [1e9, `G${unit}`],
    [1e6, `M${unit}`],
    [1e3, `k${unit}`],
    [1, unit],
  ];
}
