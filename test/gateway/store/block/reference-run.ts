/** Integers of a run by the letter of BLOCK-6, one at a time: what the kernels are held against. */

export interface RunParts {
  readonly prediction: 'plain' | 'delta' | 'delta2' | 'grid';
  readonly base: number;
  readonly step: number;
  readonly residuals: readonly number[];
}

/** BLOCK-6.4. */
export function referenceIntegers({ prediction, base, step, residuals }: RunParts): number[] {
  const misses = residuals.map((r) => (r % 2 === 0 ? r / 2 : -(r + 1) / 2));
  switch (prediction) {
    case 'plain':
      return residuals.map((residual) => base + residual);
    case 'grid':
      return [base, ...misses.map((miss, i) => base + Math.floor((i + 1) * step + 0.5) + miss)];
    case 'delta':
      return sums(
        base,
        misses.map((miss) => step + miss),
      );
    case 'delta2':
      return sums(base, sums(step, misses));
  }
}

function sums(first: number, steps: readonly number[]): number[] {
  const all = [first];
  for (const step of steps) all.push((all[all.length - 1] ?? 0) + step);
  return all;
}

/** BLOCK-6.8. */
export function referencePlanes(residuals: readonly number[], width: number): Uint8Array {
  const whole = Math.floor(width / 8);
  const bits = width % 8;
  const planes: number[] = [];
  for (let plane = 0; plane < whole; plane++) {
    for (const residual of residuals) planes.push(Math.floor(residual / 2 ** (8 * plane)) % 256);
  }
  const top = new Uint8Array(Math.ceil((residuals.length * bits) / 8));
  residuals.forEach((residual, i) => {
    for (let bit = 0; bit < bits; bit++) {
      if (Math.floor(residual / 2 ** (8 * whole + bit)) % 2 === 0) continue;
      const at = i * bits + bit;
      top[at >> 3] = (top[at >> 3] ?? 0) | (1 << (at & 7));
    }
  });
  return Uint8Array.from([...planes, ...top]);
}
