import { type Static, Type } from '@sinclair/typebox';
import { offsetUs, UTC_OFFSET } from '../utc-offset.ts';

/** Section `replay` of a source: a table of samples that a logger of another make recorded. */
export const ReplayConfig = Type.Object(
  {
    file: Type.String({
      minLength: 1,
      'x-path': true,
      description: 'recording, plain or gzip: CSV of RaceChrono Pro (version 3) or of AiM RaceStudio 3',
      examples: ['recordings/session.csv'],
    }),
    speed: Type.Optional(
      Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: 10_000 }), Type.Literal('max')], {
        default: 1,
        description: 'seconds of the recording in one second; `max`: as fast as the store takes it, without loss',
      }),
    ),
    loop: Type.Optional(
      Type.Boolean({ default: false, description: 'begin again at the end; the times go on behind the last one' }),
    ),
    timestamp: Type.Optional(
      Type.Union([Type.Literal('arrival'), Type.Literal('device')], {
        default: 'arrival',
        description: 'time of the samples: the moment a row was played, in box time, or the UTC that the recording has',
      }),
    ),
    utcOffset: Type.Optional(
      Type.String({
        ...UTC_OFFSET,
        description:
          'local time minus UTC where the recording was made; needed by `timestamp: device` where the recording has a date without a zone, as those of AiM have',
      }),
    ),
    prefix: Type.Optional(
      Type.String({ minLength: 1, description: 'first part of channel names; without it, the name of the source' }),
    ),
  },
  { additionalProperties: false, description: 'a recorded table of samples, played as if it were live' },
);

/** The section as it may be written. */
export type ReplayConfig = Static<typeof ReplayConfig>;

/** The section with every default filled in. */
export interface ReplaySettings {
  readonly file: string;
  /** Seconds of the recording in one second; Infinity for as fast as it is taken. */
  readonly speed: number;
  readonly loop: boolean;
  readonly timestamp: 'arrival' | 'device';
  /** Local time of the recording minus UTC, microseconds. */
  readonly utcOffsetUs: number | undefined;
  readonly prefix: string | undefined;
}

/** Fills in the defaults of a section that fits {@link ReplayConfig}. */
export function replaySettings(config: ReplayConfig): ReplaySettings {
  const { file, speed = 1, loop = false, timestamp = 'arrival', utcOffset, prefix } = config;
  const utcOffsetUs = utcOffset === undefined ? undefined : offsetUs(utcOffset);
  return { file, speed: speed === 'max' ? Number.POSITIVE_INFINITY : speed, loop, timestamp, utcOffsetUs, prefix };
}
