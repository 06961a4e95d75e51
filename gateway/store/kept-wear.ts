import type { WearRecord } from '../wear-meter.ts';

/** Where the large database keeps what was written to its disk, as JSON. */
export const WEAR_KEY = 'wear';

/** What a former run kept; undefined where there is none, or it is of another make. */
export function wearOf(text: string | undefined): WearRecord | undefined {
  const { since, bytes } = JSON.parse(text ?? '{}') as Partial<WearRecord>;
  return since === undefined || bytes === undefined ? undefined : { since, bytes };
}
