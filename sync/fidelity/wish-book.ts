import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { WishSource } from '../api/transfer-pull.ts';
import type { Wish } from './ahead-source.ts';
import type { HeldChannel } from './held-numbers.ts';

/** Wishes that are remembered for lines that open later. At the maximum: the oldest is forgotten; its samples come in their turn. */
const WISHES_MAX = 64;

/** Channels of one wish. Beyond: refused. */
const CHANNELS_MAX = 256;

export interface WishBookParts {
  /** What is here of channels, and known to be lost; undefined where that is too much to say. */
  readonly held: (gateway: string, channels: readonly string[]) => Promise<readonly HeldChannel[] | undefined>;
  readonly onProblem?: (text: string) => void;
}

/** What people at a central need now: told to the lines that are open, and to those that open later, with what of it is here then. */
export class WishBook {
  readonly #parts: WishBookParts;
  readonly #wishes: Wish[] = [];
  readonly #lines = new Map<string, Set<(wish: Wish) => void>>();

  constructor(parts: WishBookParts) {
    this.#parts = parts;
  }

  /**
   * Takes a wish. Returns the number of lines that were told at once.
   * @throws CaissonError `query-invalid`
   */
  add(wish: Wish): number {
    const { channels, from, to, gateway } = wish;
    if (channels.length === 0 || channels.length > CHANNELS_MAX) {
      throw new CaissonError('query-invalid', `${channels.length} channels wished, expected 1 to ${CHANNELS_MAX}`);
    }
    if (!(from < to)) throw new CaissonError('query-invalid', `range [${from}, ${to}) is empty`);
    this.#wishes.push(wish);
    if (this.#wishes.length > WISHES_MAX) this.#wishes.shift();
    const lines = [...this.#lines].flatMap(([name, told]) => (isOf(wish, name) ? [...told] : []));
    for (const tell of lines) void this.#tell(wish, tell);
    return gateway === '' ? lines.length : Math.min(lines.length, 1);
  }

  /** Wishes of a gateway, or of a central, which may have any gateway's samples. */
  of({ role, gateway }: { readonly role: string; readonly gateway: string }): WishSource {
    const name = role === 'central' ? '' : gateway;
    return {
      follow: (listener) => {
        const told = this.#lines.get(name) ?? new Set();
        this.#lines.set(name, told);
        told.add(listener);
        for (const wish of this.#wishes) if (isOf(wish, name)) void this.#tell(wish, listener);
        return () => {
          told.delete(listener);
        };
      },
    };
  }

  /** Without what is here, what the feed has gone by does not come. */
  async #tell(wish: Wish, listener: (wish: Wish) => void): Promise<void> {
    const { held, onProblem } = this.#parts;
    const past = wish.outlines
      ? undefined
      : await held(wish.gateway, wish.channels).catch((error: unknown) => {
          onProblem?.(`what is here of ${wish.channels.join(', ')} is not known: ${messageOf(error)}`);
          return undefined;
        });
    listener(past === undefined ? wish : { ...wish, past });
  }
}

/** @param name of a gateway; empty: any */
function isOf({ gateway }: Wish, name: string): boolean {
  return gateway === '' || name === '' || gateway === name;
}
