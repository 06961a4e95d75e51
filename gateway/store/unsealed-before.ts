/**
 * Key in `meta`, '1' while the journal has what former boots took in and is in no block yet: where those ended is told from the start
 * on, so that who follows would take the rest of them as lost.
 */
export const UNSEALED_KEY = 'unsealed before';
