import { type Static, Type } from '@sinclair/typebox';

/** Section `grpc`: the service that central and the command line ask. */
export const GrpcConfig = Type.Object(
  {
    host: Type.Optional(
      Type.String({
        minLength: 1,
        default: '127.0.0.1',
        description: 'address to listen on; loopback only, because the service has no credentials',
      }),
    ),
    port: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 65_535, default: 7443, description: 'TCP port; 0 takes any free one' }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'gRPC service for central and the command line' },
);
export type GrpcConfig = Static<typeof GrpcConfig>;
