import {
  status as grpcStatus,
  type Metadata,
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
} from '@grpc/grpc-js';
import { callerOf } from '../trust/access-guard.ts';

/** Metadata in which a central says who it is where no certificate does. */
const DESTINATION_KEY = 'caisson-destination';

/** Metadata in which a central says over which of its lines it asks, and what names look like. */
const LINE_KEY = 'caisson-line';
export const LINE_NAME = '^[a-z0-9][a-z0-9._-]{0,31}$';

/** What a central may call. Whatever is not here reads the whole store. */
const FOR_DESTINATIONS: ReadonlySet<string> = new Set([
  ...[
    'Acknowledge',
    'BringCourier',
    'GetDigests',
    'GetLedger',
    'GetPlace',
    'GetStatus',
    'ListChannels',
    'ListCycles',
    'ListSessions',
    'ListVersions',
    'PullBlocks',
    'PullGateway',
    'Query',
    'Subscribe',
    'Transfer',
  ].map((method) => `/caisson.v1.Telemetry/${method}`),
  ...['GetConfig', 'OfferConfig'].map((method) => `/caisson.v1.BoxConfig/${method}`),
  ...['ListCarried', 'TakeCarried', 'AnswerCarried'].map((method) => `/caisson.v1.Relay/${method}`),
  ...['Check', 'Watch'].map((method) => `/grpc.health.v1.Health/${method}`),
]);

/**
 * Name of the central, or of the backup, that calls: that of its certificate where the connection has one, and otherwise the one that it declares. Undefined
 * for someone on the box or its site: the box itself, a reader, and who reaches a server without credentials and names nothing.
 */
export function destinationOf(metadata: Metadata): string | undefined {
  const caller = callerOf(metadata);
  if (caller !== undefined) return caller.role === 'central' || caller.role === 'backup' ? caller.name : undefined;
  const [name] = metadata.get(DESTINATION_KEY);
  return name === undefined ? undefined : String(name);
}

/** Makes `metadata` say who calls. */
export function nameDestination(metadata: Metadata, name: string): void {
  metadata.set(DESTINATION_KEY, name);
}

/** Makes `metadata` say over which line. */
export function nameLine(metadata: Metadata, line: string): void {
  metadata.set(LINE_KEY, line);
}

/** Over which line a central says that it asks; undefined where it says nothing that is a name. */
export function lineOf(metadata: Metadata): string | undefined {
  const [name] = metadata.get(LINE_KEY);
  return name !== undefined && new RegExp(LINE_NAME).test(String(name)) ? String(name) : undefined;
}

/** Refuses centrals what is answered from the whole store. */
export const refuseDestinations: ServerInterceptor = (method, call) => {
  let isRefused = false;
  const listener = new ServerListenerBuilder()
    .withOnReceiveMetadata((metadata, next) => {
      if (destinationOf(metadata) === undefined || FOR_DESTINATIONS.has(method.path)) return next(metadata);
      isRefused = true;
      const details = `${method.path} is answered to callers on the box only`;
      call.sendStatus({ code: grpcStatus.PERMISSION_DENIED, details });
    })
    .withOnReceiveMessage((message, next) => {
      if (!isRefused) next(message);
    })
    .withOnReceiveHalfClose((next) => {
      if (!isRefused) next();
    })
    .build();
  const responder = new ResponderBuilder().withStart((next) => next(listener)).build();
  return new ServerInterceptingCall(call, responder);
};
