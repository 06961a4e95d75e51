/**
 * Blocks this thread until a cell has another value than it had, at most so long. To be woken is not enough: who changed the cell before may
 * wake this thread only now.
 * @param ms at most, milliseconds
 * @returns false where it is the same still
 */
export function awaitChange(cells: Int32Array, index: number, before: number, ms: number): boolean {
  const until = performance.now() + ms;
  while (Atomics.load(cells, index) === before) {
    const left = until - performance.now();
    if (left <= 0) return false;
    Atomics.wait(cells, index, before, left);
  }
  return true;
}
