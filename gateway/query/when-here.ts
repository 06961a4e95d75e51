/**
 * Hands over what is asked for: at once where it is here, otherwise as soon as it is. What fails on the way, in `use` as well,
 * is told to `fail`.
 */
export function whenHere<Answer>(
  ask: () => Answer | Promise<Answer>,
  use: (answer: Answer) => void,
  fail: (error: unknown) => void,
): void {
  try {
    const answer = ask();
    if (answer instanceof Promise) answer.then(use).catch(fail);
    else use(answer);
  } catch (error) {
    fail(error);
  }
}
