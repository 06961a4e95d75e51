import type { DrillStatus } from '../../gateway/status.ts';
import { Vault } from './vault.ts';

/** How often vaults are looked at, milliseconds. */
const LOOK_MS = 10_000;

/** How the backups in vaults do, as other processes keep them. */
export class DrillWatch {
  readonly #vaults: readonly Vault[];
  #lookedAt = Number.NEGATIVE_INFINITY;
  #status: readonly DrillStatus[] = [];

  constructor(dirs: readonly string[]) {
    this.#vaults = dirs.map((dir) => new Vault(dir));
  }

  /** Of those that had a drill; some seconds old at most. */
  status(): readonly DrillStatus[] {
    const now = performance.now();
    if (now - this.#lookedAt >= LOOK_MS) {
      this.#status = this.#vaults.flatMap((vault) => vault.status() ?? []);
      this.#lookedAt = now;
    }
    return this.#status;
  }
}
