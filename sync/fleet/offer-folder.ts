import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigAnswer } from '../../gateway/config/offer/offer.ts';
import { writeWhole } from '../../gateway/durable-files.ts';
import { CaissonError } from '../../gateway/errors.ts';

/** Offers that are kept, answered or not. At the maximum: the oldest that are done go, and where none is, no more can be made. */
const OFFERS_MAX = 10_000;

/** What is offered may be nobody else's business. */
const FILE_MODE = 0o600;

/** A question about the config of one box, made by a command and asked by the central that runs. */
export interface ConfigOffer {
  readonly id: string;
  readonly gateway: string;
  /** `show`: only what the config is. */
  readonly kind: 'show' | 'offer';
  readonly yaml: string;
  readonly dryRun: boolean;
  readonly watchS: number;
  /** Who made it, on which machine. */
  readonly by: string;
  /** UTC, microseconds. */
  readonly made: number;
  /** Not asked any more from then on, UTC, microseconds. */
  readonly expires: number;
}

/** How an offer stands: what the box said, or why it was not asked. */
export interface OfferResult {
  /** UTC, microseconds. */
  readonly at: number;
  readonly isDone: boolean;
  readonly answer?: ConfigAnswer;
  readonly problem?: string;
}

/** Offers and what became of them, as files: commands write them while central runs, and a central that starts again goes on. */
export class OfferFolder {
  readonly #dir: string;

  /** @param data folder of the central */
  constructor(data: string) {
    this.#dir = join(data, 'offers');
  }

  /** @throws CaissonError `offer-refused` where too many wait */
  make(offer: ConfigOffer): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const ids = this.ids();
    if (ids.length >= OFFERS_MAX) this.#forgetDone(ids);
    writeWhole(this.#file(offer.id, 'json'), JSON.stringify(offer), FILE_MODE);
  }

  /** Of all offers, oldest first. */
  ids(): string[] {
    if (!existsSync(this.#dir)) return [];
    return readdirSync(this.#dir)
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length))
      .sort();
  }

  offer(id: string): ConfigOffer {
    return JSON.parse(readFileSync(this.#file(id, 'json'), 'utf8')) as ConfigOffer;
  }

  /** Undefined where its box has not answered, or a disk has damaged what it said: then it is asked again, and says it again. */
  result(id: string): OfferResult | undefined {
    try {
      return JSON.parse(readFileSync(this.#file(id, 'result'), 'utf8')) as OfferResult;
    } catch {
      return undefined;
    }
  }

  keepResult(id: string, result: OfferResult): void {
    writeWhole(this.#file(id, 'result'), JSON.stringify(result), FILE_MODE);
  }

  #forgetDone(ids: readonly string[]): void {
    const done = ids.find((id) => this.result(id)?.isDone === true);
    if (done === undefined) throw new CaissonError('offer-refused', `${ids.length} offers wait, no more can be made`);
    for (const ending of ['json', 'result'] as const) rmSync(this.#file(done, ending), { force: true });
  }

  #file(id: string, ending: 'json' | 'result'): string {
    return join(this.#dir, `${id}.${ending}`);
  }
}
