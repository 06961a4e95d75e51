import { fileURLToPath } from 'node:url';
import {
  loadSync,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import { CaissonError } from '../../gateway/errors.ts';
import { ownFile } from '../../gateway/own-file.ts';

/** Beside the sources as well as beside the compiled files: the build copies the folder. */
const PROTO_DIR = fileURLToPath(ownFile('sync/proto'));

const FILES = [
  'caisson/v1/telemetry.proto',
  'caisson/v1/fleet.proto',
  'caisson/v1/relay.proto',
  'caisson/v1/trust.proto',
  'grpc/health/v1/health.proto',
  'arrow/flight/flight.proto',
  'arrow/flight/flight_sql.proto',
  'google/rpc/status.proto',
  'google/rpc/error_details.proto',
];

/**
 * Everything in sync/proto as gRPC and reflection want it. 64-bit integers are numbers (all of ours stay below 2^53), enums
 * their names, fields that are not there have their default, or are missing where the proto says `optional`.
 *
 * @throws Error when a file is missing or broken: the installation is damaged
 */
export function loadProtos(): PackageDefinition {
  loaded ??= loadSync(FILES, {
    includeDirs: [PROTO_DIR],
    longs: Number,
    enums: String,
    defaults: true,
  });
  return loaded;
}

/** Read once a process: a central makes a client for every attempt of every line. */
let loaded: PackageDefinition | undefined;

/**
 * What reflection has to know: each message brings the descriptors of all files, which reflection would decode once a message, so that
 * one of them is enough, and a start is a quarter of a second shorter.
 */
export function reflected(protos: PackageDefinition): PackageDefinition {
  const [one] = Object.entries(protos).filter(([, definition]) => 'fileDescriptorProtos' in definition);
  return one === undefined ? {} : Object.fromEntries([one]);
}

/** The message of that full name. */
export function messageTypeOf(protos: PackageDefinition, name: string): MessageTypeDefinition<object, object> {
  const definition = protos[name];
  if (definition === undefined || !('deserialize' in definition)) throw new Error(`no message ${name} in ${PROTO_DIR}`);
  return definition as MessageTypeDefinition<object, object>;
}

/** The service of that full name. */
export function serviceOf(protos: PackageDefinition, name: string): ServiceDefinition {
  const definition = protos[name];
  if (definition === undefined || 'format' in definition) {
    throw new CaissonError('peer-invalid', `no service ${name} in ${PROTO_DIR}`);
  }
  return definition;
}

export const TELEMETRY_SERVICE = 'caisson.v1.Telemetry';
export const FLEET_SERVICE = 'caisson.v1.Fleet';
export const BOX_CONFIG_SERVICE = 'caisson.v1.BoxConfig';
export const RELAY_SERVICE = 'caisson.v1.Relay';
export const TRUST_SERVICE = 'caisson.v1.Trust';
export const HEALTH_SERVICE = 'grpc.health.v1.Health';
export const FLIGHT_SERVICE = 'arrow.flight.protocol.FlightService';
