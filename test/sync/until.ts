/** Resolves when `fact` holds; looks every few milliseconds and gives up after `limitMs`. */
export async function until(fact: () => boolean, what: string, limitMs = 20_000): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!fact()) {
    if (performance.now() > limit) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
