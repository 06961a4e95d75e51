import type { ConfigChange } from './config-changes.ts';

/** How long data is watched after a config changed, seconds; and what may be asked for. */
export const WATCH_S = { least: 5, most: 3600, usual: 120 } as const;

/** What a central asks of the config of a box. */
export type ConfigRequest =
  | { readonly kind: 'show' }
  | {
      readonly kind: 'offer';
      /** Told apart by: the same again is answered with what became of it. */
      readonly offer: string;
      /** Name of the central. */
      readonly by: string;
      readonly yaml: string;
      /** Only says what would change. */
      readonly dryRun: boolean;
      readonly watchS: number;
    };

/** `fits`: it would be tried; `trial`: it is tried now. */
export const OFFER_STATES = ['shown', 'fits', 'refused', 'trial', 'kept', 'returned'] as const;
export type OfferState = (typeof OFFER_STATES)[number];

/** What a box says of its config. No text of it holds a secret. */
export interface ConfigAnswer {
  readonly state: OfferState;
  /** Why it is refused or was taken back; empty otherwise. */
  readonly why: string;
  /** Of the config that holds now. */
  readonly digest: string;
  /** The config that holds, where it was asked for; empty otherwise. */
  readonly yaml: string;
  readonly changes: readonly ConfigChange[];
  /** What a gateway with it opens, as `caisson check` says it. */
  readonly plan: string;
}
