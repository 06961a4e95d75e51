import { WHEELS } from './vehicle/parameters.ts';
import type { Vehicle } from './vehicle/vehicle.ts';

/** One measured quantity in a CAN frame: value = raw * gain + offset. */
export interface CanSignal {
  /** A C identifier of at most 32 characters, as a DBC asks. */
  readonly name: string;
  readonly unit: string;
  readonly bits: number;
  readonly signed: boolean;
  /** The 32 bits are an IEEE float; gain is 1 and offset 0. */
  readonly float: boolean;
  readonly gain: number;
  readonly offset: number;
  /** Standard deviation of what the sensor adds, in its unit; 0 for states and counters. */
  readonly noise: number;
  /** Page of the multiplexer on which the signal is; undefined where it is in every frame. */
  readonly page: number | undefined;
  /** Labels by raw value. */
  readonly labels: Readonly<Record<number, string>> | undefined;
  /** The true value, before noise and quantisation. */
  readonly read: (car: Vehicle) => number;
}

export interface CanMessage {
  readonly name: string;
  /** 11 bits; the lower wins the bus. */
  readonly id: number;
  /** Frames a second. */
  readonly rateHz: number;
  /** `intel` little-endian, `motorola` big-endian. */
  readonly byteOrder: 'intel' | 'motorola';
  /** The unit that sends it. */
  readonly node: string;
  /** Selects the page; sent, but no sensor. */
  readonly multiplexer: { readonly name: string; readonly bits: number; readonly pages: number } | undefined;
  /** In the order of their bits. */
  readonly signals: readonly CanSignal[];
}

export type Reader = (car: Vehicle) => number;

/** Decimals are kept to what a gain and an offset need, so that ranges print as they were meant. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}

/** An unsigned analogue signal; without `noise` the sensor adds one and a half steps of its converter. */
export function analog(
  name: string,
  unit: string,
  bits: number,
  gain: number,
  offset: number,
  read: Reader,
  noise = 1.5 * gain,
): CanSignal {
  return {
    name,
    unit,
    bits,
    signed: false,
    float: false,
    gain,
    offset,
    noise,
    page: undefined,
    labels: undefined,
    read,
  };
}

/** The same in two's complement, around `offset` 0. */
export function signed(
  name: string,
  unit: string,
  bits: number,
  gain: number,
  read: Reader,
  noise = 1.5 * gain,
): CanSignal {
  return { ...analog(name, unit, bits, gain, 0, read, noise), signed: true };
}

/** A 32-bit float. */
export function floating(name: string, unit: string, read: Reader, noise: number): CanSignal {
  return { ...analog(name, unit, 32, 1, 0, read, noise), float: true, signed: true };
}

/** A counter or a state: whole numbers, no noise. */
export function state(name: string, bits: number, read: Reader, labels?: Readonly<Record<number, string>>): CanSignal {
  return { ...analog(name, '', bits, 1, 0, read, 0), labels };
}

/** One signal a wheel. */
export function perWheel(make: (wheel: string, index: number) => CanSignal): CanSignal[] {
  return WHEELS.map((wheel, index) => make(wheel, index));
}

/** One signal for each of `count`, from 1. */
export function each(count: number, make: (number: number, index: number) => CanSignal): CanSignal[] {
  return Array.from({ length: count }, (_, index) => make(index + 1, index));
}

/** The signals on one page of a multiplexed message. */
export function onPage(page: number, signals: readonly CanSignal[]): CanSignal[] {
  return signals.map((signal) => ({ ...signal, page }));
}

/** Least and greatest value the raw number can express, in the signal's unit; of a float, what its sensor can show. */
export function rangeOf(signal: CanSignal): { readonly least: number; readonly greatest: number } {
  if (signal.float) return { least: -FLOAT_RANGE, greatest: FLOAT_RANGE };
  const { least, greatest } = rawRange(signal);
  return { least: round(least * signal.gain + signal.offset), greatest: round(greatest * signal.gain + signal.offset) };
}

const FLOAT_RANGE = 720;

/** Least and greatest raw number of an integer signal. */
export function rawRange(signal: CanSignal): { readonly least: number; readonly greatest: number } {
  const half = 2 ** (signal.bits - 1);
  return signal.signed ? { least: -half, greatest: half - 1 } : { least: 0, greatest: 2 * half - 1 };
}
