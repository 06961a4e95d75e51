import { type Static, Type } from '@sinclair/typebox';

/** Section `central`: lines that this box hands out, where it cannot be dialled. */
export const CentralConfig = Type.Object(
  {
    dial: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^(\\[[^\\]]+\\]|[^:\\[\\]\\s]+):\\d{1,5}$',
          'x-pattern': 'HOST:PORT',
          examples: ['central.example:7444'],
        }),
        {
          maxItems: 8,
          default: [],
          description:
            'centrals that are dialled, each handed a line over which it pulls; for boxes that cannot be dialled; needs `grpc.identity`',
          examples: [['central.example:7444']],
        },
      ),
    ),
  },
  { additionalProperties: false, default: {}, description: 'lines to central that this box dials' },
);
export type CentralConfig = Static<typeof CentralConfig>;
