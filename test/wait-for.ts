/** Time between two looks, milliseconds. */
const LOOK_MS = 5;

/** Resolves when `fact` is true, looked at every few milliseconds; rejects after `limitMs`, naming what was awaited. */
export async function waitFor(what: string, fact: () => boolean, limitMs = 120_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!fact()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
