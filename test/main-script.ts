import { join } from 'node:path';

/** The `caisson` command as it is run: bundled, beside the compiled tests. */
export const MAIN = join(import.meta.dirname, '..', 'bin', 'gateway', 'main.js');
