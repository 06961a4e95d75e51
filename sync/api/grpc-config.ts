import { type Static, Type } from '@sinclair/typebox';

/** Section `grpc`: the service that central and the command line ask. */
export const GrpcConfig = Type.Object(
  {
    host: Type.Optional(
      Type.String({
        minLength: 1,
        default: '127.0.0.1',
        description: 'address to listen on; wider than loopback only with `identity`',
      }),
    ),
    port: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 65_535, default: 7443, description: 'TCP port; 0 takes any free one' }),
    ),
    identity: Type.Optional(
      Type.String({
        minLength: 1,
        'x-path': true,
        description:
          'folder that `caisson enroll` filled: TLS then, for central and readers with certificates of the same authority; without it, whoever reaches the port may ask',
        examples: ['identity'],
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'gRPC service for central and the command line' },
);
export type GrpcConfig = Static<typeof GrpcConfig>;

/** With what has a default filled in. */
export type GrpcSettings = GrpcConfig & Required<Pick<GrpcConfig, 'host' | 'port'>>;
