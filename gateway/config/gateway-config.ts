import { type Static, Type } from '@sinclair/typebox';

/** What the id of a gateway, and the name of a central, looks like. */
export const GATEWAY_ID = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';

/** Section `gateway`: who this box is. */
export const GatewayConfig = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        pattern: GATEWAY_ID,
        'x-pattern': 'letters, digits, `.`, `-` and `_`, first a letter or digit, 63 at most',
        description: 'name of this box at central, kept by its store from the first start; without it, one is made up',
        examples: ['pit-12'],
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'who this box is' },
);
export type GatewayConfig = Static<typeof GatewayConfig>;
