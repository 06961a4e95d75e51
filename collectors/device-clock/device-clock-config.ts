import { type Static, Type } from '@sinclair/typebox';

/** Key that a source of any kind may have: what is done about the clock of its device. */
export const DeviceClockConfig = Type.Object(
  {
    deviceClock: Type.Optional(
      Type.Union([Type.Literal('watch'), Type.Literal('correct')], {
        description:
          "of samples with the device's own stamps: `watch` tells how far its clock is off and drifts, `correct` also stores their " +
          'times without that',
      }),
    ),
  },
  { additionalProperties: false },
);
export type DeviceClockConfig = Static<typeof DeviceClockConfig>;
