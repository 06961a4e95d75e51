import { type Static, Type } from '@sinclair/typebox';

/** Section `dashboard`: the HTTP server for browsers on site. */
export const DashboardConfig = Type.Object(
  {
    host: Type.Optional(
      Type.String({
        minLength: 1,
        default: '127.0.0.1',
        description: 'address to listen on; loopback only, because the dashboard has no login',
      }),
    ),
    port: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, description: 'TCP port; 0 takes any free one' }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'HTTP server for browsers on site' },
);
export type DashboardConfig = Static<typeof DashboardConfig>;
