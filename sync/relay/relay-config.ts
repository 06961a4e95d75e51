import { type Static, Type } from '@sinclair/typebox';

const NAMES = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';

/** Section `relay`: this box carries courier files of others, which it cannot read. */
export const RelayConfig = Type.Object(
  {
    dir: Type.Optional(
      Type.String({
        minLength: 1,
        'x-path': true,
        description:
          'folder of the depot, and a medium to `caisson courier read`; without it, this box carries for nobody',
        examples: ['./depot'],
      }),
    ),
    maxMb: Type.Optional(
      Type.Number({
        default: 1024,
        minimum: 1,
        maximum: 1e7,
        description: 'what lies there at most, parts and answers included, MB; beyond, senders are told to come again',
      }),
    ),
    filesPerSender: Type.Optional(
      Type.Integer({
        default: 1024,
        minimum: 1,
        maximum: 65_536,
        description: 'files of one gateway that lie there at most, and its answers',
      }),
    ),
    freeMb: Type.Optional(
      Type.Number({
        default: 256,
        minimum: 0,
        maximum: 1e7,
        description: 'room that the disk keeps for this box itself, MB; with less, nothing is taken',
      }),
    ),
    keepDays: Type.Optional(
      Type.Number({
        default: 90,
        minimum: 0.01,
        maximum: 3650,
        description:
          'how long a file waits for its central, and an answer for its sender; then it goes, and is counted',
      }),
    ),
    for: Type.Optional(
      Type.Array(Type.String({ pattern: NAMES }), {
        minItems: 1,
        maxItems: 64,
        description: 'centrals that it carries for; without it, any',
        examples: [['hq']],
      }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description:
      'carry sealed courier files of other gateways to their centrals; without certificates for this machine only',
  },
);
export type RelayConfig = Static<typeof RelayConfig>;

/** With what has a default filled in. */
export type RelaySettings = RelayConfig & Required<Omit<RelayConfig, 'dir' | 'for'>>;
