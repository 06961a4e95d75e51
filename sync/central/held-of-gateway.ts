/** What a central has of one gateway, in sums. */
export interface HeldOfGateway {
  readonly gateway: string;
  /** Time of its newest sample, UTC, microseconds; undefined where none has come. */
  readonly newest: number | undefined;
  /** Stretches that are missing, their samples, and those whose loss ended at a time that was asked for, or later. */
  readonly gaps: number;
  readonly lost: number;
  readonly lostSince: number;
  /** Another process of this central that pulls from it now; undefined where none does. */
  readonly elsewhere: string | undefined;
}
