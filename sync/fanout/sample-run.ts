/** Samples of one channel that follow each other in their sequence numbers. */
export interface SampleRun {
  /** Id of the boot. */
  readonly boot: string;
  /** Name of the channel. */
  readonly channel: string;
  readonly firstSequence: number;
  /** As stored, microseconds. */
  readonly times: Float64Array;
  /** As long. */
  readonly values: Float64Array | readonly string[];
  /** Added to `times` gives UTC, as far as the clock of the boot is known. */
  readonly utcOffset: number;
}
