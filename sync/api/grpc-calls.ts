import type { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import type { MethodDefinition, ServiceDefinition } from '@grpc/proto-loader';
import { CaissonError } from '../../gateway/errors.ts';
import { nameDestination, nameLine } from '../destinations/caller.ts';
import type { WireMeter } from '../line/wire-meter.ts';
import { type Address, formatAddress } from './address.ts';
import type { BroughtCourierMessage, CourierPieceMessage } from './courier-messages.ts';
import { type CallDeadline, DEADLINES, inTime, type KnownCall } from './deadlines.ts';
import {
  BOX_CONFIG_SERVICE,
  FLEET_SERVICE,
  loadProtos,
  RELAY_SERVICE,
  serviceOf,
  TELEMETRY_SERVICE,
} from './descriptor.ts';
import { fromGrpcError } from './grpc-status.ts';
import { meteredCredentials } from './metered-credentials.ts';
import { sendPieces } from './send-pieces.ts';
import { SocketBridge } from './socket-bridge.ts';

/** Bytes of one response. A pack is at most 2 MiB, an envelope of QUERY_PIXELS_MAX 0.7 MiB. */
const RESPONSE_BYTES_MAX = 16 << 20;

/** Receive window of bulk transfers, bytes: 64 KiB, which is usual, would cap them at 5 Mbit/s over a line of 100 ms. */
const BULK_WINDOW_BYTES = 4 << 20;

/** Receive window of live values, bytes: what is in it is already old. */
const LIVE_WINDOW_BYTES = 16 * 1024;

export interface GrpcCallsOptions {
  /** A silent connection is asked for life after so long, milliseconds. */
  readonly keepaliveMs?: number;
  /** Name of the central that asks; without it the caller is someone on the box. */
  readonly destination?: string;
  /** Name of the line that it asks over, as central's config has it: the other end counts its bytes under that. */
  readonly line?: string;
  /** Counts the bytes of connections that this client dials by itself. */
  readonly meter?: WireMeter;
  /** And given up when it does not answer within, milliseconds. */
  readonly keepaliveAnswerMs?: number;
  /** Makes connections, such as secure ones, or hands out one that the other end made; undefined: plain TCP to the address. */
  readonly open?: () => Promise<Duplex>;
  /** Everything goes over one connection: the other end made it, and there is no second. */
  readonly isOneConnection?: boolean;
}

/**
 * Calls of our services over connections to one address, made when they are first needed: one for bulk, one for live values. Every method
 * throws CaissonError: the code of the other end, or `central-unreachable` when there is no answer.
 */
export class GrpcCalls {
  readonly address: string;
  readonly #service = methodsOfServices();
  readonly #options: ChannelOptions;
  readonly #bridge: SocketBridge | undefined;
  readonly #isOneConnection: boolean;
  readonly #metadata = new Metadata();
  readonly #credentials: ChannelCredentials;
  #bulk: Client | undefined;
  #live: Client | undefined;

  constructor(address: Address, options: GrpcCallsOptions) {
    this.address = formatAddress(address);
    this.#bridge = options.open === undefined ? undefined : new SocketBridge(options.open);
    if (options.destination !== undefined) nameDestination(this.#metadata, options.destination);
    if (options.line !== undefined) nameLine(this.#metadata, options.line);
    this.#credentials = options.meter === undefined ? credentials.createInsecure() : meteredCredentials(options.meter);
    this.#isOneConnection = options.isOneConnection ?? false;
    this.#options = {
      'grpc.max_receive_message_length': RESPONSE_BYTES_MAX,
      'grpc.keepalive_time_ms': options.keepaliveMs ?? 20_000,
      'grpc.keepalive_timeout_ms': options.keepaliveAnswerMs ?? 10_000,
      // Connections are not shared: who makes a client anew wants to connect anew.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      // Trying again is up to who made the call.
      'grpc.enable_retries': 0,
    };
  }

  /** Ends all calls and connections. */
  close(): void {
    this.#bulk?.close();
    this.#live?.close();
    this.#bridge?.close();
  }

  /** A stream of responses, until the loop over it is left or `signal` is aborted. */
  async *read<Response>(
    method: KnownCall,
    request: object,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Response, void, undefined> {
    const call = this.#stream<Response>(this.#bulkClient(), method, request);
    const cancel = () => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    // A call that is given up still reports that it was cancelled, when nobody asks any more.
    call.on('error', () => {});
    try {
      if (signal?.aborted) cancel();
      yield* inTime<Response>(call, DEADLINES[method], (waitedMs) => this.late(method, waitedMs));
    } catch (error) {
      if (signal?.aborted !== true) throw this.errorOf(error);
    } finally {
      signal?.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  ask<Response>(method: KnownCall, request: object): Promise<Response> {
    const client = this.#bulkClient();
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    const { firstMs = Number.POSITIVE_INFINITY }: CallDeadline = DEADLINES[method];
    const deadline = Date.now() + firstMs;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize as (bytes: Buffer) => Response,
        request,
        this.#metadata,
        { deadline },
        (error, response) => {
          if (error === null && response !== undefined) resolve(response);
          else reject(this.errorOf(error));
        },
      );
    });
  }

  /** A live stream, over a connection whose window holds little: what is in it is already old. */
  live<Response>(method: KnownCall, request: object): ClientReadableStream<Response> {
    this.#live ??= this.#isOneConnection ? this.#bulkClient() : this.#connect(LIVE_WINDOW_BYTES);
    return this.#stream<Response>(this.#live, method, request);
  }

  /** A stream both ways whose responses are handed over as the bytes that came, with what reads one. */
  duplex<Request, Response>(
    method: KnownCall,
  ): { readonly call: ClientDuplexStream<Request, Buffer>; readonly read: (bytes: Buffer) => Response } {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    const asItCame = (bytes: Buffer) => bytes;
    const call = this.#bulkClient().makeBidiStreamRequest<Request, Buffer>(
      path,
      requestSerialize as (request: Request) => Buffer,
      asItCame,
      this.#metadata,
    );
    return { call, read: responseDeserialize as (bytes: Buffer) => Response };
  }

  /** Sends pieces of a courier file as fast as they are taken. */
  bring(pieces: AsyncIterable<CourierPieceMessage>): Promise<BroughtCourierMessage> {
    const method = this.#method('BringCourier');
    return sendPieces(this.#bulkClient(), method, this.#metadata, pieces, (thrown) => this.errorOf(thrown));
  }

  #stream<Response>(client: Client, method: string, request: object): ClientReadableStream<Response> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    return client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize as (bytes: Buffer) => Response,
      request,
      this.#metadata,
    );
  }

  late(method: KnownCall, waitedMs: number): CaissonError {
    return new CaissonError(
      'central-unreachable',
      `${this.address}: ${method} brought nothing for ${waitedMs / 1e3} s`,
      {
        retryable: true,
      },
    );
  }

  /** What a failed call means: where no connection could be made, why. */
  errorOf(thrown: unknown): CaissonError {
    const error = fromGrpcError(thrown, this.address);
    const failure = this.#bridge?.failure;
    return error.code === 'central-unreachable' && failure instanceof CaissonError ? failure : error;
  }

  #method(name: string): MethodDefinition<object, object> {
    const method = this.#service[name];
    if (method === undefined) throw new Error(`no method ${name} in ${TELEMETRY_SERVICE} or ${FLEET_SERVICE}`);
    return method;
  }

  #bulkClient(): Client {
    this.#bulk ??= this.#connect(BULK_WINDOW_BYTES);
    return this.#bulk;
  }

  #connect(windowBytes: number): Client {
    return new Client(this.#bridge?.target ?? this.address, this.#credentials, {
      ...this.#options,
      'grpc-node.flow_control_window': windowBytes,
    });
  }
}

/** What is called here, by the name of the method: no two services share one. */
function methodsOfServices(): ServiceDefinition {
  const protos = loadProtos();
  const names = [TELEMETRY_SERVICE, FLEET_SERVICE, BOX_CONFIG_SERVICE, RELAY_SERVICE];
  return Object.assign({}, ...names.map((name) => serviceOf(protos, name))) as ServiceDefinition;
}
