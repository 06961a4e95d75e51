/** Packs whose bytes are added up; what stands behind them is taken to be like them. */
export const PACKS_LOOKED_MAX = 256;

/** A pack that a destination lacks. */
export interface LackedPack {
  readonly position: number;
  readonly size: number;
}

/** Bytes of what stands behind a position of a feed up to its end, by the first packs of it. */
export function backlogBytes(packs: readonly LackedPack[], position: number, end: number): number {
  const last = packs.at(-1)?.position;
  if (last === undefined) return 0;
  const bytes = packs.reduce((sum, { size }) => sum + size, 0);
  return packs.length < PACKS_LOOKED_MAX ? bytes : Math.round((bytes * (end - position)) / (last - position));
}
