import type { Stamp } from '../channel.ts';

/** How derived samples were made; becomes JSON. `kind` says of which shape the rest is. */
export interface Recipe {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** Stored times from `from` on, `to` not included, microseconds; either may be infinite. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a derivation says of itself, the same in every store. */
export interface DerivationTerms {
  /** Counted from 1 for each gateway; what was derived together has one number. */
  readonly version: number;
  /** When it was made, UTC, microseconds. */
  readonly made: number;
  /** What it stands for, of samples with that stamp; spans ascend and do not touch. */
  readonly spans: Readonly<Record<Stamp, readonly Span[]>>;
  readonly recipe: Recipe;
}

/**
 * A version of a stretch of the past: samples made anew of what one boot took in. They stand under a boot of their own, so
 * that nothing that was kept changes, and the boot they derive from says how their times are read.
 */
export interface Derivation extends DerivationTerms {
  /** Local id of the boot under which the samples are kept. */
  readonly boot: number;
  /** Local id of the boot they derive from. */
  readonly origin: number;
  /** Channels it stands for, also where it has no sample of one; local ids, ascending. */
  readonly channels: readonly number[];
}

/** Spans as pairs of little-endian float64, because JSON has no infinity. */
export function encodeSpans(spans: readonly Span[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(spans.length * 16));
  for (const [index, { from, to }] of spans.entries()) {
    bytes.setFloat64(index * 16, from, true);
    bytes.setFloat64(index * 16 + 8, to, true);
  }
  return new Uint8Array(bytes.buffer);
}

/** Spans from what {@link encodeSpans} made. */
export function decodeSpans(bytes: Uint8Array): Span[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / 16) }, (_, index) => {
    return { from: view.getFloat64(index * 16, true), to: view.getFloat64(index * 16 + 8, true) };
  });
}
