import type { Timers } from '../../../hardware/serial/timers.ts';

/** What is to come later comes at once. */
export const AT_ONCE: Timers = {
  now: () => 0,
  after(_delayMs, action) {
    action();
    return () => {};
  },
};
