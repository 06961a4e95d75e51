import { type Static, Type } from '@sinclair/typebox';
import { WindowText } from '../line/time-windows.ts';

/** `destinations.NAME.relay`: another box that carries courier files to that central. */
export const HandOverConfig = Type.Object(
  {
    to: Type.String({
      pattern: '^(\\[[^\\]]+\\]|[^:\\[\\]\\s]+):\\d{1,5}$',
      'x-pattern': 'HOST:PORT',
      description: 'the box, which has `relay` in its config',
      examples: ['truck-4.local:7443'],
    }),
    region: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 63,
        description: 'where it goes; without it, channels that may go to some regions only do not go over it',
        examples: ['eu'],
      }),
    ),
    afterS: Type.Optional(
      Type.Number({
        default: 300,
        minimum: 0,
        maximum: 1e6,
        description: 'how long the central must not have been heard before files are handed over, s; 0: always',
      }),
    ),
    fileMb: Type.Optional(
      Type.Number({ default: 1, minimum: 0.01, maximum: 64, description: 'about how large a file is, MB' }),
    ),
    files: Type.Optional(
      Type.Integer({
        default: 256,
        minimum: 1,
        maximum: 65_536,
        description: 'files that wait for an answer at most; further ones wait in the store',
      }),
    ),
    againHours: Type.Optional(
      Type.Number({
        default: 720,
        minimum: 0.01,
        maximum: 87_600,
        description: 'a file without an answer for so long is taken as lost, and handed over again, hours',
      }),
    ),
    capBytesPerS: Type.Optional(
      Type.Integer({ minimum: 1024, maximum: 1e9, description: 'at most so fast', examples: [50_000] }),
    ),
    budgetBytesPerDay: Type.Optional(
      Type.Integer({
        minimum: 1e6,
        maximum: 1e13,
        description: 'of a day of UTC, on the wire',
        examples: [200_000_000],
      }),
    ),
    windows: Type.Optional(
      Type.Array(WindowText, {
        minItems: 1,
        maxItems: 32,
        description: 'when files are handed over; without it, at any time',
        examples: [['22:00-06:00']],
      }),
    ),
    zone: Type.Optional(
      Type.String({ default: 'UTC', description: 'whose hours those are', examples: ['Europe/Berlin'] }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'a box that carries courier files there while that central has no line to this one; needs `courierKey`',
  },
);
export type HandOverConfig = Static<typeof HandOverConfig>;

/** With what has a default filled in. */
export type HandOverSettings = HandOverConfig &
  Required<Pick<HandOverConfig, 'afterS' | 'fileMb' | 'files' | 'againHours'>>;
