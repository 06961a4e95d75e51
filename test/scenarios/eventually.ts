/** Time between two looks, milliseconds. */
const LOOK_MS = 50;

/**
 * Asks until the answer is neither undefined nor false, and returns it.
 * @throws Error naming `what` when that takes longer than `limitMs`
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Answer | undefined | false | Promise<Answer | undefined | false>,
  limitMs = 240_000,
): Promise<Answer> {
  const limit = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > limit) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
