import type { Buffer } from 'node:buffer';
import {
  type handleUnaryCall,
  logVerbosity,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  setLogVerbosity,
} from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { Fleet } from '../../gateway/fleet.ts';
import { isLoopback } from '../../gateway/loopback.ts';
import type { SqlPlace } from '../../gateway/query/sql/sql-messages.ts';
import type { AskedTelemetry, Telemetry } from '../../gateway/query/telemetry.ts';
import type { GatewayStatus, LineStatus } from '../../gateway/status.ts';
import { destinationOf, refuseDestinations } from '../destinations/caller.ts';
import { DestinationPolicy } from '../destinations/destination-policy.ts';
import type { PassedOverBook } from '../destinations/passed-over-book.ts';
import { ScopedGatewayFeed } from '../destinations/scoped-gateway-feed.ts';
import { feedFor, scopedStatus, viewFor } from '../destinations/scoped-view.ts';
import { answerEvery, everyNotServed, type LiveSide } from '../fanout/every-call.ts';
import type { Wish } from '../fidelity/ahead-source.ts';
import { type BoxConfigAnswers, boxConfigMethods } from '../fleet/box-config-service.ts';
import { fleetMethods } from '../fleet/fleet-service.ts';
import { flightMethods } from '../flight/flight-methods.ts';
import type { RunningTable } from '../flight/flights.ts';
import type { Acknowledgement, AcknowledgementAnswer } from '../receipts/receipt-desk.ts';
import type { Depot } from '../relay/depot.ts';
import { carriedBringing, relayMethods } from '../relay/relay-service.ts';
import type { Authority } from '../trust/authority.ts';
import { SecurePort, type SecurePortOptions } from '../trust/secure-port.ts';
import { trustMethods } from '../trust/trust-service.ts';
import type { ConnectionBook } from '../usage/connection-book.ts';
import type { OwnerRule } from '../usage/owners.ts';
import type { StoredBytes } from '../usage/stored-bytes.ts';
import type { TrafficRow } from '../usage/usage-db.ts';
import type { AcknowledgeRequestMessage, AcknowledgeResponseMessage } from './acknowledge-messages.ts';
import { type Address, formatAddress } from './address.ts';
import { CountedListener } from './counted-listener.ts';
import { type BringCourier, courierMethod } from './courier-call.ts';
import type { CycleMessage, ListCyclesRequestMessage } from './cycle-messages.ts';
import {
  BOX_CONFIG_SERVICE,
  FLEET_SERVICE,
  FLIGHT_SERVICE,
  HEALTH_SERVICE,
  loadProtos,
  RELAY_SERVICE,
  reflected,
  serviceOf,
  TELEMETRY_SERVICE,
  TRUST_SERVICE,
} from './descriptor.ts';
import { answerDigests, isDigestSource, storeDigests } from './digest-call.ts';
import type { DigestChunkMessage, GetDigestsRequestMessage, PullGatewayRequestMessage } from './digest-messages.ts';
import { toGrpcStatus } from './grpc-status.ts';
import { healthMethods, type Readiness } from './health-service.ts';
import { answerLedger, type LedgerRules } from './ledger-call.ts';
import { decodeToldLines } from './line-message.ts';
import { answerListChannels } from './list-channels-call.ts';
import { answerListCycles } from './list-cycles-call.ts';
import { answerListVersions } from './list-versions-call.ts';
import type { LiveUpdateMessage, SubscribeRequestMessage } from './live-messages.ts';
import type {
  GetLedgerRequestMessage,
  LedgerChunkMessage,
  ListChannelsRequestMessage,
  ListChannelsResponseMessage,
  ListVersionsRequestMessage,
  ListVersionsResponseMessage,
  PullBlocksRequestMessage,
  PullBlocksResponseMessage,
  QueryChunkMessage,
  QueryRequestMessage,
  SqlChunkMessage,
  SqlRequestMessage,
} from './messages.ts';
import type { Outflow } from './outflow.ts';
import type { GetPlaceRequestMessage, PlaceMessage } from './place-messages.ts';
import { answerPlace, answerPull, type FeedSource, feedIdOf } from './pull-call.ts';
import { answerPullGateway, type GatewayFeeds } from './pull-gateway-call.ts';
import { answerQuery } from './query-call.ts';
import { answerKeepSession, answerListSessions, type TakeSession } from './session-calls.ts';
import type { KeepSessionRequestMessage, ListSessionsRequestMessage, SessionMessage } from './session-messages.ts';
import { answerSql } from './sql-call.ts';
import { SqlStatements } from './sql-statements.ts';
import { encodeStatus } from './status-message.ts';
import type { GetStatusRequestMessage, StatusMessage } from './status-messages.ts';
import { Streams } from './streams.ts';
import { answerSubscribe } from './subscribe-call.ts';
import { answerTransfer } from './transfer-call.ts';
import type { MessageBytes } from './transfer-frame.ts';
import type {
  TransferRequestMessage,
  TransferResponseMessage,
  TransferWishMessage,
  WishResponseMessage,
} from './transfer-messages.ts';
import type { GetUsageRequestMessage, UsageReportMessage } from './usage-messages.ts';
import { decodeWish } from './wish-message.ts';

/** Bytes of one request. Larger ones are refused by gRPC. */
const REQUEST_BYTES_MAX = 4 << 20;

/** Streams of one connection that are answered at the same time. Beyond: waiting. */
const STREAMS_PER_CONNECTION_MAX = 64;

/** Messages between a stream and the wire: enough to keep a fast reader busy. */
const IN_FLIGHT_MAX = 4;

/** The same of a transfer, whose messages may be small: what the client grants bounds their bytes. */
const TRANSFER_IN_FLIGHT_MAX = 64;

/** How long a silent connection lives, milliseconds: a ping after the first, an answer within the second. */
const KEEPALIVE_MS = 20_000;
const KEEPALIVE_ANSWER_MS = 10_000;

/** How long calls may take to end when the server stops, milliseconds. */
const STOP_MS = 1_000;

const NOTHING_WANTED: AcknowledgementAnswer = { wanted: new Uint8Array(0), refused: '' };

/** A store in files of this machine, of which all can be asked. */
export interface ServedFiles {
  readonly telemetry: Telemetry;
  /** What others may pull. */
  readonly feed: FeedSource;
  /** What goes to which central; without it everything does, as far as a feed does not define its channels. */
  readonly policy?: DestinationPolicy;
  /** What did not go where; without it that is not told. */
  readonly passedOver?: PassedOverBook | undefined;
  /** Folder of the store that statements of SQL read. */
  readonly storeDir: string;
}

/** A store beyond this machine: what pulls blocks is refused, and other centrals. */
export interface ServedElsewhere {
  readonly telemetry: AskedTelemetry;
  readonly storeDir?: undefined;
  /** What statements of SQL read. */
  readonly statements: SqlPlace;
}

/** What is known of a month's bill. */
export interface ServedUsage {
  rows(from: number, to: number): readonly TrafficRow[];
  readonly owners: readonly OwnerRule[];
  /** By gateway. @throws CaissonError `store-failed` */
  stored(): Promise<readonly StoredBytes[]>;
}

interface ServerOptions {
  /** Takes courier files; at a central. */
  readonly courier?: BringCourier;
  /** Where courier files of others wait for their centrals; at a gateway that is a relay. */
  readonly depot?: Depot | undefined;
  /** What is here of each gateway, for those that were lost and for backups; at a central. */
  readonly lost?: GatewayFeeds;
  /** An address of this machine only, unless it is secure. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly status: () => GatewayStatus;
  /** Undefined: it is ready for as long as it runs. */
  readonly readiness?: Readiness;
  /** For subscriptions at a central; without it those to every sample are refused. */
  readonly live?: LiveSide;
  /** Answers what a follower says of this feed: how far it has it, perhaps with a receipt. */
  readonly acknowledge?: (word: Acknowledgement) => AcknowledgementAnswer;
  /** Takes what somebody needs before the rest, and says how many lines were told; undefined at a gateway, which has all. */
  readonly wish?: (wish: Wish) => number;
  /** All boxes of a central; undefined at a gateway, which knows of none. */
  readonly fleet?: (() => Promise<Fleet>) | undefined;
  /** What lines carried, whose channels are, and what is kept; without it nobody knows. */
  readonly usage?: ServedUsage | undefined;
  /** Counts what passes over connections, by who calls over them. */
  readonly connections?: ConnectionBook | undefined;
  /** Answers what centrals ask of the config; undefined where nobody may. */
  readonly config?: BoxConfigAnswers | undefined;
  /** Undefined: sessions are read only. */
  readonly takeSession?: TakeSession | undefined;
  /** Told of a central that asks how this server does, or says what it has; and of its lines, where it says anything new of them. */
  readonly heard?: (central: string, lines: readonly LineStatus[]) => void;
  /** TLS at both ends, and calls by role; undefined: whoever reaches it may ask for everything. */
  readonly secure?: (SecurePortOptions & { readonly authority?: Authority | undefined }) | undefined;
}

export interface TelemetryServerOptions extends ServerOptions, ServedFiles {}

export interface DatabaseServerOptions extends ServerOptions, ServedElsewhere {}

export interface TelemetryServer {
  readonly port: number;
  /** Undefined where it is not secure. */
  readonly secure: SecurePort | undefined;
  /** Resolves when every call has ended and the port is closed. */
  stop(): Promise<void>;
}

/**
 * Serves caisson.v1.Telemetry, grpc.health.v1.Health and reflection.
 * @throws CaissonError `config-invalid` for a host that is not loopback, `port-unavailable`
 */
export async function startTelemetryServer(
  options: TelemetryServerOptions | DatabaseServerOptions,
): Promise<TelemetryServer> {
  const { host, port, telemetry, status } = options;
  const files = options.storeDir === undefined ? undefined : options;
  const { connections } = options;
  const secure =
    options.secure === undefined
      ? undefined
      : new SecurePort({ ...options.secure, onRaw: (raw) => connections?.open(raw) });
  if (secure === undefined) requireLoopback(host);
  // Every failure is told by whoever met it; gRPC's own lines on stderr would say it a second time.
  setLogVerbosity(logVerbosity.NONE);
  const stopping = new AbortController();
  const protos = loadProtos();
  const server = new Server({
    'grpc.max_receive_message_length': REQUEST_BYTES_MAX,
    // What is sent is bounded where it is made.
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION_MAX,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_ANSWER_MS,
    // Who calls is known before what may be called is looked at.
    interceptors: [
      ...(secure === undefined ? [] : [secure.guard]),
      ...(options.connections === undefined ? [] : [options.connections.interceptor]),
      refuseDestinations,
    ],
  });
  const streams = new Streams(stopping.signal);
  const viewOf = ({ metadata }: { readonly metadata: Metadata }) => {
    const caller = destinationOf(metadata);
    return files === undefined
      ? wholeView(telemetry, caller)
      : viewFor(files.policy, files.telemetry, caller, files.passedOver);
  };
  // A database has no rules of its own: what may go to whom is what may go anywhere.
  const policy = files === undefined ? new DestinationPolicy({}) : files.policy;
  const scopeOf = ({ metadata }: { readonly metadata: Metadata }) => {
    const caller = destinationOf(metadata);
    return caller === undefined ? undefined : policy?.scopeOf(caller);
  };
  const read = options.storeDir === undefined ? options.statements : { place: options.storeDir };
  const statements = new SqlStatements<RunningTable>(read, () => status().now);
  stopping.signal.addEventListener('abort', () => statements.stop());
  const { service, serialize } = withTransferAsBytes(serviceOf(protos, TELEMETRY_SERVICE));
  server.addService(service, {
    ListChannels: unary(
      (request: ListChannelsRequestMessage, call): Promise<ListChannelsResponseMessage> =>
        answerListChannels(viewOf(call).telemetry, request),
    ),
    ListVersions: unary(
      (request: ListVersionsRequestMessage, call): Promise<ListVersionsResponseMessage> =>
        answerListVersions(viewOf(call).telemetry, request),
    ),
    GetStatus: unary((_request: GetStatusRequestMessage, call): StatusMessage => {
      const central = destinationOf(call.metadata);
      if (central !== undefined) options.heard?.(central, []);
      // A database knows what stands in its channels, and no views of it: what a backup asks for is cut call by call.
      if (files === undefined && central !== undefined)
        return encodeStatus(scopedStatus(status(), central, () => undefined));
      return encodeStatus(viewOf(call).status(status()));
    }),
    GetUsage: unary(
      async ({ fromDay, toDay }: GetUsageRequestMessage): Promise<UsageReportMessage> => ({
        rows: options.usage?.rows(fromDay, toDay) ?? [],
        owners: options.usage?.owners ?? [],
        stored: (await options.usage?.stored()) ?? [],
      }),
    ),
    Acknowledge: unary((request: AcknowledgeRequestMessage): AcknowledgeResponseMessage => {
      options.heard?.(request.follower, decodeToldLines(request.lines));
      const isOfThis = files !== undefined && request.feed !== '' && request.feed === feedIdOf(files.feed);
      return (isOfThis ? options.acknowledge?.(request) : undefined) ?? NOTHING_WANTED;
    }),
    GetPlace: unary((request: GetPlaceRequestMessage): PlaceMessage | Promise<PlaceMessage> => {
      if (request.gateway !== '') return placeOfGateway(options.lost, request);
      return files === undefined ? notServed('GetPlace') : answerPlace(files.feed, request);
    }),
    Wish: unary((request: TransferWishMessage): WishResponseMessage => {
      if (options.wish !== undefined) return { lines: options.wish(decodeWish(request)) };
      throw new CaissonError('not-served', 'a gateway pulls from nobody: it has all there is');
    }),
    ListCycles: streams.method(IN_FLIGHT_MAX, (request: ListCyclesRequestMessage, out: Outflow<CycleMessage>, call) =>
      answerListCycles(viewOf(call).telemetry, request, out),
    ),
    ListSessions: streams.method(
      IN_FLIGHT_MAX,
      (request: ListSessionsRequestMessage, out: Outflow<SessionMessage>, call) =>
        answerListSessions(viewOf(call).telemetry, request, out),
    ),
    KeepSession: unary(
      (request: KeepSessionRequestMessage): Promise<SessionMessage> => answerKeepSession(options.takeSession, request),
    ),
    Query: streams.method(IN_FLIGHT_MAX, (request: QueryRequestMessage, out: Outflow<QueryChunkMessage>, call) =>
      answerQuery(viewOf(call).telemetry, request, out),
    ),
    Sql: streams.method(IN_FLIGHT_MAX, (request: SqlRequestMessage, out: Outflow<SqlChunkMessage>) =>
      answerSql(statements, request, out),
    ),
    GetLedger: streams.method(
      IN_FLIGHT_MAX,
      (request: GetLedgerRequestMessage, out: Outflow<LedgerChunkMessage>, call) =>
        answerLedger(files === undefined ? telemetry : viewOf(call).telemetry, request, out, {
          allows: files === undefined ? scopeOf(call)?.allows : undefined,
          ...ledgerRules(files, call.metadata, request),
        }),
    ),
    Subscribe: streams.method(1, (request: SubscribeRequestMessage, out: Outflow<LiveUpdateMessage>, call) => {
      const { telemetry } = viewOf(call);
      const { live } = options;
      if (!request.every) return answerSubscribe(telemetry, request, out, live?.wanted);
      if (live === undefined) return Promise.reject(everyNotServed());
      return answerEvery(live, telemetry, request, out, destinationOf(call.metadata) !== undefined);
    }),
    BringCourier: courierMethod(options.depot ? carriedBringing(options.depot) : options.courier),
    PullGateway: streams.method(
      IN_FLIGHT_MAX,
      (request: PullGatewayRequestMessage, out: Outflow<PullBlocksResponseMessage>, call) => {
        if (options.lost === undefined) return gatewaysNotServed();
        const scope = scopeOf(call);
        if (scope === undefined) return answerPullGateway(options.lost, request, out);
        const feed = new ScopedGatewayFeed(options.lost, async () => telemetry.channels(), scope);
        return answerPullGateway(feed, request, out, (items) => feed.requireAllowed(items));
      },
    ),
    GetDigests: streams.method(
      IN_FLIGHT_MAX,
      (request: GetDigestsRequestMessage, out: Outflow<DigestChunkMessage>, call) => {
        const scope = scopeOf(call);
        const { lost } = options;
        if (lost !== undefined) return answerDigests((asked) => lost.digests(asked, scope), request, out);
        const feed = files?.feed;
        if (feed === undefined || !isDigestSource(feed)) return notServed('GetDigests');
        return answerDigests((asked) => storeDigests(feed, asked, scope), request, out);
      },
    ),
    PullBlocks: streams.method(
      IN_FLIGHT_MAX,
      (request: PullBlocksRequestMessage, out: Outflow<PullBlocksResponseMessage>, { metadata }) => {
        if (files === undefined) return notServed('PullBlocks');
        const scoped = feedFor(files.policy, files.feed, destinationOf(metadata), files.passedOver);
        return answerPull(scoped.feed, request, out, scoped.guard);
      },
    ),
    Transfer: streams.duplex(
      TRANSFER_IN_FLIGHT_MAX,
      (call: ServerDuplexStream<TransferRequestMessage, MessageBytes>, out) => {
        if (files === undefined) return notServed('Transfer');
        const scoped = feedFor(files.policy, files.feed, destinationOf(call.metadata), files.passedOver);
        return answerTransfer(scoped, call, out, serialize);
      },
    ),
  });
  const openFlight = async () => {
    const { FlightService } = await import('../flight/flight-service.ts');
    return new FlightService({ telemetry, statements, version: status().version }, protos);
  };
  const flightStream: Parameters<typeof flightMethods>[1] = (answer) => streams.method(IN_FLIGHT_MAX, answer);
  server.addService(serviceOf(protos, FLIGHT_SERVICE), flightMethods(openFlight, flightStream));
  server.addService(serviceOf(protos, HEALTH_SERVICE), healthMethods(stopping.signal, options.readiness));
  if (options.fleet !== undefined) server.addService(serviceOf(protos, FLEET_SERVICE), fleetMethods(options.fleet));
  if (options.config !== undefined) {
    server.addService(serviceOf(protos, BOX_CONFIG_SERVICE), boxConfigMethods(options.config));
  }
  if (options.depot !== undefined) server.addService(serviceOf(protos, RELAY_SERVICE), relayMethods(options.depot));
  const { authority } = options.secure ?? {};
  if (authority !== undefined) server.addService(serviceOf(protos, TRUST_SERVICE), trustMethods(authority));
  new ReflectionService(reflected(protos)).addToServer(server);
  const plain =
    secure === undefined && connections !== undefined ? new CountedListener(server, connections) : undefined;
  const bound = await (secure !== undefined
    ? listenSecurely(server, secure, { host, port })
    : (plain?.listen({ host, port }) ?? bind(server, formatAddress({ host, port }))));
  return {
    port: bound,
    secure,
    async stop() {
      stopping.abort();
      secure?.stop();
      plain?.stop();
      await shutdown(server);
      secure?.close();
    },
  };
}

/** The service, of which the responses of a transfer are handed over as bytes: it counts them before they are sent. */
function withTransferAsBytes(service: ServiceDefinition): {
  service: ServiceDefinition;
  serialize: (response: TransferResponseMessage) => Buffer;
} {
  const { Transfer } = service;
  if (Transfer === undefined) throw new Error(`no method Transfer in ${TELEMETRY_SERVICE}`);
  const asBytes = { ...Transfer, responseSerialize: (bytes: object) => bytes as Buffer };
  return { service: { ...service, Transfer: asBytes }, serialize: Transfer.responseSerialize };
}

function unary<Request, Response>(
  answer: (request: Request, call: { readonly metadata: Metadata }) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, reply) => {
    // Within a promise also what is thrown at once is a reply.
    Promise.resolve()
      .then(() => answer(call.request, call))
      .then(
        (response) => reply(null, response),
        (error) => reply(toGrpcStatus(error)),
      );
  };
}

/** Of a store beyond this machine other centrals see nothing: what may go to them is decided over files. */
function wholeView(telemetry: AskedTelemetry, caller: string | undefined) {
  if (caller === undefined) return { telemetry, status: (whole: GatewayStatus) => whole };
  throw new CaissonError('not-served', `this server answers no other central, and so not ${caller}`);
}

/** What does not go to the central that is asked for, and did not. @throws CaissonError `access-refused` for another one than that which asks */
function ledgerRules(
  files: Pick<ServedFiles, 'policy' | 'passedOver'> | undefined,
  metadata: Metadata,
  { destination }: GetLedgerRequestMessage,
): Pick<LedgerRules, 'withheldBy' | 'passedOver'> {
  const caller = destinationOf(metadata);
  if (destination !== '' && caller !== undefined && caller !== destination) {
    throw new CaissonError('access-refused', `what goes to ${destination} is not told to ${caller}`);
  }
  if (destination === '') return {};
  return {
    withheldBy: files?.policy?.scopeOf(destination).withheldBy,
    passedOver: ({ id }) => files?.passedOver?.numbers(destination, id),
  };
}

function gatewaysNotServed(): Promise<never> {
  return Promise.reject(new CaissonError('not-served', 'a gateway gives no other one back: ask a central'));
}

async function placeOfGateway(
  feeds: GatewayFeeds | undefined,
  { gateway, position }: GetPlaceRequestMessage,
): Promise<PlaceMessage> {
  if (feeds === undefined) return gatewaysNotServed();
  return { feed: await feeds.id(), boots: await feeds.bootsUpTo(gateway, position) };
}

function notServed(what: string): Promise<never> {
  const message = `this server does not answer ${what}: its store is a database beyond this machine`;
  return Promise.reject(
    new CaissonError('not-served', message, {
      hint: 'ask a gateway, or a central with --data; `caisson drill restore` asks for one gateway of it with --gateway',
    }),
  );
}

function requireLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new CaissonError(
    'config-invalid',
    `gRPC will not listen on ${host}: without credentials only loopback is allowed`,
    {
      hint: 'use 127.0.0.1 or ::1, or enrol: `caisson enroll` gets the certificate with which it may listen',
    },
  );
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else {
        reject(
          new CaissonError('port-unavailable', `gRPC cannot listen on ${address}: ${messageOf(error)}`, {
            cause: error,
            hint: 'another process may use the port',
            retryable: true,
          }),
        );
      }
    });
  });
}

/** Connections are made and checked outside of gRPC, which gets those that are there. */
function listenSecurely(server: Server, secure: SecurePort, address: Address): Promise<number> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return secure.listen(address, (socket) => injector.injectConnection(socket));
}

function shutdown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), STOP_MS);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
