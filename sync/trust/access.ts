import { CaissonError } from '../../gateway/errors.ts';
import { type PeerName, peerText } from './peer-name.ts';
import type { Peer } from './verify-peer.ts';

/**
 * Who may call. `itself` is a gateway's own certificate at its own server, for the command line on the box; `anyone` needs no
 * certificate.
 */
type Permitted = 'anyone' | 'gateway' | 'central' | 'reader' | 'backup' | 'itself';

interface Access {
  readonly atGateway: readonly Permitted[];
  readonly atCentral: readonly Permitted[];
}

const READING: Access = { atGateway: ['central', 'reader', 'itself'], atCentral: ['central', 'reader'] };
/** For who keeps copies and holds them against what is there. */
const COPYING: Access = { atGateway: [...READING.atGateway, 'backup'], atCentral: [...READING.atCentral, 'backup'] };
const LOOKING: Access = {
  atGateway: ['central', 'reader', 'itself'],
  atCentral: ['central', 'reader', 'gateway'],
};

/** Every call and who may make it. What does not stand here, nobody may. */
export const ACCESS: Readonly<Record<string, Access>> = {
  '/caisson.v1.Telemetry/ListChannels': COPYING,
  '/caisson.v1.Telemetry/ListVersions': READING,
  '/caisson.v1.Telemetry/ListCycles': READING,
  '/caisson.v1.Telemetry/ListSessions': READING,
  // It writes into the recording.
  '/caisson.v1.Telemetry/KeepSession': { atGateway: ['itself'], atCentral: [] },
  '/caisson.v1.Telemetry/Query': READING,
  '/caisson.v1.Telemetry/Sql': READING,
  '/caisson.v1.Telemetry/Subscribe': READING,
  '/caisson.v1.Telemetry/GetDigests': COPYING,
  '/caisson.v1.Telemetry/GetLedger': COPYING,
  // It changes nothing but what comes first.
  '/caisson.v1.Telemetry/Wish': { atGateway: [], atCentral: ['reader'] },
  '/caisson.v1.Telemetry/GetStatus': COPYING,
  // What other centrals cost is nobody's business but the box's.
  '/caisson.v1.Telemetry/GetUsage': { atGateway: ['reader', 'itself'], atCentral: ['reader'] },
  // All of what a gateway has, as it has it: for who keeps it.
  '/caisson.v1.Telemetry/PullBlocks': { atGateway: ['central', 'backup'], atCentral: ['central', 'backup'] },
  // What of a store was lost: to whom it is, and to who keeps copies.
  '/caisson.v1.Telemetry/PullGateway': { atGateway: [], atCentral: ['gateway', 'backup'] },
  // A file does not tell who wrote it: whoever brings it is one of those whose data is believed.
  // A relay believes nothing that stands in it.
  '/caisson.v1.Telemetry/BringCourier': { atGateway: ['gateway'], atCentral: ['gateway', 'central'] },
  '/caisson.v1.Telemetry/GetPlace': { atGateway: ['central', 'backup'], atCentral: ['central', 'backup'] },
  '/caisson.v1.Telemetry/Transfer': { atGateway: ['central'], atCentral: ['central'] },
  '/caisson.v1.Telemetry/Acknowledge': { atGateway: ['central'], atCentral: ['central'] },
  '/caisson.v1.Fleet/ListBoxes': { atGateway: [], atCentral: COPYING.atCentral },
  // Which of them may, the config of the gateway says.
  '/caisson.v1.BoxConfig/GetConfig': { atGateway: ['central'], atCentral: [] },
  '/caisson.v1.BoxConfig/OfferConfig': { atGateway: ['central'], atCentral: [] },
  // Which files are whose, the relay itself says.
  '/caisson.v1.Relay/AskCarried': { atGateway: ['gateway'], atCentral: [] },
  '/caisson.v1.Relay/ListCarried': { atGateway: ['central'], atCentral: [] },
  '/caisson.v1.Relay/TakeCarried': { atGateway: ['central'], atCentral: [] },
  '/caisson.v1.Relay/AnswerCarried': { atGateway: ['central'], atCentral: [] },
  '/caisson.v1.Trust/Enroll': { atGateway: [], atCentral: ['anyone'] },
  '/caisson.v1.Trust/Refresh': { atGateway: [], atCentral: ['gateway', 'central', 'reader', 'backup'] },
  // Flight has no call here that changes anything: what is put is refused.
  '/arrow.flight.protocol.FlightService/Handshake': READING,
  '/arrow.flight.protocol.FlightService/ListFlights': READING,
  '/arrow.flight.protocol.FlightService/GetFlightInfo': READING,
  '/arrow.flight.protocol.FlightService/GetSchema': READING,
  '/arrow.flight.protocol.FlightService/DoGet': READING,
  '/arrow.flight.protocol.FlightService/DoAction': READING,
  '/arrow.flight.protocol.FlightService/ListActions': READING,
  '/grpc.health.v1.Health/Check': LOOKING,
  '/grpc.health.v1.Health/Watch': LOOKING,
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': READING,
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': READING,
};

/** What of a request must name the caller itself, so that nobody speaks for another. */
const OWN_NAME: Readonly<Record<string, (request: unknown, peer: Peer) => unknown>> = {
  '/caisson.v1.Telemetry/PullGateway': (request, { role }) =>
    role === 'backup' ? undefined : (request as { gateway?: unknown }).gateway,
  '/caisson.v1.Relay/AskCarried': (request) => (request as { gateway?: unknown }).gateway,
  '/caisson.v1.Telemetry/Acknowledge': (request) => (request as { follower?: unknown }).follower,
};

/**
 * Why `peer` may not make that call of `server`; undefined: it may.
 * @param peer undefined: nobody who is trusted
 */
export function accessRefusal(path: string, peer: Peer | undefined, server: PeerName): CaissonError | undefined {
  const access = ACCESS[path];
  const permitted = (server.role === 'gateway' ? access?.atGateway : access?.atCentral) ?? [];
  if (permitted.includes('anyone')) return undefined;
  if (peer !== undefined && permitted.includes(peer.role)) return undefined;
  if (peer !== undefined && permitted.includes('itself') && peer.role === server.role && peer.name === server.name) {
    return undefined;
  }
  const who = peer === undefined ? 'nobody without a certificate' : `not ${peerText(peer)}`;
  return new CaissonError(
    'access-refused',
    `${peerText(server)}: ${path.slice(1)} may be called by ${permitted.length === 0 ? 'nobody here' : permitted.join(', ')}, ${who}`,
  );
}

/** Why `peer` may not say that; undefined: it may. */
export function requestRefusal(path: string, peer: Peer, request: unknown): CaissonError | undefined {
  const named = OWN_NAME[path]?.(request, peer);
  if (named === undefined || named === peer.name) return undefined;
  return new CaissonError('access-refused', `${peerText(peer)} speaks for '${String(named)}', expected its own name`, {
    hint: 'the certificate says who this end is; --identity names another one',
  });
}
