import { type Static, Type } from '@sinclair/typebox';

/** One of `destinations`: a central that pulls from this box. */
export const DestinationConfig = Type.Object(
  {
    receiptKey: Type.Optional(
      Type.String({
        pattern: '^ed25519:[A-Za-z0-9_-]{43}$',
        'x-pattern': '`ed25519:` and 43 letters, as `caisson central` says it at its start',
        description:
          'key that its receipts are signed with; without it, its word is believed before samples are given up',
        examples: ['ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'],
      }),
    ),
  },
  { additionalProperties: false },
);
export type DestinationConfig = Static<typeof DestinationConfig>;

/** Name of a central, as it gives itself with `caisson central --name`. */
const DESTINATION_NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';

/** Section `destinations`: the centrals that pull from this box, by the name each has. */
export const DestinationsConfig = Type.Record(Type.String({ pattern: DESTINATION_NAME }), DestinationConfig, {
  additionalProperties: false,
  'x-pattern': 'letters, digits, `.`, `-` and `_`, first a letter or digit, 63 at most',
  examples: [{ hq: { receiptKey: 'ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } }],
  description: 'centrals that pull from this box, each under its name',
});
export type DestinationsConfig = Static<typeof DestinationsConfig>;
